"""Judges a network in places and on frames that its training never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rtdenoise.arrays import Floats, Mask
from rtdenoise.networks.paper import PaperNetwork

from .dataset import Region, StillSeries
from .windows import CleanWindow, Window, clean_window


@dataclass(frozen=True)
class HeldOut:
    """One region's held-out frames, and what the network makes of some of them.

    ``frames`` are (K, 3, H, W) in [0, 1]; ``chosen`` are the numbers of those that were cleaned, ``outputs``
    (M, 3, H, W) the results; ``mask`` is (H, W).
    """

    frames: Floats
    chosen: tuple[int, ...]
    outputs: Floats
    mask: Mask


def _window(mask: Mask, region: Region, most_pixels: int) -> Window:
    """The part of ``region`` that is judged: all of it, or the square in it that holds the most still pixels."""
    height = mask.shape[0]
    width = region.right - region.left
    if height * width <= most_pixels:
        return Window(0, region.left, height, width)
    columns = min(width, max(int(most_pixels**0.5), most_pixels // height))
    rows = min(height, most_pixels // columns)
    summed = np.zeros((height + 1, width + 1))
    summed[1:, 1:] = mask[:, region.left : region.right].cumsum(0).cumsum(1)
    still = summed[rows:, columns:] - summed[:-rows, columns:]
    still = still - summed[rows:, :-columns] + summed[:-rows, :-columns]
    top, left = (int(i) for i in np.unravel_index(int(still.argmax()), still.shape))
    left += region.left
    return Window(top, left, rows, columns)


@torch.no_grad()
def clean_held_out(
    network: PaperNetwork | CleanWindow | None,
    series: Sequence[StillSeries],
    regions: Sequence[Region],
    choose: Callable[[int], Sequence[int]],
    device: torch.device,
    *,
    tta: bool = False,
    most_pixels: int = 1 << 30,
) -> Iterator[HeldOut]:
    """Cleans held-out frames of each region, with a network or another method; None leaves them as they are.

    ``choose`` says which, from how many there are.
    A region is cleaned with the picture around it, as it is in use. Where it has more than ``most_pixels``, only a
    part of it is judged: the network is slow.
    """
    clean = _with_network(network, device, tta) if isinstance(network, PaperNetwork) else network
    for region in regions:
        one = series[region.series]
        part = _window(one.mask, region, most_pixels)
        inside = (..., *part.inside)
        held = one.frames[region.first : region.last][inside].astype(np.float32)
        held /= 255
        chosen = np.asarray(choose(len(held)), int)
        outputs = held[chosen]
        if clean is not None:
            for i, k in enumerate(chosen):
                frame = one.frames[region.first + k].astype(np.float32) / np.float32(255)
                outputs[i] = clean(frame, part)
        yield HeldOut(held, tuple(int(k) for k in chosen), outputs, one.mask[inside])


def _with_network(network: PaperNetwork, device: torch.device, tta: bool) -> CleanWindow:
    def clean(frame: Floats, window: Window) -> Floats:
        mean = clean_window(network, frame, window, device, tta=tta).mean
        return np.asarray(mean.cpu().numpy(), np.float32)

    return clean


def held_out_error(
    network: PaperNetwork | CleanWindow | None,
    series: Sequence[StillSeries],
    regions: Sequence[Region],
    frames: int,
    device: torch.device,
    most_pixels: int = 1 << 30,
) -> float:
    """Mean squared error of the network's output in held-out regions, as if against the clean picture.

    Against the mean of the K other held-out frames the error holds their noise, σ²/K; σ² is estimated from
    differences of neighbouring frames, and what it adds is taken off.
    """
    total, count = 0.0, 0

    def spread(held: int) -> Sequence[int]:
        return [int(k) for k in np.linspace(0, held - 1, min(frames, held))]

    for held in clean_held_out(network, series, regions, spread, device, most_pixels=most_pixels):
        still = held.mask
        others = len(held.frames) - 1
        noise = float((np.diff(held.frames, axis=0) ** 2)[..., still].mean()) / 2
        everything = held.frames.sum(axis=0)
        for k, output in zip(held.chosen, held.outputs, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):  # a network that ran away
                error = (output - (everything - held.frames[k]) / others) ** 2
                total += (float(error[:, still].mean()) - noise / others) * int(still.sum())
            count += int(still.sum())
    # Between 120 dB and −60 dB, so that figures and files of them stay finite.
    return min(max(total / max(count, 1), 1e-12), 1e6) if np.isfinite(total) else 1e6

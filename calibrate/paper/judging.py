"""Judges a network in places and on frames that its training never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rtdenoise.arrays import Floats, Mask
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.tiles import clean_in_context, mirrored

from .dataset import Region, StillSeries


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


@dataclass(frozen=True)
class _Window:
    """Rows and columns of a frame."""

    top: int
    bottom: int
    left: int
    right: int


def _window(mask: Mask, region: Region, most_pixels: int) -> _Window:
    """The part of ``region`` that is judged: all of it, or the square in it that holds the most still pixels."""
    height = mask.shape[0]
    width = region.right - region.left
    if height * width <= most_pixels:
        return _Window(0, height, region.left, region.right)
    columns = min(width, max(int(most_pixels**0.5), most_pixels // height))
    rows = min(height, most_pixels // columns)
    summed = np.zeros((height + 1, width + 1))
    summed[1:, 1:] = mask[:, region.left : region.right].cumsum(0).cumsum(1)
    still = summed[rows:, columns:] - summed[:-rows, columns:]
    still = still - summed[rows:, :-columns] + summed[:-rows, :-columns]
    top, left = (int(i) for i in np.unravel_index(int(still.argmax()), still.shape))
    left += region.left
    return _Window(top, top + rows, left, left + columns)


@torch.no_grad()
def clean_held_out(
    network: PaperNetwork | None,
    series: Sequence[StillSeries],
    regions: Sequence[Region],
    choose: Callable[[int], Sequence[int]],
    device: torch.device,
    *,
    tta: bool = False,
    most_pixels: int = 1 << 30,
) -> Iterator[HeldOut]:
    """Cleans held-out frames of each region; None as the network leaves them as they are.

    ``choose`` says which, from how many there are.
    A region is cleaned with the picture around it, as it is in use. Where it has more than ``most_pixels``, only a
    part of it is judged: the network is slow.
    """
    for region in regions:
        one = series[region.series]
        _, _, height, width = one.frames.shape
        part = _window(one.mask, region, most_pixels)
        inside = np.s_[..., part.top : part.bottom, part.left : part.right]
        held = one.frames[region.first : region.last][inside].astype(np.float32)
        held /= 255
        chosen = np.asarray(choose(len(held)), int)
        outputs = held[chosen]
        if network is not None:
            # What lies further off than the network looks is left out; a mirror stands in at the frame's borders.
            top, left = part.top - network.context, part.left - network.context
            rows = mirrored(top, part.bottom + network.context - top, height)
            columns = mirrored(left, part.right + network.context - left, width)
            for i, k in enumerate(chosen):
                seen = one.frames[region.first + k][:, rows[:, None], columns[None, :]]
                inputs = torch.from_numpy(seen).to(device).float() / 255
                outputs[i] = clean_in_context(network, inputs, tta=tta).mean.cpu().numpy()
        yield HeldOut(held, tuple(int(k) for k in chosen), outputs, one.mask[inside])


def held_out_error(
    network: PaperNetwork | None,
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

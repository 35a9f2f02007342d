"""Runs a network that shrinks its input over whole frames: overlapping tiles, and the paper's mean over eight views.

Every pixel is computed with all of the picture around it that the network looks at, so the result does not depend on
the size of the tiles. The frame is mirrored at its borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from .paper import PaperNetwork

VIEWS = tuple((turns, flip) for flip in (False, True) for turns in range(4))
"""The paper's transforms: rotations by 0, 90, 180 and 270°, each as it is and flipped."""

# Of an input tile: 412 measured on a CPU, doubled for an accelerator's workspace.
_BYTES_PER_PIXEL = 900
_SMALLEST, _LARGEST = 64, 1024


@dataclass(frozen=True)
class Cleaned:
    """The result for one frame.

    ``mean`` is (3, H, W), the mean over the views (eq. 10). ``spread`` is (H, W): the standard deviation over the
    views, as a mean over colours; large where the network is unsure, 0 where there was one view only.
    """

    mean: torch.Tensor
    spread: torch.Tensor


def choose_tile(device: torch.device, height: int, width: int, context: int) -> int:
    """A side for the tiles' outputs that fits into memory: large tiles recompute less of their overlap."""
    memory = 512 * 2**20
    if device.type == "cuda":
        memory = torch.cuda.mem_get_info(device)[0] // 2
    side = int((memory / _BYTES_PER_PIXEL) ** 0.5) - 2 * context
    return max(_SMALLEST, min(side, _LARGEST, max(height, width)))


def mirrored(start: int, length: int, size: int) -> NDArray[np.intp]:
    """The indices ``start`` … ``start + length − 1`` of a row of ``size`` pixels that is mirrored at both ends."""
    if size == 1:
        return np.zeros(length, np.intp)
    period = 2 * (size - 1)
    folded = np.abs(np.arange(start, start + length)) % period
    return np.where(folded < size, folded, period - folded).astype(np.intp)


def turned(x: torch.Tensor, turns: int, flip: bool) -> torch.Tensor:
    """Pictures (…, H, W) in one of the :data:`VIEWS`."""
    picture = torch.rot90(x, turns, (-2, -1))
    return picture.flip(-1) if flip else picture


def turned_back(x: torch.Tensor, turns: int, flip: bool) -> torch.Tensor:
    """Takes a view back: the inverse of :func:`turned`."""
    return torch.rot90(x.flip(-1) if flip else x, -turns, (-2, -1))


def _spans(size: int, tile: int) -> Iterator[tuple[int, int]]:
    """Starts and stops of tiles along one side, as equal as they can be."""
    count = -(-size // tile)
    edges = [round(i * size / count) for i in range(count + 1)]
    yield from pairwise(edges)


def clean_frame(
    network: PaperNetwork, frame: torch.Tensor, *, tta: bool = True, tile: int | None = None
) -> Cleaned:
    """Cleans one frame.

    Args:
        network: On the device of ``frame``.
        frame: (3, H, W), R'G'B' in [0, 1].
        tta: Take the mean over the eight views, which takes eight times as long; else one view only.
        tile: Side of the tiles' outputs in pixels; None: chosen by memory.
    """
    _, height, width = frame.shape
    around = network.context
    rows = torch.from_numpy(mirrored(-around, height + 2 * around, height)).to(frame.device)
    columns = torch.from_numpy(mirrored(-around, width + 2 * around, width)).to(frame.device)
    return clean_in_context(network, frame[:, rows][:, :, columns], tta=tta, tile=tile)


@torch.no_grad()
def clean_in_context(
    network: PaperNetwork, frame: torch.Tensor, *, tta: bool = True, tile: int | None = None
) -> Cleaned:
    """Cleans a part of a frame that comes with ``network.context`` pixels around it: (3, H + 132, W + 132)."""
    around = 2 * network.context
    height, width = frame.shape[1] - around, frame.shape[2] - around
    tile = tile or choose_tile(frame.device, height, width, network.context)
    mean = frame.new_empty(3, height, width)
    spread = frame.new_zeros(height, width)
    for top, bottom in _spans(height, tile):
        for left, right in _spans(width, tile):
            inputs = frame[None, :, top : bottom + around, left : right + around]
            inside = (slice(None), slice(top, bottom), slice(left, right))
            mean[inside], spread[inside[1:]] = _clean_tile(network, inputs, tta)
    return Cleaned(mean, spread)


def _clean_tile(
    network: PaperNetwork, inputs: torch.Tensor, tta: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (3, h, w) and spread (h, w) over the views, one view after the other."""
    views = VIEWS if tta else VIEWS[:1]
    mean: torch.Tensor | None = None
    squares: torch.Tensor | None = None
    for n, (turns, flip) in enumerate(views, start=1):
        view = turned(inputs, turns, flip).contiguous(memory_format=torch.channels_last)
        output = turned_back(network.forward_in_context(view), turns, flip)[0]
        if mean is None or squares is None:
            mean, squares = output, torch.zeros_like(output)
        else:  # Welford's sums: no small difference of large numbers
            off = output - mean
            mean = mean + off / n
            squares = squares + off * (output - mean)
    assert mean is not None
    assert squares is not None
    return mean, (squares / len(views)).mean(0).sqrt()

"""How a rigid thing moves: six numbers for all of its pixels, told far more closely than a vector per block."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes, Doubles, Floats, Mask

_MOST_BLOCKS = 1000  # that a fit looks at: more make it slower, and no better
_STEPS = 3
_MARGIN = 64  # pixels around a thing that it may come from
_FAR = 1.0  # pixels from a fit, at which a vector counts half
_LEAST_VARIANCE = 0.25  # squared bytes
_PRIOR = 1.0  # pixels that a step may go in a thing without texture
_CONTRAST = (
    4.0  # squared levels: of less variance among a thing's blocks no change of contrast is told
)
_RIGHT, _BELOW = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


def fit_affine(flow: Floats, place: Mask, last: Bytes, luma: Bytes, side: int) -> Floats | None:
    """The movement of the blocks in ``place`` as if they were one rigid thing: an affine flow.

    It starts from the vectors' own robust fit, and goes on by Gauss-Newton steps on the pixels (Lucas and Kanade, 1981;
    Bergen et al., "Hierarchical model-based motion estimation", 1992), in which what fits badly counts less.

    Args:
        flow: Where each block was, less where it is, in pixels as (x, y), (rows, columns, 2).
        place: The thing's blocks, (rows, columns).
        last: The last clean luma, (H, W).
        luma: The new frame's, (H, W).
        side: Pixels along a block.

    Returns:
        The flow of these blocks, (count, 2), in pixels; None where they tell nothing.
    """
    rows, columns = np.nonzero(place)
    inside = (rows + 1) * side <= luma.shape[0]
    inside &= (columns + 1) * side <= luma.shape[1]
    some = np.flatnonzero(inside)
    some = some[:: max(-(-len(some) // _MOST_BLOCKS), 1)]
    if len(some) < 6:
        return None
    y, x = rows[some] * side, columns[some] * side
    middle = (float(x.mean()), float(y.mean()))
    scale = max(int(np.ptp(x)), int(np.ptp(y)), side) / 2

    def terms(at_x: NDArray[Any], at_y: NDArray[Any]) -> Doubles:
        return np.stack(
            [(at_x - middle[0]) / scale, (at_y - middle[1]) / scale, np.ones(at_x.shape)], -1
        )

    top, left = max(int(y.min()) - _MARGIN, 0), max(int(x.min()) - _MARGIN, 0)
    part = last[top : int(y.max()) + side + _MARGIN, left : int(x.max()) + side + _MARGIN]
    old = part.astype(np.float32)
    half = (side - 1) / 2
    basis = terms(x + half, y + half)
    motion = _start(basis, flow[rows[some], columns[some]].astype(np.float64))
    offsets = np.arange(side)
    at_y = np.repeat(y[:, None] + offsets, side, 1).astype(np.float32)
    at_x = np.tile(x[:, None] + offsets, (1, side)).astype(np.float32)
    new = luma[at_y.astype(np.intp), at_x.astype(np.intp)].astype(np.float32)
    pixels = _Pixels(old, new, at_x - left, at_y - top, (basis @ motion).astype(np.float32))
    for _ in range(_STEPS):
        motion = motion + pixels.step(basis, (basis @ motion).astype(np.float32))
    return (terms(columns * side + half, rows * side + half) @ motion).astype(np.float32)


def _start(basis: Doubles, flow: Doubles) -> Doubles:
    """The affine motion (3, 2) of most vectors, (count, 2)."""
    weights = np.ones(len(flow))
    motion: Doubles = np.zeros((3, 2))
    for _ in range(4):
        root = np.sqrt(weights)[:, None]
        motion = np.asarray(np.linalg.lstsq(basis * root, flow * root, rcond=None)[0])
        weights = 1 / (1 + (np.square(flow - basis @ motion).sum(1)) / _FAR**2)
    return motion


class _Pixels:
    """The pixels of some blocks, (blocks, pixels of each), and how the old picture changes where they come from.

    Args:
        old: The old picture.
        new: The new one at these pixels.
        x, y: Where they are.
        moved: From where they come, at first, (blocks, 2) as (x, y).
    """

    def __init__(self, old: Floats, new: Floats, x: Floats, y: Floats, moved: Floats) -> None:
        self._old, self._new, self._x, self._y = old, new, x, y
        self._weights: Floats = np.ones(len(new), np.float32)
        self._across = (self._sampled(moved + _RIGHT) - self._sampled(moved - _RIGHT)) / 2
        self._down = (self._sampled(moved + _BELOW) - self._sampled(moved - _BELOW)) / 2
        self._tensor = [
            np.einsum("bp,bp->b", a, b)
            for a, b in (
                (self._across, self._across),
                (self._across, self._down),
                (self._down, self._down),
            )
        ]

    def _sampled(self, moved: Floats) -> Floats:
        """The old picture where the pixels come from."""
        x, y = self._x + moved[:, :1], self._y + moved[:, 1:]
        found = cv2.remap(self._old, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)

    def _error(self, old: Floats) -> Floats:
        """What is left of the new pixels after the old ones and a change of brightness: a gain and an offset."""
        share = self._weights / self._weights.sum()
        level = old.mean(1)
        change = self._new.mean(1) - level
        middle, offset = share @ level, share @ change
        away = share * (level - middle)
        gain = away @ change / (away @ level + _CONTRAST)
        return np.asarray(self._new - old * (1 + gain) - (offset - gain * middle), np.float32)

    def step(self, basis: Doubles, moved: Floats) -> Doubles:
        """By how much the motion (3, 2) has to change."""
        error = self._error(self._sampled(moved))
        power = np.einsum("bp,bp->b", error, error) / error.shape[1]
        noise = max(float(np.median(power)), _LEAST_VARIANCE)
        weights = self._weights = 1 / (1 + np.maximum(power / noise - 1.2, 0))
        xx, xy, yy = (basis.T @ (basis * (t * weights)[:, None]) for t in self._tensor)
        pulls = [np.einsum("bp,bp->b", g, error) * weights for g in (self._across, self._down)]
        system = np.block([[xx, xy], [xy, yy]]) + np.eye(6) * noise / _PRIOR**2
        found = np.linalg.solve(system, np.concatenate([basis.T @ p for p in pulls]))
        return found.reshape(2, 3).T

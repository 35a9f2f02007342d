"""How a rigid thing moves: six numbers for all of its pixels, told far more closely than a vector per block."""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import Bytes, Doubles, Floats, Mask
from .kernels import Kernels

_MOST_BLOCKS = 500  # that a fit looks at: more make it slower, and no better
_FEWEST_BLOCKS = 6
_STEPS = 2
_BORDER = 3  # blocks from a thing's edge, in which what lies behind it spoils vectors
_CORE = 60  # blocks that are left, for the others not to be asked
_FAR = 0.3  # pixels from a fit, at which a vector counts half
_LEAST_VARIANCE = 0.25  # squared bytes
_PRIOR = 1.0  # pixels that a step may go in a thing without texture
# Squared levels: of less variance among a thing's blocks no change of contrast is told.
_CONTRAST = 4.0
# Strips of rows, each of which may be brighter or darker (banding), and the share of the blocks that tells it by half.
_STRIPS, _FEW = 12, 0.02
_RIGHT, _BELOW = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
_TINY = 1e-9  # of the blocks: what holds a motion that they don't tell


def core(place: Mask, corner: tuple[int, int], grid: tuple[int, int]) -> Mask:
    """The blocks of things, (rows, columns), that are not near their edges; the picture's edge is none.

    Args:
        place: Which blocks belong to things, in a part of the picture.
        corner: The part's first block, (row, column).
        grid: Blocks of the whole picture, (rows, columns).
    """
    (rows, columns), (row, column) = place.shape, corner
    top, bottom = _BORDER * (row == 0), _BORDER * (row + rows >= grid[0])
    left, right = _BORDER * (column == 0), _BORDER * (column + columns >= grid[1])
    edge = cv2.BORDER_REPLICATE
    padded = cv2.copyMakeBorder(place.view(np.uint8), top, bottom, left, right, edge)
    width = 2 * _BORDER + 1
    inner = cv2.erode(padded, np.ones((width, width), np.uint8), borderValue=0)
    return np.asarray(inner[top : top + rows, left : left + columns] > 0)


def fit_affine(
    place: Mask,
    flow: Floats,
    corner: tuple[int, int],
    last: Bytes,
    luma: Bytes,
    side: int,
    kernels: Kernels,
) -> Floats | None:
    """The movement of some blocks as if they were one rigid thing.

    It starts from the vectors' own robust fit, and goes on by Gauss-Newton steps on the pixels (Lucas and Kanade, 1981;
    Bergen et al., "Hierarchical model-based motion estimation", 1992), in which what fits badly counts less.

    Args:
        place: The thing's blocks, in a part of the picture, (rows, columns).
        flow: Where each block of that part was, less where it is, in blocks as (x, y), (rows, columns, 2).
        corner: The part's first block, (row, column).
        last: The last clean luma, (H, W).
        luma: The new frame's, (H, W).
        side: Pixels along a block.
        kernels: Fetch the pixels.

    Returns:
        The same for all blocks of the part by an affine flow, (rows, columns, 2); None where they tell nothing.
    """
    inner = core(place, corner, (luma.shape[0] // side, luma.shape[1] // side))
    some = np.flatnonzero(place if np.count_nonzero(inner) < _CORE else inner)
    some = some[:: max(-(-len(some) // _MOST_BLOCKS), 1)]
    at = np.stack(np.divmod(some, place.shape[1])[::-1], 1)  # as (column, row)
    corners = (at + corner[::-1]) * side
    inside = (corners + side <= luma.shape[::-1]).all(1)
    at, corners = at[inside], corners[inside]
    if len(at) < _FEWEST_BLOCKS:
        return None
    size = np.array(place.shape[::-1])
    middle, scale = (size - 1) / 2, float(size.max()) / 2
    basis = np.concatenate([(at - middle) / scale, np.ones((len(at), 1))], 1)
    motion = _start(basis, flow[at[:, 1], at[:, 0]].astype(np.float64) * side)
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    at_x, at_y = (corners[:, i, None] + o.ravel() for i, o in enumerate((x, y)))
    pixels = _Pixels(
        kernels,
        last,
        luma[at_y, at_x].astype(np.float32),
        at_x.astype(np.float32),
        at_y.astype(np.float32),
        (basis @ motion).astype(np.float32),
    )
    for _ in range(_STEPS):
        motion = motion + pixels.step(basis, (basis @ motion).astype(np.float32))
    motion /= side
    across, down = ((np.arange(n) - m) / scale for n, m in zip(size, middle, strict=True))
    found = np.empty((*place.shape, 2), np.float32)
    for d in range(2):
        found[:, :, d] = (down * motion[1, d] + motion[2, d])[:, None] + across * motion[0, d]
    return found


def _start(basis: Doubles, flow: Doubles) -> Doubles:
    """The affine motion (3, 2) of most vectors, (count, 2)."""
    weights = np.ones(len(flow))
    motion: Doubles = np.zeros((3, 2))
    for _ in range(4):
        weighted = (basis * weights[:, None]).T
        held = weighted @ basis + _TINY * len(flow) * np.eye(3)
        motion = np.asarray(np.linalg.solve(held, weighted @ flow))
        weights = 1 / (1 + (np.square(flow - basis @ motion).sum(1)) / _FAR**2)
    return motion


class _Pixels:
    """The pixels of some blocks, (blocks, pixels of each), and how the old picture changes where they come from.

    Args:
        kernels: Fetch the old picture's.
        old: The old picture.
        new: The new one at these pixels.
        x, y: Where they are.
        moved: From where they come, at first, (blocks, 2) as (x, y).
    """

    def __init__(
        self, kernels: Kernels, old: Bytes, new: Floats, x: Floats, y: Floats, moved: Floats
    ) -> None:
        self._kernels, self._old, self._new, self._x, self._y = kernels, old, new, x, y
        self._weights: Doubles = np.ones(len(new))
        rows = y[:, 0] - y[:, 0].min()
        self._strip = np.minimum(rows * _STRIPS / (rows.max() + 1), _STRIPS - 1).astype(np.intp)
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
        return self._kernels.samples(self._old, x, y)

    def _error(self, old: Floats) -> Floats:
        """What is left of the new pixels after the old ones in another brightness: a gain, an offset, and banding."""
        share = self._weights / self._weights.sum()
        level = old.mean(1)
        change = self._new.mean(1) - level
        middle, offset = share @ level, share @ change
        away = share * (level - middle)
        gain = away @ change / (away @ level + _CONTRAST)
        change = change - offset - gain * (level - middle)
        strips = np.bincount(self._strip, share * change, _STRIPS)
        strips = strips / (np.bincount(self._strip, share, _STRIPS) + _FEW)
        offsets = offset - gain * middle + strips[self._strip]
        return np.asarray(self._new - old * (1 + gain) - offsets[:, None], np.float32)

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

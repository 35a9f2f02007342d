"""Brings vectors closer to the truth, on pixels: Lucas and Kanade's method, in small windows that overlap.

It works at half the picture's resolution, in cells of 4 × 4 of its pixels: half the noise, a quarter of the work, and
vectors that are no coarser than what they follow.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ..arrays import Bytes, Floats
from .motion import lengths

CELL = 4
"""Pixels of half resolution along a cell."""
_HALF = 2
_MARGIN = 64  # pixels around the area that it may come from
# Windows in cells, and what they count: the wide ones tell only where the narrow ones have no texture.
_FIRST = ((5, 1.0), (11, 0.03))
_THEN = ((3, 1.0), (5, 0.1), (13, 0.01))
_FIRST_STEPS = 1
_LEVEL = 7  # cells over which a change of brightness is told
_FITS = 1.5  # mean squares of noise, above which a cell counts less
_PRIOR = 1e-3  # of the noise: what holds a vector where there is no texture
_STRAIGHT = 1e-3  # of the texture: what holds a vector along an edge
_MOST = 2.0  # pixels of half resolution that a step may go
_LEAST_NOISE = 0.2  # squared levels
_CALM = np.array([0.25, 0.5, 0.25], np.float32)  # how vectors are calmed after each step
_SLOPE = np.array([[-0.5, 0, 0.5]], np.float32)

Slopes = Callable[[Floats, Floats, Floats, tuple[float, float]], Floats]
"""Computes the sums of :func:`slopes`, with the same arguments."""


def slopes(last: Floats, frame: Floats, flow: Floats, corner: tuple[float, float]) -> Floats:
    """What a frame says about the movement since another picture.

    Args:
        last: The other picture, (H, W).
        frame: Pixels of the frame, (CELL * rows, CELL * columns).
        flow: Where each cell was, less where it is, in pixels as (x, y), (rows, columns, 2).
        corner: Where the frame's first pixel lies in the other picture, as (x, y).

    Returns:
        Means over each cell, (9, rows, columns): of the products of the other picture's slopes there, as xx, xy and yy;
        of these with the difference from it, as x and y; of the slopes alone; of the difference, and of its square.
    """
    rows, columns = flow.shape[:2]
    size = (CELL * columns, CELL * rows)
    x, y = cv2.split(cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR))
    x = x + (np.arange(size[0], dtype=np.float32) + np.float32(corner[0]))
    y = y + (np.arange(size[1], dtype=np.float32) + np.float32(corner[1]))[:, None]
    old = cv2.remap(last, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    across = cv2.filter2D(old, -1, _SLOPE, borderType=cv2.BORDER_REPLICATE)
    down = cv2.filter2D(old, -1, _SLOPE.T, borderType=cv2.BORDER_REPLICATE)
    error = frame - old
    products = (
        *(across * across, across * down, down * down, across * error, down * error),
        *(across, down, error, error * error),
    )
    cells = [cv2.resize(p, (columns, rows), interpolation=cv2.INTER_AREA) for p in products]
    return np.asarray(np.stack(cells), np.float32)


class Refinement:
    """Refines the vectors of a part of the picture.

    Args:
        last: The last clean luma, (H, W).
        luma: The new frame's.
        box: Which blocks.
        side: Luma pixels along a block, 4 or 8.
        compute: Computes the sums, as :func:`slopes` does.

    Attributes:
        means: What the last step saw of the movement: xx, xy and yy of :func:`slopes`, weighted, (3, rows, columns).
        noise: The mean square that it left in most cells, in squared levels.
    """

    def __init__(
        self,
        last: Bytes,
        luma: Bytes,
        box: tuple[slice, slice],
        side: int,
        compute: Slopes = slopes,
    ) -> None:
        self._compute = compute
        self._each = each = CELL * _HALF // side  # blocks along a cell
        rows, columns = ((s.start // each, -(-s.stop // each)) for s in box)
        self._shape = (rows[1] - rows[0], columns[1] - columns[0])
        self._before = (box[0].start - each * rows[0], box[1].start - each * columns[0])
        self._blocks = (box[0].stop - box[0].start, box[1].stop - box[1].start)
        self._unit = side / _HALF  # pixels of half resolution along a block
        side = CELL * _HALF
        top, left = side * rows[0], side * columns[0]
        bottom, right = side * rows[1], side * columns[1]
        self._frame = _halved(_padded(luma[top:bottom, left:right], (bottom - top, right - left)))
        above, beside = max(top - _MARGIN, 0), max(left - _MARGIN, 0)
        self._last = _halved(last[above : bottom + _MARGIN, beside : right + _MARGIN])
        self._corner = ((left - beside) / _HALF, (top - above) / _HALF)
        self.means: Floats = np.zeros((3, *self._shape), np.float32)
        self.noise = _LEAST_NOISE

    def cells(self, blocks: Floats) -> Floats:
        """Means over cells of what is known of the blocks, (rows, columns) or (rows, columns, 2)."""
        (top, left), (rows, columns) = self._before, self._blocks
        bottom = self._each * self._shape[0] - rows - top
        right = self._each * self._shape[1] - columns - left
        whole = cv2.copyMakeBorder(blocks, top, bottom, left, right, cv2.BORDER_REPLICATE)
        size = self._shape[::-1]
        return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)

    def blocks(self, cells: Floats) -> Floats:
        """What is known of the cells, interpolated between them for blocks."""
        size = (self._each * self._shape[1], self._each * self._shape[0])
        whole = cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)
        (top, left), (rows, columns) = self._before, self._blocks
        return np.asarray(whole[top : top + rows, left : left + columns], np.float32)

    def vectors(self, blocks: Floats) -> Floats:
        """The vectors of cells, in pixels of half resolution, from those of blocks, in blocks."""
        return self.cells(blocks) * np.float32(self._unit)

    def block_vectors(self, cells: Floats) -> Floats:
        """The inverse of :meth:`vectors`, interpolated."""
        return self.blocks(cells) * np.float32(1 / self._unit)

    def squares(self, flow: Floats) -> Floats:
        """Mean squares of what a movement leaves of the frame, in squared levels, (rows, columns) of cells.

        Args:
            flow: As (x, y) in pixels of half resolution, (rows, columns, 2).
        """
        return np.asarray(self._slopes(flow)[8])

    def refine(self, flow: Floats, weights: Floats, steps: int) -> Floats:
        """The vectors after some steps, (rows, columns, 2) of cells, in pixels of half resolution.

        Args:
            flow: Where they begin.
            weights: From 0 to 1, how far a cell counts, (rows, columns).
            steps: How many.
        """
        for step in range(steps):
            sums = self._slopes(flow)
            level = cv2.blur(sums[7], (_LEVEL, _LEVEL))
            # As if the level had been taken off the difference.
            sums[3] -= level * sums[5]
            sums[4] -= level * sums[6]
            squares = sums[8] + level * (level - 2 * sums[7])
            if step == 0:
                inside = squares[weights > 0.5]
                noise = float(np.median(inside)) if len(inside) else 0.0
                self.noise = max(noise, _LEAST_NOISE)
            counts = weights / (1 + np.maximum(squares / self.noise - _FITS, 0))
            counted = np.ascontiguousarray(np.moveaxis(sums[:5] * counts, 0, 2))
            windows = _FIRST if step < _FIRST_STEPS else _THEN
            total = sum(np.float32(share) * cv2.blur(counted, (w, w)) for w, share in windows)
            xx, xy, yy, x, y = np.moveaxis(np.asarray(total, np.float32), 2, 0)
            held = np.float32(_PRIOR * self.noise) + np.float32(_STRAIGHT) * (xx + yy)
            xx, yy = xx + held, yy + held
            scale = 1 / (xx * yy - xy * xy)
            change = np.stack([(yy * x - xy * y) * scale, (xx * y - xy * x) * scale], 2)
            length = np.maximum(lengths(change), np.float32(_MOST))
            moved = flow + change * (_MOST / length)[:, :, None]
            calm = cv2.sepFilter2D(moved, -1, _CALM, _CALM, borderType=cv2.BORDER_REPLICATE)
            flow = np.asarray(calm, np.float32)
            self.means = np.moveaxis(counted[:, :, :3], 2, 0)
        return flow

    def doubt(self, flow: Floats, other: Floats) -> Floats:
        """By how many variances of noise two movements differ in a cell, as far as its texture tells.

        Args:
            flow: In pixels of half resolution, (rows, columns, 2).
            other: The same.
        """
        x, y = cv2.split(other - flow)
        xx, xy, yy = self.means
        return np.asarray(
            (xx * x * x + 2 * xy * x * y + yy * y * y) * np.float32(CELL**2 / self.noise)
        )

    def _slopes(self, flow: Floats) -> Floats:
        flow = np.ascontiguousarray(flow, np.float32)
        return self._compute(self._last, self._frame, flow, self._corner)


def _halved(picture: Bytes) -> Floats:
    """At half the resolution; an odd last row or column is left out."""
    rows, columns = (n // _HALF for n in picture.shape)
    even = picture[: rows * _HALF, : columns * _HALF]
    small = cv2.resize(even.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _padded(picture: Bytes, shape: tuple[int, int]) -> Bytes:
    below, right = (n - have for n, have in zip(shape, picture.shape, strict=True))
    if not below and not right:
        return picture
    return np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE))

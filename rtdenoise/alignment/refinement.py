"""Brings vectors closer to the truth, on pixels: Lucas and Kanade's method, in small windows that overlap.

It works at half the picture's resolution, in cells of 4 × 4 of its pixels: half the noise, a quarter of the work, and
vectors that are no coarser than what they follow.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import Bytes, Floats, Mask
from .kernels import CELL, HALF, LEVEL, Kernels

_MARGIN = 64  # pixels around the area that it may come from
# Windows in cells, and what they count: the wide ones tell only where the narrow ones have no texture.
_FIRST = ((5, 1.0), (11, 0.03))
_THEN = ((3, 1.0), (5, 0.1), (13, 0.01))
_FIRST_STEPS = 1
_LEAST_NOISE = 0.2  # squared levels


class Refinement:
    """Refines the vectors of a part of the picture.

    Args:
        last: The last clean luma, (H, W).
        luma: The new frame's.
        box: Which blocks.
        side: Luma pixels along a block, 4 or 8.
        kernels: Compute it.

    Attributes:
        noise: The mean square that it left in most cells, in squared levels.
    """

    def __init__(
        self,
        last: Bytes,
        luma: Bytes,
        box: tuple[slice, slice],
        side: int,
        kernels: Kernels,
    ) -> None:
        self._kernels = kernels
        self._each = each = CELL * HALF // side  # blocks along a cell
        rows, columns = ((s.start // each, -(-s.stop // each)) for s in box)
        self._shape = (rows[1] - rows[0], columns[1] - columns[0])
        self._before = (box[0].start - each * rows[0], box[1].start - each * columns[0])
        self._blocks = (box[0].stop - box[0].start, box[1].stop - box[1].start)
        self._unit = side / HALF  # pixels of half resolution along a block
        side = CELL * HALF
        top, left = side * rows[0], side * columns[0]
        bottom, right = side * rows[1], side * columns[1]
        self._frame = kernels.halved(
            _padded(luma[top:bottom, left:right], (bottom - top, right - left))
        )
        above, beside = max(top - _MARGIN, 0), max(left - _MARGIN, 0)
        self._last = kernels.halved(last[above : bottom + _MARGIN, beside : right + _MARGIN])
        self._corner = ((left - beside) / HALF, (top - above) / HALF)
        self.noise = _LEAST_NOISE

    def cells(self, blocks: Floats) -> Floats:
        """Means over cells of what is known of the blocks, (rows, columns) or (rows, columns, 2)."""
        (top, left), (rows, columns) = self._before, self._blocks
        bottom = self._each * self._shape[0] - rows - top
        right = self._each * self._shape[1] - columns - left
        if top or bottom or left or right:
            wider = cv2.copyMakeBorder(blocks, top, bottom, left, right, cv2.BORDER_REPLICATE)
            blocks = np.asarray(wider, np.float32)
        size = self._shape[::-1]
        return np.asarray(cv2.resize(blocks, size, interpolation=cv2.INTER_AREA), np.float32)

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

    def refine(self, flow: Floats, weights: Floats, steps: int) -> Floats:
        """The vectors after some steps, (rows, columns, 2) of cells, in pixels of half resolution.

        Args:
            flow: Where they begin.
            weights: From 0 to 1, how far a cell counts, (rows, columns).
            steps: How many.
        """
        # Cells without weight tell no more than the level of those that have some.
        wanted = cv2.dilate((weights > 0).view(np.uint8), np.ones((LEVEL, LEVEL), np.uint8)) > 0
        for step in range(steps):
            sums = self._kernels.slopes(
                self._last, self._frame, flow, self._corner, np.asarray(wanted)
            )
            self._kernels.take_off_level(sums)
            if step == 0:
                inside = sums[8][weights > 0.5]
                noise = float(np.median(inside)) if len(inside) else 0.0
                self.noise = max(noise, _LEAST_NOISE)
            windows = _FIRST if step < _FIRST_STEPS else _THEN
            flow = self._kernels.refine(sums, weights, flow, self.noise, windows)
        return flow

    def worse(self, other: Floats, flow: Floats, wanted: Mask) -> Floats:
        """By how many variances of noise another movement leaves more than a flow, in sums over a cell's pixels.

        Args:
            other: In pixels of half resolution, (rows, columns, 2) of cells.
            flow: The same.
            wanted: Which cells are, (rows, columns).
        """
        pictures = (self._last, self._frame)
        left = [self._kernels.errors(*pictures, v, self._corner, wanted) for v in (other, flow)]
        return np.asarray((left[0] - left[1]) * np.float32(CELL**2 / self.noise))


def _padded(picture: Bytes, shape: tuple[int, int]) -> Bytes:
    below, right = (n - have for n, have in zip(shape, picture.shape, strict=True))
    if not below and not right:
        return picture
    return np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE))

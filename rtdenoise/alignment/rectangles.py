"""Rectangles of blocks that hold something, so that costly steps touch only those."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 8  # blocks


@dataclass(frozen=True)
class Rectangle:
    """Blocks [top, bottom) × [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, scale: tuple[int, int]) -> tuple[slice, slice]:
        """The same place in a plane with ``scale`` (rows, columns) pixels per block."""
        return (
            slice(self.top * scale[0], self.bottom * scale[0]),
            slice(self.left * scale[1], self.right * scale[1]),
        )

    def grown(self, blocks: int, grid: tuple[int, int]) -> Rectangle:
        """With so many more blocks on each side, inside ``grid``."""
        return Rectangle(
            max(self.top - blocks, 0),
            min(self.bottom + blocks, grid[0]),
            max(self.left - blocks, 0),
            min(self.right + blocks, grid[1]),
        )


def rectangles(mask: NDArray[np.bool_], fewest: int = 1) -> list[Rectangle]:
    """Rectangles of whole tiles that cover ``mask``; tiles side by side are one rectangle.

    Tiles that hold fewer than ``fewest`` of its blocks are left out.
    """
    rows, columns = mask.shape
    found = []
    for index, row in enumerate(tile_counts(mask) >= fewest):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]])))
        for start, stop in edges.reshape(-1, 2):
            found.append(_rectangle(index, int(start), int(stop), rows, columns))
    return found


def strips(mask: NDArray[np.bool_], fewest: int = 1) -> list[Rectangle]:
    """As :func:`rectangles`, but with one rectangle for all of a row of tiles: fewer and larger."""
    rows, columns = mask.shape
    found = []
    for index, row in enumerate(tile_counts(mask) >= fewest):
        if row.any():
            held = np.flatnonzero(row)
            found.append(_rectangle(index, int(held[0]), int(held[-1]) + 1, rows, columns))
    return found


def tile_counts(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many blocks of ``mask`` each tile holds."""
    # Blocks above and left of each corner: whole sums are quicker than one per tile.
    corners = cv2.integral(mask.view(np.uint8))
    down, across = (np.minimum(np.arange(0, n + TILE, TILE), n) for n in mask.shape)
    sums = corners[np.ix_(down, across)]
    return np.asarray(np.diff(np.diff(sums, axis=0), axis=1))


def _rectangle(index: int, start: int, stop: int, rows: int, columns: int) -> Rectangle:
    bottom, right = min((index + 1) * TILE, rows), min(stop * TILE, columns)
    return Rectangle(index * TILE, bottom, start * TILE, right)

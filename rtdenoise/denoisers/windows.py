"""Rectangles of grid cells that hold something of interest, so that costly steps touch only those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE = 16  # cells


@dataclass(frozen=True)
class Window:
    """Grid cells [top, bottom) × [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, scale: tuple[int, int]) -> tuple[slice, slice]:
        """The same place in a plane with ``scale`` (rows, columns) pixels per cell."""
        return (
            slice(self.top * scale[0], self.bottom * scale[0]),
            slice(self.left * scale[1], self.right * scale[1]),
        )

    def grown(self, cells: int, grid: tuple[int, int]) -> Window:
        """With so many more cells on each side, inside ``grid``."""
        return Window(
            max(self.top - cells, 0),
            min(self.bottom + cells, grid[0]),
            max(self.left - cells, 0),
            min(self.right + cells, grid[1]),
        )


def windows(mask: NDArray[np.bool_]) -> list[Window]:
    """Windows that cover all of ``mask``, made of whole tiles; tiles side by side are one window."""
    rows, columns = mask.shape
    held = np.logical_or.reduceat(mask, range(0, rows, TILE), axis=0)
    held = np.logical_or.reduceat(held, range(0, columns, TILE), axis=1)
    found = []
    for index, row in enumerate(held):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]])))
        for start, stop in edges.reshape(-1, 2):
            found.append(
                Window(
                    index * TILE,
                    min((index + 1) * TILE, rows),
                    int(start) * TILE,
                    min(int(stop) * TILE, columns),
                )
            )
    return found

"""Lets the average follow what moves: finds the movement on the grid, and warps planes along it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from ..arrays import Floats, Mask
from .kernels import Kernels
from .rectangles import TILE, Rectangle, rectangles, tile_counts

# A movement is believed where it leaves less than this share of the difference.
_BETTER = 0.7
_BELIEVED = 0.4
_FEWEST_BLOCKS = 24
_SPECK = 6  # blocks in a tile
# The search goes down to the grid's full resolution: worth 0.5 dB where something moves.
_FINEST_SCALE = 0


MOVED = 2.0
"""Mean squared difference of 3 × 3 blocks in units of noise, above which something may have moved."""
FEWEST = 1e-3
"""Share of the picture that must move to be searched for."""
WARP_LOSS = 0.02
"""What following a movement costs: noise variance that it adds to what is moved, in units of a frame's."""


@dataclass(frozen=True)
class Movement:
    """Where each block of a frame was in the average.

    ``flow`` is (rows, columns, 2), as (x, y) in blocks; ``moved`` tells where it isn't zero;
    ``base`` is where each block is.
    """

    flow: Floats
    moved: Mask
    base: Floats

    @cached_property
    def rectangles(self) -> list[Rectangle]:
        """Rectangles that cover what moved and what is beside it."""
        near = cv2.dilate(self.moved.view(np.uint8), np.ones((3, 3), np.uint8))
        return rectangles(np.asarray(near) > 0)

    def warp_grid(self, grid: Floats) -> Floats:
        """A grid, (rows, columns), moved along."""
        return np.asarray(remap(grid, self.base + self.flow))

    def warp_plane(self, plane: Floats, scale: tuple[int, int], work: Floats) -> None:
        """Moves a plane along, in place; ``scale`` is (rows, columns) of its pixels per block."""
        how = cv2.INTER_LINEAR if scale[1] < 4 else cv2.INTER_CUBIC
        for rectangle in self.rectangles:
            rows, columns = rectangle.of(scale)
            map_x, map_y = self._map(rectangle, scale)
            map_x += np.arange(columns.start, columns.stop, dtype=np.float32)
            map_y += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
            work[rows, columns] = cv2.remap(
                plane, map_x, map_y, how, borderMode=cv2.BORDER_REPLICATE
            )
        for rectangle in self.rectangles:
            place = rectangle.of(scale)
            plane[place] = work[place]

    def _map(self, rectangle: Rectangle, scale: tuple[int, int]) -> tuple[Floats, Floats]:
        """The flow in a rectangle, in pixels."""
        wide = rectangle.grown(1, self.moved.shape)
        part = self.flow[wide.top : wide.bottom, wide.left : wide.right]
        size = (part.shape[1] * scale[1], part.shape[0] * scale[0])
        x, y = cv2.split(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR))
        rows, columns = rectangle.of(scale)
        top, left = rows.start - wide.top * scale[0], columns.start - wide.left * scale[1]
        inside = (
            slice(top, top + rows.stop - rows.start),
            slice(left, left + columns.stop - columns.start),
        )
        return x[inside] * np.float32(scale[1]), y[inside] * np.float32(scale[0])


def strength(difference: Floats, variance: Floats | float) -> Floats:
    """Mean squares of a difference over 3 × 3 blocks, in variances of its noise; see :data:`MOVED`."""
    return np.asarray(cv2.blur(difference * difference / variance, (3, 3)), np.float32)


class Search:
    """Vectors between two grids by dense inverse search (Kroeger et al., ECCV 2016), about a millisecond.

    Attributes:
        base: where each block is, (rows, columns, 2) as (x, y).
        usable: whether the grid is large enough to be searched.

    Args:
        grid: (rows, columns).
        finest_scale: how often the grid is halved for it.
        quick: blocks from patch to patch, and steps of the search in each; None: as OpenCV has them.
    """

    def __init__(
        self, grid: tuple[int, int], finest_scale: int, quick: tuple[int, int] | None = None
    ) -> None:
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(finest_scale)
        if quick is not None:
            self._flow.setPatchStride(quick[0])
            self._flow.setGradientDescentIterations(quick[1])
        x, y = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in grid[::-1]))
        self.base: Floats = np.stack([x, y], axis=2)
        self.usable = min(grid) >= _FEWEST_BLOCKS

    def vectors(self, old: Floats, new: Floats) -> Floats:
        """Where each block of the new grid was, less where it is, in blocks, (rows, columns, 2) as (x, y)."""
        calm = [cv2.convertScaleAbs(cv2.blur(a, (3, 3))) for a in (new, old)]
        return np.asarray(self._flow.calc(calm[0], calm[1], None), np.float32)


class Motion:
    """Finds the movement between the average so far and a new frame.

    It is searched on the grid, where most of the noise has been averaged away, and believed only where it explains the
    difference much better than rest does, so that noise can't set still things in motion.

    Args:
        grid: (rows, columns).
    """

    def __init__(self, grid: tuple[int, int]) -> None:
        self._search = Search(grid, _FINEST_SCALE)
        self._kernels = Kernels()

    def find(self, old: Floats, difference: Floats, moving: Mask) -> Movement | None:
        """The movement, or None where nothing moves.

        Args:
            old: the average's blocks, (rows, columns), in bytes.
            difference: the new frame's less those.
            moving: blocks that may have moved.
        """
        if not self._search.usable or np.count_nonzero(moving) < FEWEST * moving.size:
            return None
        rectangle = search_area(moving)
        if rectangle is None:
            return None
        box = rectangle.of((1, 1))
        new = old[box] + difference[box]
        found = self._search.vectors(old[box], new)
        after = self._kernels.rest(old, new, found, (rectangle.top, rectangle.left))
        change = difference[box]
        before = cv2.blur(change * change, (3, 3))
        better = ((after < _BETTER * before) & moving[box]).astype(np.float32)
        inside = np.asarray(cv2.blur(better, (5, 5)) > _BELIEVED)
        if not inside.any():
            return None
        found[~inside] = 0
        flow = np.zeros((*old.shape, 2), np.float32)
        moved = np.zeros(old.shape, np.bool_)
        flow[box], moved[box] = found, inside
        return Movement(flow, moved, self._search.base)


def search_area(moving: Mask) -> Rectangle | None:
    """The part of the picture to search in: around all tiles where more than a speck may move."""
    rows, columns = moving.shape
    held = tile_counts(moving) >= _SPECK
    down, across = np.flatnonzero(held.any(1)), np.flatnonzero(held.any(0))
    if not len(down):
        return None
    whole = Rectangle(
        int(down[0]) * TILE,
        min((int(down[-1]) + 1) * TILE, rows),
        int(across[0]) * TILE,
        min((int(across[-1]) + 1) * TILE, columns),
    )
    return whole.grown(_FEWEST_BLOCKS // 2, (rows, columns))


def lengths(flow: Floats) -> Floats:
    """Of vectors, (rows, columns, 2): the same from run to run, as OpenCV's last digit is not."""
    x, y = flow[:, :, 0], flow[:, :, 1]
    return np.asarray(np.sqrt(x * x + y * y), np.float32)


def remap(grid: Floats, where: Any) -> Floats:
    """``grid`` at other places, (rows, columns, 2) as (x, y)."""
    nothing: Any = None  # OpenCV's stubs ask for a second map, which one with two channels replaces
    moved = cv2.remap(grid, where, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)

"""One plane of the recursive filter: its average over time, at full size."""

from __future__ import annotations

import cv2
import numpy as np

from ...alignment.motion import Movement
from ...alignment.rectangles import Rectangle, rectangles, strips
from ...arrays import Bytes, Floats, Mask
from ...noise import PlaneNoise
from .gain import TemporalGain
from .shrinkage import Shrinkage

# A bound on the lag of single pixels matters in quiet cameras; beyond so many levels it never acts.
_MATTERS = 16.0
# … and doesn't hold where the noise is so many times the model's.
_STRONG = 1.5
# A block's finest band is cleaned where so much of a frame's noise is left; elsewhere it wouldn't be
# seen.
_WORTH = 0.2
_SMALL = 4  # pixels along a block
# Rounding to bytes gives so much noise, in squared bytes, which no result in bytes can be without.
_ROUNDING = 1 / 12
_FEWEST = 3  # such blocks in a tile of 8×8


class PlaneFilter:
    """The average of one plane.

    Args:
        noise: of the plane.
        shape: (rows, columns); multiples of the grid's.
        grid: (rows, columns) of the grid.
        fine: whether structure finer than a block counts, as it does in luma: it is watched for
            change, and cleaned.
    """

    def __init__(
        self, noise: PlaneNoise, shape: tuple[int, int], grid: tuple[int, int], fine: bool
    ) -> None:
        self._fine = fine
        self._grid, self._size = grid, shape[::-1]
        self.scale = (shape[0] // grid[0], shape[1] // grid[1])
        self.temporal_gain = TemporalGain(noise, grid, self.scale)
        self._shrinkage = Shrinkage(noise, shape)
        self._state = np.zeros(shape, np.float32)
        self._difference = np.empty(shape, np.float32)
        self._work = np.empty(shape, np.float32)
        self._halves = []
        rows, columns = shape
        while (rows, columns) != grid:
            rows, columns = max(rows // 2, grid[0]), max(columns // 2, grid[1])
            self._halves.append(np.empty((rows, columns), np.float32))

    def set_noise(self, noise: PlaneNoise) -> None:
        """Takes another noise."""
        if self.temporal_gain.set_noise(noise):
            self._shrinkage.set_noise(noise)

    def start(self, new: Bytes) -> None:
        """The average is this one frame."""
        self._state[...] = new
        self.temporal_gain.start()

    def rescale(self, slope: float, offset: float) -> None:
        """The light changed: the average follows, level → level + slope·level + offset."""
        np.multiply(self._state, np.float32(1 + slope), out=self._state)
        np.add(self._state, np.float32(offset), out=self._state)

    def rescale_rows(self, profile: Floats) -> None:
        """The light changed by bands: level → level·(1 + profile), per grid row."""
        size = (1, self._size[1])
        factor = cv2.resize(1 + profile[:, None], size, interpolation=cv2.INTER_LINEAR)
        np.multiply(self._state, np.reshape(factor, (-1, 1)), out=self._state)

    def warp(self, movement: Movement) -> None:
        """The average moves along."""
        movement.warp_plane(self._state, self.scale, self._work)
        self.temporal_gain.warp(movement.warp_grid, movement.moved)

    def look(self, new: Bytes) -> None:
        """Compares a new frame with the average."""
        cv2.subtract(new, self._state, dst=self._difference, dtype=cv2.CV_32F)
        self.temporal_gain.look(self._blocks(self._state), self._blocks(self._difference))

    def look_again(self, new: Bytes, where: list[Rectangle]) -> None:
        """The same where the average has changed since."""
        old, difference = self.temporal_gain.old, self.temporal_gain.difference
        for rectangle in where:
            place, blocks = self._place(rectangle)
            state, rest = self._state[place], self._difference[place]
            cv2.subtract(new[place], state, dst=rest, dtype=cv2.CV_32F)
            size = (rectangle.right - rectangle.left, rectangle.bottom - rectangle.top)
            old[blocks] = cv2.resize(state, size, interpolation=cv2.INTER_AREA)
            difference[blocks] = cv2.resize(rest, size, interpolation=cv2.INTER_AREA)
        self.temporal_gain.look(old, difference)

    def _place(self, rectangle: Rectangle) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        return rectangle.of(self.scale), rectangle.of((1, 1))

    def bias(self) -> Floats:
        """The squared bias of the average, see :meth:`TemporalGain.bias`."""
        power = None
        if self._fine:
            cv2.multiply(self._difference, self._difference, dst=self._work)
            power = self._blocks(self._work)
        return self.temporal_gain.bias(power)

    def update(self, new: Bytes, bias: Floats, still: Mask | None, out: Bytes) -> None:
        """Takes the frame into the average, and writes the average, cleaned, to ``out``."""
        temporal_gain = self.temporal_gain
        temporal_gain.settle(bias, self._structure() if self._fine else None, still)
        gain = temporal_gain.gain
        cv2.resize(1 - gain, self._size, dst=self._work, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(self._difference, self._work, dst=self._difference)
        self._bound()
        cv2.subtract(new, self._difference, dst=self._state, dtype=cv2.CV_32F)
        noise = temporal_gain.variance * temporal_gain.local.coarse
        left = (noise - np.float32(_ROUNDING)) * gain
        worth = strips(gain > _WORTH, _FEWEST) if self._fine else []
        self._shrinkage.clean(self._state, left, worth, self.scale, out)

    def _bound(self) -> None:
        """Keeps each pixel of the average near the new frame: a bound where noise is as the model says."""
        temporal_gain = self.temporal_gain
        most = temporal_gain.most_lag
        if most >= _MATTERS:
            return
        strong = np.maximum(temporal_gain.local.coarse, temporal_gain.local.fine)
        kept = []
        for rectangle in rectangles(strong > _STRONG):
            place, blocks = self._place(rectangle)
            part = self._difference[place]
            limit = cv2.resize(
                np.sqrt(strong[blocks]) * np.float32(most),
                part.shape[::-1],
                interpolation=cv2.INTER_LINEAR,
            )
            kept.append((place, cv2.max(cv2.min(part, limit), -limit)))
        np.clip(self._difference, -most, most, out=self._difference)
        for place, bounded in kept:
            self._difference[place] = bounded

    def _structure(self) -> Floats:
        """Mean squares of the average's detail around each block, in squared bytes, (rows, columns)."""
        # In large pictures means of 2×2 pixels tell enough, at a quarter of the cost.
        detail: Floats = self._state
        if self.scale[0] > _SMALL:
            detail = self._halves[0]
            size = (detail.shape[1], detail.shape[0])
            cv2.resize(self._state, size, dst=detail, interpolation=cv2.INTER_AREA)
        power = cv2.resize(detail * detail, self._grid[::-1], interpolation=cv2.INTER_AREA)
        old = self.temporal_gain.old
        return np.asarray(cv2.blur(power - old * old, (3, 3)), np.float32)

    def _blocks(self, plane: Floats) -> Floats:
        """Means over the grid's blocks, (rows, columns)."""
        for half in self._halves:
            cv2.resize(plane, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
            plane = half
        return plane.copy()

"""One plane of the recursive filter: its average over time, at full size."""

from __future__ import annotations

import cv2
import numpy as np

from ...alignment.motion import Movement
from ...alignment.rectangles import Window, bands, windows
from ...arrays import Bytes, Floats, Mask
from ...noise import PlaneNoise
from .gain import Evidence
from .shrinkage import Coring

# A bound on the lag of single pixels matters in quiet cameras; beyond so many levels it never acts.
_MATTERS = 16.0
# … and doesn't hold where the noise is so many times the model's.
_STRONG = 1.5
# A cell's finest band is cleaned where so much of a frame's noise is left; elsewhere it wouldn't be
# seen.
_WORTH = 0.2
_SMALL = 4  # pixels along a cell
# Rounding to bytes gives so much noise, in squared bytes, which no result in bytes can be without.
_ROUNDING = 1 / 12
_FEWEST = 3  # such cells in a tile of 8×8


class PlaneFilter:
    """The average of one plane.

    Args:
        noise: of the plane.
        shape: (rows, columns); multiples of the grid's.
        grid: (rows, columns) of the grid.
        fine: whether structure finer than a cell counts, as it does in luma: it is watched for
            change, and cleaned.
    """

    def __init__(
        self, noise: PlaneNoise, shape: tuple[int, int], grid: tuple[int, int], fine: bool
    ) -> None:
        self._fine = fine
        self._grid, self._size = grid, shape[::-1]
        self.scale = (shape[0] // grid[0], shape[1] // grid[1])
        self.evidence = Evidence(noise, grid, self.scale)
        self._coring = Coring(noise, shape)
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
        if self.evidence.set_noise(noise):
            self._coring.set_noise(noise)

    def start(self, new: Bytes) -> None:
        """The average is this one frame."""
        self._state[...] = new
        self.evidence.start()

    def rescale(self, slope: float, offset: float) -> None:
        """The light changed: the average follows, level → level + slope·level + offset."""
        np.multiply(self._state, np.float32(1 + slope), out=self._state)
        np.add(self._state, np.float32(offset), out=self._state)

    def rescale_rows(self, profile: Floats) -> None:
        """The light changed by bands: level → level·(1 + profile), per grid row."""
        size = (1, self._size[1])
        factor = cv2.resize(1 + profile[:, None], size, interpolation=cv2.INTER_LINEAR)
        np.multiply(self._state, np.reshape(factor, (-1, 1)), out=self._state)

    def follow(self, movement: Movement) -> None:
        """The average moves along."""
        movement.warp_plane(self._state, self.scale, self._work)
        self.evidence.follow(movement.warp_grid, movement.moved)

    def look(self, new: Bytes) -> None:
        """Compares a new frame with the average."""
        cv2.subtract(new, self._state, dst=self._difference, dtype=cv2.CV_32F)
        self.evidence.look(self._cells(self._state), self._cells(self._difference))

    def look_again(self, new: Bytes, where: list[Window]) -> None:
        """The same where the average has changed since."""
        old, difference = self.evidence.old, self.evidence.difference
        for window in where:
            place, cells = self._place(window)
            state, rest = self._state[place], self._difference[place]
            cv2.subtract(new[place], state, dst=rest, dtype=cv2.CV_32F)
            size = (window.right - window.left, window.bottom - window.top)
            old[cells] = cv2.resize(state, size, interpolation=cv2.INTER_AREA)
            difference[cells] = cv2.resize(rest, size, interpolation=cv2.INTER_AREA)
        self.evidence.look(old, difference)

    def _place(self, window: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        return window.of(self.scale), window.of((1, 1))

    def bias(self) -> Floats:
        """The squared bias of the average, see :meth:`Evidence.bias`."""
        power = None
        if self._fine:
            cv2.multiply(self._difference, self._difference, dst=self._work)
            power = self._cells(self._work)
        return self.evidence.bias(power)

    def update(self, new: Bytes, bias: Floats, still: Mask | None, out: Bytes) -> None:
        """Takes the frame into the average, and writes the average, cleaned, to ``out``."""
        evidence = self.evidence
        evidence.settle(bias, self._structure() if self._fine else None, still)
        gain = evidence.gain
        cv2.resize(1 - gain, self._size, dst=self._work, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(self._difference, self._work, dst=self._difference)
        self._bound()
        cv2.subtract(new, self._difference, dst=self._state, dtype=cv2.CV_32F)
        noise = evidence.variance * evidence.local.coarse
        left = (noise - np.float32(_ROUNDING)) * gain
        worth = bands(gain > _WORTH, _FEWEST) if self._fine else []
        self._coring.clean(self._state, left, worth, self.scale, out)

    def _bound(self) -> None:
        """Keeps each pixel of the average near the new frame: a bound where noise is as the model says."""
        evidence = self.evidence
        most = evidence.most_lag
        if most >= _MATTERS:
            return
        strong = np.maximum(evidence.local.coarse, evidence.local.fine)
        kept = []
        for window in windows(strong > _STRONG):
            place, cells = self._place(window)
            part = self._difference[place]
            limit = cv2.resize(
                np.sqrt(strong[cells]) * np.float32(most),
                part.shape[::-1],
                interpolation=cv2.INTER_LINEAR,
            )
            kept.append((place, cv2.max(cv2.min(part, limit), -limit)))
        np.clip(self._difference, -most, most, out=self._difference)
        for place, bounded in kept:
            self._difference[place] = bounded

    def _structure(self) -> Floats:
        """Mean squares of the average's detail around each cell, in squared bytes, (rows, columns)."""
        # In large pictures means of 2×2 pixels tell enough, at a quarter of the cost.
        detail: Floats = self._state
        if self.scale[0] > _SMALL:
            detail = self._halves[0]
            size = (detail.shape[1], detail.shape[0])
            cv2.resize(self._state, size, dst=detail, interpolation=cv2.INTER_AREA)
        power = cv2.resize(detail * detail, self._grid[::-1], interpolation=cv2.INTER_AREA)
        old = self.evidence.old
        return np.asarray(cv2.blur(power - old * old, (3, 3)), np.float32)

    def _cells(self, plane: Floats) -> Floats:
        """Means over the grid's cells, (rows, columns)."""
        for half in self._halves:
            cv2.resize(plane, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
            plane = half
        return plane.copy()

"""Estimates the noise in each band from the running stream, where a noise model doesn't say it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..bands import BANDS, CELL
from ..frames import Planes
from .stabilised import Stabilised, bands_of_bytes

Floats = NDArray[np.float32]

_STRIPS = 24  # rows of cells that are looked at, spread over the picture
_EVERY = 15  # frames between two looks, once the estimate rests on …
_ENOUGH = 8  # … so many
_SOME = 5  # of so many cells one is enough for a median; four would always meet the same place in JPEG's blocks
_CALM = 3.0  # times the median energy of a cell's difference: above it, something moved


class BandEstimator:
    """The standard deviation of noise in each band, from differences of successive frames.

    Cells where something moves have much more energy than the median cell, and are left out.
    """

    def __init__(self) -> None:
        self._before: tuple[Planes, Stabilised, Floats] | None = None
        self._variance = np.zeros(BANDS)
        self._looks, self._frames = 0, 0

    def reset(self) -> None:
        """Forgets all that was seen."""
        self.__init__()  # type: ignore[misc]

    def update(self, planes: Planes, stabilised: Stabilised) -> Floats | None:
        """Takes the next frame.

        Args:
            planes: The frame, 4:2:0.
            stabilised: The camera's transforms.

        Returns:
            The deviations, (24,), in units of a pixel's noise, where there is a fresh estimate.
        """
        self._frames += 1
        if self._looks >= _ENOUGH and self._frames % _EVERY > 1:
            self._before = None
            return None
        strips = _strips(planes)
        bands = _flat_bands(strips, stabilised)
        before, self._before = self._before, (strips, stabilised, bands)
        if before is None or before[0].format != strips.format:
            return None
        same = before[1] is stabilised
        change = bands - (before[2] if same else _flat_bands(before[0], stabilised))
        scale = np.sqrt(np.median(np.square(change[:, ::_SOME]), axis=1) / 0.455) + 0.05
        energy = np.mean(np.square(change / scale[:, None]), axis=0)
        median = float(np.median(energy))
        if median < 1e-3:
            return None  # the same picture twice
        calm = energy < _CALM * median
        change = change[:, calm] - change[:, calm].mean(axis=1, keepdims=True)
        variance = np.mean(np.square(change), axis=1) / 2
        self._looks += 1
        rate = 1 / min(self._looks, 3 * _ENOUGH)
        self._variance += rate * (variance - self._variance)
        return np.asarray(np.sqrt(self._variance), np.float32)


def _flat_bands(planes: Planes, stabilised: Stabilised) -> Floats:
    return bands_of_bytes(stabilised, planes).reshape(BANDS, -1)


def _strips(planes: Planes) -> Planes:
    """Some rows of cells of a frame, one below the other (as a frame that is less high)."""
    rows = planes.y.shape[0] // CELL
    step = max(rows // _STRIPS, 1)
    y, u, v = (
        np.concatenate([plane[r * n : (r + 1) * n] for r in range(0, rows, step)])
        for plane, n in ((planes.y, CELL), (planes.u, CELL // 2), (planes.v, CELL // 2))
    )
    return Planes(y, u, v, planes.format, planes.time_s)

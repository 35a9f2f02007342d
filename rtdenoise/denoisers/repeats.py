"""Tells frames that a camera or its driver only repeats: 15 frames/s in a stream of 30."""

from __future__ import annotations

import numpy as np

from ..arrays import Bytes
from ..frames import Planes

_STEP = 37  # rows; a camera's noise makes any of them differ
# So many frames all bytes are kept, from the start and after each that may have been a repeat; then but a few rows, so
# that the first repeat of a camera that has not repeated any for so long goes unnoticed.
_WATCHED = 60


class Repeats:
    """Tells whether a frame is the one before again: that holds no new noise, and must not count as one."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the last frame."""
        self._format: object = None
        self._rows: list[Bytes] = []
        self._whole: Planes | None = None
        self._watched = _WATCHED

    def is_repeat(self, planes: Planes) -> bool:
        """Takes the next frame; True if all its bytes are those of the one before."""
        if planes.format != self._format:
            self.reset()
            self._format = planes.format
        new = [planes.y, planes.u, planes.v]
        maybe = bool(self._rows) and all(
            np.array_equal(plane[::_STEP], rows)
            for plane, rows in zip(new, self._rows, strict=True)
        )
        last = self._whole
        if maybe:
            self._watched = _WATCHED
            if last is not None and all(
                np.array_equal(one, other)
                for one, other in zip(new, (last.y, last.u, last.v), strict=True)
            ):
                return True
        else:
            self._rows = [plane[::_STEP].copy() for plane in new]
        if not self._watched:
            self._whole = None
        elif last is None:
            self._whole = planes.copy()
        else:
            for kept, plane in zip((last.y, last.u, last.v), new, strict=True):
                kept[...] = plane
        self._watched = max(self._watched - 1, 0)
        return False

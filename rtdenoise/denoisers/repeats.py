"""Tells frames that a camera or its driver only repeats: 15 frames/s in a stream of 30."""

from __future__ import annotations

import numpy as np

from ..frames import Planes

_STEP = 37  # rows; a camera's noise makes any of them differ


class Repeats:
    """Keeps the last frame's bytes. A repeated frame holds no new noise, and must not count as one."""

    def __init__(self) -> None:
        self._last: Planes | None = None

    def reset(self) -> None:
        """Forgets the last frame."""
        self._last = None

    def is_repeat(self, planes: Planes) -> bool:
        """Takes the next frame; True if all its bytes are those of the one before."""
        last = self._last
        if last is None or last.format != planes.format:
            self._last = planes.copy()
            return False
        pairs = [(planes.y, last.y), (planes.u, last.u), (planes.v, last.v)]
        # A few rows tell nearly always.
        if all(np.array_equal(new[::_STEP], old[::_STEP]) for new, old in pairs) and all(
            np.array_equal(new, old) for new, old in pairs
        ):
            return True
        for new, old in pairs:
            old[...] = new
        return False

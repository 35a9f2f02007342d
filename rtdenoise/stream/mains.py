"""The watch over lamps that flicker in a call: looks for a while now and then, and is done when it has found them."""

from __future__ import annotations

from collections.abc import Callable

from ..frames import Planes
from ..noise.flicker import WINDOW_S, FlickerWatch

REST_S = 60.0  # between two looks


class MainsWatch:
    """Tells once which mains the lamps hang on, when two looks one after the other found the same.

    Args:
        found: Told the mains' frequency in Hz, 50 or 60.
        window_s: How long a look takes.
    """

    def __init__(self, found: Callable[[int], None], window_s: float = WINDOW_S) -> None:
        self._found = found
        self._watch: FlickerWatch | None = FlickerWatch(window_s)
        self._window_s = window_s
        self._from_s = float("-inf")
        self._began_s: float | None = None
        self._before: int | None = None

    def __call__(self, planes: Planes) -> None:
        """Takes the camera's next frame in; a millisecond at 1920×1080 during a look, else nothing."""
        if self._watch is None or planes.time_s < self._from_s:
            return
        if self._began_s is None or planes.time_s < self._began_s:
            self._began_s = planes.time_s
        ended = planes.time_s - self._began_s >= self._window_s
        flicker = self._watch.update(planes.y, planes.time_s)
        if flicker is not None and flicker.mains_hz == self._before:
            self._watch = None
            self._found(flicker.mains_hz)
        elif ended:
            self._before = None if flicker is None else flicker.mains_hz
            self._began_s = None
            self._from_s = planes.time_s + (REST_S if flicker is None else 0.0)

"""Times of frames that go on with real time, whatever the camera's own clock does."""

from __future__ import annotations

_JUMP_S = 1.0


class StreamClock:
    """Gives the frames of one stream their times.

    A camera that is opened again counts from 0, and one that can't keep up with itself (a file that is decoded too
    slowly, the simulated camera) says that no time passed: a film by such times would play too fast.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None  # time and moment of the last frame
        self._shift_s = 0.0

    def restart(self, time_s: float, at_s: float) -> None:
        """The frame at ``time_s`` is shown from now on."""
        self._last = (time_s, at_s)

    def of_camera(self, time_s: float, at_s: float) -> float:
        """The time of a frame: the camera's own, whose steps are exact, as long as it goes with real time.

        Args:
            time_s: The camera's time.
            at_s: When the frame came, on a clock that only rises.
        """
        time_s += self._shift_s
        expected = self._expected(time_s, at_s)
        back = self._last is not None and time_s < self._last[0]
        if back or abs(time_s - expected) > _JUMP_S:
            self._shift_s += expected - time_s
            time_s = expected
        self._last = (time_s, at_s)
        return time_s

    def of_moment(self, time_s: float, at_s: float) -> float:
        """The time of a frame that is handed over at its own time, or later where that wasn't possible."""
        time_s = self._expected(time_s, at_s)
        self._last = (time_s, at_s)
        return time_s

    def _expected(self, time_s: float, at_s: float) -> float:
        return time_s if self._last is None else self._last[0] + at_s - self._last[1]

"""One rising time for pictures and sound of a recording whose times start again in the middle.

Recorders that reconnect, and files that were put together, count from 0 once more. Pictures and sound do so together:
what comes after the n-th start is shifted by what brings its first picture behind the last one before.
"""

from __future__ import annotations

_AGAIN_S = 0.5  # so far back no reordering of frames reaches


class Timeline:
    """Shifts times so that they go on.

    Args:
        interval_s: From one picture to the next.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._shifts_s = [0.0]
        self._last_s: float | None = None
        self._sounds: dict[
            int, tuple[int, float]
        ] = {}  # by stream: how often it started, and its latest time
        self._closed = False

    @property
    def starts(self) -> int:
        """How often the pictures' time started again so far."""
        return len(self._shifts_s) - 1

    def picture_s(self, time_s: float) -> float:
        """When a picture is shown, in seconds. Pictures come in the order in which they are shown."""
        shift_s = self._shifts_s[-1]
        if self._last_s is not None and time_s + shift_s < self._last_s - _AGAIN_S:
            shift_s = self._last_s + self._interval_s - time_s
            self._shifts_s.append(shift_s)
        self._last_s = time_s + shift_s
        return self._last_s

    def close(self) -> None:
        """No picture comes any more: sound waits for none."""
        self._closed = True

    def sound_shift_s(self, stream: int, time_s: float) -> float | None:
        """By how much a packet of sound is shifted, in seconds; None: not before the pictures have come so far.

        Args:
            stream: Which of the streams.
            time_s: When the packet is decoded; packets of one stream come in this order.
        """
        starts, latest_s = self._sounds.get(stream, (0, time_s))
        if time_s < latest_s - _AGAIN_S:
            starts += 1
        if starts > self.starts:
            if not self._closed:
                return None
            # The pictures ended before: the sound goes on where it was.
            self._shifts_s.append(self._shifts_s[-1] + latest_s - time_s)
        self._sounds[stream] = starts, time_s
        return self._shifts_s[starts]

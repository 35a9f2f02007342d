"""One rising time for pictures and sound of a recording whose times start again in the middle.

Recorders that reconnect, and files that were put together, count from 0 once more. Pictures and sound do so together:
what comes after the n-th start is shifted by what brings its first picture behind the last one before.

A part that begins a little before the end of the one before is no such start: its first pictures follow one another
quickly until they come when they say. Sound is treated alike where it is stored, so both stay together.

MPEG streams count 90 000ths of a second in 33 bits. FFmpeg takes a start from 0 there for the end of that range, and
adds 26.5 hours: it looks like a long pause, which such streams, sent in regular steps, can't have. Elsewhere a pause
of more than ten days is none: the clock was set, or the time is damaged.
"""

from __future__ import annotations

from ..cameras.description import AGAIN_S

_QUICK = 8  # times as fast follow pictures that overlap those before
_RANGE_S = (1 << 33) / 90_000  # of the times of MPEG streams
_PAUSE_S = 10.0  # at the end of that range; reception may fail for as long
_LEAP_S = 3600.0  # anywhere else
_LONGEST_S = 864_000.0  # in other streams: a damaged time, or a clock that was set


class Timeline:
    """Shifts times so that they go on.

    Args:
        interval_s: From one picture to the next.
        regular: It is an MPEG stream: where times leap forward, they start again too.
    """

    def __init__(self, interval_s: float, *, regular: bool = False) -> None:
        self._interval_s = interval_s
        self._regular = regular
        self._shifts_s = [0.0]
        self._ends_s: list[float] = []  # after each start the latest picture, as the file counts
        self._sounds: dict[
            int, tuple[int, float]
        ] = {}  # by stream: how often it started, and its latest time
        self._closed = False
        self._shown_s = 0.0
        self._overlaps = False

    @property
    def starts(self) -> int:
        """How often the pictures' time started again so far."""
        return len(self._shifts_s) - 1

    def picture_s(self, time_s: float) -> float:
        """When a picture is shown, in seconds. Pictures come in the order in which they are shown."""
        if not self._ends_s:
            self._ends_s.append(time_s)
        last_s = self._ends_s[-1]
        if time_s < last_s - AGAIN_S or self._leaps(last_s, time_s):
            self._shifts_s.append(last_s + self._shifts_s[-1] + self._interval_s - time_s)
            self._ends_s.append(time_s)
        elif time_s < last_s - self._interval_s / 2:
            self._overlaps = True
        self._ends_s[-1] = time_s
        shown_s = time_s + self._shifts_s[-1]
        if self._overlaps:
            least_s = self._shown_s + self._interval_s / _QUICK
            self._overlaps = shown_s < least_s
            shown_s = max(shown_s, least_s)
        self._shown_s = shown_s
        return shown_s

    def _leaps(self, before_s: float, after_s: float) -> bool:
        """Whether times of one stream are too far apart for a pause."""
        if not self._regular:
            return after_s - before_s > _LONGEST_S
        wraps = before_s < _RANGE_S <= after_s
        return after_s - before_s > (_PAUSE_S if wraps else _LEAP_S)

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
        # Subtitles may pause for hours: only what leaves the pictures behind, too, has leapt.
        leaps = self._leaps(latest_s, time_s) and (
            starts >= len(self._ends_s) or self._leaps(self._ends_s[starts], time_s)
        )
        if time_s < latest_s - AGAIN_S or leaps:
            starts += 1
        if starts > self.starts:
            if not self._closed:
                return None
            # The pictures ended before: the sound goes on where it was.
            self._shifts_s.append(self._shifts_s[-1] + latest_s - time_s)
        self._sounds[stream] = starts, time_s
        return self._shifts_s[starts]

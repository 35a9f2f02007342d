"""The watch over a call: frames that stay away, a program that was stopped, a rate that sinks. Pure, told the time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

SILENCE_S = 2.0  # a camera that sends nothing for so long is reported
HUNG_S = 8.0  # a read that takes longer than any camera's own time-out hangs in the driver
STOPPED_S = (
    3.0  # between two looks lies no more than a frame's time, unless the program stood still
)
RATE_WINDOW_S = 5.0
_LOW = 0.8  # share of the promised rate
_AGAIN_S = 60.0
_START_S = 10.0  # while everything starts, and a ladder finds its rung, nothing is said


def steady_clock() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where there is one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True)
class Finding:
    """What the watch found.

    Args:
        text: A sentence; empty: nothing to say.
        reset: What was learnt from earlier frames is out of date.
        reopen: The camera hangs: it is to be opened anew.
    """

    text: str = ""
    reset: bool = False
    reopen: bool = False


NOTHING = Finding()


class Watchdog:
    """Looks at the age of the last frame.

    Args:
        now: The time in seconds on a clock that goes on while the machine sleeps.
    """

    def __init__(self, now: float) -> None:
        self._looked = self._frame = self._due = now
        self._told = False
        self._reopened = float("-inf")

    def age(self, now: float) -> float:
        """How long ago the last frame came, in s."""
        return now - self._frame

    def look(self, now: float, name: str, came: bool, away: bool = False) -> Finding:
        """To be called with every frame, and several times a second while there is none.

        Args:
            now: The time.
            name: The camera's name.
            came: Whether a frame came.
            away: Whether the camera is known to be gone, so that there is nothing to tell.
        """
        stopped_s = now - self._looked
        self._looked = now
        if stopped_s > STOPPED_S:
            self._frame, self._due, self._told = now, now, False
            text = f"The program stood still for {stopped_s:.0f} s (suspended or stopped): it starts anew."
            return Finding(text, reset=True)
        if came:
            self._frame, self._due, self._told = now, now, False
            return NOTHING
        if away:
            self._due = now  # a camera that comes back has its time to send
            return NOTHING
        age_s = now - self._due
        if age_s > HUNG_S and now - self._reopened > HUNG_S:
            self._reopened, self._told = now, True
            return Finding(
                f"{name} hangs: no frame for {age_s:.0f} s. Opening it again …", True, True
            )
        if age_s > SILENCE_S and not self._told:
            self._told = True
            return Finding(f"{name} has sent no frame for {SILENCE_S:g} s.")
        return NOTHING


class RateWatch:
    """Tells a camera that is slow from a machine that is slow; says it once a minute at most.

    Args:
        rate_fps: What the camera promised.
        now: The time in seconds.
        webcam: Whether it is one; a file or the simulated camera is only as slow as this machine reads it.
        fed: Whether another program makes its pictures, so that no light helps.
    """

    def __init__(
        self, rate_fps: float, now: float, *, webcam: bool = True, fed: bool = False
    ) -> None:
        self._rate_fps = rate_fps
        self._webcam, self._fed = webcam, fed
        self._from = now + _START_S
        self._counts: deque[tuple[float, int, int, int]] = deque([(now, 0, 0, 0)])
        self._said = float("-inf")

    def restart(self) -> None:
        """After a time without frames, which says nothing about the rate."""
        self._counts.clear()

    def look(self, now: float, sent: int, shown: int, missed: int) -> str:
        """A sentence where the rate is low, else nothing.

        Args:
            now: The time.
            sent: How many frames the camera sent so far and the program took.
            shown: How many came out.
            missed: How many the camera sent and nobody took.
        """
        if self._counts and now - self._counts[-1][0] < 0.5:
            return ""
        self._counts.append((now, sent, shown, missed))
        while now - self._counts[0][0] > RATE_WINDOW_S + 0.75:
            self._counts.popleft()
        then, sent_then, shown_then, missed_then = self._counts[0]
        span = now - then
        if span < RATE_WINDOW_S or now < self._from or now - self._said < _AGAIN_S:
            return ""
        camera = (sent - sent_then + missed - missed_then) / span
        out = (shown - shown_then) / span
        if out >= _LOW * self._rate_fps:
            return ""
        self._said = now
        if self._webcam and camera < _LOW * self._rate_fps and out >= _LOW * camera:
            if self._fed:
                return (
                    f"The program that feeds this camera sends {camera:.0f} frames/s instead of {self._rate_fps:.0f}: "
                    "look at its settings."
                )
            return (
                f"The camera sends {camera:.0f} frames/s instead of {self._rate_fps:.0f}: in dim light most expose "
                "longer. More light helps, or switching off its exposure_dynamic_framerate."
            )
        return (
            f"{out:.0f} of {self._rate_fps:.0f} frames/s come out: this machine is busy with something else. A "
            "smaller --size helps."
        )


def slow_mode(codec: str, width: int, height: int, rate_fps: float) -> str:
    """A sentence about a mode that is slow by itself, with its cure; empty where it isn't."""
    if rate_fps >= 20:
        return ""
    cure = "a smaller --size is quicker"
    if codec == "rawvideo":
        cure = (
            "uncompressed, more doesn't fit through the cable: "
            + cure
            + ", and MJPG if it has that"
        )
    return f"The camera offers no more than {rate_fps:g} frames/s at {width}×{height}; {cure}."

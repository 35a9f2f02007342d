"""When a call's cleaning is made cheaper, and when it is made better again: the policy alone, without a denoiser.

A *rung* is a way to clean; rung 0 is the best and dearest, the last one shows the camera's picture. The policy goes by
two figures: the share of the time that cleaning takes, and the share of frames that were dropped. A step down follows
within two seconds; a single hiccup is no reason for one. A step up is first tried beside the call (``Step.TRY_UP``):
the better rung is warmed on the call's own frames and timed under the call's own load, and is taken only where it
leaves room. So a load that stays makes no flapping, just a trial now and then.
"""

from __future__ import annotations

from enum import Enum

WINDOW_S = 1.0
BUSY = 0.92  # share of the time in which cleaning leaves no room: frames wait for it
DROPPED = 0.1  # share of frames
SPELLS = (
    3  # of lost frames in a window: one alone is a hiccup, which no cheaper rung would have spared
)
ROOM = 0.75  # share of the time between two frames that a better rung may take
SETTLE_S = 1.0  # after a step: what was late before it says nothing about the new rung
START_S = 2.0  # at the start, when estimates settle and everything is used for the first time
CALM_S = 4.0  # so long nothing was late before a better rung is tried
MOST_CALM_S = (
    8.0  # after trials in vain; with a trial's own time a load's end is noticed within 20 s
)
FAILURES, FAILURES_WITHIN_S = 3, 10.0
BARRED_S = 60.0  # a rung that failed again and again is left alone for so long


class Step(Enum):
    """What to do now."""

    STAY = "stay"
    DOWN = "down"
    TRY_UP = "try up"


class Ladder:
    """Decides by what it is told; times are in seconds of any clock that goes forward.

    Args:
        rungs: How many there are, at least 1.
        now: The time.
        start: The rung at the beginning.
    """

    def __init__(self, rungs: int, now: float, start: int = 0) -> None:
        self.rung = start
        """The rung that is taken now."""
        self._last = rungs - 1
        self._barred = [float("-inf")] * rungs
        self._calm_s = CALM_S
        self._failed: list[float] = []
        self._forget(now, START_S)

    def _forget(self, now: float, settle_s: float = SETTLE_S) -> None:
        self._since = now + settle_s
        self._calm_since = now
        self._count_anew()

    def _count_anew(self) -> None:
        self._busy_s, self._frames, self._dropped, self._spells = 0.0, 0, 0, 0

    def observe(self, now: float, busy_s: float, dropped: int) -> Step:
        """Takes one frame in.

        Args:
            now: The time at its end.
            busy_s: How long cleaning it took.
            dropped: How many frames were lost since the last one.
        """
        if now < self._since:
            return Step.STAY
        self._busy_s += busy_s
        self._frames += 1
        self._dropped += dropped
        self._spells += dropped > 0
        elapsed = now - self._since
        if elapsed < WINDOW_S or self._frames < 3:
            return Step.STAY
        lost = self._dropped / (self._frames + self._dropped)
        late = lost > DROPPED and self._spells >= min(SPELLS, self._frames)
        behind = self._busy_s > BUSY * elapsed or late
        self._since = now
        self._count_anew()
        if behind:
            self._calm_since = now
            return Step.DOWN if self.rung < self._last else Step.STAY
        above = self.rung - 1
        if above < 0 or now - self._calm_since < self._calm_s or now < self._barred[above]:
            return Step.STAY
        self._calm_since = now
        return Step.TRY_UP

    def failed(self, now: float) -> Step:
        """The rung has failed (an exception, an impossible picture): down where it does so again and again."""
        self._failed = [t for t in self._failed if now - t <= FAILURES_WITHIN_S] + [now]
        if len(self._failed) < FAILURES or self.rung == self._last:
            return Step.STAY
        self._failed = []
        self._barred[self.rung] = now + BARRED_S
        return Step.DOWN

    def fits(self, now: float, frame_s: float, interval_s: float) -> bool:
        """Whether a better rung that was tried may be taken; if not, the next trial comes later.

        Args:
            now: The time.
            frame_s: How long it took for a frame, beside the call.
            interval_s: The time between two frames.
        """
        fits = frame_s <= ROOM * interval_s
        self._calm_s = CALM_S if fits else min(2 * self._calm_s, MOST_CALM_S)
        self._calm_since = now
        return fits

    def moved(self, now: float, rung: int) -> None:
        """The step is done."""
        self.rung = rung
        self._failed = []
        self._forget(now)

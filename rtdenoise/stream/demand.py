"""Whether work is wanted: a camera that nobody looks at need not be cleaned, nor filmed.

    watched ──no reader──▶ lingering ──nobody for ``linger_s``──▶ dark
       ▲                       │                                    │
       └──────────a reader─────┴──────a reader for ``settle_s``─────┘

While it lingers the camera runs and nothing is cleaned, so that a program that looks away for a moment gets pictures at
once. In the dark the camera is released, and its light is out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum

LINGER_S = 5.0
SETTLE_S = (
    0.1  # browsers open every camera for a moment to see what it is: no reason to switch on a light
)
_POLL_S = 0.05


class Demand(Enum):
    """What is wanted now."""

    WATCHED = "watched"
    LINGERING = "lingering"
    DARK = "dark"


class DemandPolicy:
    """Turns "is it read now?" into what is wanted. Begins as lingering, with the first question.

    Args:
        linger_s: So long after the last reader the camera is released.
        settle_s: So long a reader must be there in the dark.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        linger_s: float = LINGER_S,
        settle_s: float = SETTLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._linger_s, self._settle_s, self._clock = linger_s, settle_s, clock
        self._state = Demand.LINGERING
        self._since_s: float | None = None  # since when there are readers, or none
        self._watched = False

    def update(self, watched: bool) -> Demand:
        """What is wanted, given whether a program reads now. To be asked several times a second."""
        now = self._clock()
        if watched != self._watched or self._since_s is None:
            self._watched, self._since_s = watched, now
        for_s = now - self._since_s
        if watched and (self._state is not Demand.DARK or for_s >= self._settle_s):
            self._state = Demand.WATCHED
        elif not watched and self._state is not Demand.DARK:
            self._state = Demand.DARK if for_s >= self._linger_s else Demand.LINGERING
        return self._state


class DemandWatch:
    """What is wanted of a stream, for its threads to ask.

    Args:
        watched: Whether a program reads now.
        policy: What follows from it; None for the usual times.
    """

    def __init__(self, watched: Callable[[], bool], policy: DemandPolicy | None = None) -> None:
        self._watched = watched
        self._policy = policy or DemandPolicy()
        self._lock = threading.Lock()

    def now(self) -> Demand:
        """What is wanted now."""
        with self._lock:
            return self._policy.update(self._watched())

    def wait(self, stop: threading.Event) -> bool:
        """Waits in the dark for a reader; False if ``stop`` was set before one came."""
        while self.now() is Demand.DARK:
            if stop.wait(_POLL_S):
                return False
        return not stop.is_set()

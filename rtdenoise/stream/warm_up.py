"""A denoiser that gets ready beside the call, and is timed there."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import numpy as np

from .. import heap
from ..denoisers import Denoiser
from ..frames import Planes
from .mailbox import Closed, Mailbox
from .possible import is_possible

# The first frames take up to four times as long as later ones, while estimates settle: only the last few count.
TIMED = 10
_HOPELESS_AFTER = 8  # frames


class WarmUp:
    """Makes a rung's denoiser and shows it the call's frames, in a thread of its own.

    Args:
        rung: Which.
        make: Makes its denoiser.
        frames: How many it gets to see.
        most_s: Where none of the first few took less than this, no more are shown.
    """

    def __init__(
        self, rung: int, make: Callable[[], Denoiser], frames: int, most_s: float = math.inf
    ) -> None:
        self.rung = rung
        self.denoiser: Denoiser | None = None
        self.error: Exception | None = None
        self.lost = 0  # frames of the call meanwhile
        self._make, self._frames, self._most_s = make, frames, most_s
        self._work: list[tuple[float, float]] = []  # from when to when it was at work
        self._others: list[tuple[float, float]] = []  # and the call's own denoiser
        self._box: Mailbox[Planes] = Mailbox()
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended: ``denoiser`` is there, or ``error``, or it was stopped."""
        return not self._thread.is_alive()

    def frame_s(self, contention: float) -> float:
        """What a frame takes where the call's own denoiser doesn't work beside it, in s.

        Args:
            contention: The share of its speed that it loses while both work.
        """
        return float(np.median(self._taken(self._work[-TIMED:], contention)))

    def least_s(self, contention: float) -> float:
        """Likewise the quickest frame but the first, which has nothing to go on from."""
        return min(self._taken(self._work[1:] or self._work, contention))

    def _taken(self, work: list[tuple[float, float]], contention: float) -> list[float]:
        others = list(self._others)
        return [
            end - begin - contention * sum(max(0.0, min(end, e) - max(begin, b)) for b, e in others)
            for begin, end in work
        ]

    def beside(self, begin: float, end: float) -> None:
        """The call's own denoiser was at work from then to then."""
        self._others.append((begin, end))

    def show(self, planes: Planes) -> None:
        """A frame of the call, in place of one that it hasn't begun with."""
        if not self.done:
            self._box.put(planes)

    def stop(self) -> None:
        """It ends after the frame that it is at."""
        self._box.close()

    def _run(self) -> None:
        try:
            denoiser = self._make()
            for index in range(self._frames):
                planes = self._box.take()
                assert planes is not None
                begin = time.monotonic()
                clean = denoiser(planes)
                self._work.append((begin, time.monotonic()))
                if not is_possible(planes, clean):
                    raise ArithmeticError("not a picture")
                if index + 1 == _HOPELESS_AFTER and self.least_s(0.0) > self._most_s:
                    break
            self.denoiser = denoiser
        except Closed:
            return
        except Exception as error:
            self.error = error
        finally:
            heap.give_back()  # this thread's, which ends

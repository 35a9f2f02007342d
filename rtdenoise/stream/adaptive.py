"""A denoiser that keeps up and never fails: it changes between several, from the best down to the camera's picture."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..cores import available_cores
from ..denoisers import Denoiser, Passthrough, blend
from ..errors import is_out_of_memory
from ..frames import Planes
from .ladder import ROOM, Ladder, Step
from .possible import is_possible
from .warm_up import WarmUp

FADE_FRAMES = 8  # in which one picture passes into the other
# Frames: estimates of the noise need two, and settle.
WARM_UP, WARM_DOWN, WARM_START = 24, 4, 3
_HOPELESS = 2.0  # times the room there is
_TRIAL_LOST = 4  # frames that a trial may cost
_SAY_AGAIN_S = 30.0
_NEW = 0.1  # weight of the last frame in what cleaning takes


@dataclass(frozen=True)
class Rung:
    """A way to clean.

    Args:
        name: What a person calls it.
        make: Makes the denoiser; called in another thread, except for the first.
    """

    name: str
    make: Callable[[], Denoiser]


class AdaptiveDenoiser:
    """Cleans with the best of several that keeps up, and with the camera's picture where one fails.

    Args:
        rungs: The ways to clean, the best first, the cheapest last.
        interval_s: The time between two frames of the camera.
        first: The first rung's denoiser, where it is made already.
        note: Told in a sentence what was changed, and why.
        dropped: How many frames were lost so far, anywhere.
        threads: How many cores each of them takes; None: the usual number.
        clock: The time in seconds.
    """

    def __init__(
        self,
        rungs: Sequence[Rung],
        interval_s: float,
        *,
        first: Denoiser | None = None,
        note: Callable[[str], None] = lambda _: None,
        dropped: Callable[[], int] = lambda: 0,
        threads: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rungs = list(rungs)
        self._interval_s, self._note, self._clock = interval_s, note, clock
        self._threads = threads
        self.dropped = dropped
        """How many frames were lost so far; may be set until the first frame."""
        self._current = first or self._rungs[0].make()
        # Each is made once: their buffers are large, and a trial comes every few seconds.
        self._made: list[Denoiser | None] = [self._current, *[None] * (len(self._rungs) - 1)]
        self._before: Denoiser | None = None  # fades out
        self._faded = 0
        self._warming: WarmUp | None = None
        self._left: WarmUp | None = None  # was stopped, and may still be at its last frame
        self._ladder = Ladder(len(self._rungs), clock())
        self._preparing: tuple[WarmUp, list[Sequence[Rung]]] | None = None
        self._lost = 0
        self._aim = 0  # how many of the better rungs were tried in vain since the last step
        self._busy_s = 0.0  # what cleaning took lately, for a frame
        self._said: dict[str, float] = {}
        self.failures = 0
        """How many frames the denoiser failed on; the camera's picture was shown."""

    @property
    def name(self) -> str:
        """The present rung's name."""
        return self._rungs[self._ladder.rung].name

    @property
    def preparing(self) -> bool:
        """Whether what is to clean is still being made."""
        return self._preparing is not None

    def prepare(self, make: Callable[[], tuple[Sequence[Rung], Denoiser]]) -> None:
        """Makes what is to clean in another thread; until then the present rung goes on.

        Args:
            make: Chooses the rungs and makes the first one's denoiser. What it raises comes out of the next call.
        """
        found: list[Sequence[Rung]] = []

        def first() -> Denoiser:
            rungs, denoiser = make()
            found.append(rungs)
            return denoiser

        self._preparing = (WarmUp(0, first, WARM_START), found)

    @property
    def rung(self) -> int:
        """The present rung; 0 is the best."""
        return self._ladder.rung

    @property
    def engine_name(self) -> str:
        """What runs the present network; empty where none does."""
        return str(getattr(self._current, "engine_name", ""))

    @property
    def current(self) -> Denoiser:
        """The denoiser that is used now."""
        return self._current

    def reset(self) -> None:
        """Forgets all earlier frames, and what is under way."""
        self._stop_warming()
        self._before = None
        self._reset_current()
        self._ladder.moved(self._clock(), self.rung)

    def __call__(self, planes: Planes) -> Planes:
        """Cleans the next frame; never raises for what a denoiser does."""
        if self._preparing is not None:
            self._prepared(planes, *self._preparing)
        begin, begin_s = self._clock(), time.monotonic()
        result = self._cleaned(planes)
        now = self._clock()
        self._busy_s += _NEW * (now - begin - self._busy_s)
        total = self.dropped()
        lost, self._lost = max(0, total - self._lost), total
        step = self._ladder.observe(now, now - begin, lost)
        if self._warming is not None:
            self._warming.lost += lost
            self._warming.beside(begin_s, time.monotonic())
        self._follow(step, now)
        if self._warming is not None:
            # In what is left of the time until the next frame it has the cores for itself.
            self._warming.show(planes)
        return result

    def _prepared(self, planes: Planes, warming: WarmUp, found: list[Sequence[Rung]]) -> None:
        """Takes what was prepared, if it is ready."""
        warming.show(planes)
        if not warming.done:
            return
        self._preparing = None
        if warming.denoiser is None:
            raise warming.error or RuntimeError("nothing was prepared")
        self._stop_warming()
        self._rungs = list(found[0])
        self._before, self._current, self._faded = self._current, warming.denoiser, 0
        self._made = [self._current, *[None] * (len(self._rungs) - 1)]
        self._ladder = Ladder(len(self._rungs), self._clock())
        self._moved(self._clock(), 0)

    # ------------------------------------------------------------------ cleaning

    def _cleaned(self, planes: Planes) -> Planes:
        clean = self._attempt(self._current, planes)
        if clean is None:
            self._before = None
            return planes
        if self._before is None:
            return clean
        self._faded += 1
        earlier = self._attempt(self._before, planes)
        if earlier is None or self._faded >= FADE_FRAMES:
            self._before = None
            return clean
        return blend(earlier, clean, self._faded / FADE_FRAMES)

    def _attempt(self, denoiser: Denoiser, planes: Planes) -> Planes | None:
        """The cleaned frame; None where the denoiser failed."""
        try:
            clean = denoiser(planes)
            if clean is planes or is_possible(planes, clean):
                return clean
            what = "made an impossible picture"
        except Exception as error:
            what = _reason(error)
        if denoiser is self._current:
            self._fail(what)
        return None

    def _fail(self, what: str) -> None:
        now = self._clock()
        self.failures += 1
        if now - self._said.get(what, float("-inf")) >= _SAY_AGAIN_S:
            self._said[what] = now
            self._note(
                f"{self.name} {what}: the camera's own picture is shown, and it starts anew."
            )
        step = self._ladder.failed(now)
        if not self._reset_current():
            step = Step.DOWN
        if step is Step.DOWN and self.rung < len(self._rungs) - 1:
            # At once, and unwarmed: the camera's picture is what is seen now anyway.
            failed = self.name
            self._made[self.rung] = None
            self._take_unwarmed(self.rung + 1)
            self._note(f"{failed} failed again and again: cleaning with {self.name} for now.")

    def _reset_current(self) -> bool:
        try:
            self._current.reset()
        except Exception:
            return False
        return True

    def _take_unwarmed(self, rung: int) -> None:
        self._stop_warming()
        self._before = None
        last = len(self._rungs) - 1
        while True:
            try:
                if (
                    self._left is not None and not self._left.done
                ):  # its thread may still be at work with it
                    self._made[rung] = None
                self._current = self._obtain(rung)
                break
            except Exception:
                if rung == last:
                    self._current = Passthrough()
                    break
                rung += 1
        self._moved(self._clock(), rung)

    def _moved(self, now: float, rung: int) -> None:
        self._ladder.moved(now, rung)
        self._aim, self._busy_s = 0, 0.0

    # ------------------------------------------------------------------ steps

    def _follow(self, step: Step, now: float) -> None:
        warming = self._warming
        if warming is not None:
            up = warming.rung < self.rung
            if up and (step is Step.DOWN or warming.lost > _TRIAL_LOST):
                # A trial must not cost frames: there is no room for a better one now.
                self._stop_warming()
                self._in_vain(now)
            elif warming.done:
                self._warming = None
                self._warmed(warming, now)
            return
        if step is Step.DOWN:
            self._warm(self.rung + 1, WARM_DOWN)
        elif step is Step.TRY_UP:
            # One that is cheaper than a worse one is taken although the worse one left no room.
            self._warm(self.rung - 1 - self._aim % self.rung, WARM_UP)

    def _in_vain(self, now: float, frame_s: float = float("inf")) -> bool:
        """Whether a better rung leaves no room; the next trial is one of another, later."""
        if self._ladder.fits(now, frame_s, self._interval_s):
            return False
        self._aim += 1
        return True

    def _warm(self, rung: int, frames: int) -> None:
        if self._left is None or self._left.done:
            up = rung < self.rung
            most_s = _HOPELESS * ROOM * self._interval_s if up else math.inf
            self._warming = WarmUp(rung, lambda: self._obtain(rung), frames, most_s)

    def _no_cheaper(self, warming: WarmUp) -> bool:
        """Whether a worse rung takes as long as the present one; never the last, which takes nothing."""
        last = warming.rung == len(self._rungs) - 1
        return not last and warming.least_s(self._contention()) > self._busy_s

    def _contention(self) -> float:
        """The share of its speed that a denoiser loses while another one works beside it."""
        from ..engines import default_threads

        return max(0.0, 1 - available_cores() / (2 * (self._threads or default_threads())))

    def _stop_warming(self) -> None:
        if self._warming is not None:
            self._warming.stop()
            self._left, self._warming = self._warming, None

    def _obtain(self, rung: int) -> Denoiser:
        """A rung's denoiser, with no memory of earlier frames."""
        made = self._made[rung]
        if made is None or made is self._current or made is self._before:
            made = self._made[rung] = self._rungs[rung].make()
        else:
            made.reset()
        return made

    def _warmed(self, warming: WarmUp, now: float) -> None:
        down = warming.rung > self.rung
        if warming.denoiser is None:
            if down:
                self._take_unwarmed(warming.rung)
            else:
                self._in_vain(now)
            return
        if not down and self._in_vain(now, warming.frame_s(self._contention())):
            return
        if down and self._no_cheaper(warming):
            self._warm(warming.rung + 1, WARM_DOWN)  # this one is no cheaper
            return
        left = self.name
        self._before, self._current, self._faded = self._current, warming.denoiser, 0
        self._moved(now, warming.rung)
        if down:
            self._note(f"{left} does not keep up with the camera now: cleaning with {self.name}.")
        else:
            self._note(f"There is room again: cleaning with {self.name}.")


def _reason(error: Exception) -> str:
    if is_out_of_memory(error):
        return "found no memory"
    text = (str(error).strip().splitlines() or [""])[0]
    return f"failed ({type(error).__name__}{': ' + text[:80] if text else ''})"

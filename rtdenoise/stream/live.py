"""The live loop: reader, denoiser and sink side by side, with one-slot mailboxes between them.

    camera ─reader thread─▶ [mailbox] ─caller's thread─▶ [mailbox] ─writer thread─▶ sink
            decode, convert            clean, blend                publish

The caller's thread owns the denoiser and its state, so nothing needs a lock. A stage that falls behind
loses frames, not time: each mailbox holds the newest frame only.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

from ..cameras.base import Camera
from ..denoisers import Denoiser, blend
from ..errors import ClipError, SinkError, StorageError
from ..frames import Chroma, PlaneFormat, Planes, black_planes
from ..sinks.base import Sink, watched
from .demand import Demand, DemandPolicy, DemandWatch
from .intake import Intake, Note, Timed
from .mailbox import Closed, Mailbox
from .timing import STAGES, LiveReport, StageTimes
from .watchdog import RateWatch, Watchdog, steady_clock

FALLS_SILENT_S = 1.0
KEEP_ALIVE_S = 0.2  # while the camera is away, its last picture is published so often
# A v4l2loopback device keeps its last pictures, in so many buffers at most; what each later one in the dark is for is
# that a program isn't kept waiting.
_BUFFERS, _SELDOM = 32, 5

OpenSink = Callable[[PlaneFormat, Fraction], Sink]
Tap = Callable[[Planes, Planes, float], None]


def _again(shown: Timed) -> Timed:
    """A picture once more, now."""
    now = time.monotonic()
    time_s = shown.planes.time_s + now - shown.arrived
    return Timed(replace(shown.planes, time_s=time_s), now, shown.camera)


class LiveLoop:
    """One run from camera to sink.

    Args:
        camera: An open camera; closed at the end.
        denoiser: Called in the thread that calls :meth:`run`.
        open_sink: Opens the sink, given the format of the frames and the nominal rate.
        chroma: Frames are brought to this sub-sampling before they are cleaned (calls consume 4:2:0, and it
            is less to clean than 4:2:2); None leaves them as they come.
        strength: 0 (the camera's bytes, the denoiser isn't even called) to 1.
        paced: Hand frames over at their own times, as a camera does (a file or a simulated camera comes as
            fast as it can be decoded otherwise).
        lossless: Stages wait for each other and no frame is dropped: for measuring throughput, not for calls.
        reopen: Opens the same camera again after it went away; None ends the run instead.
        note: Told in one sentence when something happens (the camera went silent, away, came back).
        on_demand: While no program reads the sink nothing is cleaned, and after a while the camera is released;
            needs ``reopen``. None: the camera runs and is cleaned all the time.
        finish: Called in the writer's thread with each frame before it is published, which it may change, but
            not its format.
        look: Shown each of the camera's frames, in the caller's thread; it must not keep it.
        tap: Given, in the writer's thread and after it was published, the camera's frame, what was published, and
            when the frame arrived (``time.monotonic()``). It may keep both, and must change neither.
        looked_at: Whether somebody looks besides the sink's readers, which counts as much where work is on demand.
    """

    def __init__(
        self,
        camera: Camera,
        denoiser: Denoiser,
        open_sink: OpenSink,
        *,
        chroma: Chroma | None = "420",
        strength: float = 1.0,
        paced: bool = False,
        lossless: bool = False,
        reopen: Callable[[], Camera] | None = None,
        note: Note = lambda _: None,
        on_demand: DemandPolicy | None = None,
        finish: Callable[[Planes], Planes] = lambda planes: planes,
        look: Callable[[Planes], None] = lambda _: None,
        tap: Tap | None = None,
        looked_at: Callable[[], bool] = lambda: False,
    ) -> None:
        self._denoiser, self._open_sink = denoiser, open_sink
        self._lossless, self._note, self._finishing = lossless, note, finish
        self._on_demand, self._look, self._tap = on_demand, look, tap
        self._looked_at = looked_at
        self._sink: Sink | None = None
        self.strength = strength
        """From 0, the camera's picture, to 1; may be set while it runs."""
        self.sink_name = ""
        self._stop = threading.Event()
        self._times = {name: StageTimes() for name in STAGES}
        self._intake = Intake(
            camera,
            self._stop,
            self._times,
            chroma=chroma,
            paced=paced,
            lossless=lossless,
            reopen=reopen,
            note=note,
        )
        self._cleaned: Mailbox[Timed] = Mailbox()
        self._writing: threading.Thread | None = None
        self._failure: BaseException | None = None  # the writer's
        self._frames_out = 0
        self._first_out = self._last_out = self._started = 0.0
        self._ended = "stopped"
        self._unwatched_s, self._unwatched_frames = 0.0, 0
        self._dark = 0  # how often a frame was due since nobody looks
        self._recent: deque[float] = deque(maxlen=61)  # when frames came out

    @property
    def dropped(self) -> int:
        """How many frames were lost so far, because a stage wasn't ready for them."""
        return self._intake.passed_over + self._intake.taken.dropped + self._cleaned.dropped

    @property
    def lost(self) -> int:
        """Like :attr:`dropped`, and how many more a camera would have sent in place of a file that is read late."""
        return self.dropped + self._intake.late

    @property
    def away(self) -> bool:
        """Whether the camera is known to be gone, or released."""
        return self._intake.away

    @property
    def watched(self) -> bool | None:
        """Whether a program reads the sink now; None where that can't be told."""
        sink = self._sink
        return None if sink is None else watched(sink)

    def wanted(self) -> Demand:
        """What is wanted now; watched where work is not on demand."""
        return self._intake.wanted

    def stop(self) -> None:
        """Ends :meth:`run` soon, as Ctrl-C does; from any thread, also before it began."""
        self._stop.set()
        self._intake.taken.close()

    def run(
        self, seconds: float | None = None, on_frame: Callable[[], None] | None = None
    ) -> LiveReport:
        """Runs until the camera ends, ``seconds`` have passed since the first frame, or Ctrl-C.

        ``on_frame`` is called after each cleaned frame, and (unless ``lossless``) several times a second while there is
        none, in this thread; :meth:`report` may be asked from it.

        Raises:
            CameraError, ClipError: the camera sent no frame at all, or went away for good.
            SinkError, StorageError: the sink can't be opened or failed, or can't tell whether it is read where work
                is to be done on demand.
        """
        intake = self._intake
        source = intake.read()
        try:
            first = next(source, None)
            if first is None and not self._stop.is_set():
                raise ClipError(f"{intake.camera.info.name} sent no frame that could be read.")
            if first is not None:
                self._begin(first, source, seconds, on_frame)
        except KeyboardInterrupt:
            self._ended = "interrupted"
        except BaseException:
            self._finish()
            if self._sink is not None:
                self._sink.abort()
            raise
        self._finish()
        sink, failure = self._sink, self._failure or intake.failure
        if sink is not None and isinstance(failure, (SinkError, StorageError)):
            sink.abort()
        elif sink is not None:
            # Also after a camera's failure: a film that ends early is better than none.
            sink.close()
        if failure is not None:
            raise failure
        return self.report()

    def _begin(
        self,
        first: Timed,
        source: Iterator[Timed],
        seconds: float | None,
        on_frame: Callable[[], None] | None,
    ) -> None:
        """Opens the sink for the first frame, and cleans from there on."""
        intake = self._intake
        sink = self._sink = self._open_sink(first.planes.format, intake.camera.mode.rate_fps)
        self.sink_name = sink.name
        intake.demand = self._demand_of(sink)
        intake.layout = first.planes.format
        # The first frame takes longest: buffers are made, networks choose their kernels. It is cleaned
        # before the clock starts, or the frames behind it would come too late.
        cleaned = self._cleaned_frame(first)
        self._started = time.monotonic()
        self._publish(cleaned)
        intake.start(source, first)
        self._writing = threading.Thread(
            target=self._writer, args=(sink,), name="writer", daemon=True
        )
        self._writing.start()
        self._clean(cleaned, seconds, on_frame)

    def report(self, last: int | None = None) -> LiveReport:
        """What was done so far; stage times of the whole run or of the ``last`` few frames."""
        span = self._last_out - self._first_out - self._unwatched_s
        frames = max(self._frames_out - 1 - self._unwatched_frames, 0)
        if last is not None:
            recent = list(self._recent.copy())[-last - 1 :]
            frames = max(0, len(recent) - 1)
            # Up to now: a stream that stands still has no rate.
            span = time.monotonic() - recent[0] if frames else 0.0
        return LiveReport(
            frames_in=self._intake.frames,
            frames_out=self._frames_out,
            dropped=self.dropped,
            damaged=self._intake.damaged,
            seconds=time.monotonic() - self._started if self._started else 0.0,
            rate_fps=frames / span if span > 0 else 0.0,
            stages_ms={name: times.percentiles(last) for name, times in self._times.items()},
            reconnects=self._intake.reconnects,
            ended="end of the clip" if self._intake.ended_by_itself else self._ended,
        )

    def _demand_of(self, sink: Sink) -> DemandWatch | None:
        if self._on_demand is None:
            return None
        if watched(sink) is None:
            raise SinkError(
                f"{sink.name} can't tell whether anyone looks at it.",
                "Leave --on-demand out, or use a virtual camera alone (on Linux: v4l2loopback or PipeWire).",
            )
        return DemandWatch(lambda: self._looked_at() or bool(watched(sink)), self._on_demand)

    def _finish(self) -> None:
        self._stop.set()
        self._intake.finish()
        self._cleaned.close()
        if self._writing is not None:
            self._writing.join(timeout=5.0)

    # --- the caller's thread ---

    def _clean(
        self, previous: Timed, seconds: float | None, on_frame: Callable[[], None] | None
    ) -> None:
        intake = self._intake
        watchdog = Watchdog(steady_clock())
        mode, info = intake.camera.mode, intake.camera.info
        rates = RateWatch(
            float(mode.rate_fps),
            time.monotonic(),
            webcam=info.kind == "webcam",
            fed=info.fed_by_program,
        )
        reconnects = 0
        resting = False
        while True:
            now = time.monotonic()
            if seconds is not None and now - self._started >= seconds:
                self._ended = "time is up"
                return
            try:
                timed = intake.taken.take(KEEP_ALIVE_S)
            except Closed:
                return
            wanted = self.wanted()
            idle = wanted is not Demand.WATCHED
            # In the dark no frame is due; what nobody looks at isn't late.
            found = watchdog.look(steady_clock(), info.name, timed is not None or idle, intake.away)
            if found.text and not self._lossless:
                self._note(found.text)
            if found.reset and not self._lossless:
                self._denoiser.reset()
                intake.restart_clock()
                rates.restart()
            if found.reopen:
                intake.replace()
            if idle:
                self._unwatched_s += time.monotonic() - now
                resting = True
                if wanted is Demand.DARK:
                    previous = self._in_the_dark(previous)
            elif timed is None:
                if resting or watchdog.age(steady_clock()) > FALLS_SILENT_S:
                    # Programs in a call give a virtual camera up that falls silent.
                    previous = _again(previous)
                    self._publish(previous)
            else:
                if resting or reconnects != intake.reconnects:
                    reconnects, resting, self._dark = intake.reconnects, False, 0
                    self._denoiser.reset()
                    rates.restart()
                if not self._lossless:
                    text = rates.look(now, intake.frames, self._frames_out, intake.passed_over)
                    if text:
                        self._note(text)
                self._look(timed.planes)
                previous = self._cleaned_frame(timed)
                self._publish(previous)
            if on_frame is not None and (timed is not None or not self._lossless):
                on_frame()  # also without a frame, so that what is shown doesn't stand still

    def _in_the_dark(self, previous: Timed) -> Timed:
        """Black: who opens the virtual camera hours later isn't shown a picture of now."""
        layout = previous.planes.format
        planes = previous.planes if self._dark else black_planes(layout)
        black = Timed(planes, time.monotonic())
        self._dark += 1
        if self._dark <= _BUFFERS or self._dark % _SELDOM == 0:
            self._unwatched_frames += 1
            self._publish(black)
        return black

    def _cleaned_frame(self, timed: Timed) -> Timed:
        begin = time.monotonic()
        planes = timed.planes
        strength = self.strength
        if strength > 0:
            clean = self._denoiser(planes)
            planes = blend(planes, clean, strength)
            if planes is clean and clean is not timed.planes:
                # The denoiser uses its buffers again, and the writer may still be busy with this frame.
                planes = clean.copy()
        self._times["clean"].add(time.monotonic() - begin)
        return Timed(planes, timed.arrived, timed.planes)

    def _publish(self, timed: Timed) -> None:
        try:
            self._cleaned.put(timed, wait=self._lossless)
        except Closed:
            self._stop.set()
            self._intake.taken.close()

    # --- the writer's thread ---

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Around the writer's work: however it ends, its mailbox is closed, and a failure is kept for :meth:`run`."""
        try:
            yield
        except Closed:
            pass
        except BaseException as error:
            self._failure = error
        finally:
            self._cleaned.close()

    def _writer(self, sink: Sink) -> None:
        with self._ending():
            while True:
                timed = self._cleaned.take()
                assert timed is not None
                begin = time.monotonic()
                finished = self._finishing(timed.planes)
                sink.write(finished)
                now = time.monotonic()
                self._times["publish"].add(now - begin)
                self._times["delay"].add(now - timed.arrived)
                self._frames_out += 1
                self._first_out = self._first_out or now
                self._last_out = now
                self._recent.append(now)
                if self._tap is not None:
                    self._tap(timed.camera or timed.planes, finished, timed.arrived)

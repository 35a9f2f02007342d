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
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import cast

from ..cameras.base import Camera, PassesOver
from ..denoisers import Denoiser, blend
from ..errors import CameraError, ClipError, RtdenoiseError, SinkError, StorageError
from ..frames import Chroma, PlaneFormat, Planes, convert, planes_from_frame
from ..sinks.base import Sink
from .fitting import fit
from .mailbox import Closed, Mailbox
from .timing import STAGES, LiveReport, StageTimes
from .watchdog import RateWatch, Watchdog, steady_clock

REOPEN_EVERY_S = 1.0
LET_GO_S = 2.0  # closing waits for a read that hangs in a driver; nobody waits for it longer
FALLS_SILENT_S = 1.0
LATE_S = (
    0.5  # a file or simulated camera that is read so late goes on from there instead of catching up
)
KEEP_ALIVE_S = 0.2  # while the camera is away, its last picture is published so often

Note = Callable[[str], None]
OpenSink = Callable[[PlaneFormat, Fraction], Sink]


@dataclass(frozen=True)
class _Timed:
    """A frame on its way, with the moment its packet arrived."""

    planes: Planes
    arrived: float


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
    ) -> None:
        self._camera, self._denoiser, self._open_sink = camera, denoiser, open_sink
        self._chroma, self._strength = chroma, strength
        self._paced, self._lossless = paced, lossless
        self._reopen, self._note = reopen, note
        self._taken: Mailbox[_Timed] = Mailbox()
        self._cleaned: Mailbox[_Timed] = Mailbox()
        self._stop = threading.Event()
        self._failure: RtdenoiseError | None = None
        self._crash: BaseException | None = None
        self._times = {name: StageTimes() for name in STAGES}
        self._frames_in = self._frames_out = self._damaged = self._skipped = self._reconnects = 0
        self._first_out = self._last_out = self._started = 0.0
        self._ended = "stopped"
        self._begin: tuple[float, float] | None = (
            None  # wall time and media time of the first frame
        )
        self._layout: PlaneFormat | None = None  # what the sink was opened for
        self._threads: list[threading.Thread] = []
        self._late = 0  # frames that a camera would have sent while a file was read too slowly
        self._away = False  # the camera is known to be gone
        self._generation = 0  # of the reader: one that hung is left behind
        self._recent: deque[float] = deque(maxlen=61)  # when frames came out
        self.sink_name = ""

    @property
    def strength(self) -> float:
        """From 0, the camera's picture, to 1; may be set while it runs."""
        return self._strength

    @strength.setter
    def strength(self, value: float) -> None:
        self._strength = value

    @property
    def dropped(self) -> int:
        """How many frames were lost so far, because a stage wasn't ready for them."""
        return self._passed_over() + self._taken.dropped + self._cleaned.dropped

    @property
    def lost(self) -> int:
        """Like :attr:`dropped`, and how many more a camera would have sent in place of a file that is read late."""
        return self.dropped + self._late

    def run(
        self, seconds: float | None = None, on_frame: Callable[[], None] | None = None
    ) -> LiveReport:
        """Runs until the camera ends, ``seconds`` have passed since the first frame, or Ctrl-C.

        ``on_frame`` is called after each cleaned frame, and (unless ``lossless``) several times a second while there is
        none, in this thread; :meth:`report` may be asked from it.

        Raises:
            CameraError, ClipError: the camera sent no frame at all, or went away for good.
            SinkError, StorageError: the sink can't be opened or failed.
        """
        source = self._read()
        sink: Sink | None = None
        try:
            first = next(source, None)
            if first is None:
                raise ClipError(f"{self._camera.info.name} sent no frame that could be read.")
            sink = self._open_sink(first.planes.format, self._camera.mode.rate_fps)
            self.sink_name = sink.name
            self._layout = first.planes.format
            # The first frame takes longest: buffers are made, networks choose their kernels. It is cleaned
            # before the clock starts, or the frames behind it would come too late.
            cleaned = self._cleaned_frame(first)
            self._frames_in, self._started = 1, time.monotonic()
            self._begin = (self._started, first.planes.time_s)
            self._publish(cleaned)
            self._start_thread("reader", self._reader, source, self._generation)
            self._start_thread("writer", self._writer, sink)
            self._clean(cleaned, seconds, on_frame)
        except KeyboardInterrupt:
            self._ended = "interrupted"
        except BaseException:
            self._finish()
            if sink is not None:
                sink.abort()
            raise
        self._finish()
        failure = self._crash or self._failure
        if sink is not None and isinstance(failure, (SinkError, StorageError)):
            sink.abort()
        elif sink is not None:
            # Also after a camera's failure: a film that ends early is better than none.
            sink.close()
        if failure is not None:
            raise failure
        return self.report()

    def report(self, last: int | None = None) -> LiveReport:
        """What was done so far; stage times of the whole run or of the ``last`` few frames."""
        span, frames = self._last_out - self._first_out, self._frames_out - 1
        if last is not None:
            recent = list(self._recent.copy())[-last - 1 :]
            frames = max(0, len(recent) - 1)
            # Up to now: a stream that stands still has no rate.
            span = time.monotonic() - recent[0] if frames else 0.0
        return LiveReport(
            frames_in=self._frames_in,
            frames_out=self._frames_out,
            dropped=self.dropped,
            damaged=self._damaged + self._camera.damaged_packets,
            seconds=time.monotonic() - self._started if self._started else 0.0,
            rate_fps=frames / span if span > 0 else 0.0,
            stages_ms={name: times.percentiles(last) for name, times in self._times.items()},
            reconnects=self._reconnects,
            ended=self._ended,
        )

    def _passed_over(self) -> int:
        camera = self._camera
        now = camera.skipped_packets if isinstance(camera, PassesOver) else 0
        return self._skipped + now

    def _start_thread(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        # Daemons, because a read that hangs in a driver must not keep the program alive.
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _finish(self) -> None:
        self._stop.set()
        self._taken.close()
        if not self._threads:
            self._camera.close()
        for thread in self._threads:
            if thread.name == "writer":
                self._cleaned.close()
            thread.join(timeout=5.0)
        self._let_go()

    def _let_go(self) -> None:
        """Closes the camera, or leaves that to a thread where it hangs."""
        thread = threading.Thread(target=self._camera.close, name="close", daemon=True)
        thread.start()
        thread.join(timeout=LET_GO_S)

    # --- the reader's thread ---

    def _read(self) -> Iterator[_Timed]:
        """Frames in the format that is cleaned, each with its arrival time."""
        camera = self._camera
        late = isinstance(camera, PassesOver) and not self._lossless
        sent = cast(PassesOver, camera).newest_packets() if late else camera.packets()
        packets = chain(sent, [None])  # None: what the decoder still holds
        while not self._stop.is_set():
            try:
                packet = next(packets)
            except StopIteration:
                return
            arrived = time.monotonic()
            for frame in camera.decode(packet):
                decoded = time.monotonic()
                planes = planes_from_frame(frame)
                if self._chroma is not None and planes.format.chroma != "gray":
                    planes = convert(planes, self._chroma, planes.format.full_range)
                if self._layout is not None:
                    planes = fit(planes, self._layout)
                self._times["decode"].add(decoded - arrived)
                self._times["convert"].add(time.monotonic() - decoded)
                if self._paced:
                    now = time.monotonic()
                    self._begin = self._begin or (now, planes.time_s)
                    due = self._begin[0] + planes.time_s - self._begin[1]
                    if due > now and self._stop.wait(due - now):
                        return
                    if now - due > LATE_S:
                        self._late += int((now - due) * camera.mode.rate_fps)
                        self._begin, due = (now, planes.time_s), now
                    # A file's frame "arrives" when its time comes; its decoding counts as delay.
                    arrived = max(due, now) - (now - arrived)
                yield _Timed(planes, arrived)

    def _reader(self, source: Iterator[_Timed] | None, generation: int) -> None:
        """Delivers what comes; without a ``source`` the camera is opened first."""
        with self._ending(self._taken, generation):
            while True:
                try:
                    if source is None:
                        if not self._wait_for_camera(generation):
                            return
                        source = self._read()
                    for timed in source:
                        self._deliver(timed, generation)
                    if not self._stop.is_set():
                        self._ended = "end of the clip"
                    return
                except CameraError as error:
                    if self._reopen is None or self._stop.is_set():
                        raise
                    if generation == self._generation:
                        self._note(f"{error.message} Waiting for it to come back …")
                    source = None

    @contextmanager
    def _ending(self, mailbox: Mailbox[_Timed], generation: int | None = None) -> Iterator[None]:
        """Around a thread's work: however it ends, its mailbox is closed, and a failure is kept for :meth:`run`.

        A reader that was left behind closes nothing.
        """
        failure: BaseException | None = None
        try:
            yield
        except Closed:
            pass
        except BaseException as error:
            failure = error
        if generation is not None and generation != self._generation:
            return
        if isinstance(failure, RtdenoiseError):
            self._failure = failure
        elif failure is not None:
            self._crash = failure
        mailbox.close()

    def _deliver(self, timed: _Timed, generation: int) -> None:
        if generation != self._generation:
            raise Closed
        self._frames_in += 1
        self._taken.put(timed, wait=self._lossless)

    def _wait_for_camera(self, generation: int) -> bool:
        """Tries to open the camera again until it is there, the run ends, or another thread does so."""
        assert self._reopen is not None
        if generation != self._generation:
            return False
        self._away, before = True, self._camera.mode
        self._damaged += self._camera.damaged_packets
        self._skipped = self._passed_over()
        self._let_go()
        while not self._stop.wait(REOPEN_EVERY_S):
            try:
                camera = self._reopen()
            except CameraError:
                continue
            if generation != self._generation:
                camera.close()
                return False
            self._camera, self._begin, self._away = camera, None, False
            self._reconnects += 1
            other = camera.mode != before
            self._note(
                f"{camera.info.name} is back"
                + (f" with {camera.mode}; what goes out keeps its size." if other else ".")
            )
            return True
        return False

    # --- the caller's thread ---

    def _clean(
        self, previous: _Timed, seconds: float | None, on_frame: Callable[[], None] | None
    ) -> None:
        watchdog = Watchdog(steady_clock())
        mode, info = self._camera.mode, self._camera.info
        rates = RateWatch(float(mode.rate_fps), time.monotonic(), webcam=info.kind == "webcam")
        reconnects = 0
        while True:
            now = time.monotonic()
            if seconds is not None and now - self._started >= seconds:
                self._ended = "time is up"
                return
            try:
                timed = self._taken.take(KEEP_ALIVE_S)
            except Closed:
                return
            found = watchdog.look(steady_clock(), info.name, timed is not None, self._away)
            if found.text and not self._lossless:
                self._note(found.text)
            if found.reset and not self._lossless:
                self._denoiser.reset()
                self._begin = None
                rates.restart()
            if found.reopen and self._reopen is not None:
                self._generation += 1
                self._start_thread("reader", self._reader, None, self._generation)
            if timed is None:
                if watchdog.age(steady_clock()) > FALLS_SILENT_S:
                    # Programs in a call give a virtual camera up that falls silent.
                    self._publish(_Timed(previous.planes, time.monotonic()))
                if on_frame is not None and not self._lossless:
                    on_frame()  # so that what is shown doesn't stand still
                continue
            if reconnects != self._reconnects:
                reconnects = self._reconnects
                self._denoiser.reset()
                rates.restart()
            if not self._lossless:
                text = rates.look(now, self._frames_in, self._frames_out, self._passed_over())
                if text:
                    self._note(text)
            previous = self._cleaned_frame(timed)
            self._publish(previous)
            if on_frame is not None:
                on_frame()

    def _cleaned_frame(self, timed: _Timed) -> _Timed:
        begin = time.monotonic()
        planes = timed.planes
        if self._strength > 0:
            clean = self._denoiser(planes)
            planes = blend(planes, clean, self._strength)
            if planes is clean and clean is not timed.planes:
                # The denoiser uses its buffers again, and the writer may still be busy with this frame.
                planes = clean.copy()
        self._times["clean"].add(time.monotonic() - begin)
        return _Timed(planes, timed.arrived)

    def _publish(self, timed: _Timed) -> None:
        try:
            self._cleaned.put(timed, wait=self._lossless)
        except Closed:
            self._stop.set()
            self._taken.close()

    # --- the writer's thread ---

    def _writer(self, sink: Sink) -> None:
        with self._ending(self._cleaned):
            while True:
                timed = self._cleaned.take()
                assert timed is not None
                begin = time.monotonic()
                sink.write(timed.planes)
                now = time.monotonic()
                self._times["publish"].add(now - begin)
                self._times["delay"].add(now - timed.arrived)
                self._frames_out += 1
                self._first_out = self._first_out or now
                self._last_out = now
                self._recent.append(now)

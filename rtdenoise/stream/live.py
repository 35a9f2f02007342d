"""The live loop: reader, denoiser and sink side by side, with one-slot mailboxes between them.

    camera ─reader thread─▶ [mailbox] ─caller's thread─▶ [mailbox] ─writer thread─▶ sink
            decode, convert            clean, blend                publish

The caller's thread owns the denoiser and its state, so nothing needs a lock. A stage that falls behind
loses frames, not time: each mailbox holds the newest frame only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import cast

from ..cameras.base import Camera, PassesOver
from ..denoisers import Denoiser, blend
from ..errors import CameraError, ClipError, RtdenoiseError, SinkError, StorageError
from ..frames import Chroma, PlaneFormat, Planes, black_planes, convert, planes_from_frame
from ..sinks.base import Sink, watched
from .demand import Demand, DemandPolicy, DemandWatch
from .mailbox import Closed, Mailbox
from .timing import STAGES, LiveReport, StageTimes

SILENCE_S = 2.0  # a camera that sends nothing for so long is reported
REOPEN_EVERY_S = 1.0
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
        on_demand: While no program reads the sink nothing is cleaned, and after a while the camera is released;
            needs ``reopen``. None: the camera runs and is cleaned all the time.
        finish: Called in the writer's thread with each frame before it is published, which it may change, but
            not its format.
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
    ) -> None:
        self._camera, self._denoiser, self._open_sink = camera, denoiser, open_sink
        self._chroma, self._strength = chroma, strength
        self._paced, self._lossless = paced, lossless
        self._reopen, self._note, self._finishing = reopen, note, finish
        self._on_demand = on_demand
        self._demand: DemandWatch | None = None
        self._unwatched_s, self._unwatched_frames = 0.0, 0
        self._taken: Mailbox[_Timed] = Mailbox()
        self._cleaned: Mailbox[_Timed] = Mailbox()
        self._stop = threading.Event()
        self._failure: RtdenoiseError | None = None
        self._crash: BaseException | None = None
        self._times = {name: StageTimes() for name in STAGES}
        self._frames_in = self._frames_out = self._damaged = self._skipped = self._reconnects = 0
        self._first_out = self._last_out = self._started = 0.0
        self._ended = "stopped"
        self._away = False  # its loss was told: that it sends nothing needn't be
        self._begin: tuple[float, float] | None = (
            None  # wall time and media time of the first frame
        )
        self.sink_name = ""

    def run(
        self, seconds: float | None = None, on_frame: Callable[[], None] | None = None
    ) -> LiveReport:
        """Runs until the camera ends, ``seconds`` have passed since the first frame, or Ctrl-C.

        ``on_frame`` is called after each cleaned frame, in this thread; :meth:`report` may be asked from it.

        Raises:
            CameraError, ClipError: the camera sent no frame at all, or went away for good.
            SinkError, StorageError: the sink can't be opened or failed, or can't tell whether it is read where work
                is to be done on demand.
        """
        source = self._read()
        sink: Sink | None = None
        threads: list[threading.Thread] = []
        try:
            first = next(source, None)
            if first is None:
                raise ClipError(f"{self._camera.info.name} sent no frame that could be read.")
            sink = self._open_sink(first.planes.format, self._camera.mode.rate_fps)
            self.sink_name = sink.name
            self._demand = self._demand_of(sink)
            # The first frame takes longest: buffers are made, networks choose their kernels. It is cleaned
            # before the clock starts, or the frames behind it would come too late.
            cleaned = self._cleaned_frame(first)
            self._frames_in, self._started = 1, time.monotonic()
            self._begin = (self._started, first.planes.time_s)
            self._publish(cleaned)
            threads = [
                # Daemons, because a read that hangs in a driver must not keep the program alive.
                threading.Thread(target=self._reader, args=(source,), name="reader", daemon=True),
                threading.Thread(target=self._writer, args=(sink,), name="writer", daemon=True),
            ]
            for thread in threads:
                thread.start()
            self._clean(cleaned, seconds, on_frame)
        except KeyboardInterrupt:
            self._ended = "interrupted"
        except BaseException:
            self._finish(threads)
            if sink is not None:
                sink.abort()
            raise
        self._finish(threads)
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
        span = self._last_out - self._first_out - self._unwatched_s
        return LiveReport(
            frames_in=self._frames_in,
            frames_out=self._frames_out,
            dropped=self._passed_over() + self._taken.dropped + self._cleaned.dropped,
            damaged=self._damaged + self._camera.damaged_packets,
            seconds=time.monotonic() - self._started if self._started else 0.0,
            rate_fps=max(self._frames_out - 1 - self._unwatched_frames, 0) / span
            if span > 0
            else 0.0,
            stages_ms={name: times.percentiles(last) for name, times in self._times.items()},
            reconnects=self._reconnects,
            ended=self._ended,
        )

    def _demand_of(self, sink: Sink) -> DemandWatch | None:
        if self._on_demand is None:
            return None
        if watched(sink) is None:
            raise SinkError(
                f"{sink.name} can't tell whether anyone looks at it.",
                "Leave --on-demand out, or use a virtual camera alone (on Linux: v4l2loopback or PipeWire).",
            )
        return DemandWatch(lambda: bool(watched(sink)), self._on_demand)

    def wanted(self) -> Demand:
        """What is wanted now; watched where work is not on demand."""
        return Demand.WATCHED if self._demand is None else self._demand.now()

    def _passed_over(self) -> int:
        camera = self._camera
        now = camera.skipped_packets if isinstance(camera, PassesOver) else 0
        return self._skipped + now

    def _finish(self, threads: list[threading.Thread]) -> None:
        self._stop.set()
        self._taken.close()
        if not threads:
            self._camera.close()
        for thread in threads:
            if thread.name == "writer":
                self._cleaned.close()
            thread.join(timeout=5.0)
        self._camera.close()

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
            for frame in self._camera.decode(packet):
                decoded = time.monotonic()
                planes = planes_from_frame(frame)
                if self._chroma is not None and planes.format.chroma != "gray":
                    planes = convert(planes, self._chroma, planes.format.full_range)
                self._times["decode"].add(decoded - arrived)
                self._times["convert"].add(time.monotonic() - decoded)
                if self._paced:
                    now = time.monotonic()
                    self._begin = self._begin or (now, planes.time_s)
                    due = self._begin[0] + planes.time_s - self._begin[1]
                    if due > now and self._stop.wait(due - now):
                        return
                    # A file's frame "arrives" when its time comes; its decoding counts as delay.
                    arrived = max(due, now) - (now - arrived)
                yield _Timed(planes, arrived)

    def _reader(self, source: Iterator[_Timed]) -> None:
        with self._ending(self._taken):
            while True:
                try:
                    for timed in source:
                        self._deliver(timed)
                        if self.wanted() is Demand.DARK:
                            break
                    else:
                        if not self._stop.is_set():
                            self._ended = "end of the clip"
                        return
                    if not self._rest():
                        return
                    source = self._read()
                except CameraError as error:
                    if self._reopen is None or self._stop.is_set():
                        raise
                    self._note(f"{error.message} Waiting for it to come back …")
                    if not self._wait_for_camera():
                        return
                    source = self._read()

    @contextmanager
    def _ending(self, mailbox: Mailbox[_Timed]) -> Iterator[None]:
        """Around a thread's work: however it ends, its mailbox is closed, and a failure is kept for :meth:`run`."""
        try:
            yield
        except Closed:
            pass
        except RtdenoiseError as error:
            self._failure = error
        except BaseException as error:
            self._crash = error
        finally:
            mailbox.close()

    def _deliver(self, timed: _Timed) -> None:
        self._frames_in += 1
        self._taken.put(timed, wait=self._lossless)

    def _rest(self) -> bool:
        """Releases the camera until a program reads the sink again; False if the run ends before."""
        assert self._demand is not None
        self._note("Nobody looks: the camera is released.")
        self._let_go()
        while self._demand.wait(self._stop):
            self._begin = None  # a clip goes on from its own start
            if self._open_again(0.0):
                self._note("A program reads the virtual camera: the camera runs again.")
                return True
        return False

    def _let_go(self) -> None:
        self._away = True
        self._damaged += self._camera.damaged_packets
        self._skipped = self._passed_over()
        self._camera.close()

    def _wait_for_camera(self) -> bool:
        """Tries to open the camera again until it is there or the run ends."""
        self._let_go()
        while not self._open_again(REOPEN_EVERY_S):
            if self._demand is None or not self._demand.wait(self._stop):
                return False
        self._reconnects += 1
        self._note(f"{self._camera.info.name} is back.")
        return True

    def _open_again(self, wait_s: float) -> bool:
        """Tries it until the camera is there; False if the run ends, or nobody looks any more."""
        assert self._reopen is not None
        while not self._stop.wait(wait_s) and self.wanted() is not Demand.DARK:
            try:
                camera = self._reopen()
            except CameraError as error:
                if not wait_s:  # the first try
                    self._note(f"{error.message} Waiting for it …")
                wait_s = REOPEN_EVERY_S
                continue
            if camera.mode != self._camera.mode:
                # The sink keeps one format for a run, so another mode is no use.
                camera.close()
                wait_s = REOPEN_EVERY_S
                continue
            self._camera = camera
            self._away = False
            return True
        return False

    # --- the caller's thread ---

    def _clean(
        self, previous: _Timed, seconds: float | None, on_frame: Callable[[], None] | None
    ) -> None:
        silent_since = due_since = time.monotonic()
        reported = resting = False
        dark = 0  # how often it was asked since nobody looks
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
            wanted = self.wanted()
            if wanted is not Demand.WATCHED:
                self._unwatched_s += time.monotonic() - now
                silent_since = due_since = time.monotonic()
                reported, resting = False, True
                if wanted is Demand.DARK:
                    # Who opens the virtual camera hours later isn't shown a picture of now: a v4l2loopback device
                    # keeps its last ones, in 32 buffers at most. Then just enough that a program isn't kept waiting.
                    black = previous.planes if dark else black_planes(previous.planes.format)
                    previous = _Timed(black, time.monotonic())
                    dark += 1
                    if dark <= 32 or dark % 5 == 0:
                        self._unwatched_frames += 1
                        self._publish(previous)
                continue
            if timed is None:
                if self._away:
                    due_since = time.monotonic()
                if time.monotonic() - due_since > SILENCE_S and not reported:
                    reported = True
                    self._note(f"{self._camera.info.name} has sent no frame for {SILENCE_S:g} s.")
                if resting or time.monotonic() - silent_since > SILENCE_S / 2:
                    # Programs in a call give a virtual camera up that falls silent.
                    self._publish(_Timed(previous.planes, time.monotonic()))
                continue
            silent_since = due_since = time.monotonic()
            reported = False
            if resting or reconnects != self._reconnects:
                reconnects, resting, dark = self._reconnects, False, 0
                self._denoiser.reset()
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
                sink.write(self._finishing(timed.planes))
                now = time.monotonic()
                self._times["publish"].add(now - begin)
                self._times["delay"].add(now - timed.arrived)
                self._frames_out += 1
                self._first_out = self._first_out or now
                self._last_out = now

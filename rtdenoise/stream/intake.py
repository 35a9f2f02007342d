"""The camera's side of a live run: its packets become frames, in a thread; a camera that goes away is opened again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

from .. import heap
from ..cameras.base import Camera, PassesOver
from ..errors import CameraError
from ..frames import Chroma, PlaneFormat, Planes, convert, planes_from_frame
from .clock import StreamClock
from .demand import Demand, DemandWatch
from .fitting import fit
from .mailbox import Closed, Mailbox
from .timing import StageTimes

REOPEN_EVERY_S = 0.5
LET_GO_S = 2.0  # closing waits for a read that hangs in a driver; nobody waits for it longer
# A file or simulated camera that is read so late goes on from there instead of catching up.
LATE_S = 0.5
# A file whose times jump by so much (its clock was set, its parts were joined, it is damaged) goes on at once.
JUMP_S = 10.0

Note = Callable[[str], None]


@dataclass(frozen=True)
class Timed:
    """A frame on its way, with the moment its packet arrived, and the camera's own frame behind it."""

    planes: Planes
    arrived: float
    camera: Planes | None = None  # None: ``planes`` itself


class Intake:
    """Reads a camera, and puts what it sends into a mailbox.

    Args:
        camera: An open camera; closed at the end.
        stop: Set when the run ends.
        times: Of the stages; decode and convert are told to it.
        chroma: Frames are brought to this sub-sampling; None leaves them as they come.
        paced: Hand frames over at their own times.
        lossless: Wait for each frame to be taken.
        reopen: Opens the same camera again after it went away; None ends the run instead.
        note: Told in one sentence what happens to the camera.
    """

    def __init__(
        self,
        camera: Camera,
        stop: threading.Event,
        times: dict[str, StageTimes],
        *,
        chroma: Chroma | None,
        paced: bool,
        lossless: bool,
        reopen: Callable[[], Camera] | None,
        note: Note,
    ) -> None:
        self.camera = camera
        """The camera that is open now, or was last."""
        self.taken: Mailbox[Timed] = Mailbox()
        """Where frames are to be had."""
        self.frames = self.reconnects = 0
        self.late = 0
        """How many frames a camera would have sent while a file was read too slowly."""
        self.away = False
        """Whether the camera is known to be gone."""
        self.ended_by_itself = False
        """Whether the clip came to its end."""
        self.failure: BaseException | None = None
        """What ended the reading."""
        self.layout: PlaneFormat | None = None
        """What the sink was opened for: every frame is brought to it."""
        self.demand: DemandWatch | None = None
        """Tells whether work is wanted; None: it is."""
        self._stop, self._times = stop, times
        self._chroma, self._paced, self._lossless = chroma, paced, lossless
        self._reopen, self._note = reopen, note
        self._damaged = self._skipped = 0
        self._generation = 0  # of the reading thread: one that hung is left behind
        # Wall time and media time of the first frame.
        self._begin: tuple[float, float] | None = None
        self._clock = StreamClock()
        self._threads: list[threading.Thread] = []

    @property
    def passed_over(self) -> int:
        """How many packets were passed over so far."""
        camera = self.camera
        now = camera.skipped_packets if isinstance(camera, PassesOver) else 0
        return self._skipped + now

    @property
    def damaged(self) -> int:
        """How many packets could not be decoded so far."""
        return self._damaged + self.camera.damaged_packets

    @property
    def wanted(self) -> Demand:
        """What is wanted now; watched where work is not on demand."""
        return Demand.WATCHED if self.demand is None else self.demand.now()

    def start(self, source: Iterator[Timed], first: Timed) -> None:
        """Begins to deliver what comes after the first frame of :meth:`read`."""
        self.frames = 1
        self._begin = (time.monotonic(), first.planes.time_s)
        if self._paced:
            self._clock.restart(first.planes.time_s, self._begin[0])
        self._start_thread(source)

    def replace(self) -> None:
        """Leaves a reading thread behind that hangs, and opens the camera again in another."""
        if self._reopen is not None:
            self._generation += 1
            self._start_thread(None)

    def restart_clock(self) -> None:
        """After the program stood still: frames come at their own times from now on."""
        self._begin = None

    def finish(self) -> None:
        """After the run was stopped: ends the threads and closes the camera."""
        self.taken.close()
        if not self._threads:
            self.camera.close()
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._close()

    def read(self) -> Iterator[Timed]:
        """Frames in the format that is cleaned, each with its arrival time."""
        camera = self.camera
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
                if self.layout is not None:
                    planes = fit(planes, self.layout)
                self._times["decode"].add(decoded - arrived)
                self._times["convert"].add(time.monotonic() - decoded)
                if self._paced:
                    now = time.monotonic()
                    self._begin = self._begin or (now, planes.time_s)
                    due = self._begin[0] + planes.time_s - self._begin[1]
                    if due - now > JUMP_S:
                        self._begin, due = (now, planes.time_s), now
                    if due > now and self._stop.wait(due - now):
                        return
                    if now - due > LATE_S:
                        self.late += int((now - due) * camera.mode.rate_fps)
                        self._begin, due = (now, planes.time_s), now
                    due = max(due, now)
                    # A file's frame "arrives" when its time comes; its decoding counts as delay.
                    arrived = due - (now - arrived)
                    planes = replace(planes, time_s=self._clock.of_moment(planes.time_s, due))
                elif not self._lossless:
                    planes = replace(planes, time_s=self._clock.of_camera(planes.time_s, arrived))
                yield Timed(planes, arrived)

    # --- the reading thread ---

    def _start_thread(self, source: Iterator[Timed] | None) -> None:
        # A daemon, because a read that hangs in a driver must not keep the program alive.
        work = (source, self._generation)
        thread = threading.Thread(target=self._run, args=work, name="reader", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, source: Iterator[Timed] | None, generation: int) -> None:
        failure: BaseException | None = None
        try:
            self._deliver_all(source, generation)
        except Closed:
            pass
        except BaseException as error:
            failure = error
        if generation == self._generation:  # one that was left behind closes nothing
            self.failure = failure
            self.taken.close()

    def _deliver_all(self, source: Iterator[Timed] | None, generation: int) -> None:
        """Delivers what comes; without a ``source`` the camera is opened first."""
        while True:
            try:
                if source is None:
                    if not self._wait_for_camera(generation):
                        return
                    source = self.read()
                for timed in source:
                    if generation != self._generation:
                        raise Closed
                    self.frames += 1
                    self.taken.put(timed, wait=self._lossless)
                    if self.wanted is Demand.DARK:
                        break
                else:
                    self.ended_by_itself = not self._stop.is_set()
                    return
                if not self._rest(generation):
                    return
                source = self.read()
            except CameraError as error:
                if self._reopen is None or self._stop.is_set():
                    raise
                if generation == self._generation:
                    self._note(f"{error.message} Waiting for it to come back …")
                source = None

    def _rest(self, generation: int) -> bool:
        """Releases the camera until a program reads the sink again; False if the run ends before."""
        assert self.demand is not None
        self._note("Nobody looks: the camera is released.")
        self._let_go()
        while self.demand.wait(self._stop):
            if self._open_again(0.0, generation):
                self._note("A program reads the virtual camera: the camera runs again.")
                return True
        return False

    def _wait_for_camera(self, generation: int) -> bool:
        """Tries to open the camera again until it is there, the run ends, or another thread does so."""
        if generation != self._generation:
            return False
        before = self.camera.mode
        self._let_go()
        while not self._open_again(REOPEN_EVERY_S, generation):
            # Nobody looks any more: in the dark no camera is needed.
            if self.demand is None or not self.demand.wait(self._stop):
                return False
        self.reconnects += 1
        mode = self.camera.mode
        other = f" with {mode}; what goes out keeps its size." if mode != before else "."
        self._note(f"{self.camera.info.name} is back{other}")
        return True

    def _open_again(self, wait_s: float, generation: int) -> bool:
        """Tries it until the camera is there; False if the run ends, or nobody looks any more."""
        assert self._reopen is not None
        while not self._stop.wait(wait_s) and self.wanted is not Demand.DARK:
            try:
                camera = self._reopen()
            except CameraError as error:
                if not wait_s:  # the first try
                    self._note(f"{error.message} Waiting for it …")
                wait_s = REOPEN_EVERY_S
                continue
            if generation != self._generation:
                camera.close()
                raise Closed
            self.camera, self._begin, self.away = camera, None, False
            return True
        return False

    def _let_go(self) -> None:
        self.away = True
        self._damaged += self.camera.damaged_packets
        self._skipped = self.passed_over
        self._close()
        heap.give_back()  # the decoder's

    def _close(self) -> None:
        """Closes the camera, or leaves that to a thread where it hangs."""
        thread = threading.Thread(target=self.camera.close, name="close", daemon=True)
        thread.start()
        thread.join(timeout=LET_GO_S)

"""Records a camera's packets as they are: coded ones into Matroska, raw video into NUT, no re-encoding.

What Matroska has no place for is stored as frames (see :mod:`capture.raw_video`).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import av

from rtdenoise.cameras.base import Camera
from rtdenoise.cameras.controls import locked_controls
from rtdenoise.errors import CameraError, ClipError
from rtdenoise.frames import planes_from_frame

from .meter import Meter, Reading
from .raw_video import is_copied
from .writer import LEAST_FRAMES, Writer

Stopped = Literal["done", "end", "interrupted", "lost"]

# Exposure, gain and white balance find their values when a camera starts or looks elsewhere.
SETTLE_S = 1.5
# Time to point the camera at the next scene.
PAUSE_S = 6.0
# Where somebody watches: a scene has to stand still for so long before it counts; for how long that is waited for.
STILL_S, WAIT_S = 0.5, 12.0


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    ``frames`` counts the packets; ``measured_fps`` is their real rate (None for fewer than two);
    ``scene_starts`` are the packets with which a new scene begins; ``stopped`` says why it ended:
    "done" after the time asked for, "end" of the file, "interrupted" by Ctrl-C, camera "lost"; ``left_out`` counts
    frames that had another size or kind than the first, where frames and not packets were stored.
    """

    path: Path
    frames: int
    seconds: float
    measured_fps: float | None
    stopped: Stopped
    started: str
    controls: dict[str, int] = field(default_factory=dict)
    scene_starts: tuple[int, ...] = ()
    lost_because: str = ""
    left_out: int = 0

    def facts(self) -> dict[str, Any]:
        """For the clip's sidecar."""
        return {
            "started": self.started,
            "controls": self.controls,
            "measured_fps": None if self.measured_fps is None else round(self.measured_fps, 3),
            "stopped": self.stopped,
            "scene_starts": list(self.scene_starts),
        }


def suffix_for(camera: Camera) -> str:
    """The suffix of the container that takes this camera's packets as they are, or else its frames."""
    return ".nut" if camera.mode.codec == "rawvideo" or not is_copied(camera) else ".mkv"


def record(
    camera: Camera,
    path: Path,
    seconds: float,
    *,
    scenes: int = 1,
    tick: Callable[[float], object] | None = None,
    tell: Callable[[str], object] | None = None,
    journal: Path | None = None,
    watch: Callable[[Reading], object] | None = None,
    control: Control | None = None,
) -> Recording:
    """Records ``camera`` to ``path``: the whole file or none, under a temporary name until it is done.

    Ends after ``seconds`` of the camera's own time, at the end of a file, when the camera goes away, or at
    the first Ctrl-C; what was recorded until then is kept. The settings of a webcam are locked while it is
    filmed. With several scenes each gets its part of the time, with a pause before the next.

    Args:
        camera: An open camera.
        path: The clip, with a suffix from :func:`suffix_for`.
        seconds: How long, all scenes together.
        scenes: How many, for a webcam that is pointed elsewhere in between.
        tick: Told how much more of the recording is done, in frames of the mode's rate: about 1 at a
            time, more where the camera is slower than its mode promises.
        tell: Told what the user has to do.
        journal: Where it is noted what puts the settings back, as long as they are locked.
        watch: Told what the meter says of each frame, also before filming begins; needs packets that are recorded as
            they are. A webcam's scene then begins when it stands still, or after twelve seconds, and frames that are
            not fit don't count for its time, as long as that doesn't double it.
        control: Ends the recording, or a scene of it, from another thread.

    Raises:
        CameraError: the camera went away before the second frame.
        ClipError: the file holds fewer than two frames.
        StorageError: the disk is full or can't be written; if it is full, what was recorded is kept, if it
            is a valid clip of two frames or more, and the message says so.
    """
    session = _Session(camera, path, seconds, scenes, tick or _ignore, tell or _ignore, journal)
    session.control = control or session.control
    if watch is not None and is_copied(camera):
        session.watch = watch
    with session.writer, _first_interrupt() as interrupted:
        try:
            session.run(interrupted)
        except (CameraError, ClipError) as error:
            if session.writer.frames < LEAST_FRAMES:
                raise
            session.stopped, session.lost_because = "lost", error.message
        session.finish(bool(interrupted))
    return session.recording()


class Control:
    """Buttons for a recording that runs in another thread."""

    def __init__(self) -> None:
        self.ended, self.next_scene = threading.Event(), threading.Event()

    def stop(self) -> None:
        """Ends the recording; what was recorded is kept."""
        self.ended.set()

    def skip(self) -> None:
        """The present scene is enough, or the present pause long enough."""
        self.next_scene.set()


class _Session:
    """The state of one recording."""

    def __init__(
        self,
        camera: Camera,
        path: Path,
        seconds: float,
        scenes: int,
        tick: Callable[[float], object],
        tell: Callable[[str], object],
        journal: Path | None,
    ) -> None:
        live = camera.info.kind == "webcam"
        self._camera, self._tick, self._tell, self._journal = camera, tick, tell, journal
        self._live, self._scenes = live, scenes if live else 1
        self._scene_s = seconds / self._scenes
        self._settle_s = SETTLE_S if live else 0.0
        self.writer = Writer(path, camera)
        self.stopped: Stopped = "end"
        self.lost_because = ""
        self._started = datetime.now().astimezone().isoformat(timespec="seconds")
        self._controls: dict[str, int] = {}
        self._scene_starts: list[int] = []
        self._recorded_s = 0.0
        self._intervals = 0
        self.control = Control()
        self.watch: Callable[[Reading], object] | None = None
        self._meter = Meter()
        self._reading = Reading()

    def run(self, interrupted: list[bool]) -> None:
        """Reads packets until there is nothing more to record."""
        packets = _timed(self._camera)
        for scene in range(self._scenes):
            wait_s = self._settle_s
            if scene:
                self._tell(
                    f"Scene {scene + 1} of {self._scenes}: point the camera elsewhere and let go of "
                    f"it; filming goes on in {PAUSE_S + SETTLE_S:.0f} seconds."
                )
                wait_s += PAUSE_S
            # Packets must be fetched all the time, else the driver's buffers hold old ones.
            self._meter.next_scene()
            if not self._pass_over(packets, wait_s, interrupted):
                return
            if self._live and self.watch and not self._await_still(packets, interrupted):
                return
            self.control.next_scene.clear()
            with ExitStack() as held:
                self._controls |= held.enter_context(locked_controls(self._camera, self._journal))
                if not self._film(packets, interrupted):
                    return
        self.stopped = "done"

    def _pass_over(
        self, packets: Iterator[tuple[av.Packet[Any], float]], wait_s: float, stop: list[bool]
    ) -> bool:
        """Lets ``wait_s`` seconds of packets go by; whether there are more."""
        if not wait_s:
            return True
        begin: float | None = None
        for packet, at in packets:
            if stop or self.control.ended.is_set():
                return False
            self._look(packet)
            begin = at if begin is None else begin
            if at - begin >= wait_s or self.control.next_scene.is_set():
                return True
        return False

    def _await_still(
        self, packets: Iterator[tuple[av.Packet[Any], float]], stop: list[bool]
    ) -> bool:
        """Lets packets go by until the scene stands still, or for as long as anyone waits; whether there are more."""
        begin: float | None = None
        still: float | None = None
        for packet, at in packets:
            if stop or self.control.ended.is_set():
                return False
            self._look(packet)
            begin = at if begin is None else begin
            still = None if not self._reading.still else at if still is None else still
            if at - begin >= WAIT_S or (still is not None and at - still >= STILL_S):
                return True
        return False

    def _look(self, packet: av.Packet[Any]) -> None:
        """Shows the meter what is in a packet."""
        if self.watch is None:
            return
        for frame in self._camera.decode(packet):
            self._reading = self._meter(planes_from_frame(frame))
            self.watch(self._reading)

    def _film(self, packets: Iterator[tuple[av.Packet[Any], float]], stop: list[bool]) -> bool:
        """Records one scene; whether there are more packets."""
        last: float | None = None
        spent_s = unfit_s = 0.0
        frame_s = 1 / max(float(self._camera.mode.rate_fps), 1.0)
        for count, (packet, at) in enumerate(packets):
            if last is None:
                last = at
                self._scene_starts.append(self.writer.frames)
            self._look(packet)
            self.writer.write(packet)
            # With B-frames times go back and forth: only what is new counts.
            new_s, last = max(at - last, 0.0), max(at, last)
            self._recorded_s += new_s
            self._intervals += count > 0
            waits = self._live and self.watch is not None and not self._reading.still
            if waits and unfit_s < self._scene_s:
                unfit_s += new_s
            else:
                spent_s += new_s
                self._tick(new_s / frame_s if count else 1.0)
            if stop or self.control.ended.is_set():
                return False
            # Enough when the next frame would be due half a frame before the end, or later.
            if spent_s + 1.5 * frame_s >= self._scene_s or self.control.next_scene.is_set():
                return True
        return False

    def finish(self, interrupted: bool) -> None:
        """Puts the file in its place."""
        if interrupted or self.control.ended.is_set():
            self.stopped = "interrupted"
        self.writer.flush()
        frames = self.writer.frames
        if frames < LEAST_FRAMES:
            if self.writer.left_out:
                raise ClipError(
                    f"{self._camera.info.name} gave only {frames} frame{'s' * (frames != 1)} of the first one's "
                    f"size, kind and sub-sampling, and {self.writer.left_out} of others; a clip needs at least "
                    f"{LEAST_FRAMES}.",
                    "Put those that are alike into a folder of their own, or save all of them as PNG.",
                )
            hint = "Record for longer." if interrupted else "Give it a longer recording."
            raise ClipError(
                f"{self._camera.info.name} gave only {frames} frame{'s' * (frames != 1)}, and a clip "
                f"needs at least {LEAST_FRAMES}.",
                hint,
            )
        self.writer.finish()

    def recording(self) -> Recording:
        """What was recorded."""
        rate = self._intervals / self._recorded_s if self._recorded_s else None
        return Recording(
            path=self.writer.path,
            frames=self.writer.frames,
            seconds=self._recorded_s,
            measured_fps=rate,
            stopped=self.stopped,
            started=self._started,
            controls=self._controls,
            scene_starts=tuple(self._scene_starts[1:]),
            lost_because=self.lost_because,
            left_out=self.writer.left_out,
        )


def _ignore(_: object) -> None:
    """For callers that don't want to be told."""


def _timed(camera: Camera) -> Iterator[tuple[av.Packet[Any], float]]:
    """The camera's packets with their times in seconds: the camera's own, else when they came."""
    rate = max(float(camera.mode.rate_fps), 1e-3)
    live = camera.info.kind == "webcam"
    for number, packet in enumerate(camera.packets()):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and packet.time_base:
            yield packet, float(stamp * packet.time_base)
        else:
            yield packet, time.monotonic() if live else number / rate


@contextmanager
def _first_interrupt() -> Iterator[list[bool]]:
    """Catches the first Ctrl-C: the list gets an entry. The second one is let through."""
    seen: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def note(_signal: int, _frame: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)

"""Times methods in turns: each in a process of its own, one at work while the others wait.

So whatever else the machine does hits all of them alike, and each one's memory is its own. A turn is a second or two of
frames, forth and back over the same few: first from memory, then with a thread beside it that decodes them from Motion
JPEG, as the reader of the live loop does.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from rtdenoise.cameras.file import FileCamera
from rtdenoise.frames import Planes, planes_from_frame

from ..common import forth_and_back, in_420, peak_memory_mb
from ..live.clips import packed
from .methods import PAPER, cleaner
from .peers import HQDN3D, HQDN3D_TIME, raw_source, time_hqdn3d

FRAMES = 16  # in memory
_WARM_UP = 12  # frames in which averages settle and kernels are chosen
_QUEUE = 2
# CPU time for a frame, which other programs disturb less than the clock: above the first nothing keeps up, and above
# the second one turn must do.
_SLOW_S, _VERY_SLOW_S = 1.0, 6.0
_FEWEST = 3  # frames in a turn of what isn't slow
_PAUSE_S = 0.2  # threads of the one before go to sleep


@dataclass(frozen=True)
class Spec:
    """What a process needs to know: method, the clip in Motion JPEG, and how the method is set up."""

    name: str
    clip: Path
    scratch: Path
    strength: float = 0.0
    model: Path | None = None


@dataclass(frozen=True)
class Lap:
    """One turn: ms per frame, and of these frames together the wall-clock and the CPU seconds."""

    ms: tuple[float, ...]
    wall_s: float
    cpu_s: float
    frames: int


@dataclass(frozen=True)
class Timing:
    """What a method takes. ``decoded_fps`` is with decoding beside it; None where that was not measured."""

    rate_fps: float
    decoded_fps: float | None
    p50_ms: float
    p95_ms: float
    cpu_s: float
    memory_mb: float
    frames: int
    estimated: bool = False


class Worker:
    """A method at work; others differ in :meth:`turn`."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._clean = cleaner(spec.name, spec.strength, spec.model)
        self._frames = first_frames(spec.clip, FRAMES)
        # Averages of ours settle on whole frames; for peers a corner is enough to load what they need.
        warm = self._frames[:_WARM_UP] if spec.model else [corner(p) for p in self._frames[:3]]
        for _ in self._clean(warm):
            pass

    def turn(self, seconds: float, decode: bool) -> Lap:
        """Cleans for so long, one frame at least."""
        stop = threading.Event()
        source = decoded(self._spec.clip, stop) if decode else _back_and_forth(self._frames)
        stamps = [(time.perf_counter(), time.process_time())]
        results = iter(self._clean(source))
        try:
            for _ in results:
                stamps.append((time.perf_counter(), time.process_time()))
                if _enough(stamps, seconds):
                    break
        finally:
            stop.set()
            getattr(results, "close", lambda: None)()
        # Until the first frame comes out the filter is set up, and those that look ahead are filled.
        stamps = stamps[1:] if len(stamps) > 2 else stamps
        wall = np.diff([stamp[0] for stamp in stamps])
        cpu = stamps[-1][1] - stamps[0][1]
        return Lap(tuple(1e3 * wall), float(wall.sum()), cpu, len(wall))

    def memory_mb(self) -> float:
        """The most memory that it has taken."""
        return peak_memory_mb() or math.nan


def _enough(stamps: list[tuple[float, float]], seconds: float) -> bool:
    """Whether a turn has lasted long enough; ``stamps`` are times and CPU times, of the start and of each frame."""
    first, last = stamps[min(1, len(stamps) - 2)], stamps[-1]
    cpu_s = (last[1] - stamps[0][1]) / (len(stamps) - 1)
    return last[0] - first[0] >= seconds and (len(stamps) > _FEWEST + 1 or cpu_s > _SLOW_S)


class ProgramWorker(Worker):
    """hqdn3d, inside the ffmpeg program."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._raw = spec.scratch / f"{spec.name}.yuv"
        frames = first_frames(spec.clip, FRAMES)
        # Forth and back, for FFmpeg plays it from the start again and again.
        order = forth_and_back(len(frames))
        self._raw.write_bytes(b"".join(packed(frames[i]).tobytes() for i in order))
        self._size = (frames[0].format.width, frames[0].format.height)
        self._frame_ms, self._memory = 20.0, 0.0

    def turn(self, seconds: float, decode: bool) -> Lap:
        """Likewise; without decoding the times are those of the filter alone, not of reading files."""
        spec = self._spec
        jpeg = ["-stream_loop", "-1", "-i", str(spec.clip)]
        source = jpeg if decode else raw_source(self._raw, self._size)
        count = max(round(1e3 * seconds / self._frame_ms), 10)
        done = time_hqdn3d(spec.name, spec.strength, source, count)
        self._frame_ms = max(1e3 * done.seconds / count, 0.1)
        self._memory = max(self._memory, done.memory_mb)
        wall = done.seconds if decode else sum(done.filter_ms) / 1e3
        return Lap(done.filter_ms, wall, done.cpu_s, count)

    def memory_mb(self) -> float:
        """That of the ffmpeg program."""
        return self._memory


class PaperWorker(Worker):
    """The paper's network in one view: a frame takes minutes, so one tile is timed and the rest is reckoned."""

    def __init__(self, spec: Spec) -> None:
        self._form = first_frames(spec.clip, 1)[0].format

    def turn(self, seconds: float, decode: bool) -> Lap:
        """One frame, estimated."""
        import torch

        from rtdenoise.bench import paper_seconds

        wall, cpu = time.perf_counter(), time.process_time()
        size = (self._form.width, self._form.height)
        frame_s = paper_seconds(size, torch.device("cpu"))
        busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
        return Lap((1e3 * frame_s,), frame_s, busy * frame_s, 1)


def worker_of(spec: Spec) -> Worker:
    """What runs a method."""
    if spec.name == PAPER:
        return PaperWorker(spec)
    return ProgramWorker(spec) if spec.name in (HQDN3D, HQDN3D_TIME) else Worker(spec)


def first_frames(path: Path, count: int) -> list[Planes]:
    """The first frames of a file in 4:2:0."""
    camera = FileCamera(path)
    try:
        frames = (in_420(planes_from_frame(frame)).copy() for frame in camera.frames())
        return list(itertools.islice(frames, count))
    finally:
        camera.close()


def corner(planes: Planes, side: int = 64) -> Planes:
    """The upper left corner of a 4:2:0 frame."""
    form = planes.format
    width, height = min(side, form.width), min(side, form.height)
    y, u, v = planes.y[:height, :width], planes.u, planes.v
    u, v = (plane[: (height + 1) // 2, : (width + 1) // 2] for plane in (u, v))
    layout = replace(form, width=width, height=height)
    return Planes(y, u, v, layout, planes.time_s).copy()


def _back_and_forth(frames: list[Planes]) -> Iterator[Planes]:
    return (frames[i] for i in itertools.cycle(forth_and_back(len(frames))))


def decoded(path: Path, stop: threading.Event) -> Iterator[Planes]:
    """A file's frames in 4:2:0, again and again until ``stop``, decoded in a thread of their own."""
    ready: queue.Queue[Planes] = queue.Queue(_QUEUE)

    def read() -> None:
        while not stop.is_set():
            camera = FileCamera(path)
            for frame in camera.frames():
                planes = in_420(planes_from_frame(frame))
                while not stop.is_set():
                    with suppress(queue.Full):
                        ready.put(planes, timeout=0.05)
                        break
                if stop.is_set():
                    break
            camera.close()

    thread = threading.Thread(target=read, name="reader", daemon=True)
    thread.start()
    try:
        while not stop.is_set():
            with suppress(queue.Empty):
                yield ready.get(timeout=0.05)
    finally:
        stop.set()
        thread.join()


def serve(connection: Connection, make: Callable[[Spec], Worker], spec: Spec) -> None:
    """A child's work: takes (seconds, decode) and sends a lap; None ends it, and it sends its memory."""
    try:
        worker = make(spec)
        connection.send(None)
        while (order := connection.recv()) is not None:
            connection.send(worker.turn(*order))
        connection.send(worker.memory_mb())
    except EOFError:  # the parent is gone
        pass
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")


class _Child:
    """A method in its own process."""

    def __init__(self, spec: Spec, make: Callable[[Spec], Worker]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.name, self.failure = spec.name, ""
        self.alone: list[Lap] = []
        self.with_decoding: list[Lap] = []
        self.memory_mb = math.nan
        self._process = context.Process(target=serve, args=(theirs, make, spec), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def _answer(self) -> Any:
        try:
            answer = self._connection.recv()
        except EOFError:
            answer = "its process ended"
        if isinstance(answer, str):
            self.failure = answer
        return answer

    @property
    def frame_s(self) -> float:
        """CPU time for a frame, as known so far."""
        frames = sum(lap.frames for lap in self.alone)
        return sum(lap.cpu_s for lap in self.alone) / max(frames, 1)

    def turn(self, seconds: float, first: bool) -> None:
        """One turn of each kind, as far as it makes sense: what is slow is slow with decoding, too."""
        if self.failure or (not first and self.frame_s > _VERY_SLOW_S):
            return
        for decode, laps in ((False, self.alone), (True, self.with_decoding)):
            if decode and self.frame_s > _SLOW_S:
                return
            time.sleep(_PAUSE_S)
            self._connection.send((seconds, decode))
            lap = self._answer()
            if not isinstance(lap, Lap):
                return
            laps.append(lap)

    def end(self) -> None:
        """Asks for the memory and lets it go."""
        if not self.failure:
            self._connection.send(None)
            answer = self._answer()
            if isinstance(answer, float):
                self.memory_mb = answer
        self._connection.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()


def summarised(
    alone: Sequence[Lap], with_decoding: Sequence[Lap], memory_mb: float, estimated: bool = False
) -> Timing:
    """All turns together."""
    ms = [value for lap in alone for value in lap.ms]
    frames = sum(lap.frames for lap in alone)
    p50, p95 = np.percentile(ms, (50, 95))
    rate = frames / sum(lap.wall_s for lap in alone)
    beside = None
    if with_decoding:
        beside = sum(x.frames for x in with_decoding) / sum(x.wall_s for x in with_decoding)
    cpu = sum(lap.cpu_s for lap in alone) / frames
    return Timing(rate, beside, float(p50), float(p95), cpu, memory_mb, frames, estimated)


def in_turns(
    specs: Sequence[Spec],
    rounds: int,
    seconds: float,
    tick: Callable[[str], None] = lambda _: None,
    make: Callable[[Spec], Worker] = worker_of,
) -> tuple[dict[str, Timing], dict[str, str]]:
    """Times methods.

    Args:
        specs: The methods.
        rounds: How many turns each gets; what takes seconds for a frame gets one.
        seconds: How long a turn is, without and with decoding each.
        tick: Told of each turn, with the method's name: ``rounds`` + 1 for each method.
        make: Makes what runs a method, in its process.

    Returns:
        Timings, and why others failed.
    """
    children = []
    try:
        for spec in specs:
            tick(spec.name)
            children.append(_Child(spec, make))
        for index in range(rounds):
            for child in children:
                tick(child.name)
                child.turn(seconds, first=index == 0)
    finally:
        for child in children:
            child.end()
    found = {
        child.name: summarised(
            child.alone, child.with_decoding, child.memory_mb, child.name == PAPER
        )
        for child in children
        if child.alone and not child.failure
    }
    return found, {child.name: child.failure for child in children if child.failure}

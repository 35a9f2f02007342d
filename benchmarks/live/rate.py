"""The whole path of a call: 1920×1080 Motion JPEG from a file, decoded, cleaned, to nothing.

    python -m benchmarks.live.rate [--network nano] [--seconds 60] [--noise high] [--motion subject] [--uncalibrated]

Two ways: as fast as it goes, with no frame dropped (the throughput of the live loop), and as the program that a user
starts, ``rtdenoise live``, which gets the frames at 30 a second. The second is a process of its own, so that
start-up, memory and CPU time are those of the program. The clip is the simulated camera's own packets, a few
of them forth and back. Its noise was measured on another scene, as calibration does it, or is estimated on the way.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from calibrate.noise.measure import measure
from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers import make_denoiser
from rtdenoise.files import whole_file
from rtdenoise.profile import Profile
from rtdenoise.sinks.null import NullSink
from rtdenoise.stream import LiveLoop, LiveReport

from ..common import forth_and_back, frames_of, in_420, peak_memory_mb

RATE_FPS = 30
RENDERED = 30  # frames that are rendered; the clip plays them forth and back
_LOSSLESS_S = 10.0
_CALIBRATION_FRAMES = 40
_POLL_S = 0.1


@dataclass(frozen=True)
class Called:
    """What ``rtdenoise live`` did.

    ``startup_s`` is from the start of the program to its first clean frame; ``cores`` is CPU time over time, start-up
    included. ``memory_mb`` is None where the system doesn't tell.
    """

    network: str
    frames: int
    dropped: int
    rate_fps: float
    seconds: float
    delay_p50_ms: float
    delay_p95_ms: float
    startup_s: float
    memory_mb: float | None
    cores: float
    stages_ms: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class WholePath:
    """Both ways for one network; ``packet_kb`` is the mean size of a frame in the file."""

    packet_kb: float
    throughput_fps: float
    called: Called


def make_clip(
    path: Path,
    frames: int,
    *,
    size: tuple[int, int] = (1920, 1080),
    rendered: int = RENDERED,
    noise: str = "high",
    motion: str = "subject",
) -> float:
    """Writes the camera's own packets, forth and back so that nothing jumps; their mean size in kB."""
    spec = f":desk?noise={noise}&motion={motion}&frames={rendered}&seed=5"
    packets = list(open_simulated(spec, size=size).packets())
    order = forth_and_back(rendered)
    total = 0
    with whole_file(path) as part, av.open(str(part), "w") as out:
        stream = out.add_stream("mjpeg", rate=RATE_FPS)
        stream.width, stream.height, stream.pix_fmt = (*size, "yuvj422p")
        for index in range(frames):
            packet = packets[order[index % len(order)]]
            packet.stream = stream
            packet.time_base = Fraction(1, RATE_FPS)
            packet.pts = packet.dts = index
            total += packet.size
            out.mux(packet)
    return total / frames / 1e3


def know_noise(path: Path, home: Path, noise: str, frames: int = _CALIBRATION_FRAMES) -> None:
    """Puts the noise of the clip's camera, measured on another scene, into its profile."""
    camera = FileCamera(path)
    mode, info = camera.mode, camera.info
    camera.close()
    spec = f":room?noise={noise}&motion=still&frames={frames}&seed=6"
    series = frames_of(open_simulated(spec, size=(mode.width, mode.height)))
    everywhere = np.ones((mode.height, mode.width), bool)
    model = measure([([in_420(planes) for planes in series], everywhere)], info.id, str(mode))
    place = Profile.of(info, home).noise_path
    place.parent.mkdir(parents=True, exist_ok=True)
    model.save(place)


def lossless(path: Path, network: str, home: Path, seconds: float = _LOSSLESS_S) -> LiveReport:
    """The live loop as fast as it goes; every stage waits for the others."""
    cv2.setNumThreads(1)  # as `rtdenoise live` has it
    camera = FileCamera(path)
    denoiser = make_denoiser(
        network, profile=Profile.of(camera.info, home), camera=camera.info, mode=camera.mode
    )
    return LiveLoop(camera, denoiser, lambda *_: NullSink(), lossless=True).run(seconds)


def called(path: Path, network: str, home: Path, seconds: float) -> Called:
    """``rtdenoise live`` on a file at the file's own rate.

    Raises:
        RuntimeError: it failed.
    """
    code = "import sys; from rtdenoise.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--home", str(home), "live", "--camera", f"file:{path}"]
    command += ["--output", "null", "--network", network, "--seconds", f"{seconds:g}", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            peak = _Peak(process.pid)
            assert isinstance(process.stdout, io.BufferedReader)
            text = process.stdout.read1()
            answered = time.monotonic()
            text += process.stdout.read()
        memory = peak.stop()
        errors.seek(0)
        if process.returncode != 0:
            said = " ".join(errors.read().decode(errors="replace").split())[-300:]
            raise RuntimeError(f"rtdenoise live ended with {process.returncode} after: {said}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return from_report(json.loads(text), answered - started, cpu, memory)


def from_report(
    report: dict[str, Any], answered_s: float, cpu_s: float, memory: float | None
) -> Called:
    """What follows from the program's report, which came ``answered_s`` after its start."""
    stages = {name: (v["p50"], v["p95"]) for name, v in report["stages_ms"].items()}
    return Called(
        network=report["network"],
        frames=report["frames_out"],
        dropped=report["dropped"],
        rate_fps=report["rate_fps"],
        seconds=report["seconds"],
        delay_p50_ms=stages["delay"][0],
        delay_p95_ms=stages["delay"][1],
        # The report's seconds count from the first clean frame to the report.
        startup_s=answered_s - report["seconds"],
        memory_mb=memory,
        cores=cpu_s / answered_s,
        stages_ms=stages,
    )


class _Peak:
    """Watches the memory of a program; what it took at most is gone when the program is."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._ended = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(_POLL_S):
            self._most = max(self._most, peak_memory_mb(self._pid) or 0.0)

    def stop(self) -> float | None:
        self._ended.set()
        self._thread.join()
        return self._most or None


def whole_path(
    folder: Path,
    network: str,
    seconds: float,
    *,
    size: tuple[int, int] = (1920, 1080),
    noise: str = "high",
    motion: str = "subject",
    calibrated: bool = True,
) -> WholePath:
    """Makes the clip in ``folder``, a scratch folder, and sends it through both ways."""
    path = folder / "call.mkv"
    frames = round(RATE_FPS * (seconds + 2))
    packet_kb = make_clip(path, frames, size=size, noise=noise, motion=motion)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        home = folder / "home"
        if calibrated:
            pool.submit(know_noise, path, home, noise).result()
        fast = pool.submit(lossless, path, network, home, min(seconds, _LOSSLESS_S)).result()
    return WholePath(packet_kb, fast.rate_fps, called(path, network, home, seconds))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--network", default="nano", help="nano, recursive, or a network's file")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--noise", default="high")
    parser.add_argument("--motion", default="subject")
    parser.add_argument("--uncalibrated", action="store_true")
    options = parser.parse_args(arguments)
    width, height = (int(v) for v in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        done = whole_path(
            Path(folder),
            options.network,
            options.seconds,
            size=(width, height),
            noise=options.noise,
            motion=options.motion,
            calibrated=not options.uncalibrated,
        )
    live = done.called
    print(f"{live.network}, {done.packet_kb:.0f} kB per frame")
    print(f"as fast as it goes: {done.throughput_fps:.1f} frames/s")
    print(f"at 30 frames/s: {live.frames} frames in {live.seconds:.1f} s, {live.dropped} dropped")
    for name, (p50, p95) in live.stages_ms.items():
        print(f"    {name:8s} {p50:6.1f} ms, 95 %: {p95:.1f} ms")
    memory = "unknown" if live.memory_mb is None else f"{live.memory_mb:.0f} MB"
    print(f"first clean frame after {live.startup_s:.2f} s, {live.cores:.2f} cores, {memory}")


if __name__ == "__main__":
    main()

"""How soon `rtdenoise live` shows a picture, and a clean one, after it was started.

    python -m benchmarks.live.first_frame [--sizes 1280x720,1920x1080] [--runs 3] [--page docs/in-a-call.md]

A still noisy scene, as Motion JPEG at 30 frames/s, goes into a virtual camera of the PipeWire session that this runs
in, which is read here. Each run begins with a folder of profiles of its own, as after the installation. *Cold*: the
system has forgotten all files (it is told to, which needs root), as after a reboot. *Warm*: another run came just
before. A frame counts as clean as soon as it differs from the one before by less than six tenths of what two frames of
the clip do.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from rtdenoise.arrays import Bytes
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.errors import CameraError
from rtdenoise.frames import planes_from_frame

from ..common import fill, table

_CAMERA = "rtdenoise-first-frame"
_DROP = Path("/proc/sys/vm/drop_caches")
_FRAMES, _TIMES = 12, 60  # of the scene, and how often they are played
_CLEAN = 0.6
_FOR_EVER_S = 60.0


def record(path: Path, size: tuple[int, int]) -> float:
    """Writes the clip; gives the standard deviation of the difference of two frames, in levels."""
    camera = open_simulated(f":desk?noise=high&motion=still&frames={_FRAMES}", size=size)
    packets = [bytes(packet) for packet in camera.packets()]
    camera = open_simulated(f":desk?noise=high&motion=still&frames={_FRAMES}", size=size)
    luma = [planes_from_frame(frame).y.copy() for frame in camera.frames()]
    with av.open(str(path), "w") as output:
        stream = output.add_mux_stream("mjpeg", rate=30, width=size[0], height=size[1])
        for index in range(_FRAMES * _TIMES):
            packet = av.Packet(packets[index % _FRAMES])
            packet.time_base, packet.pts, packet.dts = Fraction(1, 30), index, index
            packet.stream = stream
            output.mux(packet)
    return statistics.median(_difference(a, b) for a, b in pairwise(luma))


def _difference(first: Bytes, second: Bytes) -> float:
    step = max(1, first.shape[0] // 360)
    return float(np.std(first[::step, ::step].astype(np.float32) - second[::step, ::step]))


def start_times(clip: Path, noise: float, home: Path) -> tuple[float, float]:
    """Seconds from starting the program to the first picture, and to the first clean one."""
    words = [sys.executable, "-m", "rtdenoise", "--home", str(home), "live"]
    words += ["--camera", f"file:{clip}", "--output", f"pipewire:{_CAMERA}"]
    begin = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as live:
        try:
            picture = clean = float("nan")
            before: Bytes | None = None
            while time.monotonic() - begin < _FOR_EVER_S and live.poll() is None:
                try:
                    camera = open_camera(f"pipewire:{_CAMERA}")
                    break
                except CameraError:
                    time.sleep(0.02)
            else:
                raise SystemExit("live shows no camera: is there a PipeWire session?")
            for frame in camera.frames():
                luma, now = planes_from_frame(frame).y.copy(), time.monotonic() - begin
                if before is None:
                    picture = now
                elif 0 < _difference(luma, before) < _CLEAN * noise:
                    clean = now
                    break
                before = luma
                if now > _FOR_EVER_S:
                    break
            camera.close()
            return picture, clean
        finally:
            live.terminate()


def forget_files() -> bool:
    """Tells the system to forget what it keeps of files in memory; whether it may be told."""
    try:
        os.sync()
        _DROP.write_text("3")
    except OSError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="1280x720,1920x1080")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--page", type=Path, help="the page whose table is filled")
    arguments = parser.parse_args()
    rows = []
    for text in arguments.sizes.split(","):
        width, height = map(int, text.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "clip.mkv"
            noise = record(clip, (width, height))
            for kind in ("cold", "warm"):
                times = []
                for run in range(arguments.runs):
                    if kind == "cold" and not forget_files():
                        break
                    times.append(start_times(clip, noise, Path(folder) / f"{kind}-{run}"))
                if times:
                    both = [
                        f"{statistics.median(t):.2f} (at most {max(t):.2f})"
                        for t in zip(*times, strict=True)
                    ]
                    rows.append([f"{width}×{height}, {kind}", *both])
                    print(*rows[-1], flush=True)
    made = table(["start", "first picture, s", "first clean picture, s"], rows)
    if arguments.page:
        fill(arguments.page, {"start": made})


if __name__ == "__main__":
    main()

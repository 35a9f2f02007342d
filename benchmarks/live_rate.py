"""How fast the recursive filter is from an MJPEG file to nothing, decoding included.

    python benchmarks/live_rate.py [--frames 90] [--noise high] [--motion subject]

Makes a 1920×1080 MJPEG clip with the simulated camera and sends it through the live loop; no frame is
dropped here, so that the rate is the throughput.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.live import LiveLoop
from rtdenoise.sinks.null import NullSink
from rtdenoise.timing import LiveReport


def make_clip(path: Path, frames: int, noise: str, motion: str) -> None:
    """The camera's own packets, copied."""
    camera = open_simulated(f":desk?noise={noise}&motion={motion}&frames={frames}&seed=5")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuvj422p"
        for packet in camera.packets():
            packet.stream = stream
            out.mux(packet)


def run(path: Path, threads: bool) -> LiveReport:
    """The live loop as `rtdenoise live --output null` has it, but as fast as it goes and without drops."""
    denoiser = RecursiveDenoiser(threads=threads)
    loop = LiveLoop(FileCamera(path), denoiser, lambda *_: NullSink(), lossless=True)
    return loop.run()


def machine_ms() -> float:
    """Milliseconds to multiply two 1920×1080 float planes: how busy the machine is."""
    a = np.ones((1080, 1920), np.float32)
    out = np.empty_like(a)
    start = time.perf_counter()
    for _ in range(50):
        cv2.multiply(a, a, dst=out)
    return (time.perf_counter() - start) / 50 * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--noise", default="high")
    parser.add_argument("--motion", default="subject")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mkv"
        make_clip(path, options.frames, options.noise, options.motion)
        print(f"{path.stat().st_size / options.frames / 1000:.0f} kB per frame")
        print(f"one multiplication of planes: {machine_ms():.2f} ms")
        for threads in (False, True):
            report = run(path, threads)
            print(
                f"{'two threads' if threads else 'one thread'} for cleaning: {report.rate_fps:.1f} frames/s"
            )
            for name, (p50, p95) in report.stages_ms.items():
                print(f"    {name:8s} {p50:6.1f} ms, 95 %: {p95:.1f} ms")
        print(f"one multiplication of planes: {machine_ms():.2f} ms")


if __name__ == "__main__":
    main()

"""How fast the recursive filter is from an MJPEG file to nothing, decoding included.

    python benchmarks/live_rate.py [--frames 90] [--noise high] [--motion subject]

Makes a 1920×1080 MJPEG clip with the simulated camera, then decodes it in one thread while another
cleans, with a mailbox of one frame between them, as ``rtdenoise live`` does; no frame is dropped
here.
"""

from __future__ import annotations

import argparse
import queue
import tempfile
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np

from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import Planes, convert, planes_from_frame


def make_clip(path: Path, frames: int, noise: str, motion: str) -> None:
    """The camera's own packets, copied."""
    camera = open_simulated(f":desk?noise={noise}&motion={motion}&frames={frames}&seed=5")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuvj422p"
        for packet in camera.packets():
            packet.stream = stream
            out.mux(packet)


def run(path: Path) -> dict[str, float]:
    """Frames per second; milliseconds per frame of each stage (wall clock, and of the processor)."""
    box: queue.Queue[Planes | None] = queue.Queue(maxsize=1)
    spent = {"decode": [0.0, 0.0], "clean": [0.0, 0.0]}

    def add(stage: str, wall: float, cpu: float) -> None:
        spent[stage][0] += time.perf_counter() - wall
        spent[stage][1] += time.thread_time() - cpu

    def read() -> None:
        with av.open(str(path)) as clip:
            stream = clip.streams.video[0]
            stream.thread_type = "NONE"
            stream.thread_count = 1
            frames = clip.decode(stream)
            while True:
                wall, cpu = time.perf_counter(), time.thread_time()
                frame = next(frames, None)
                if frame is None:
                    break
                planes = convert(planes_from_frame(frame), "420", True)
                add("decode", wall, cpu)
                box.put(planes)
        box.put(None)

    denoiser = RecursiveDenoiser()
    thread = threading.Thread(target=read)
    thread.start()
    count, worst, start = 0, 0.0, time.perf_counter()
    while (planes := box.get()) is not None:
        wall, cpu = time.perf_counter(), time.thread_time()
        denoiser(planes)
        add("clean", wall, cpu)
        worst = max(worst, time.perf_counter() - wall)
        count += 1
    seconds = time.perf_counter() - start
    thread.join()
    figures = {"fps": count / seconds, "frames": count, "worst_clean_ms": worst * 1e3}
    for stage, (wall, cpu) in spent.items():
        figures[f"{stage}_ms"] = wall / count * 1e3
        figures[f"{stage}_cpu_ms"] = cpu / count * 1e3
    return figures


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
        for name, value in run(path).items():
            print(f"{name:16s} {value:8.1f}")
        print(f"one multiplication of planes: {machine_ms():.2f} ms")


if __name__ == "__main__":
    main()

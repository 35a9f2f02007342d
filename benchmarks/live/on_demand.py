"""What a virtual camera costs that nobody looks at, and how soon it is there for a program that opens it.

    python -m benchmarks.live.on_demand [--size 1920x1080] [--network nano] [--idle 30] [--opens 5]

``rtdenoise live --on-demand`` cleans the simulated camera into a camera of the PipeWire session that this runs in. Once
it is dark its CPU time is taken from /proc. Then GStreamer opens the camera, several times; the time from starting that
program to its first frame, and to its first frame that isn't black, includes the program's own start, which is told
beside it (the same program with a test picture of its own).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CAMERA = "rtdenoise-benchmark"
RELEASED = "the camera is released"


def cpu_seconds(process: int) -> float:
    """The CPU time of a process so far, in all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_dark(log: Path, times: int) -> None:
    """Waits until the camera has been released so often."""
    while log.read_text(encoding="utf-8").count(RELEASED) < times:
        time.sleep(0.1)


def first_frames(source: list[str], size: tuple[int, int], count: int = 60) -> tuple[float, float]:
    """Seconds from a reader's start to its first frame, and to its first one that isn't black."""
    width, height = size
    shape = f"video/x-raw,format=I420,width={width},height={height}"
    words = ["gst-launch-1.0", "-q", *source, f"num-buffers={count}", "!", shape, "!", "fdsink"]
    begun = time.monotonic()
    first = picture = float("nan")
    with subprocess.Popen(words, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        while len(data := reader.stdout.read(width * height * 3 // 2)) == width * height * 3 // 2:
            now = time.monotonic() - begun
            if first != first:
                first = now
            if picture != picture and max(data[: width * height]) > 32:
                picture = now
    return first, picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--network", default="nano")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds in the dark")
    parser.add_argument("--opens", type=int, default=5)
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        words = [sys.executable, "-m", "rtdenoise", "--home", folder, "live", "--on-demand"]
        words += ["--camera", "simulated:desk?noise=high", "--size", options.size]
        words += ["--network", options.network, "--output", f"pipewire:{CAMERA}"]
        with log.open("w") as out, subprocess.Popen(words, stderr=out, stdout=out) as live:
            try:
                wait_for_dark(log, 1)
                before = cpu_seconds(live.pid)
                time.sleep(options.idle)
                idle = (cpu_seconds(live.pid) - before) / options.idle
                print(f"in the dark: {idle * 100:.2f} % of a core over {options.idle:g} s")
                own = [first_frames(["videotestsrc"], (width, height))[0] for _ in range(3)]
                print(f"the reading program's own start: {statistics.median(own):.2f} s")
                opened = []
                for index in range(options.opens):
                    source = ["pipewiresrc", f"target-object={CAMERA}"]
                    opened.append(first_frames(source, (width, height)))
                    wait_for_dark(log, index + 2)
                for name, times in zip(
                    ("frame", "picture"), zip(*opened, strict=True), strict=True
                ):
                    print(
                        f"first {name}: {statistics.median(times):.2f} s (at most {max(times):.2f} s)"
                    )
            finally:
                live.terminate()


if __name__ == "__main__":
    main()

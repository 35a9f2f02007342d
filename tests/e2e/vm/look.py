"""A program that looks at a camera, as a video call would: with PyAV, which knows nothing of rtdenoise.

    python -m tests.e2e.vm.look DEVICE RESULT.npz FRAMES SECONDS

It tries to open DEVICE until it is a camera, reads so many frames (0: until there is a file RESULT.stop, and keeps the
last one only) and leaves ``times`` (s, this machine's monotonic clock) and ``frames`` (n, 3·height/2, width): 8-bit
planes Y, U and V one below the other. After so many seconds it ends with what it has.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer

Array = np.ndarray[Any, np.dtype[Any]]


def open_camera(device: str, end: float) -> InputContainer:
    while True:
        try:
            return av.open(device, format="v4l2")
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def read(
    camera: InputContainer, count: int, stop: Path, end: float
) -> tuple[list[float], list[Array]]:
    """No frame of the decoder's outlives this: their pixels lie in the driver's buffers."""
    times: list[float] = []
    frames: list[Array] = []
    for frame in camera.decode(video=0):
        assert frame.format.name == "yuv420p", frame.format.name
        times.append(time.monotonic())
        pixels = frame.to_ndarray().copy()
        frames = [*frames, pixels] if count else [pixels]
        if len(times) == count or times[-1] > end or stop.exists():
            break
    return times, frames


def main() -> None:
    device, result, count, seconds = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    av.logging.set_level(None)
    path = Path(result)
    with open_camera(device, end) as camera:
        times, frames = read(camera, int(count), path.with_suffix(".stop"), end)
    part = path.with_suffix(".part.npz")
    np.savez(part, times=times, frames=frames)
    part.rename(path)


if __name__ == "__main__":
    main()

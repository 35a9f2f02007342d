"""Writes a denoiser of one's own and runs it in the live loop: camera → denoiser → sink.

    python examples/own_denoiser.py simulated:desk?frames=60 median.mp4

A denoiser takes byte planes and gives byte planes; it needs no base class.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise import LiveLoop, Planes, open_camera, open_sink

Bytes = NDArray[np.uint8]


class TemporalMedian:
    """The median of the last three frames: simple, and it shows why motion needs more care than this."""

    name = "temporal-median"

    def __init__(self) -> None:
        self._last: list[Planes] = []

    def __call__(self, planes: Planes) -> Planes:
        self._last = [*self._last[-2:], planes.copy()]
        if len(self._last) < 3:
            return planes
        a, b, c = self._last

        def median(x: Bytes, y: Bytes, z: Bytes) -> Bytes:
            low, high = cv2.min(x, y), cv2.max(x, y)
            return np.asarray(cv2.max(low, cv2.min(high, z)), np.uint8)

        y, u, v = median(a.y, b.y, c.y), median(a.u, b.u, c.u), median(a.v, b.v, c.v)
        return Planes(y, u, v, planes.format, planes.time_s)

    def reset(self) -> None:
        self._last = []


def main() -> None:
    source, output = sys.argv[1:3]
    camera = open_camera(source)
    loop = LiveLoop(
        camera,
        TemporalMedian(),
        lambda form, rate: open_sink(output, format=form, rate_fps=rate),
        lossless=True,
    )
    report = loop.run()
    print(f"{report.frames_out} frames written to {output}")


if __name__ == "__main__":
    main()

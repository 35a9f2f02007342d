"""Writes a camera and a sink of one's own, and runs the live loop between them.

    python examples/own_camera_and_sink.py

The camera films a disc that moves before a noisy wall; in its place may stand any source of arrays, such as a machine
vision camera's SDK. The sink measures how much its pictures tremble; in its place may stand a stream or a window. Both
fulfil protocols and need no base class.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rtdenoise import CameraInfo, LiveLoop, Mode, Planes, make_denoiser

WIDTH, HEIGHT, FRAMES, NOISE = 320, 240, 60, 6.0


class DiscCamera:
    """A camera that draws its frames. Packets are raw pictures, which a sink or a recording could keep as they are."""

    info = CameraInfo("disc-camera-1", "Disc camera", "webcam", "disc")
    mode = Mode("rawvideo", "gray", WIDTH, HEIGHT, Fraction(30))
    template: VideoStream | None = None
    damaged_packets = 0

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._decoder = av.CodecContext.create("rawvideo", "r")
        self._decoder.width, self._decoder.height = WIDTH, HEIGHT
        self._decoder.pix_fmt = "gray"

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        for index in range(FRAMES):
            disc = np.hypot(rows - HEIGHT / 2, columns - 60 - 3 * index) < 40
            noise = self._random.normal(0, NOISE, disc.shape)
            picture = np.clip(np.where(disc, 180, 90) + noise, 0, 255).astype(np.uint8)
            packet = cast("av.Packet[VideoStream]", av.Packet(picture.tobytes()))
            packet.pts, packet.time_base = index, Fraction(1, 30)
            yield packet

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        frames = self._decoder.decode(packet)
        return [frame for frame in frames if isinstance(frame, VideoFrame)]

    def frames(self) -> Iterator[VideoFrame]:
        for packet in self.packets():
            yield from self.decode(packet)

    def close(self) -> None:
        pass


class TremblingMeter:
    """A sink that measures by how much the wall's pixels differ from frame to frame."""

    name = "trembling meter"

    def __init__(self) -> None:
        self._last: NDArray[np.float64] | None = None
        self.levels: list[float] = []

    def write(self, planes: Planes) -> None:
        wall = planes.y[:60].astype(float)  # the disc doesn't come so far up
        if self._last is not None:
            self.levels.append(float(np.std(wall - self._last) / np.sqrt(2)))
        self._last = wall

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


def main() -> None:
    sink = TremblingMeter()
    loop = LiveLoop(
        DiscCamera(), make_denoiser("nano"), lambda *_: sink, chroma=None, lossless=True
    )
    report = loop.run()
    settled = float(np.mean(sink.levels[-20:]))
    print(
        f"{report.frames_out} frames: the wall trembles by {settled:.2f} levels, filmed with {NOISE:g}"
    )


if __name__ == "__main__":
    main()

"""Frames as raw video in NUT: for what a camera or file codes in a way that Matroska has no place for.

PNG, TIFF and other stills, HuffYUV, DV or v210 are decoded once, and their samples stored as they are.
"""

from __future__ import annotations

import io
from fractions import Fraction
from functools import lru_cache

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rtdenoise.cameras.base import Camera
from rtdenoise.cameras.images import ImagesCamera
from rtdenoise.frames import frame_from_planes, planes_from_frame

_TIME_BASE = Fraction(1, 1_000_000)
_TRIAL = (64, 48)
_FULL = 2  # AVColorRange


def is_copied(camera: Camera) -> bool:
    """Whether a camera's packets are recorded as they are, and need no decoding."""
    codec = camera.mode.codec
    if isinstance(camera, ImagesCamera) and not camera.all_alike:
        return False
    return codec == "rawvideo" or codec in _matroska_codecs()


@lru_cache(maxsize=1)
def _matroska_codecs() -> frozenset[str]:
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        return frozenset(container.supported_codecs)


class RawVideo:
    """Writes frames into an open NUT file.

    Args:
        output: The file.
        first: The first frame: all others must have its size, pixel format and range.
        rate_fps: The nominal rate.
    """

    def __init__(self, output: OutputContainer, first: VideoFrame, rate_fps: Fraction) -> None:
        self._output = output
        self._kept = _kind(first)
        # A JPEG's "yuvj" that was turned is "yuv" of full range: as planes both are stored alike.
        self._as_planes = first.format.name.startswith("yuvj") or not _nut_holds(first.format.name)
        self._last: int | None = None
        self._origin: int | None = None
        self._step = max(round(1 / (rate_fps * _TIME_BASE)), 1)
        self.left_out = 0
        """How many frames were of another size or kind."""
        planes = planes_from_frame(first)
        stored = frame_from_planes(planes) if self._as_planes else first
        stream = output.add_stream("rawvideo", rate=rate_fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, stored.format.name
        stream.codec_context.time_base = _TIME_BASE
        if not stored.format.is_rgb:  # NUT has no place for them; FileCamera reads these
            stream.metadata["color_range"] = "pc" if planes.format.full_range else "tv"
            stream.metadata["color_space"] = planes.format.matrix
        self._stream = stream

    def write(self, frame: VideoFrame) -> bool:
        """Stores a frame; whether it could be."""
        if _kind(frame) != self._kept:
            self.left_out += 1
            return False
        time = None
        if frame.pts is not None and frame.time_base is not None:
            time = round(frame.pts * frame.time_base / _TIME_BASE)
        if self._as_planes:
            frame = frame_from_planes(planes_from_frame(frame))
        frame.time_base, frame.pts = _TIME_BASE, self._next_time(time)
        for packet in self._stream.encode(frame):
            self._output.mux(packet)
        return True

    def _next_time(self, time: int | None) -> int:
        if self._last is None:
            self._origin, self._last = time, 0
            return 0
        ticks = self._last + self._step
        if time is not None and self._origin is not None and time - self._origin > self._last:
            ticks = time - self._origin
        self._last = ticks
        return ticks


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    """Size and pixel format of a frame; "yuvj" where its range is full, however that is said."""
    name = frame.format.name
    if name.startswith("yuv") and not name.startswith("yuvj") and frame.color_range == _FULL:
        name = name.replace("yuv", "yuvj", 1)
    return frame.width, frame.height, name


@lru_cache(maxsize=64)
def _nut_holds(pixel_format: str) -> bool:
    """Whether raw video of that pixel format comes back from NUT as it was; tried in memory."""
    file = io.BytesIO()
    frame = VideoFrame(*_TRIAL, pixel_format)
    frame.pts, frame.time_base = 0, _TIME_BASE
    try:
        with av.open(file, "w", format="nut") as container:
            stream = container.add_stream("rawvideo", rate=30)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = _TRIAL
            stream.pix_fmt = pixel_format
            container.mux(stream.encode(frame))
        file.seek(0)
        with av.open(file, "r", format="nut") as read:
            got = next(read.decode(video=0))
    except (av.FFmpegError, ValueError, StopIteration):
        return False
    # What has a palette keeps it elsewhere, and "yuvj" is "yuv" of which the range is known.
    return not frame.format.has_palette and got.format.name == pixel_format.replace("yuvj", "yuv")

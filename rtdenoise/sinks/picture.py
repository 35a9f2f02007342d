"""A picture file as a sink, for one frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from ..errors import SinkError
from ..files import write_bytes
from ..frames import Planes, convert, frame_from_planes, rgb_frame
from .base import PathSink

_CODECS = {".png": "png", ".jpg": "mjpeg", ".jpeg": "mjpeg"}
PICTURE_SUFFIXES = tuple(_CODECS)


class PictureSink(PathSink):
    """Takes one frame, and writes it as PNG (R'G'B') or JPEG (full-range BT.601) when it is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._data: bytes | None = None

    def write(self, planes: Planes) -> None:
        """Takes the frame.

        Raises:
            SinkError: it is the second one.
        """
        if self._path.suffix.lower() == ".png":
            self.write_frame(rgb_frame(planes))
            return
        chroma = "444" if planes.format.chroma == "gray" else planes.format.chroma
        self.write_frame(frame_from_planes(convert(planes, chroma, True, "bt601")))

    def write_frame(self, frame: VideoFrame) -> None:
        """Takes the frame as it is, in a pixel format that the encoder knows."""
        if self._data is not None:
            raise SinkError(
                f"{self._path.name} is one picture, and there is more than one frame.",
                "Name a video, such as one that ends in .mp4.",
            )
        codec = _CODECS[self._path.suffix.lower()]
        context = av.CodecContext.create(codec, "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError(f"{codec} is no video codec")
        context.width, context.height = frame.width, frame.height
        context.pix_fmt = frame.format.name
        context.time_base = frame.time_base or Fraction(1, av.time_base)
        if codec == "mjpeg":
            context.color_range, context.qmin, context.qmax = 2, 2, 2
        try:
            packets = [*context.encode(frame), *context.encode(None)]
        except (av.FFmpegError, ValueError) as error:  # a JPEG has at most 65500 pixels on a side
            raise SinkError(
                f"{self._path.name} can't hold a picture of {frame.width}×{frame.height} pixels.",
                "Name an output that ends in another suffix, such as .png.",
            ) from error
        self._data = b"".join(bytes(packet) for packet in packets)

    def close(self) -> None:
        """Writes the file, whole or not at all. Safe to call twice.

        Raises:
            StorageError: the disk is full, or the folder can't be written.
        """
        data, self._data = self._data, None
        if data is not None:
            write_bytes(self._path, data)

    def abort(self) -> None:
        """Forgets the picture."""
        self._data = None

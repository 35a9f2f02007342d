"""A folder of pictures as a camera: one frame each, in the natural order of their names."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import ClipError
from .base import CameraBase, CameraInfo, Mode
from .decoding import Decoder
from .file import DEFAULT_RATE_FPS, FileCamera, file_camera_info, open_container

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts "frame2" before "frame10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, in order."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file()]
    return sorted(found, key=lambda p: natural_key(p.name))


class ImagesCamera(CameraBase):
    """Plays the pictures of a folder, as fast as they are read.

    Args:
        folder: Where they are; all of one size.
        rate_fps: At which rate they were taken.

    Raises:
        ClipError: there is no such folder, it holds no picture, or the first can't be read.
    """

    def __init__(self, folder: Path, rate_fps: float | None = None) -> None:
        try:
            self._paths = pictures_in(folder)
        except OSError as error:
            raise ClipError(f"{folder} can't be read: {error.strerror}.", "Check it.") from error
        if not self._paths:
            raise ClipError(
                f"The folder {folder} holds no pictures.",
                f"Pictures are files that end in {', '.join(PICTURE_SUFFIXES)}.",
            )
        first = FileCamera(self._paths[0])
        mode = first.mode
        first.close()
        rate = DEFAULT_RATE_FPS
        if rate_fps is not None:
            rate = Fraction(rate_fps).limit_denominator(1001)
        digest = file_camera_info(self._paths[0]).id[-8:]
        name = folder.resolve().name
        spec = f"file:{folder.resolve()}"
        super().__init__(
            CameraInfo(f"file-{name}-{digest}", name, "file", spec),
            Mode(mode.codec, mode.pixel_format, mode.width, mode.height, rate),
        )
        self._lock = threading.Lock()
        self._closed = False
        self._damaged = 0
        self._frames = 0

    @property
    def damaged_packets(self) -> int:
        """How many pictures could not be decoded so far."""
        return self._damaged

    @property
    def frame_count(self) -> int:
        """How many pictures there are."""
        return len(self._paths)

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """One packet for each picture, as it is stored.

        Raises:
            ClipError: a picture has another size than the first, or can't be read.
        """
        for index, path in enumerate(self._paths):
            with self._lock:
                if self._closed:
                    return
                packet = self._read(path)
            packet.time_base = 1 / self._mode.rate_fps
            packet.pts = packet.dts = index
            yield packet

    def _read(self, path: Path) -> av.Packet[VideoStream]:
        # Not closed by hand: its packet may be decoded later, and lives on it.
        container = open_container(path)
        if not container.streams.video:
            raise ClipError(f"{path} holds no picture.", "Take it out of the folder.")
        stream = container.streams.video[0]
        size, wanted = (stream.width, stream.height), (self._mode.width, self._mode.height)
        if size not in (wanted, (0, 0)):  # the latter where it is damaged, which decode finds out
            raise ClipError(
                f"{path} has {size[0]}×{size[1]} pixels, the first picture {wanted[0]}×{wanted[1]}.",
                "A film has one size; rtdenoise denoise FOLDER OUT/ cleans each picture by itself.",
            )
        for packet in container.demux(stream):
            if packet.size:
                return packet
        raise ClipError(f"{path} is empty.", "Take it out of the folder.")

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frame of one packet."""
        if packet is None:
            return []
        stream = packet.stream
        with self._lock:
            if self._closed or not isinstance(stream, VideoStream):
                return []
            time_base, pts = packet.time_base, packet.pts
            decoder = Decoder(stream.codec_context)
            frames = decoder.decode(packet)
            if not decoder.damaged:
                frames += decoder.decode(None)
        if not frames:
            self._damaged += 1
            return []
        frame = frames[0]
        frame.time_base, frame.pts = time_base, pts
        self._frames += 1
        return [frame]

    def frames(self) -> Iterator[VideoFrame]:
        """All pictures.

        Raises:
            ClipError: a picture has another size than the first, or none can be decoded.
        """
        yield from super().frames()
        if not self._frames and not self._closed:
            raise ClipError("None of the pictures can be decoded.", "Check them in a viewer.")

    def close(self) -> None:
        """Ends the playing. Safe to call twice, and from another thread."""
        with self._lock:
            self._closed = True

"""A folder of pictures as a camera: one frame each, in the natural order of their names."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import ClipError
from .base import CameraBase, CameraInfo, Mode
from .containers import open_container
from .decoding import Decoder
from .file import DEFAULT_RATE_FPS, FileCamera, file_camera_info
from .raw import RAW_SUFFIXES, has_raw_suffix, require_rawpy

# Not every FFmpeg reads those of the second line: what can't be read is left out by name.
PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"),
    *(".gif", ".jp2", ".jxl", ".avif", ".heic", ".heif", ".exr"),
)
_JPEG_SUFFIXES = (".jpg", ".jpeg")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts "frame2" before "frame10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, in order; without hidden files, such as those that macOS puts beside each picture.

    Of a raw file and a JPEG of the same name, as cameras store them together, the JPEG is taken.
    """
    return _pictures_in(folder)[0]


def raw_beside_jpegs(folder: Path) -> tuple[str, ...]:
    """A sentence on the raw files that were passed over for the JPEG beside each; none where there are none."""
    count = _pictures_in(folder)[1]
    if not count:
        return ()
    files = "One raw file was" if count == 1 else f"{count} raw files were"
    return (
        f"{files} passed over for the JPEG of the same name: put them into a folder of their own to use them.",
    )


def _pictures_in(folder: Path) -> tuple[list[Path], int]:
    """The pictures in order, and how many raw files were passed over for a JPEG."""
    shown = (p for p in folder.iterdir() if not p.name.startswith("."))
    known = (*PICTURE_SUFFIXES, *RAW_SUFFIXES)
    found = [p for p in shown if p.suffix.lower() in known and p.is_file()]
    jpegs = {p.stem.casefold() for p in found if p.suffix.lower() in _JPEG_SUFFIXES}
    used = [p for p in found if not (has_raw_suffix(p) and p.stem.casefold() in jpegs)]
    return sorted(used, key=lambda p: natural_key(p.name)), len(found) - len(used)


def _is_jpeg(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"
    return False


class ImagesCamera(CameraBase):
    """Plays the pictures of a folder, as fast as they are read.

    Args:
        folder: Where they are; all of one size.
        rate_fps: At which rate they were taken.

    Raises:
        ClipError: there is no such folder, or it holds no picture that can be read.
    """

    def __init__(self, folder: Path, rate_fps: float | None = None) -> None:
        try:
            self._paths = pictures_in(folder)
            self._passed_over = raw_beside_jpegs(folder)
        except OSError as error:
            raise ClipError(f"{folder} can't be read: {error.strerror}.", "Check it.") from error
        if not self._paths:
            raise ClipError(
                f"The folder {folder} holds no pictures.",
                f"Pictures are files that end in {', '.join((*PICTURE_SUFFIXES, *RAW_SUFFIXES))}.",
            )
        require_rawpy(self._paths)
        self._unreadable: list[str] = []
        first = self._first_picture()
        mode = first.mode
        facts = replace(first.facts, exif=b"", icc=b"")
        first.close()
        rate = DEFAULT_RATE_FPS
        if rate_fps is not None:
            rate = Fraction(rate_fps).limit_denominator(1001)
        digest = file_camera_info(first.path).id[-8:]
        name = folder.resolve().name
        spec = f"file:{folder.resolve()}"
        super().__init__(
            CameraInfo(f"file-{name}-{digest}", name, "file", spec),
            Mode(mode.codec, mode.pixel_format, mode.width, mode.height, rate),
        )
        self.facts = facts
        """What the first picture says about itself."""
        self.all_alike = (
            mode.codec == "mjpeg" and len({_is_jpeg(path) for path in self._paths}) == 1
        )
        """Whether all pictures are coded alike, so that their packets make one film."""
        self._lock = threading.Lock()
        self._closed = False
        self._damaged = 0
        self._frames = 0

    def _first_picture(self) -> FileCamera:
        """The first picture that can be opened."""
        for path in self._paths:
            try:
                return FileCamera(path)
            except ClipError as error:
                failure = error
        raise ClipError(
            f"None of the pictures in {self._paths[0].parent} can be read.",
            f"Of the first one: {failure}",
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which files were passed over."""
        names = self._unreadable
        if not names:
            return self._passed_over
        told = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
        verb = (
            "is no picture that can be read, and was"
            if len(names) == 1
            else "can't be read, and were"
        )
        left_out = f"{told} {verb} left out ({len(names)} of {len(self._paths)} pictures)."
        return (*self._passed_over, left_out)

    @property
    def damaged_packets(self) -> int:
        """How many pictures could not be decoded so far."""
        return self._damaged

    @property
    def frame_count(self) -> int:
        """How many pictures there are."""
        return len(self._paths)

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """One packet for each picture, as it is stored; files that are none are passed over.

        Raises:
            ClipError: a picture has another size than the first.
        """
        for index, path in enumerate(self._paths):
            with self._lock:
                if self._closed:
                    return
                packet = self._read(path)
            if packet is None:
                self._unreadable.append(path.name)
                continue
            packet.time_base = 1 / self._mode.rate_fps
            packet.pts = packet.dts = index
            yield packet

    def _read(self, path: Path) -> av.Packet[VideoStream] | None:
        # Not closed by hand: its packet may be decoded later, and lives on it.
        try:
            container = open_container(path)
        except ClipError:
            return None
        if not container.streams.video:
            return None
        stream = container.streams.video[0]
        size, wanted = (stream.width, stream.height), (self._mode.width, self._mode.height)
        if size not in (wanted, (0, 0)):  # the latter where it is damaged, which decode finds out
            raise ClipError(
                f"{path} has {size[0]}×{size[1]} pixels, the first picture {wanted[0]}×{wanted[1]}.",
                "A film has one size; rtdenoise denoise FOLDER OUT/ cleans each picture by itself.",
            )
        with suppress(av.FFmpegError):
            for packet in container.demux(stream):
                if packet.size:
                    return packet
        return None

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
            raise ClipError(
                f"None of the pictures in {self._paths[0].parent} can be decoded.",
                "Save them as PNG or JPEG with a program that shows them.",
            )

    def close(self) -> None:
        """Ends the playing. Safe to call twice, and from another thread."""
        with self._lock:
            self._closed = True

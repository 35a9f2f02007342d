"""A folder of pictures as a camera: one frame each, in the natural order of their names."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import ClipError
from ..frames.facts import PictureNotes
from ..frames.orientation import UPRIGHT, Orientation
from ..frames.samples import turned_frame
from .base import CameraBase, CameraInfo, Mode
from .containers import open_container, video_stream
from .decoding import Decoder
from .description import orientation_of, turned_by
from .file import DEFAULT_RATE_FPS, FileCamera, file_camera_info
from .iso_boxes import iso_facts
from .picture_notes import picture_notes
from .picture_tags import exif_orientation, picture_tags
from .raw import RAW_SUFFIXES, has_raw_suffix, is_raw, require_rawpy

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")
# Not every FFmpeg reads those of the last line: what can't be read is left out by name.
PICTURE_SUFFIXES = (
    *(".png", *_JPEG_SUFFIXES, ".bmp", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".tga"),
    *(".gif", ".jp2", ".jxl", ".avif", ".heic", ".heif", ".exr"),
)
# What lies beside pictures and isn't one of a series, or has colours of its own.
_NOT_IN_A_SERIES = (".ico", ".psd", ".apng", ".pcx", ".sgi", ".dds", ".dpx", ".hdr", ".j2k")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts "frame2" before "frame10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, in order; without hidden files, such as those that macOS puts beside each picture.

    Of a raw file and a JPEG of the same name, as cameras store them together, the JPEG is taken.
    """
    return _pictures_in(folder)[0]


def passed_over(folder: Path) -> tuple[str, ...]:
    """What to say of files that are not used: raw ones with a JPEG beside each, and kinds that make no series."""
    said = []
    count = _pictures_in(folder)[1]
    if count:
        files = "One raw file was" if count == 1 else f"{count} raw files were"
        said.append(
            f"{files} passed over for the JPEG of the same name: put them into a folder of their own to use them."
        )
    names = [p.name for p in _shown_files(folder) if p.suffix.lower() in _NOT_IN_A_SERIES]
    if names:
        verb, them = ("was", "it") if len(names) == 1 else ("were", "each")
        told = _told(sorted(names, key=natural_key))
        said.append(f"{told} {verb} left out: name {them} by itself to clean it.")
    return tuple(said)


def _pictures_in(folder: Path) -> tuple[list[Path], int]:
    """The pictures in order, and how many raw files were passed over for a JPEG."""
    known = (*PICTURE_SUFFIXES, *RAW_SUFFIXES)
    found = [p for p in _shown_files(folder) if p.suffix.lower() in known]
    jpegs = {p.stem.casefold() for p in found if p.suffix.lower() in _JPEG_SUFFIXES}
    used = [p for p in found if not (has_raw_suffix(p) and p.stem.casefold() in jpegs)]
    return sorted(used, key=lambda p: natural_key(p.name)), len(found) - len(used)


def _shown_files(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file()]


def _is_jpeg(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"
    return False


def _told(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")


def _shown(width: int, height: int, way: Orientation) -> tuple[int, int]:
    """The size of a stored picture once it is turned."""
    return (height, width) if way.transposed else (width, height)


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
            self._passed_over = passed_over(folder)
        except OSError as error:
            raise ClipError(f"{folder} can't be read: {error.strerror}.", "Check it.") from error
        if not self._paths:
            raise ClipError(
                f"The folder {folder} holds no pictures.",
                f"Pictures are files that end in {', '.join((*PICTURE_SUFFIXES, *RAW_SUFFIXES))}.",
            )
        require_rawpy(self._paths)
        self._unreadable: list[str] = []
        self._several: list[str] = []
        self._ways: dict[int, Orientation | None] = {}
        first = self._first_picture()
        mode = first.mode
        colours = PictureNotes(colours=first.facts.notes.colours)
        facts = replace(first.facts, exif=b"", notes=colours)
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
        """What the first picture says about itself; frames of all others are turned as if they lay as it does."""
        self._lock = threading.Lock()
        self._closed = False
        self._damaged = 0
        self._frames = 0

    @cached_property
    def all_alike(self) -> bool:
        """Whether all pictures are coded alike and lie the same way, so that their packets make one film."""
        if self._mode.codec != "mjpeg" or len({_is_jpeg(path) for path in self._paths}) > 1:
            return False
        numbers = {exif_orientation(picture_tags(path)[0]) for path in self._paths}
        return len(numbers) == 1

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
        """Which files were passed over, and of which there is more than what was used."""
        said = list(self._passed_over)
        if self._unreadable:
            one = len(self._unreadable) == 1
            verb = "is no picture that can be read, and was" if one else "can't be read, and were"
            count = f"{len(self._unreadable)} of {len(self._paths)} pictures"
            said.append(f"{_told(self._unreadable)} {verb} left out ({count}).")
        if self._several:
            verb = "holds" if len(self._several) == 1 else "hold"
            said.append(
                f"{_told(self._several)} {verb} several pictures, of which only the first was used."
            )
        return tuple(said)

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
                packet = self._read(index, path)
            if packet is None:
                self._unreadable.append(path.name)
                continue
            packet.time_base = 1 / self._mode.rate_fps
            packet.pts = packet.dts = index
            yield packet

    def _read(self, index: int, path: Path) -> av.Packet[VideoStream] | None:
        # Not closed by hand: its packet may be decoded later, and lives on it.
        try:
            container = open_container(path)
            stream = video_stream(container, path)
        except ClipError:
            return None
        exif = b"" if is_raw(path) else picture_tags(path)[0]
        iso = iso_facts(path)
        way = self._ways[index] = orientation_of(stream, iso, exif)
        size = _shown(stream.width, stream.height, way or UPRIGHT)
        wanted = _shown(self._mode.width, self._mode.height, self.facts.orientation)
        told_later = way is None and iso is not None  # by the frame
        if size != wanted and not (told_later and size[::-1] == wanted):
            raise ClipError(
                f"{path} has {size[0]}×{size[1]} pixels, the first picture {wanted[0]}×{wanted[1]}.",
                "A film has one size; rtdenoise denoise FOLDER OUT/ cleans each picture by itself.",
            )
        packets: list[av.Packet[VideoStream]] = []
        with suppress(av.FFmpegError):
            source = (packet for packet in container.demux(stream) if packet.size)
            packets += islice(source, 2)
        if len(packets) > 1 or picture_notes(path).further:
            self._several.append(path.name)
        return packets[0] if packets else None

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
        way = self._ways.get(pts or 0) or turned_by(frames[0])
        frame = turned_frame(frames[0], way.then(self.facts.orientation.inverse()))
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

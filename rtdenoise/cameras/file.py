"""A video file as a camera."""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import ClipError
from ..files import parse_json, text_of
from ..frames.facts import VideoFacts
from ..frames.pyav import MATRIX_CODES, assumed_matrix
from .base import CameraBase, CameraInfo, Mode
from .containers import CURE, PICTURE_CURE, holds_picture, open_container, video_stream
from .decoding import Decoder
from .description import describe, is_uneven
from .iso_boxes import IsoFacts, iso_facts
from .picture_notes import picture_notes
from .picture_tags import picture_tags
from .playlists import absent
from .raw import is_raw

DEFAULT_RATE_FPS = Fraction(30)
_MOST_FPS = 1000
_RANGES = {"tv": 1, "pc": 2}
_MATRICES: dict[str, int] = dict(MATRIX_CODES.items())
_CAMERA_LAYOUTS = ("yuyv422", "yvyu422", "uyvy422")  # what webcams send is BT.601 at any size
_LATEST_S = 1e11  # 3000 years: ticks of every container hold it
_LEAST_GAP_S = 0.25  # by which a recording must be shorter than it says, before that is told


class FileCamera(CameraBase):
    """Plays a file's first video stream, as fast as it is read.

    Args:
        path: The file.

    Raises:
        ClipError: there is no such file, or it holds no video that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = open_container(path)
        self._absent = absent(path)
        try:
            self._stream = video_stream(self._container, path)
            self._decoder = Decoder(self._stream.codec_context)
            super().__init__(file_camera_info(path), _mode(self._stream))
        except BaseException:
            self._container.close()
            raise
        self._lock = threading.Lock()  # FFmpeg must not be closed while it reads or decodes
        self._closed = False
        self._packets = 0
        self._frames = 0
        self._ended_early = ""
        self._first_s = math.inf
        self._end_s = -math.inf

    @property
    def template(self) -> VideoStream | None:
        """The stream to copy packets from."""
        return self._stream

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""
        return self._decoder.damaged

    def keep_incomplete(self) -> None:
        """From now on gives frames too that lack a part of what they refer to, as players show them."""
        self._decoder.keeps_incomplete = True

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know of what was read so far."""
        incomplete = self._decoder.incomplete
        said = f"{incomplete} frames are incomplete, because parts of the recording are missing."
        if incomplete == 1:
            said = "One frame is incomplete, because a part of the recording is missing."
        lacks = ""
        if self._absent:
            more = f" and {len(self._absent) - 1} more" if len(self._absent) > 1 else ""
            lacks = (
                f"{self._path} lacks {self._absent[0]}{more}, which it names: that part is missing."
            )
        return tuple(text for text in (lacks, self._ended_early, said * bool(incomplete)) if text)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def is_picture(self) -> bool:
        """Whether the file is a single picture, not a film."""
        return holds_picture(self._container)

    @property
    def _hint(self) -> str:
        return PICTURE_CURE if self.is_picture else CURE

    @cached_property
    def is_raw(self) -> bool:
        """Whether the file is a camera's raw picture, which is developed before it is decoded."""
        return is_raw(self._path)

    @property
    def container(self) -> InputContainer:
        """The open file, for its other streams."""
        return self._container

    @cached_property
    def facts(self) -> VideoFacts:
        """What the file says about its picture; it is opened once more for this."""
        container = open_container(self._path)
        try:
            stream = video_stream(container, self._path)
            # A raw file is developed the right way up, in colours of its own.
            if self.is_raw:
                return describe(container, stream, iso=self._iso)
            exif, icc = picture_tags(self._path)
            notes = picture_notes(self._path)
            if self.is_picture:
                notes = replace(notes, further=notes.further + len(container.streams.video) - 1)
            if self._iso is not None:
                notes = replace(notes, unkept=self._iso.tags)
            return describe(container, stream, iso=self._iso, exif=exif, icc=icc, notes=notes)
        finally:
            container.close()

    @cached_property
    def uneven(self) -> bool:
        """Whether the rate varies; the whole file is read for this."""
        container = open_container(self._path)
        try:
            stream = video_stream(container, self._path)
            return is_uneven(container, stream, self._mode.rate_fps)
        finally:
            container.close()

    @cached_property
    def _iso(self) -> IsoFacts | None:
        return None if self.is_raw else iso_facts(self._path)

    @property
    def frame_count(self) -> int | None:
        """About how many frames the file holds, None where it doesn't say."""
        if self._stream.frames:
            return int(self._stream.frames)
        seconds = 0.0
        if self._stream.duration and self._stream.time_base:
            seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration:
            seconds = self._container.duration / av.time_base
        return round(seconds * self._mode.rate_fps) or None

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The packets as they are stored.

        Raises:
            ClipError: the file holds no packet that can be read.
        """
        source = self._demuxed()
        while True:
            packet = self._next(source)
            if packet is None:
                break
            self._packets += 1
            yield packet
        if not self._packets and not self._closed:
            raise self._empty()

    def _demuxed(self) -> Iterator[av.Packet[VideoStream]]:
        return self._container.demux(self._stream)

    def _next(self, source: Iterator[av.Packet[VideoStream]]) -> av.Packet[VideoStream] | None:
        with self._lock:
            if self._closed:
                return None
            try:
                while True:
                    packet = next(source, None)
                    if packet is None:
                        self._look_whether_cut_off()
                        return None
                    if packet.size:  # the empty packet at the end is PyAV's own
                        self._note_time(packet)
                        return packet
            except av.EOFError:
                self._look_whether_cut_off()
                return None
            except av.FFmpegError as error:
                if not self._packets:
                    raise ClipError(
                        f"{self._path} can't be read: {error.strerror}.", self._hint
                    ) from error
                self._ended_early = (
                    f"{self._path} can't be read to its end ({error.strerror}): what comes after frame "
                    f"{self._packets} is missing."
                )
                return None

    def _note_time(self, packet: av.Packet[VideoStream]) -> None:
        if packet.pts is not None and packet.time_base:
            begin_s = float(packet.pts * packet.time_base)
            self._first_s = min(self._first_s, begin_s)
            length_s = float((packet.duration or 0) * packet.time_base)
            self._end_s = max(self._end_s, begin_s + length_s)

    def _look_whether_cut_off(self) -> None:
        """Compares the time that was read with the length that the file says its picture has."""
        told_s = _told_length_s(self._stream)
        read_s = self._end_s - self._first_s
        # FFmpeg's tag in Matroska tells when the picture ends, others' how long it lasts.
        missing_s = told_s - (read_s if self._stream.duration else max(read_s, self._end_s))
        if read_s >= 0 and missing_s > max(_LEAST_GAP_S, 3 / float(self._mode.rate_fps)):
            self._ended_early = (
                f"{self._path} says that it lasts {told_s:.1f} s, and its picture ends after {read_s:.1f} s: "
                "it seems to be cut off."
            )

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames of one packet; ``None`` gives those that the decoder still holds at the end."""
        with self._lock:
            if self._closed:
                return []
            frames = self._decoder.decode(packet)
        for frame in frames:
            self._tag(frame)
            frame.time_base = frame.time_base or self._stream.time_base  # the last ones lack it
            # raw streams carry no times, damaged ones some that no clock tells
            if frame.time is None or abs(frame.time) > _LATEST_S:
                frame.time_base, frame.pts = 1 / self._mode.rate_fps, self._frames
            self._frames += 1
        return frames

    def _tag(self, frame: VideoFrame) -> None:
        """Sets range and matrix from the file's metadata where neither codec nor container has a place for them."""
        tags = self._stream.metadata
        if frame.color_range == 0 and "color_range" in tags:
            frame.color_range = _RANGES.get(tags["color_range"], 0)
        if frame.colorspace == 2 and "color_space" in tags:  # 2: not known
            frame.colorspace = _MATRICES.get(tags["color_space"], 2)
        if frame.colorspace == 2 and frame.format.name not in _CAMERA_LAYOUTS:
            # Where nothing is said players go by the size.
            frame.colorspace = _MATRICES[assumed_matrix(frame.width, frame.height)]

    def frames(self) -> Iterator[VideoFrame]:
        """All frames.

        Raises:
            ClipError: not one frame of the file can be decoded.
        """
        yield from super().frames()
        yield from self.decode(None)
        if not self._frames and not self._closed:
            raise self._empty()

    def _empty(self) -> ClipError:
        if self.damaged_packets:
            if self.is_picture:
                return ClipError(f"The picture in {self._path} can't be decoded.", self._hint)
            return ClipError(f"None of the frames in {self._path} can be decoded.", self._hint)
        return ClipError(f"{self._path} holds no frames.", self._hint)

    def close(self) -> None:
        """Closes the file. Safe to call twice, and from another thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._container.close()


def _told_length_s(stream: VideoStream) -> float:
    """How long the file says that its picture lasts; less than 0 where it doesn't say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    found = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if found is None:
        return -1.0
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _mode(stream: VideoStream) -> Mode:
    context = stream.codec_context
    # The average comes first; of DV it is the unit of its times.
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate, DEFAULT_RATE_FPS)
    rate = next(r for r in rates if r and 0 < r <= _MOST_FPS)
    return Mode(
        codec=context.codec.canonical_name,
        pixel_format=context.pix_fmt or "",
        width=stream.width,
        height=stream.height,
        rate_fps=Fraction(rate),
    )


def file_camera_info(path: Path) -> CameraInfo:
    """Which camera a file stands for.

    The camera that its sidecar (same name, ``.json``) names, so that a clip finds its camera's profile; else one
    made up from the file's name, size and beginning.
    """
    spec = f"file:{path.resolve()}"
    try:
        camera = parse_json(path.with_suffix(".json").read_text(encoding="utf-8"))["camera"]
        return CameraInfo(text_of(camera["id"]), text_of(camera["name"]), "file", spec)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        with path.open("rb") as file:
            beginning = file.read(64 * 1024)
        size = path.stat().st_size
    except OSError as error:
        raise ClipError(f"{path} can't be read: {error.strerror}.", "Check the path.") from error
    digest = hashlib.sha256(str(size).encode() + b"\0" + beginning).hexdigest()
    return CameraInfo(f"file-{path.stem}-{digest[:8]}", path.name, "file", spec)

"""A video file as a camera."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import ClipError
from .base import CameraBase, CameraInfo, Mode
from .decoding import Decoder

DEFAULT_RATE_FPS = Fraction(30)
# FFmpeg plays text files and old character art as video; here they are a mistake.
_TEXT_CODECS = {"ansi", "bintext", "xbin", "idf"}
_RANGES = {"tv": 1, "pc": 2}
_MATRICES = {"bt709": 1, "bt601": 5}
_HINT = "Check the file, or convert it to Matroska first."


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
        try:
            self._stream = _video_stream(self._container, path)
            self._decoder = Decoder(self._stream.codec_context)
            super().__init__(file_camera_info(path), _mode(self._stream))
        except BaseException:
            self._container.close()
            raise
        self._lock = threading.Lock()  # FFmpeg must not be closed while it reads or decodes
        self._closed = False
        self._packets = 0
        self._frames = 0

    @property
    def template(self) -> VideoStream | None:
        """The stream to copy packets from."""
        return self._stream

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""
        return self._decoder.damaged

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def is_picture(self) -> bool:
        """Whether the file is a single picture, not a film."""
        name = self._container.format.name
        return name == "image2" or name.endswith("_pipe")

    @property
    def container(self) -> InputContainer:
        """The open file, for its other streams."""
        return self._container

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
            ClipError: the file holds no packet, or can't be read on.
        """
        source = self._container.demux(self._stream)
        while True:
            packet = self._next(source)
            if packet is None:
                break
            self._packets += 1
            yield packet
        if not self._packets and not self._closed:
            raise self._empty()

    def _next(self, source: Iterator[av.Packet[VideoStream]]) -> av.Packet[VideoStream] | None:
        with self._lock:
            if self._closed:
                return None
            try:
                while True:
                    packet = next(source, None)
                    if packet is None or packet.size:  # the empty packet at the end is PyAV's own
                        return packet
            except av.EOFError:
                return None
            except av.FFmpegError as error:
                raise ClipError(
                    f"{self._path} is damaged after {self._packets} frames: {error.strerror}.",
                    _HINT,
                ) from error

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames of one packet; ``None`` gives those that the decoder still holds at the end."""
        with self._lock:
            if self._closed:
                return []
            frames = self._decoder.decode(packet)
        for frame in frames:
            self._tag(frame)
            frame.time_base = frame.time_base or self._stream.time_base  # the last ones lack it
            if frame.pts is None:  # raw streams carry no times
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

    def frames(self) -> Iterator[VideoFrame]:
        """All frames.

        Raises:
            ClipError: not one frame of the file can be decoded, or it can't be read on.
        """
        yield from super().frames()
        yield from self.decode(None)
        if not self._frames and not self._closed:
            raise self._empty()

    def _empty(self) -> ClipError:
        if self.damaged_packets:
            return ClipError(f"None of the frames in {self._path} can be decoded.", _HINT)
        return ClipError(f"{self._path} holds no frames.", "Record it again.")

    def close(self) -> None:
        """Closes the file. Safe to call twice, and from another thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._container.close()


def open_container(path: Path) -> InputContainer:
    """Opens a media file for reading.

    Raises:
        ClipError: there is no such file, or it isn't a media file.
    """
    av.logging.set_level(None)
    if path.is_dir():
        raise ClipError(f"{path} is a folder, not a video.", "Name a file in it.")
    if not path.exists():
        raise ClipError(f"There is no file {path}.", "Check the path.")
    try:
        # The prefix keeps FFmpeg from reading a colon in the name as a protocol.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except av.PermissionError as error:
        raise ClipError(f"There is no permission to read {path}.", "Change it.") from error
    except av.EOFError as error:
        what = "is empty" if path.stat().st_size == 0 else "holds no frames"
        raise ClipError(f"{path} {what}.", "Record it again.") from error
    except (av.FFmpegError, OSError) as error:
        what = "is empty" if path.stat().st_size == 0 else "is no video or picture, or is damaged"
        raise ClipError(f"{path} {what}.", "Name a clip such as one from capture.") from error
    return container


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    hint = "Name a clip such as one from capture."
    if not container.streams.video:
        raise ClipError(f"{path} holds no video.", hint)
    stream = container.streams.video[0]
    codec = stream.codec_context
    if codec is None:
        raise ClipError(f"{path} holds video in a codec that FFmpeg can't decode here.", _HINT)
    if codec.name in _TEXT_CODECS:
        raise ClipError(f"{path} is a text file, not a video.", hint)
    if not stream.width or not stream.height:
        raise ClipError(f"{path} holds no frames.", "Record it again.")
    return stream


def _mode(stream: VideoStream) -> Mode:
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE_FPS
    if not 0 < rate <= 1000:
        rate = DEFAULT_RATE_FPS
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
        camera = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["camera"]
        return CameraInfo(str(camera["id"]), str(camera["name"]), "file", spec)
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

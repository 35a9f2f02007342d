"""A video file as a sink, written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import RtdenoiseError, SinkError, StorageError, writing
from ..files import whole_file
from ..frames import Chroma, PlaneFormat, Planes, convert, frame_from_planes
from .audio_holders import holders
from .base import PathSink


@dataclass(frozen=True)
class _Storage:
    """How the frames of a file are stored. ``time_base`` None: one tick is one frame."""

    codec: str
    time_base: Fraction | None
    options: dict[str, str] = field(default_factory=dict)


# Close to transparent: what was cleaned shouldn't be lost to the encoder.
_H264 = _Storage("libx264", Fraction(1, 90_000), {"crf": "14"})
_STORAGE = {
    ".mp4": _H264,
    ".mov": _H264,
    ".mkv": _H264,
    ".avi": _Storage("mjpeg", None),
    ".nut": _Storage("rawvideo", Fraction(1, 1_000_000)),
}
VIDEO_SUFFIXES = tuple(_STORAGE)


def stored_format(suffix: str, source: PlaneFormat) -> PlaneFormat:
    """What frames of ``source`` become in a file of that suffix.

    ``.nut`` keeps the planes, bit for bit. H.264 is 4:2:0 (4:4:4 at odd sizes, which 4:2:0 can't have there).
    JPEG is full-range BT.601.
    """
    width, height = source.width, source.height
    codec = _STORAGE[suffix].codec
    if codec == "rawvideo":
        return source
    if codec == "mjpeg":
        chroma: Chroma = "420" if source.chroma == "gray" else source.chroma
        return PlaneFormat(width, height, chroma, True, "bt601")
    even = width % 2 == 0 and height % 2 == 0
    return PlaneFormat(width, height, "420" if even else "444", source.full_range, source.matrix)


_LOOK_EVERY = 15  # frames, at how much room there is


class FileSink(PathSink):
    """Encodes frames into a file, and copies audio packets into it.

    Frames are shown at their ``time_s`` where that rises, else one nominal interval after the one before.

    Args:
        path: The file; its suffix, one of ``VIDEO_SUFFIXES``, says how it is stored.
        format: What the frames will be.
        rate_fps: Their nominal rate.
        audio: Streams of another open file whose packets will be handed to :meth:`copy`.
        preset: How much time x264 takes to make the file small. On a clean 1080p picture "ultrafast" takes a
            quarter of the CPU time of "veryfast", which leaves it to the denoiser in a live stream, and the
            file is twice as large.
        start_s: The time that becomes 0, for frames and audio packets; None for that of the first frame.
        spare_bytes: The file ends, whole, when no more than so much is free on its disk. 0: it is removed when there is
            nothing left.

    Raises:
        SinkError: the suffix is unknown, or the container can't hold the audio.
        StorageError: the file can't be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        format: PlaneFormat,
        rate_fps: Fraction,
        audio: Sequence[AudioStream] = (),
        start_s: float | None = None,
        preset: str = "ultrafast",
        spare_bytes: int = 0,
    ) -> None:
        storage = _STORAGE.get(path.suffix.lower())
        if storage is None:
            known = ", ".join(VIDEO_SUFFIXES)
            raise SinkError(
                f"{path} has an unknown suffix.", f"Name a file that ends in one of {known}."
            )
        super().__init__(path)
        self._source = format
        self._stored = stored_format(path.suffix.lower(), format)
        self._rate = Fraction(rate_fps)
        self._time_base = storage.time_base or 1 / self._rate
        self._start_s = start_s
        self._last: int | None = None
        self._spare_bytes, self._frames = spare_bytes, 0
        self._begun = False  # FFmpeg writes the header, or refuses to, with the first packet
        self._done = False
        self._audio: dict[int, AudioStream] = {}
        self._offered = audio
        av.logging.set_level(None)
        self._files = ExitStack()
        temporary = self._files.enter_context(whole_file(path))
        with self._guarded():
            self._container = av.open(f"file:{temporary}", "w")
            self._add_video(storage, preset)
            for stream in audio:
                self._add_audio(stream)
            self._container.start_encoding()

    def _add_video(self, storage: _Storage, preset: str) -> None:
        layout = self._stored
        options = dict(storage.options)
        if storage.codec == "libx264":
            options["preset"] = preset
        stream = self._container.add_stream(storage.codec, rate=self._rate, options=options)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{storage.codec} is no video codec")
        stream.width, stream.height = layout.width, layout.height
        stream.pix_fmt = "gray" if layout.chroma == "gray" else f"yuv{layout.chroma}p"
        context = stream.codec_context
        context.time_base = self._time_base
        context.color_range = 2 if layout.full_range else 1
        context.colorspace = 1 if layout.matrix == "bt709" else 5
        if storage.codec == "mjpeg":
            context.qmin, context.qmax = 2, 2
        if (
            storage.codec == "rawvideo"
        ):  # whose container has no place for them; FileCamera reads these
            stream.metadata["color_range"] = "pc" if layout.full_range else "tv"
            stream.metadata["color_space"] = layout.matrix
        self._video = stream

    def _add_audio(self, stream: AudioStream) -> None:
        codec = stream.codec_context.name
        if self._path.suffix.lower() == ".mp4" and codec.startswith("pcm_"):
            raise self._no_audio(codec)  # FFmpeg finds out at the very end, and few players play it
        try:
            self._audio[stream.index] = self._container.add_stream_from_template(stream)
        except ValueError as error:
            raise self._no_audio(codec) from error

    def _no_audio(self, codec: str) -> SinkError:
        suffix = self._path.suffix.lower()
        others = holders(self._offered, [other for other in VIDEO_SUFFIXES if other != suffix])
        hint = "Convert it first: ffmpeg -i FILE -c:v copy -c:a aac clip.mkv."
        if others:
            hint = f"Name an output that ends in {' or '.join(others)}."
        return SinkError(f"A file that ends in {suffix} can't hold audio in {codec}.", hint)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Removes the file where something goes wrong, and says it in our own errors."""
        try:
            with writing(self._path):
                yield
        except BaseException as error:
            self.abort()
            if isinstance(error, (av.FFmpegError, ValueError)) and not isinstance(
                error, RtdenoiseError
            ):
                if self._audio and not self._begun:
                    names = {s.codec_context.name for s in self._audio.values()}
                    raise self._no_audio(", ".join(sorted(names))) from error
                raise SinkError(
                    f"{self._path} can't be encoded: {error}.", "Try another suffix."
                ) from error
            raise

    def write(self, planes: Planes) -> None:
        """Takes one frame.

        Raises:
            SinkError: its format isn't the one that the sink was opened for.
            StorageError: the disk is full; the file is removed, or with ``spare_bytes`` finished before.
        """
        if planes.format != self._source:
            self.abort()
            raise SinkError(
                f"The picture changed from {self._source} to {planes.format} in the middle of "
                f"{self._path}.",
                "Write another file for it.",
            )
        stored = self._stored
        frame = frame_from_planes(convert(planes, stored.chroma, stored.full_range, stored.matrix))
        frame.time_base, frame.pts = self._time_base, self._next_time(planes.time_s)
        if self._frames % _LOOK_EVERY == 0:
            self._keep_spare()
        self._frames += 1
        with self._guarded():
            self._mux(frame)

    def _keep_spare(self) -> None:
        """Finishes the file while there is room for its end."""
        if not self._spare_bytes or shutil.disk_usage(self._path.parent).free > self._spare_bytes:
            return
        if not self._frames:
            self.abort()
            raise StorageError(
                f"The disk of {self._path} is full but for {self._spare_bytes / 1e6:.0f} MB.",
                "Free some space and run it again.",
            )
        self.close()
        raise StorageError(
            f"The disk of {self._path} is full: the film ends here, and is kept.",
            "Free some space for a longer one.",
        )

    def _next_time(self, time_s: float) -> int:
        if self._start_s is None:
            self._start_s = time_s
        ticks = round((time_s - self._start_s) / self._time_base)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + max(1, round(1 / (self._rate * self._time_base)))
        self._last = ticks
        return ticks

    def _mux(self, frame: VideoFrame | None) -> None:
        for packet in self._video.encode(frame):
            self._store(packet)

    def _store(self, packet: av.Packet[AudioStream] | av.Packet[VideoStream]) -> None:
        self._container.mux(packet)
        self._begun = True

    def copy(self, packet: av.Packet[AudioStream]) -> None:
        """Takes one packet of one of the ``audio`` streams, and stores it as it is.

        Raises:
            StorageError: the disk is full; the file is removed.
        """
        with self._guarded():
            start = round((self._start_s or 0.0) / packet.time_base)
            if start:
                packet.pts = None if packet.pts is None else packet.pts - start
                packet.dts = None if packet.dts is None else packet.dts - start
            packet.stream = self._audio[packet.stream.index]
            self._store(packet)

    def close(self) -> None:
        """Finishes the file and gives it its name; without a frame there will be none. Safe to call twice.

        Raises:
            StorageError: the disk is full; the file is removed.
        """
        if self._done:
            return
        if self._last is None:
            self.abort()
            return
        with self._guarded():
            self._mux(None)
            self._container.close()
            self._done = True
            self._files.close()

    def abort(self) -> None:
        """Removes what was written. Safe to call twice, and after ``close``, when it does nothing."""
        if self._done:
            return
        self._done = True
        with suppress(av.FFmpegError, AttributeError):
            self._container.close()
        with suppress(_AbortedError):
            error = _AbortedError()
            self._files.__exit__(_AbortedError, error, None)


class _AbortedError(Exception):
    """Makes ``whole_file`` remove its file."""

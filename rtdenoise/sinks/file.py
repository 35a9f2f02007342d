"""A video file as a sink, written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import RtdenoiseError, SinkError, StorageError, writing
from ..files import whole_file
from ..frames import PlaneFormat, Planes, convert, frame_from_planes
from ..frames.facts import UNSAID, VideoFacts
from ..frames.field_order import FieldMarker
from .audio_holders import CONVERT_SOUND, audio_name, holders, is_out_of_step, is_pcm, refusal
from .base import PathSink
from .beside import Beside, passed_on
from .copied_times import CopiedTimes, refuse_picture_pause
from .storage import VIDEO_SUFFIXES, Storage, refuse_colours, storage_of

# AAC begins a little before 0; the shift by that would move frames of .avi to the next whole number.
_OPTIONS = {".avi": {"avoid_negative_ts": "disabled"}}
_LOOK_EVERY = 15  # frames, at how much room there is


class FileSink(PathSink):
    """Encodes frames into a file, and copies audio packets into it.

    Frames are shown at their ``time_s`` where that rises, else one nominal interval after the one before.

    Args:
        path: The file; its suffix, one of ``VIDEO_SUFFIXES``, says how it is stored.
        format: What the frames will be.
        rate_fps: Their nominal rate.
        audio: Streams of another open file whose packets will be handed to :meth:`copy`.
        facts: What the recording says about its picture, upright; None where ``format`` is all that is known.
        beside: What else goes into the file: subtitles, chapters, covers, titles.
        deep: Frames have 10 bits and are handed to :meth:`write_deep`.
        preset: How much time x264 takes to make the file small. On a clean 1080p picture "ultrafast" takes a
            quarter of the CPU time of "veryfast", which leaves it to the denoiser in a live stream, and the
            file is twice as large.
        start_s: The time that becomes 0, for frames and audio packets; None for that of the first frame.
        spare_bytes: The file ends, whole, when no more than so much is free on its disk. 0: it is removed when there is
            nothing left.

    Raises:
        SinkError: the suffix is unknown, or the container can't hold the audio or the colours.
        StorageError: the file can't be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        format: PlaneFormat,
        rate_fps: Fraction,
        audio: Sequence[AudioStream] = (),
        facts: VideoFacts | None = None,
        beside: Beside | None = None,
        deep: bool = False,
        start_s: float | None = None,
        preset: str = "ultrafast",
        spare_bytes: int = 0,
    ) -> None:
        suffix = path.suffix.lower()
        if suffix not in VIDEO_SUFFIXES:
            known = ", ".join(VIDEO_SUFFIXES)
            raise SinkError(
                f"{path} has an unknown suffix.", f"Name a file that ends in one of {known}."
            )
        super().__init__(path)
        if facts is not None:
            refuse_colours(f"a file that ends in {suffix}", suffix, facts)
        self._rate = Fraction(rate_fps)
        storage = storage_of(suffix, format, self._rate, facts, preset=preset, deep=deep)
        self._source, self._stored = format, storage.layout
        self._time_base, self._beside = storage.time_base, beside
        self.deep = deep
        """Whether frames are handed to :meth:`write_deep`."""
        self._fields = FieldMarker(storage.fields) if storage.fields != "progressive" else None
        self._start_s = start_s
        self._last: int | None = None
        self._spare_bytes, self._frames = spare_bytes, 0
        self._begun = False  # FFmpeg writes the header, or refuses to, with the first packet
        self._done = False
        self._audio: dict[int, AudioStream] = {}
        self._offered = audio
        self._times: dict[int, CopiedTimes] = {}
        av.logging.set_level(None)
        self._files = ExitStack()
        temporary = self._files.enter_context(whole_file(path))
        with self._guarded("the recording"):
            options = dict(_OPTIONS.get(suffix, {}))
            if beside is not None:
                options |= beside.options(suffix)
            self._container = av.open(f"file:{temporary}", "w", container_options=options)
            self._add_video(storage, facts)
            for stream in audio:
                self._add_audio(stream)
            covers = []
            if beside is not None:
                beside.add_to(self._container, suffix, start_s or 0.0)
                covers = beside.add_covers(self._container, suffix)
            self._container.start_encoding()
            if suffix == ".avi":
                uneven = [stream for stream in self._audio.values() if is_out_of_step(stream)]
                if uneven:
                    raise self._no_audio(*uneven)
            self._container.mux(covers)

    def _add_video(self, storage: Storage, facts: VideoFacts | None) -> None:
        layout = self._stored
        options = dict(storage.options)
        stream = self._container.add_stream(storage.codec, rate=self._rate, options=options)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{storage.codec} is no video codec")
        stream.width, stream.height = layout.width, layout.height
        stream.pix_fmt = storage.pixel_format
        context = stream.codec_context
        context.time_base = self._time_base
        colour = storage.colour
        context.color_range, context.colorspace = colour.range, colour.matrix
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        if storage.tag:
            context.codec_tag = storage.tag
        if facts is not None:
            if facts.aspect is not None:
                context.sample_aspect_ratio = facts.aspect
            stream.metadata.update(passed_on(facts.metadata, self._path.suffix.lower()))
            stream.disposition = Disposition(facts.disposition)
        if storage.codec == "mjpeg":
            context.qmin, context.qmax = 2, 2
        if (
            storage.codec == "rawvideo"
        ):  # whose container has no place for them; FileCamera reads these
            if colour.range:
                stream.metadata["color_range"] = "pc" if layout.full_range else "tv"
            if colour.matrix != UNSAID:
                stream.metadata["color_space"] = layout.matrix
        self._video = stream

    def _add_audio(self, stream: AudioStream) -> None:
        suffix = self._path.suffix.lower()
        if suffix == ".mp4" and is_pcm(stream):
            raise self._no_audio(
                stream
            )  # FFmpeg finds out at the very end, and few players play it
        try:
            copy = self._container.add_stream_from_template(stream)
        except ValueError as error:
            raise self._no_audio(stream) from error
        copy.metadata.update(passed_on(stream.metadata, suffix))
        copy.disposition = stream.disposition
        if stream.bit_rate:  # from which .avi takes how long a block lasts
            copy.codec_context.bit_rate = stream.bit_rate
        self._audio[stream.index] = copy

    def _no_audio(self, *streams: AudioStream) -> SinkError:
        suffix = self._path.suffix.lower()
        others = holders(self._offered, [other for other in VIDEO_SUFFIXES if other != suffix])
        hint = CONVERT_SOUND
        if others:
            hint = f"Name an output that ends in {' or '.join(others)}."
        names = ", ".join(sorted({audio_name(stream) for stream in streams}))
        return SinkError(f"A file that ends in {suffix} can't hold audio in {names}.", hint)

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        """Removes the file where something goes wrong with ``what``, and says it in our own errors."""
        try:
            with writing(self._path):
                yield
        except BaseException as error:
            self.abort()
            if isinstance(error, (av.FFmpegError, ValueError)) and not isinstance(
                error, RtdenoiseError
            ):
                if self._audio and not self._begun:
                    raise self._no_audio(*self._audio.values()) from error
                raise refusal(self._path.suffix.lower(), what, error) from error
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
        self.write_deep(frame, planes.time_s)

    @property
    def stored(self) -> PlaneFormat:
        """What frames become; those handed to :meth:`write_deep` are that already."""
        return self._stored

    def write_deep(self, frame: VideoFrame, time_s: float) -> None:
        """Takes one frame in the pixel format that is stored, and its time.

        Raises:
            StorageError: as :meth:`write`.
        """
        frame.time_base, frame.pts = self._time_base, self._next_time(time_s)
        if self._frames % _LOOK_EVERY == 0:
            self._keep_spare()
        self._frames += 1
        with self._guarded("the picture"):
            self._mux(frame if self._fields is None else self._fields.mark(frame))

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
        if self._last is not None:
            with self._guarded("the picture"):
                refuse_picture_pause(self._path.suffix.lower(), ticks - self._last, self._time_base)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + max(1, round(1 / (self._rate * self._time_base)))
        self._last = ticks
        return ticks

    def _mux(self, frame: VideoFrame | None) -> None:
        for packet in self._video.encode(frame):
            self._store(packet)

    def _store(self, packet: av.Packet[Any]) -> None:
        self._container.mux(packet)
        self._begun = True

    def copy(self, packet: av.Packet[Any]) -> bool:
        """Takes one packet of one of the ``audio`` streams or of a subtitle; gives whether there is a place for it.

        Raises:
            SinkError: it comes after a pause that the file can't say, or FFmpeg refuses it.
            StorageError: the disk is full; the file is removed.
        """
        target = self._audio.get(packet.stream.index)
        what = "the subtitles" if target is None else f"the sound in {audio_name(target)}"
        with self._guarded(what):
            if target is not None:
                packet.stream = target
            else:
                kept = self._beside.copied(packet) if self._beside is not None else None
                if kept is None:
                    return False
                packet = kept
            start = round((self._start_s or 0.0) / packet.time_base)
            if start:
                packet.pts = None if packet.pts is None else packet.pts - start
                packet.dts = None if packet.dts is None else packet.dts - start
            target = packet.stream
            if target.index not in self._times:
                self._times[target.index] = CopiedTimes(target, self._path.suffix.lower())
            packets = self._times[target.index].place(packet)
            for one in packets:
                self._store(one)
            return bool(packets)

    @property
    def overlap_s(self) -> float:
        """How much sound had no place, because the file can't say when a packet is heard."""
        return sum(times.left_out_s for times in self._times.values())

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
        with self._guarded("the recording"):
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

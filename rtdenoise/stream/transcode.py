"""A whole file through a denoiser into another file, as fast as it goes, its audio copied.

file ─reader thread─▶ [queue] ─▶ denoiser ─▶ sink ◀─ audio and subtitle packets, as they are
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.video.frame import VideoFrame

from ..cameras.base import Camera, remarks_of
from ..cameras.containers import open_container
from ..cameras.file import FileCamera
from ..cameras.images import ImagesCamera
from ..denoisers import Denoiser, blend
from ..denoisers.fields import FieldsDenoiser
from ..errors import ClipError, SinkError
from ..files import is_folder, user_path
from ..frames import Planes, planes_from_frame
from ..frames.deep import deepened
from ..frames.facts import VideoFacts
from ..frames.orientation import turned, turned_format
from ..sinks import open_sink
from ..sinks.base import Sink, refuse_overwriting
from ..sinks.beside import Beside
from ..sinks.copied_times import CURE, IN_STEP_S, measure_blocks
from ..sinks.file import FileSink
from ..sinks.picture import PictureSink
from ..sinks.storage import VIDEO_SUFFIXES, holds_depth
from .fitting import fit
from .heard import heard
from .look_ahead import look_ahead
from .losses import losses
from .removal import Removal
from .timeline import Timeline

_AHEAD = 3  # decoded frames that wait for the denoiser
_MPEG_STREAMS = ("mpegts", "mpeg")
_INTERLEAVE_S = 0.5  # how far audio packets are written before the picture


@dataclass(frozen=True)
class TranscodeReport:
    """What was done.

    ``seconds`` is how long it took; ``damaged`` counts packets that were left out; ``removed_std`` is the root mean
    square of what was taken away, in levels of 255; ``lost`` names what the input says or holds that the output does
    not; ``remarks`` are sentences for the user.
    """

    frames: int
    seconds: float
    damaged: int
    audio_packets: int
    removed_std: float
    lost: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def transcode(
    camera: Camera,
    denoiser: Denoiser,
    output: str,
    *,
    strength: float = 1.0,
    seconds: float | None = None,
    advance: Callable[[], None] = lambda: None,
) -> TranscodeReport:
    """Cleans all frames of ``camera`` into ``output``, which is written whole or not at all.

    Args:
        camera: Where frames come from; closed at the end.
        denoiser: Not called at all where ``strength`` is 0.
        output: As for ``--output``: a file name, ``null``, …
        strength: How much of the noise to remove, 0…1.
        seconds: Stop after so much of the recording.
        advance: Called after each frame.

    Raises:
        ClipError: the input can't be read.
        SinkError: the output can't be opened, is the input itself, or can't hold the audio or the colours.
        StorageError: the output can't be written.
    """
    started = time.perf_counter()
    frames = 0
    sink: Sink | None = None
    facts = camera.facts if isinstance(camera, (FileCamera, ImagesCamera)) else None
    if facts is not None and facts.fields != "progressive":
        denoiser = FieldsDenoiser(denoiser)
    if isinstance(camera, FileCamera):
        camera.keep_incomplete()
    regular = isinstance(camera, FileCamera) and camera.container.format.name in _MPEG_STREAMS
    timeline = Timeline(1 / float(camera.mode.rate_fps), regular=regular)
    audio = _Audio(camera, output, timeline, seconds)
    source = _read_ahead(camera)
    if strength > 0:
        source = look_ahead(source, denoiser)
    removal = Removal()
    changed = 0
    first_s = 0.0
    try:
        refuse_overwriting(camera.info, output)
        for frame, given in source:
            noisy = replace(given, time_s=timeline.picture_s(given.time_s))
            if sink is None:
                sink, first_s = _open(camera, noisy, output, audio, facts), noisy.time_s
                layout = noisy.format
            elif noisy.format != layout and not isinstance(sink, PictureSink):
                noisy = fit(noisy, layout)
                changed += 1
            if seconds is not None and noisy.time_s - first_s >= seconds:
                break
            audio.copy_until(noisy.time_s, _INTERLEAVE_S if seconds is None else 0.0)
            clean = blend(noisy, denoiser(noisy), strength) if strength > 0 else noisy
            removal.add(noisy, clean)
            _write(sink, frame, noisy, clean, facts)
            frames += 1
            advance()
        if sink is None:
            raise ClipError(f"{camera.info.name} holds no frames that can be read.")
        timeline.close()
        audio.copy_until(first_s + seconds if seconds is not None else None)
        sink.close()
        lost = losses(camera, facts, sink)
    except BaseException:
        if sink is not None:
            sink.abort()
        raise
    finally:
        source.close()
        audio.close()
        camera.close()
    remarks = [*remarks_of(camera), *audio.remarks]
    if isinstance(sink, FileSink) and sink.overlap_s:
        remarks.append(
            f"{sink.overlap_s:.2f} s of sound that overlap other sound were left out: "
            f"{Path(output).suffix.lower()} can't say when each sound is heard."
        )
    if changed:
        what = "1 frame was" if changed == 1 else f"{changed} frames were"
        remarks.append(
            f"The picture changes its size or kind: {what} brought to that of the first one."
        )
    if timeline.starts:
        remarks.append(
            f"Times start again in the middle ({timeline.starts}×): what comes after was put behind what was before."
        )
    return TranscodeReport(
        frames,
        time.perf_counter() - started,
        camera.damaged_packets,
        audio.packets,
        removal.std,
        lost,
        tuple(remarks),
    )


def _open(
    camera: Camera, first: Planes, output: str, audio: _Audio, facts: VideoFacts | None
) -> Sink:
    path = user_path(output)
    rate, layout = camera.mode.rate_fps, first.format
    if path.suffix.lower() not in VIDEO_SUFFIXES or is_folder(path):
        return open_sink(output, format=layout, rate_fps=rate, facts=facts)
    if facts is not None:
        layout = turned_format(layout, facts.orientation)
    if isinstance(camera, FileCamera) and facts is not None and path.suffix.lower() == ".avi":
        facts = replace(facts, uneven=camera.uneven)
        audio.start_together(first.time_s)
    deep = facts is not None and facts.bits > 8 and not facts.rgb and holds_depth(path.suffix)
    sink = FileSink(
        path,
        format=layout,
        rate_fps=rate,
        audio=audio.streams,
        facts=facts.upright() if facts is not None else None,
        beside=audio.beside,
        deep=deep,
        start_s=audio.start_s,
        preset="veryfast",
    )
    audio.sink = sink
    return sink


def _write(
    sink: Sink, frame: VideoFrame, noisy: Planes, clean: Planes, facts: VideoFacts | None
) -> None:
    if isinstance(sink, FileSink) and facts is not None:
        if sink.deep:
            sink.write_deep(
                deepened(frame, noisy, clean, sink.stored, facts.orientation), noisy.time_s
            )
        else:
            sink.write(turned(clean, facts.orientation))
        return
    if isinstance(sink, PictureSink):
        sink.write_like(clean, frame, noisy)
        return
    sink.write(clean)


class _Audio:
    """The audio streams of a file, and its subtitles, read beside its video and copied as it goes on."""

    def __init__(
        self, camera: Camera, output: str, timeline: Timeline, seconds: float | None
    ) -> None:
        self.packets = 0
        self.remarks: list[str] = []
        self._timeline = timeline
        self.sink: FileSink | None = None
        self.streams: list[AudioStream] = []
        self.beside: Beside | None = None
        self.start_s: float | None = None
        self._containers: list[InputContainer] = []
        self._source: Iterator[av.Packet[Any]] = iter(())
        self._waiting: av.Packet[Any] | None = None
        if not isinstance(camera, FileCamera):
            return
        if Path(output).suffix.lower() not in VIDEO_SUFFIXES:
            return
        container = self._opened(camera.path)
        self.beside = Beside(self._opened(camera.path), seconds)
        self.streams = [s for s in container.streams.audio if _is_known(s) and not _is_empty(s)]
        unknown = sum(not _is_known(s) for s in container.streams.audio)
        empty = len(container.streams.audio) - len(self.streams) - unknown
        if unknown:
            self._leave_out(unknown, "in a format that FFmpeg doesn't know")
        if empty:
            self._leave_out(empty, "without any sound")
        if Path(output).suffix.lower() == ".avi":
            measure_blocks(self._opened(camera.path), self.streams)
        copied = [*self.streams, *(container.streams[s.index] for s in self.beside.subtitles)]
        if copied or container.chapters():
            self.start_s = (container.start_time or 0) / av.time_base
        if copied:
            self._source = heard(container.demux(copied))

    def start_together(self, first_s: float) -> None:
        """Lets picture and sound begin at once: .avi counts frames and samples, and knows no other time.

        Raises:
            SinkError: one begins so much later than the other that it would be noticed.
        """
        if self.start_s is None:
            return
        begins = [
            float(s.start_time * s.time_base) - first_s
            for s in self.streams
            if s.start_time is not None and s.time_base
        ]
        late_s = max(begins, key=abs, default=0.0)
        if abs(late_s) > IN_STEP_S:
            one, other = ("sound", "picture") if late_s > 0 else ("picture", "sound")
            raise SinkError(
                f"The {one} begins {abs(late_s):.2f} s after the {other}, which a file that ends in .avi can't say.",
                CURE,
            )
        self.start_s = first_s

    def _leave_out(self, count: int, why: str) -> None:
        what = "An audio track is" if count == 1 else f"{count} audio tracks are"
        self.remarks.append(f"{what} {why}, and left out.")

    def _opened(self, path: Path) -> InputContainer:
        container = open_container(path)
        self._containers.append(container)
        return container

    def copy_until(self, time_s: float | None, ahead_s: float = 0.0) -> None:
        """Copies the packets up to a time, and ``ahead_s`` more; all that are left where it is None."""
        if self.sink is None:
            return
        while True:
            packet = self._waiting or self._next()
            if packet is None:
                return
            self._waiting = packet
            at_s = _decode_time_s(packet)
            shift_s = self._timeline.sound_shift_s(packet.stream.index, at_s)
            if shift_s is None or (time_s is not None and at_s + shift_s > time_s + ahead_s):
                return
            self._waiting = None
            if shift_s and packet.dts is not None and packet.pts is not None:
                ticks = round(shift_s / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            sound = isinstance(packet.stream, AudioStream)
            if self.sink.copy(packet) and sound:
                self.packets += 1

    def _next(self) -> av.Packet[Any] | None:
        try:
            for packet in self._source:
                if packet.size:
                    return packet
        except av.FFmpegError as error:
            self.remarks.append(f"The sound can't be read to its end ({error.strerror}).")
        return None

    def close(self) -> None:
        for container in self._containers:
            container.close()


def _is_known(stream: AudioStream) -> bool:
    """Whether FFmpeg knows the codec of a stream; PyAV's types promise it."""
    context: CodecContext | None = stream.codec_context
    return context is not None


def _is_empty(stream: AudioStream) -> bool:
    """Whether a stream was announced and never came: nothing says how its sound is sampled."""
    return not stream.codec_context.sample_rate


def _decode_time_s(packet: av.Packet[Any]) -> float:
    if packet.dts is None or packet.time_base is None:
        return -math.inf
    return float(packet.dts * packet.time_base)


def _read_ahead(camera: Camera) -> Generator[tuple[VideoFrame, Planes], None, None]:
    """The frames of a camera, decoded in a thread of their own, a few ahead."""
    waiting: queue.Queue[tuple[VideoFrame, Planes] | BaseException | None] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: tuple[VideoFrame, Planes] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            for frame in camera.frames():
                put((frame, planes_from_frame(frame)))
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # handed on to the reader of the queue
            put(error)

    thread = threading.Thread(target=read, name="reader", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join(timeout=5)

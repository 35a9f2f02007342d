"""A whole file through a denoiser into another file, as fast as it goes, its audio copied.

file ─reader thread─▶ [queue] ─▶ denoiser ─▶ sink ◀─ audio packets, as they are
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame

from ..cameras.base import Camera
from ..cameras.file import FileCamera, open_container
from ..denoisers import Denoiser, blend
from ..errors import ClipError
from ..frames import Planes, planes_from_frame
from ..sinks import open_sink
from ..sinks.base import Sink, refuse_overwriting
from ..sinks.file import VIDEO_SUFFIXES, FileSink
from ..sinks.picture import PictureSink
from .look_ahead import look_ahead
from .removal import Removal

_AHEAD = 3  # decoded frames that wait for the denoiser
_INTERLEAVE_S = 0.5  # how far audio packets are written before the picture


@dataclass(frozen=True)
class TranscodeReport:
    """What was done. ``seconds`` is how long it took; ``damaged`` counts packets that were left out.

    ``removed_std`` is the root mean square of what was taken away, in levels of 255.
    """

    frames: int
    seconds: float
    damaged: int
    audio_packets: int
    removed_std: float


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
        SinkError: the output can't be opened, is the input itself, or can't hold the audio.
        StorageError: the output can't be written.
    """
    started = time.perf_counter()
    frames = 0
    sink: Sink | None = None
    audio = _Audio(camera, output)
    source = _read_ahead(camera)
    if strength > 0:
        source = look_ahead(source, denoiser)
    removal = Removal()
    first_s = 0.0
    try:
        refuse_overwriting(camera.info, output)
        for frame, noisy in source:
            if sink is None:
                sink, first_s = _open(camera, noisy, output, audio), noisy.time_s
            if seconds is not None and noisy.time_s - first_s >= seconds:
                break
            audio.copy_until(noisy.time_s, _INTERLEAVE_S if seconds is None else 0.0)
            clean = blend(noisy, denoiser(noisy), strength) if strength > 0 else noisy
            removal.add(noisy, clean)
            _write(sink, frame, noisy, clean)
            frames += 1
            advance()
        if sink is None:
            raise ClipError(f"{camera.info.name} holds no frames that can be read.")
        audio.copy_until(first_s + seconds if seconds is not None else None)
        sink.close()
    except BaseException:
        if sink is not None:
            sink.abort()
        raise
    finally:
        source.close()
        audio.close()
        camera.close()
    return TranscodeReport(
        frames,
        time.perf_counter() - started,
        camera.damaged_packets,
        audio.packets,
        removal.std,
    )


def _open(camera: Camera, first: Planes, output: str, audio: _Audio) -> Sink:
    path = Path(output).expanduser()
    rate = camera.mode.rate_fps
    if path.suffix.lower() not in VIDEO_SUFFIXES or path.is_dir():
        return open_sink(output, format=first.format, rate_fps=rate)
    sink = FileSink(
        path,
        format=first.format,
        rate_fps=rate,
        audio=audio.streams,
        start_s=audio.start_s if audio.streams else None,
        preset="veryfast",
    )
    audio.sink = sink if audio.streams else None
    return sink


def _write(sink: Sink, frame: VideoFrame, noisy: Planes, clean: Planes) -> None:
    # R'G'B' doesn't survive a trip through bytes of Y'CbCr: an untouched picture is passed on as it is.
    if isinstance(sink, PictureSink) and sink.path.suffix.lower() == ".png":
        same = all(
            a is b or np.array_equal(a, b)
            for a, b in ((noisy.y, clean.y), (noisy.u, clean.u), (noisy.v, clean.v))
        )
        if same and frame.format.name in ("rgb24", "rgba", "gray", "pal8", "rgb48be", "gray16be"):
            sink.write_frame(frame)
            return
    sink.write(clean)


class _Audio:
    """The audio streams of a file, read beside its video and copied as it goes on."""

    def __init__(self, camera: Camera, output: str) -> None:
        self.packets = 0
        self.sink: FileSink | None = None
        self.streams: list[AudioStream] = []
        self.start_s = 0.0
        self._container = None
        if not isinstance(camera, FileCamera) or not camera.container.streams.audio:
            return
        if Path(output).suffix.lower() not in VIDEO_SUFFIXES:
            return
        self._container = open_container(camera.path)
        self.streams = list(self._container.streams.audio)
        self.start_s = (self._container.start_time or 0) / av.time_base
        self._source = self._container.demux(self.streams)
        self._waiting: av.Packet[AudioStream] | None = None

    def copy_until(self, time_s: float | None, ahead_s: float = 0.0) -> None:
        """Copies the packets up to a time, and ``ahead_s`` more; all that are left where it is None."""
        if self.sink is None:
            return
        while True:
            packet = self._waiting or self._next()
            if packet is None:
                return
            self._waiting = packet
            if time_s is not None and _decode_time_s(packet) > time_s + ahead_s:
                return
            self._waiting = None
            self.sink.copy(packet)
            self.packets += 1

    def _next(self) -> av.Packet[AudioStream] | None:
        try:
            for packet in self._source:
                if packet.size and isinstance(packet.stream, AudioStream):
                    return cast("av.Packet[AudioStream]", packet)
        except av.FFmpegError:  # the file is cut short; its video says so if it matters
            pass
        return None

    def close(self) -> None:
        if self._container is not None:
            self._container.close()


def _decode_time_s(packet: av.Packet[AudioStream]) -> float:
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

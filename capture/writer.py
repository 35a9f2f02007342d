"""Writes packets to a clip, byte for byte, or frames: under a temporary name until the clip is whole."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import Camera
from rtdenoise.errors import ClipError, StorageError, storage_error, writing
from rtdenoise.files import into_new_place
from rtdenoise.leftovers import held, sweep

from .clip import Clip
from .raw_video import RawVideo, is_copied

LEAST_FRAMES = 2
# Written beside the clip and removed at its end, so that a full disk has room for the sidecar.
_RESERVE_BYTES = 64 * 1024
# FFmpeg keeps 5 s of video in memory by default; a full disk or a crash would lose them.
_MATROSKA = {"cluster_time_limit": "500"}


class Writer:
    """A clip under a temporary name, made with its first packet."""

    def __init__(self, path: Path, camera: Camera) -> None:
        self.path = path
        self.frames = 0
        self._camera = camera
        token = secrets.token_hex(4)
        self._temporary = path.with_name(f".{path.stem}.{token}.part{path.suffix}")
        self._reserve = path.with_name(f".{path.stem}.{token}.reserve")
        self._held, self._reserved = ExitStack(), ExitStack()
        self._output: OutputContainer | None = None
        self._stream: Any = None
        self._origin: int | None = None
        self._last_dts: int | None = None
        self._copies = is_copied(camera)
        self._raw: RawVideo | None = None

    @property
    def left_out(self) -> int:
        """How many frames could not be stored, because they had another size or kind than the first."""
        return 0 if self._raw is None else self._raw.left_out

    def __enter__(self) -> Writer:
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            sweep(self.path.parent)
            try:
                self._held.enter_context(held(self._temporary))
                self._reserved.enter_context(held(self._reserve))
                self._reserve.write_bytes(bytes(_RESERVE_BYTES))
            except OSError:
                self._let_go()
                self._remove()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close_quietly()
        self._let_go()
        self._remove()

    def write(self, packet: av.Packet[Any]) -> None:
        """Copies one packet, or stores its frames.

        Raises:
            StorageError: it can't be written. What can be kept of the clip has been.
        """
        if not self._copies:
            self._write_frames(self._camera.decode(packet))
            return
        try:
            if self._output is None:
                self._open()
            self._restamp(packet)
            packet.stream = self._stream
            assert self._output is not None
            self._output.mux(packet)
        except OSError as error:
            raise self._failed(error) from error
        except (
            av.FFmpegError,
            ValueError,
        ) as error:  # the latter where the container doesn't take the codec
            why = error.strerror if isinstance(error, av.FFmpegError) else error
            raise ClipError(
                f"The packets of {self._camera.info.name} ({self._camera.mode}) can't be recorded: {why}.",
                "Choose another mode of the camera, or convert the file to MJPEG in Matroska.",
            ) from error
        self.frames += 1

    def flush(self) -> None:
        """Stores the frames that the decoder still holds, after the last packet.

        Raises:
            StorageError: they can't be written.
        """
        if not self._copies:
            self._write_frames(self._camera.decode(None))

    def _write_frames(self, frames: list[VideoFrame]) -> None:
        try:
            for frame in frames:
                if self._raw is None:
                    self._output = av.open(f"file:{self._temporary}", "w", format="nut")
                    self._raw = RawVideo(self._output, frame, self._camera.mode.rate_fps)
                self.frames += self._raw.write(frame)
        except OSError as error:
            raise self._failed(error) from error

    def _open(self) -> None:
        raw = self.path.suffix == ".nut"
        options = {} if raw else _MATROSKA
        name = f"file:{self._temporary}"
        kind = "nut" if raw else "matroska"
        output = av.open(name, "w", format=kind, options=options)
        self._output = output
        mode, template = self._camera.mode, self._camera.template
        if raw:  # a copied template would lose the pixel format
            stream = output.add_stream("rawvideo", rate=mode.rate_fps)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = mode.width, mode.height
            stream.pix_fmt = mode.pixel_format
            stream.metadata.update(template.metadata if template is not None else {})
            self._stream = stream
        elif template is not None:
            self._stream = output.add_stream_from_template(template, opaque=True)
        else:
            self._stream = output.add_mux_stream(
                mode.codec, rate=mode.rate_fps, width=mode.width, height=mode.height
            )

    def _restamp(self, packet: av.Packet[Any]) -> None:
        """Lets time begin at 0 and never stand still, as containers want it."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or not packet.time_base:
            packet.time_base = 1 / self._camera.mode.rate_fps
            packet.pts = packet.dts = stamp = self.frames
        if self._origin is None:
            self._origin = stamp
        dts = stamp - self._origin
        if self._last_dts is not None and dts <= self._last_dts:
            dts = self._last_dts + 1
        later = 0 if packet.pts is None else max(packet.pts - stamp, 0)
        packet.dts, packet.pts = dts, dts + later
        self._last_dts = dts

    def finish(self) -> None:
        """Closes the file and gives it its name.

        Raises:
            StorageError: the disk is full.
        """
        try:
            if self._output is not None:
                output, self._output = self._output, None
                output.close()
            self.path = into_new_place(self._temporary, self.path)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> StorageError:
        """Keeps what was written, if it is a clip, and says what happened."""
        self._close_quietly()
        told = storage_error(error, self.path)
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)
        self._reserved.close()  # an open file keeps its room
        frames = _readable_frames(self._temporary)
        if frames < LEAST_FRAMES:
            return told
        try:
            self.path = into_new_place(self._temporary, self.path)
            Clip(self.path, self._camera.info, self._camera.mode, frames).save()
        except (OSError, StorageError):
            return told
        return StorageError(
            f"{told.message} The first {frames} frames were kept.",
            f"Free some space and run rtdenoise capture --camera file:{self.path} to judge them.",
        )

    def _close_quietly(self) -> None:
        if self._output is not None:
            output, self._output = self._output, None
            with suppress(OSError, av.FFmpegError, ValueError):
                output.close()

    def _let_go(self) -> None:
        self._held.close()
        self._reserved.close()

    def _remove(self) -> None:
        for path in (self._temporary, self._reserve):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _readable_frames(path: Path) -> int:
    """How many frames of a file can be decoded, however it ends."""
    frames = 0
    with suppress(ClipError, OSError):
        camera = open_camera(f"file:{path}")
        try:
            for _ in camera.frames():
                frames += 1
        finally:
            camera.close()
    return frames

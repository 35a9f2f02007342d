"""An open webcam, read through FFmpeg, and why one can't be opened.

Reading never hangs: the device is read without blocking, so that another thread can close it and a camera that falls
silent is noticed. Opening is each system's own: :mod:`.webcam_linux`, :mod:`.webcam_other`.
"""

from __future__ import annotations

import errno
import select
import threading
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

import av
import av.logging
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import CameraError
from . import discovery
from .base import CameraBase, CameraInfo, Mode
from .choice import denied
from .decoding import Decoder

if TYPE_CHECKING:
    from av.container import InputContainer

    VideoPacket = av.Packet[VideoStream]

OPEN_TIMEOUT_S = 15.0
FIRST_FRAME_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 5.0  # well above the longest exposure of a webcam
# AVFMT_FLAG_NONBLOCK = 4 has no name among FFmpeg's options.
OPTIONS = {"fflags": "+nobuffer+4", "analyzeduration": "0"}
_QUEUE = 32  # pictures that the kernel keeps for us at most
GONE = (errno.ENODEV, errno.EINVAL, errno.EIO, errno.ENXIO, errno.EBADF)


class Webcam(CameraBase):
    """An open webcam; see :class:`rtdenoise.cameras.base.Camera`.

    Packets and frames have memory of their own: they outlive the next packet and the camera itself.

    Args:
        info: Which camera it is.
        container: FFmpeg's device, opened for reading without blocking.
        mode: What was granted.
        descriptor: FFmpeg's file descriptor of the device, to wait on; None: look every 2 ms.
    """

    def __init__(
        self,
        info: CameraInfo,
        container: InputContainer,
        mode: Mode,
        descriptor: int | None = None,
    ) -> None:
        super().__init__(info, mode)
        self._container = container
        self._stream = container.streams.video[0]
        self._decoder = Decoder(self._stream.codec_context)
        self._descriptor = descriptor
        self._lock = threading.Lock()  # one reads or closes at a time
        self._closed = threading.Event()
        self._empty = 0  # packets that the driver marked as corrupt
        self._skipped = 0

    @property
    def template(self) -> VideoStream:
        """The stream to copy packets from."""
        return self._stream

    @property
    def damaged_packets(self) -> int:
        """How many packets came damaged so far."""
        return self._empty + self._decoder.damaged

    @property
    def skipped_packets(self) -> int:
        """How many packets :meth:`newest_packets` passed over so far."""
        return self._skipped

    def packets(self) -> Iterator[VideoPacket]:
        """The packets as the camera sends them, until :meth:`close`.

        Raises:
            CameraError: the camera went away, or sends nothing any more.
        """
        timeout_s = FIRST_FRAME_TIMEOUT_S
        while (packet := self._next(timeout_s)) is not None:
            timeout_s = SILENCE_TIMEOUT_S
            yield packet
        with self._lock:  # the device is free when this ends
            self._container.close()

    def newest_packets(self) -> Iterator[VideoPacket]:
        """Like :meth:`packets`, but where the reader can't keep up, the oldest are passed over.

        The kernel queues up to 32 pictures: a second of delay that would never be caught up again. For
        codecs whose frames lean on earlier ones nothing is passed over.
        """
        independent = self._mode.codec in ("mjpeg", "rawvideo")
        for packet in self.packets():
            latest, count = deque([packet], maxlen=2), 1
            # Bounded, since a source that is quicker than we copy would never end.
            for later in islice(self._waiting(), _QUEUE if independent else 0):
                latest.append(later)
                count += 1
            if count > 2:  # two at once are nothing but jitter
                self._skipped += count - 1
                latest.popleft()
            yield from latest

    def frames(self) -> Iterator[VideoFrame]:
        """The frames of :meth:`newest_packets`.

        Raises:
            CameraError: the camera went away, or sends nothing any more.
        """
        for packet in self.newest_packets():
            yield from self.decode(packet)

    def _waiting(self) -> Iterator[VideoPacket]:
        """The packets that are there already."""
        while True:
            try:
                packet = self._read()
            except BlockingIOError:
                return
            except (av.FFmpegError, OSError):  # the next regular read says it with a sentence
                return
            if packet is None:
                return
            yield packet

    def decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        """The frames of one packet; none where it is damaged."""
        return self._decoder.decode(packet)

    def _next(self, timeout_s: float) -> VideoPacket | None:
        """The next packet; None once the camera is closed."""
        deadline = time.monotonic() + timeout_s
        while not self._closed.is_set():
            try:
                return self._read()
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CameraError(
                        f"{self._info.name} has sent no picture for {timeout_s:g} seconds.",
                        "Unplug it, plug it in again, and run this again.",
                    ) from None
            except (av.FFmpegError, OSError) as error:
                raise self._went_away(error) from error
            self._wait()
        return None

    def _read(self) -> VideoPacket | None:
        """One packet that is there; None once closed. Damaged (empty) ones are counted and passed over."""
        while True:
            with self._lock:
                if self._closed.is_set():
                    return None
                try:
                    packet = next(self._container.demux(self._stream))
                except (EOFError, StopIteration):
                    raise OSError(errno.ENODEV, "end of stream") from None
                if packet.size:
                    return self._own(packet)
                if packet.pts is None:  # what PyAV gives at the end of a stream
                    raise OSError(errno.ENODEV, "end of stream")
            self._empty += 1

    def _own(self, packet: VideoPacket) -> VideoPacket:
        """A copy, since the bytes lie in the driver's buffer, which is gone when the camera is closed."""
        copy = cast("VideoPacket", av.Packet(bytes(packet)))
        copy.stream = self._stream
        copy.time_base = packet.time_base
        copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
        copy.is_keyframe = packet.is_keyframe
        return copy

    def _wait(self) -> None:
        """Waits until there may be a packet, at most 0.1 s."""
        if self._descriptor is not None:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            ready = poll.poll(100)
            if ready and ready[0][1] == select.POLLIN:
                return
        time.sleep(0.002)

    def _went_away(self, error: av.FFmpegError | OSError) -> CameraError:
        if error.errno in GONE:
            return CameraError(
                f"{self._info.name} went away while it was read.",
                "Plug it in again and run this again.",
            )
        return open_error(error, self._info, None)

    def close(self) -> None:
        """Lets the device go; :meth:`packets` ends in the thread that reads. Safe to call twice."""
        self._closed.set()
        with self._lock:
            self._container.close()


def open_error(
    error: av.FFmpegError | OSError, info: CameraInfo, wanted: Mode | None
) -> CameraError:
    """Why a camera couldn't be opened or started, in words."""
    name, code = f"{info.name} ({info.spec})", error.errno
    if code in (errno.EBUSY, errno.EAGAIN):
        names = " and ".join(discovery.holders(info.spec))
        return CameraError(
            f"{name} is in use by {names or 'another program'}.", "Close that program first."
        )
    if code == errno.ENOSPC:
        return CameraError(
            f"There is no room on the USB bus for the pictures of {name}: another camera takes it.",
            "Plug one of them into another port (not on the same hub), or choose a smaller --size.",
        )
    if code in (errno.EACCES, errno.EPERM):
        return denied(info.spec)
    if code in (errno.ENOENT, errno.ENXIO):
        return CameraError(f"{name} went away.", "Plug it in again and run this again.")
    if code == errno.ETIMEDOUT or isinstance(error, av.error.ExitError):
        return CameraError(
            f"{name} sends no pictures.", "Unplug it, plug it in again, and run this again."
        )
    what = f" as {wanted}" if wanted else ""
    reason = error.strerror or str(error)
    return CameraError(
        f"{name} can't be started{what}: {reason}.",
        "Unplug it, plug it in again, or choose another --size.",
    )

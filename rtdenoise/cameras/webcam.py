"""Webcams, opened through FFmpeg: v4l2 on Linux, dshow on Windows, avfoundation on macOS.

    open_webcam("Software Webcam", size=(1920, 1080), rate_fps=30)

The mode is chosen on purpose from what the camera offers, and what was granted is read back. Reading never hangs:
the device is read without blocking, so that another thread can close it and a camera that
falls silent is noticed.
"""

from __future__ import annotations

import errno
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, cast

import av
import av.logging
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import CameraError
from . import discovery
from .base import CameraInfo, Mode
from .choice import denied, find_camera, silent
from .modes import choose_mode, describe_modes
from .v4l2 import FORMATS, Device, descriptors_of

if TYPE_CHECKING:
    from av.container import InputContainer

    VideoPacket = av.Packet[VideoStream]

OPEN_TIMEOUT_S = 15.0
FIRST_FRAME_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 5.0  # well above the longest exposure of a webcam
# AVFMT_FLAG_NONBLOCK = 4 has no name among FFmpeg's options.
OPTIONS = {"fflags": "+nobuffer+4", "analyzeduration": "0"}
_QUEUE = 32  # pictures that the kernel keeps for us at most
_GONE = (errno.ENODEV, errno.EINVAL, errno.EIO, errno.ENXIO, errno.EBADF)


class Webcam:
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
        self._info = info
        self._mode = mode
        self._container = container
        self._stream = container.streams.video[0]
        # Frame threads would hold back as many frames as there are threads.
        self._stream.codec_context.thread_count = 1
        self._descriptor = descriptor
        self._lock = threading.Lock()  # one reads or closes at a time
        self._closed = threading.Event()
        self._damaged = 0
        self._skipped = 0
        self._has_end_markers = False

    @property
    def info(self) -> CameraInfo:
        """Which camera this is."""
        return self._info

    @property
    def mode(self) -> Mode:
        """The mode that was granted."""
        return self._mode

    @property
    def template(self) -> VideoStream:
        """The stream to copy packets from."""
        return self._stream

    @property
    def damaged_packets(self) -> int:
        """How many packets came damaged so far."""
        return self._damaged

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
        if packet is not None and self._mode.codec == "mjpeg" and self._truncated(packet):
            self._damaged += 1
            return []
        try:
            return self._stream.codec_context.decode(packet)
        except av.FFmpegError:
            self._damaged += 1
            return []

    def _truncated(self, packet: VideoPacket) -> bool:
        """Whether a JPEG picture lacks its end marker, where this camera's others have it.

        FFmpeg fills what is missing with grey and says nothing. Some cameras pad their pictures with zeros.
        """
        tail = bytes(memoryview(packet)[-4096:]).rstrip(b"\0")
        whole = tail.endswith(b"\xff\xd9")
        self._has_end_markers = self._has_end_markers or whole
        return not whole and self._has_end_markers

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
            self._damaged += 1  # the driver marked it as corrupt

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
        if error.errno in _GONE:
            return CameraError(
                f"{self._info.name} went away while it was read.",
                "Plug it in again and run this again.",
            )
        return _open_error(error, self._info, None)

    def close(self) -> None:
        """Lets the device go; :meth:`packets` ends in the thread that reads. Safe to call twice."""
        self._closed.set()
        with self._lock:
            self._container.close()


def open_webcam(
    spec: str | None, *, size: tuple[int, int] | None = None, rate_fps: float | None = None
) -> Webcam:
    """Opens a webcam.

    Args:
        spec: A device path, a name (or a part of one) or a camera id; None takes the only camera.
        size: (width, height); None takes the best up to 1920×1080 that keeps 24 frames/s.
        rate_fps: Frames per second; None takes what comes nearest to 30.

    Raises:
        CameraError: there is no such camera, it is busy, or it doesn't offer what was asked for.
    """
    av.logging.set_level(None)  # many a camera's pictures make FFmpeg complain on every frame
    if sys.platform.startswith("linux"):
        return _open_v4l2(spec, size, rate_fps)
    from . import webcam_other

    return webcam_other.open_other(spec, size, rate_fps)


def _open_v4l2(spec: str | None, size: tuple[int, int] | None, rate_fps: float | None) -> Webcam:
    camera = find_camera(spec)
    wanted = choose_mode(camera, size, rate_fps)
    options = dict(OPTIONS)
    if wanted:
        options |= {
            "input_format": _input_format(wanted),
            "video_size": f"{wanted.width}x{wanted.height}",
            "framerate": str(wanted.rate_fps),
        }
    path = camera.info.spec
    before = descriptors_of(path)
    try:
        container = av.open(path, "r", "v4l2", options, timeout=(OPEN_TIMEOUT_S, None))
    except (av.FFmpegError, OSError) as error:
        if camera.driver in discovery.LOOPBACK_DRIVERS and error.errno in _GONE:
            raise silent(path, camera.info.name) from error
        raise _open_error(error, camera.info, wanted) from error
    try:
        if not container.streams.video:
            raise CameraError(f"{camera.info.name} sends no video.", "Try another camera.")
        mode = _granted(path, container, wanted)
        _check(camera, mode, wanted, size, rate_fps)
        new = descriptors_of(path) - before
        return Webcam(camera.info, container, mode, new.pop() if len(new) == 1 else None)
    except BaseException:
        container.close()
        raise


def _input_format(mode: Mode) -> str:
    return next(
        option
        for codec, pixel_format, option in FORMATS.values()
        if (codec, pixel_format) == (mode.codec, mode.pixel_format)
    )


def _granted(path: str, container: InputContainer, wanted: Mode | None) -> Mode:
    """What the camera really sends: sizes of FFmpeg's stream, the rate of the driver."""
    stream = container.streams.video[0]
    rate: Fraction | None = None
    with suppress(OSError), Device(path) as device:
        rate = device.granted()[3]
    rate = rate or stream.average_rate or (wanted.rate_fps if wanted else Fraction(30))
    context = stream.codec_context
    return Mode(context.name, context.pix_fmt or "", context.width, context.height, rate)


def _check(
    camera: discovery.FoundCamera,
    mode: Mode,
    wanted: Mode | None,
    size: tuple[int, int] | None,
    rate_fps: float | None,
) -> None:
    """Refuses a mode that is less than what was asked for or chosen.

    Raises:
        CameraError: the camera granted something else.
    """
    size = (wanted.width, wanted.height) if wanted else size
    rate = float(wanted.rate_fps) if wanted else rate_fps
    codec = wanted.codec if wanted else mode.codec
    same_size = size is None or size == (mode.width, mode.height)
    same_rate = rate is None or abs(float(mode.rate_fps) - rate) <= 0.02 * rate
    if same_size and same_rate and codec == mode.codec:
        return
    raise CameraError(
        f"{camera.info.name} gives {mode} instead of {wanted or 'what was asked for'}.",
        f"Choose a mode that it has: {describe_modes(camera.modes)}."
        if camera.modes
        else "Leave out --size and --fps.",
    )


def _open_error(
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

"""Cameras of the user's PipeWire session: those that only libcamera knows (laptops with IPU6), and programs' own."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import CameraError, SinkError
from ..pipewire import pod
from ..pipewire.reader import Received, VideoReader
from ..pipewire.registry import SessionCamera, session_cameras
from ..pipewire.session import look
from .base import CameraBase, CameraInfo, Mode
from .decoding import Decoder
from .discovery import FoundCamera
from .modes import choose_mode
from .webcam import FIRST_FRAME_TIMEOUT_S, SILENCE_TIMEOUT_S

PREFIX = "pipewire"
_DEFAULT_RATE = Fraction(30)
_LOOK_EVERY_S = 0.2

# PipeWire's number of a raw format (<spa/param/video/raw.h>): FFmpeg's name, and for each plane, of how many columns
# and rows of pixels one sample stands, and how many bytes it has. In our order of preference.
_RAW: dict[int, tuple[str, tuple[tuple[int, int, int], ...]]] = {
    2: ("yuv420p", ((1, 1, 1), (2, 2, 1), (2, 2, 1))),
    23: ("nv12", ((1, 1, 1), (2, 2, 2))),
    4: ("yuyv422", ((2, 1, 4),)),
    5: ("uyvy422", ((2, 1, 4),)),
    15: ("rgb24", ((1, 1, 3),)),
    16: ("bgr24", ((1, 1, 3),)),
    7: ("rgb0", ((1, 1, 4),)),
    8: ("bgr0", ((1, 1, 4),)),
    11: ("rgba", ((1, 1, 4),)),
    12: ("bgra", ((1, 1, 4),)),
    25: ("gray", ((1, 1, 1),)),
}
_NUMBERS = {name: number for number, (name, _) in _RAW.items()}
_RANGES, _MATRICES = {1: 2, 2: 1}, {3: 1, 4: 5}  # PipeWire's to FFmpeg's


@dataclass(frozen=True)
class _Listed:
    """A camera of the session, as the rest of the program knows cameras."""

    found: FoundCamera
    session: SessionCamera


def pipewire_cameras() -> list[FoundCamera]:
    """The cameras of the session but those that V4L2 has too; none where there is no session."""
    try:
        listed = _listed()
    except CameraError:
        return []
    return [one.found for one in listed if not one.session.path.startswith("v4l2:")]


def open_pipewire(
    name: str | None, size: tuple[int, int] | None, rate_fps: float | None
) -> PipeWireCamera:
    """Opens a camera of the session.

    Args:
        name: Its name or description there, or a part of it; None takes the only one.
        size: (width, height); None takes the best up to 1920×1080 that keeps 24 frames/s.
        rate_fps: Frames per second; None takes what comes nearest to 30.

    Raises:
        CameraError: there is no session or no such camera, or it doesn't offer what was asked for.
    """
    if not look().answers:
        raise CameraError(
            "No PipeWire session answers.", "Run systemctl --user enable --now pipewire wireplumber"
        )
    chosen = _find(name, _listed())
    mode = choose_mode(chosen.found, size, rate_fps)
    if mode is None:
        raise CameraError(
            f"{chosen.found.info.name} offers no format that can be read.", "Choose another camera."
        )
    return PipeWireCamera(chosen.found.info, mode, chosen.session.name)


def _listed() -> list[_Listed]:
    try:
        return [_Listed(_as_found(camera), camera) for camera in session_cameras()]
    except SinkError as error:
        raise CameraError(error.message, error.hint) from error


def _as_found(camera: SessionCamera) -> FoundCamera:
    real = bool(camera.path)
    words = re.sub(r"[^a-z0-9]+", "-", camera.name.lower()).strip("-")
    identity = f"{PREFIX}-{'' if real else 'program-'}{words}"
    info = CameraInfo(identity, camera.description, "webcam", f"{PREFIX}:{camera.name}")
    return FoundCamera(info, tuple(modes_of(camera)), real, PREFIX)


def _find(name: str | None, listed: list[_Listed]) -> _Listed:
    chosen = listed
    if name:
        low = name.lower()
        exact = [one for one in listed if low in (one.session.name.lower(), one.found.info.id)]
        named = [one for one in listed if one.found.info.name.lower() == low]
        chosen = exact or named or [o for o in listed if low in o.found.info.name.lower()]
    names = ", ".join(f"{one.found.info.spec} ({one.found.info.name})" for one in chosen or listed)
    if not chosen:
        there = f"There is {names}." if names else "rtdenoise devices shows all cameras."
        which = f" called {name}" if name else ""
        raise CameraError(f"There is no camera{which} in PipeWire.", there)
    if len(chosen) > 1:
        raise CameraError(
            f"Several cameras fit: {names}.", "Choose one with --camera pipewire:NAME."
        )
    return chosen[0]


def modes_of(camera: SessionCamera) -> list[Mode]:
    """The modes that a camera offers and that can be read, Motion JPEG first."""
    found: dict[Mode, int] = {}
    for offered in camera.formats:
        subtype = _first(offered, pod.MEDIA_SUBTYPE)
        sizes = _all(offered, pod.SIZE)
        rates = [r for r in _all(offered, pod.RATE) if r > 0] or _all(offered, pod.MOST_RATE)
        rates = [r for r in rates if r > 0] or [_DEFAULT_RATE]
        kinds: list[tuple[str, str, int]] = []
        if subtype == pod.MJPEG:
            kinds = [("mjpeg", "", -1)]
        elif subtype == pod.RAW:
            known = [number for number in _all(offered, pod.FORMAT) if number in _RAW]
            kinds = [("rawvideo", _RAW[n][0], list(_RAW).index(n)) for n in known]
        for codec, pixels, order in kinds:
            for width, height in sizes:
                for rate in rates:
                    found.setdefault(Mode(codec, pixels, width, height, Fraction(rate)), order)
    return sorted(found, key=lambda mode: found[mode])


def _all(offered: dict[int, pod.Choice], key: int) -> list[Any]:
    choice = offered.get(key)
    if choice is None:
        return []
    return list(choice.values[:1] if choice.spans else choice.values)


def _first(offered: dict[int, pod.Choice], key: int) -> int | None:
    choice = offered.get(key)
    return choice.values[0] if choice else None


class PipeWireCamera(CameraBase):
    """An open camera of the session; see :class:`rtdenoise.cameras.base.Camera`.

    Args:
        info: Which camera it is.
        mode: One that it offers.
        target: Its name in the session.
    """

    def __init__(self, info: CameraInfo, mode: Mode, target: str) -> None:
        super().__init__(info, mode)
        number = _NUMBERS.get(mode.pixel_format) if mode.codec == "rawvideo" else None
        subtype = pod.RAW if mode.codec == "rawvideo" else pod.MJPEG
        self._planes = _RAW[number][1] if number is not None else ()
        context = av.CodecContext.create(mode.codec, "r")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = mode.width, mode.height
        if number is not None:
            context.pix_fmt = mode.pixel_format
        self._decoder = Decoder(context)
        self._broken = self._skipped = 0
        self._closed = threading.Event()
        wanted = pod.wanted_format(subtype, number, (mode.width, mode.height), mode.rate_fps)
        self._reader = VideoReader(target, wanted)

    @property
    def damaged_packets(self) -> int:
        """How many pictures came damaged so far."""
        return self._broken + self._decoder.damaged

    @property
    def skipped_packets(self) -> int:
        """How many pictures :meth:`newest_packets` passed over so far."""
        return self._skipped

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The pictures as they come, until :meth:`close`.

        Raises:
            CameraError: the camera or the session went away, or sends nothing any more.
        """
        timeout_s = FIRST_FRAME_TIMEOUT_S
        last = time.monotonic()
        while not self._closed.is_set():
            received = self._reader.take(_LOOK_EVERY_S)
            if received is None:
                self._check(time.monotonic() - last, timeout_s)
                continue
            last, timeout_s = time.monotonic(), SILENCE_TIMEOUT_S
            data = self._bytes(received)
            if data is None:
                self._broken += 1
                continue
            packet = cast("av.Packet[VideoStream]", av.Packet(data))
            packet.time_base = Fraction(1, 1_000_000_000)
            packet.pts = packet.dts = received.time_ns
            packet.is_keyframe = True
            yield packet

    def newest_packets(self) -> Iterator[av.Packet[VideoStream]]:
        """Like :meth:`packets`, but where the reader can't keep up, all but the newest are passed over."""
        for packet in self.packets():
            if self._reader.waiting > 1:  # two at once are nothing but jitter
                self._skipped += 1
                continue
            yield packet

    def _check(self, silent_s: float, timeout_s: float) -> None:
        name = self._info.name
        if self._closed.is_set():
            return
        if self._reader.failure is not None:
            if not look().answers:
                raise CameraError(
                    f"PipeWire has ended, and {name} with it.", "Run this again when it runs."
                )
            raise CameraError(
                f"{name} went away while it was read.", "Make it run again, and run this again."
            )
        if silent_s > timeout_s:
            raise CameraError(
                f"{name} has sent no picture for {timeout_s:g} seconds.",
                "See whether another program uses it, and run this again.",
            )

    def _bytes(self, received: Received) -> bytes | None:
        """The picture without what lies between its rows; None where it is damaged."""
        if received.damaged:
            return None
        if not self._planes:
            return received.blocks[0][0]
        return packed(received.blocks, self._planes, (self._mode.width, self._mode.height))

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frame of one packet; none where it is damaged."""
        if packet is None:
            return []
        frames = self._decoder.decode(packet)
        agreed = self._reader.format
        for frame in frames:
            frame.pts, frame.time_base = packet.pts, packet.time_base
            if self._planes:
                frame.color_range = _RANGES.get(_first(agreed, pod.RANGE) or 0, frame.color_range)
                frame.colorspace = _MATRICES.get(_first(agreed, pod.MATRIX) or 0, frame.colorspace)
        return frames

    def close(self) -> None:
        """Lets the camera go; :meth:`packets` ends in the thread that reads. Safe to call twice."""
        self._closed.set()
        self._reader.close()


def packed(
    blocks: tuple[tuple[bytes, int], ...],
    planes: tuple[tuple[int, int, int], ...],
    size: tuple[int, int],
) -> bytes | None:
    """A raw picture as FFmpeg has it: its planes one after the other, rows without gaps.

    Args:
        blocks: Bytes and how many a row of the first plane in them takes (0: no gaps), one block or one a plane.
        planes: For each plane, the columns and rows of pixels that a sample stands for, and its bytes.
        size: (width, height) in pixels.

    Returns:
        The bytes; None where some are missing.
    """
    width, height = size
    rows = [-(-height // down) for _, down, _ in planes]
    row = [-(-width // across) * sample for across, _, sample in planes]
    if len(blocks) == 1:
        data, stride = blocks[0]
        pieces = _cut(data, _strides(data, stride, planes, rows, row), rows)
    else:
        pieces = [(data, max(stride, n)) for (data, stride), n in zip(blocks, row, strict=False)]
    if len(pieces) < len(planes):
        return None
    parts = []
    for (piece, stride), count, length in zip(pieces, rows, row, strict=True):
        taken = np.frombuffer(piece, np.uint8)[: stride * count]
        if taken.size < stride * (count - 1) + length:
            return None
        taken = np.pad(
            taken, (0, stride * count - taken.size)
        )  # the last row's gap may be left out
        parts.append(taken.reshape(count, stride)[:, :length].tobytes())
    return b"".join(parts)


def _strides(
    data: bytes,
    stride: int,
    planes: tuple[tuple[int, int, int], ...],
    rows: list[int],
    row: list[int],
) -> list[int]:
    """How many bytes a row of each plane takes in one block of them all; it may not be told."""
    first = planes[0][2] / planes[0][0]
    told = [
        max(round(stride * sample / across / first), n)
        for (across, _, sample), n in zip(planes, row, strict=True)
    ]
    fours = [-(-n // 4) * 4 for n in row]  # GStreamer's, which tells nothing
    for strides in (told, fours):
        if sum(s * n for s, n in zip(strides, rows, strict=True)) == len(data):
            return strides
    return told


def _cut(data: bytes, strides: list[int], rows: list[int]) -> list[tuple[bytes, int]]:
    pieces, place = [], 0
    for stride, count in zip(strides, rows, strict=True):
        pieces.append((data[place : place + stride * count], stride))
        place += stride * count
    return pieces

"""What a camera is: where frames come from, whether a webcam, a file or the simulated one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..files import count_of, text_of

_MOST_SIDE = 65535  # pixels: of any picture that FFmpeg decodes


@dataclass(frozen=True)
class Mode:
    """What a camera delivers: pixel format, size and rate.

    ``codec`` is FFmpeg's name for how packets are coded ("mjpeg", "rawvideo", "h264", …), ``pixel_format``
    FFmpeg's name for the decoded pixels ("yuvj422p", "yuyv422", …; empty where it isn't known before the
    first frame).
    """

    codec: str
    pixel_format: str
    width: int
    height: int
    rate_fps: Fraction

    def __str__(self) -> str:
        names = {"mjpeg": "MJPG", "rawvideo": self.pixel_format.upper()}
        name = names.get(self.codec, self.codec.upper())
        return f"{name} {self.width}×{self.height} @ {float(self.rate_fps):g}"

    def to_json(self) -> dict[str, Any]:
        """As plain values, for sidecars and cards."""
        return {
            "codec": self.codec,
            "pixel_format": self.pixel_format,
            "width": self.width,
            "height": self.height,
            "rate_fps": str(self.rate_fps),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Mode:
        """The inverse of :meth:`to_json`; raises ``KeyError``, ``TypeError`` or ``ValueError`` on damage."""
        width, height = (count_of(value[key], _MOST_SIDE) for key in ("width", "height"))
        rate = text_of(value["rate_fps"])
        # Fraction also takes 1e999999999, and works it out.
        if not re.fullmatch(r"\d{1,18}(/\d{1,18})?", rate, re.ASCII) or not width or not height:
            raise ValueError("not a mode")
        numerator, _, denominator = rate.partition("/")
        if not int(numerator) or not int(denominator or 1):
            raise ValueError("not a rate")
        return cls(
            codec=text_of(value["codec"]),
            pixel_format=text_of(value["pixel_format"]),
            width=width,
            height=height,
            rate_fps=Fraction(rate),
        )


# What the ids of virtual cameras begin with.
_FED = ("v4l2-loopback-", "v4l2loopback-", "pipewire-program-")


@dataclass(frozen=True)
class CameraInfo:
    """Which camera this is.

    ``id`` is stable for one physical camera (USB vendor:product, serial, name) and fit for a folder name;
    ``kind`` is "webcam", "file" or "simulated"; ``name`` is for people; ``spec`` opens it again
    (``/dev/video0``, ``file:clip.mkv``, ``simulated:desk?noise=high``).
    """

    id: str
    name: str
    kind: str
    spec: str

    @classmethod
    def from_json(cls, value: Any) -> CameraInfo:
        """What ``asdict`` gave; raises ``KeyError``, ``TypeError`` or ``ValueError`` on damage."""
        return cls(**{key: text_of(value[key]) for key in ("id", "name", "kind", "spec")})

    @property
    def fed_by_program(self) -> bool:
        """Whether it is a virtual camera: another program makes its pictures."""
        return self.kind == "webcam" and self.id.startswith(_FED)


class Camera(Protocol):
    """A source of video packets and of the frames in them.

    One object is one open device or file, and is read by one thread, once. ``close`` may be called from
    another thread and more than once.
    """

    @property
    def info(self) -> CameraInfo:
        """Which camera this is."""

    @property
    def mode(self) -> Mode:
        """The mode that was granted, which is not always the one asked for."""

    @property
    def template(self) -> VideoStream | None:
        """The stream to copy packets from (codec parameters), or None where ``mode`` says it all."""

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The packets as the camera sends them; ends at the end of a file, never for a webcam.

        Raises:
            CameraError: the camera went away.
            ClipError: the file is damaged beyond use.
        """

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames of one packet: none where it is damaged (``damaged_packets`` counts those).

        After the last packet, ``None`` gives the frames that the decoder still holds (H.264 reorders them).

        ``VideoFrame.time`` is in seconds from an arbitrary start. Packets and frames own their bytes: they
        stay valid after the next packet, and after :meth:`close`.
        """

    def frames(self) -> Iterator[VideoFrame]:
        """All frames: ``packets`` decoded."""

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""

    def close(self) -> None:
        """Lets the device or file go. Safe to call twice."""


class CameraBase(ABC):
    """What the cameras of this package have in common; see :class:`Camera`.

    Args:
        info: Which camera it is.
        mode: The mode that was granted.
    """

    def __init__(self, info: CameraInfo, mode: Mode) -> None:
        self._info = info
        self._mode = mode

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its user should know of what was read so far, a sentence each."""
        return ()

    @property
    def info(self) -> CameraInfo:
        """Which camera this is."""
        return self._info

    @property
    def mode(self) -> Mode:
        """The mode that was granted, which is not always the one asked for."""
        return self._mode

    @property
    def template(self) -> VideoStream | None:
        """None: ``mode`` says all that is to be known about the packets."""
        return None

    @property
    @abstractmethod
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""

    @abstractmethod
    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The packets as the camera sends them."""

    @abstractmethod
    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames of one packet; ``None`` gives those that the decoder still holds at the end."""

    def frames(self) -> Iterator[VideoFrame]:
        """All frames: :meth:`packets` decoded."""
        for packet in self.packets():
            yield from self.decode(packet)

    @abstractmethod
    def close(self) -> None:
        """Lets the device or file go. Safe to call twice."""


def remarks_of(camera: Camera) -> tuple[str, ...]:
    """What the user of a camera should know of what was read so far; nothing where it has nothing to say."""
    return camera.remarks if isinstance(camera, CameraBase) else ()


@runtime_checkable
class PassesOver(Protocol):
    """A camera that goes on sending while nobody reads, and can pass over what has waited too long."""

    def newest_packets(self) -> Iterator[av.Packet[VideoStream]]:
        """Like :meth:`Camera.packets`, without the backlog of a reader that was late."""

    @property
    def skipped_packets(self) -> int:
        """How many packets were passed over so far."""

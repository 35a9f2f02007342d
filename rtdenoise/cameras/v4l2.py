"""Video4Linux: what the kernel knows about a camera, asked with ``ioctl`` from the standard library alone.

It disturbs no program that streams from the camera meanwhile.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .base import Mode
from .v4l2_structs import (
    BUF_CAPTURE,
    BUF_OUTPUT,
    CAP_CAPTURE,
    CAP_DEVICE_CAPS,
    CAP_OUTPUT,
    DQEVENT,
    ENUM_FMT,
    ENUM_FRAMEINTERVALS,
    ENUM_FRAMESIZES,
    EVENT_SEND_INITIAL,
    FLAG_DISABLED,
    FLAG_NEXT,
    FRAME_DISCRETE,
    G_CTRL,
    G_FMT,
    G_PARM,
    QUERYCAP,
    QUERYCTRL,
    S_CTRL,
    STREAMON,
    SUBSCRIBE_EVENT,
    Capability,
    ControlValue,
    Event,
    EventSubscription,
    Format,
    FormatDescription,
    FrameInterval,
    FrameSize,
    QueryControl,
    StreamParameters,
)

if sys.platform != "win32":
    import fcntl

# Four-character code → (FFmpeg's codec, FFmpeg's pixel format, its name for the option "input_format").
# The order is our preference where size and rate are alike: MJPG first, since at 1080p over USB 2 raw
# pixels come at 5 frames/s; raw before H.264 and HEVC, whose frames lean on earlier ones.
FORMATS: dict[str, tuple[str, str, str]] = {
    "MJPG": ("mjpeg", "", "mjpeg"),
    "JPEG": ("mjpeg", "", "mjpeg"),
    "NV12": ("rawvideo", "nv12", "nv12"),
    "YU12": ("rawvideo", "yuv420p", "yuv420p"),
    "422P": ("rawvideo", "yuv422p", "yuv422p"),
    "YUYV": ("rawvideo", "yuyv422", "yuyv422"),
    "UYVY": ("rawvideo", "uyvy422", "uyvy422"),
    "GREY": ("rawvideo", "gray", "gray"),
    "H264": ("h264", "", "h264"),
    "HEVC": ("hevc", "", "hevc"),
}

# What is offered of a camera that takes any size or rate between two bounds.
_USUAL_SIZES = (
    (640, 360),
    (640, 480),
    (800, 600),
    (1280, 720),
    (1920, 1080),
    (2560, 1440),
    (3840, 2160),
)
_USUAL_RATES = (5, 10, 15, 20, 24, 25, 30, 50, 60)


Argument = ctypes.Structure | ctypes.c_int
Ioctl = Callable[[int, int, Argument], Any]


def _ioctl(descriptor: int, request: int, argument: Argument) -> Any:
    return fcntl.ioctl(descriptor, request, argument)


def fourcc(code: int) -> str:
    """The four characters of a pixel format's code."""
    return code.to_bytes(4, "little").decode("latin-1").rstrip()


@dataclass(frozen=True)
class Identity:
    """What a device says it is: driver, name, place on the bus, and whether it gives or takes pictures."""

    driver: str
    card: str
    bus_info: str
    capture: bool
    output: bool


@dataclass(frozen=True)
class Control:
    """A setting of a camera, its bounds and its value now."""

    id: int
    name: str
    minimum: int
    maximum: int
    step: int
    default: int
    value: int
    flags: int


class Device:
    """A device node, opened for questions and settings; it doesn't disturb a program that streams from it.

    Args:
        path: ``/dev/video0``.
        ioctl: Does the system call (tests give their own).

    Raises:
        OSError: the node can't be opened.
    """

    def __init__(self, path: str, ioctl: Ioctl = _ioctl) -> None:
        self.path = path
        self._ioctl = ioctl
        nonblock: int = getattr(os, "O_NONBLOCK", 0)
        self._descriptor = os.open(path, os.O_RDWR | nonblock)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the node go. Safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _ask(self, request: int, argument: Argument) -> None:
        self._ioctl(self._descriptor, request, argument)

    def identity(self) -> Identity:
        """What the device is.

        Raises:
            OSError: it is no video device.
        """
        cap = Capability()
        self._ask(QUERYCAP, cap)
        # Where a driver makes several nodes (pictures, metadata), only device_caps tells this one's use.
        caps = cap.device_caps if cap.capabilities & CAP_DEVICE_CAPS else cap.capabilities
        driver, card, bus_info = (
            bytes(text).decode("utf-8", "replace").strip()
            for text in (cap.driver, cap.card, cap.bus_info)
        )
        return Identity(driver, card, bus_info, bool(caps & CAP_CAPTURE), bool(caps & CAP_OUTPUT))

    def _each(self, request: int, entry: Callable[[int], Any]) -> Iterator[Any]:
        """What an enumeration holds, until the driver says that there is no more."""
        for index in range(256):  # a driver that never ends must not hang us
            argument = entry(index)
            try:
                self._ask(request, argument)
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
                    return
                raise
            yield argument

    def pixel_formats(self) -> list[str]:
        """The four-character codes that the device can deliver."""
        entries = self._each(ENUM_FMT, lambda n: FormatDescription(index=n, type=BUF_CAPTURE))
        return list(dict.fromkeys(fourcc(entry.pixelformat) for entry in entries))

    def modes(self) -> list[Mode]:
        """Every mode that the device offers and FFmpeg can read, in our order of formats, largest first.

        Of a camera that takes any size or rate between two bounds, the usual ones are listed.
        """
        found: dict[Mode, None] = {}
        offered = self.pixel_formats()
        for code, (codec, pixel_format, _) in FORMATS.items():
            if code not in offered:
                continue
            number = int.from_bytes(code.encode(), "little")
            for width, height in sorted(self._sizes(number), reverse=True):
                for rate in sorted(self._rates(number, width, height), reverse=True):
                    found[Mode(codec, pixel_format, width, height, rate)] = None
        return list(found)

    def _sizes(self, code: int) -> list[tuple[int, int]]:
        sizes: list[tuple[int, int]] = []
        for entry in self._each(ENUM_FRAMESIZES, lambda n: FrameSize(index=n, pixel_format=code)):
            if entry.type == FRAME_DISCRETE:
                sizes.append((entry.size[0], entry.size[1]))
                continue
            low_w, high_w, step_w, low_h, high_h, step_h = entry.size
            sizes += [
                (w, h)
                for w, h in (*_USUAL_SIZES, (high_w, high_h))
                if low_w <= w <= high_w
                and low_h <= h <= high_h
                and (w - low_w) % max(step_w, 1) == 0
                and (h - low_h) % max(step_h, 1) == 0
            ]
            break  # bounds come as a single entry
        return list(dict.fromkeys(sizes))

    def _rates(self, code: int, width: int, height: int) -> list[Fraction]:
        rates: list[Fraction] = []
        for entry in self._each(
            ENUM_FRAMEINTERVALS,
            lambda n: FrameInterval(index=n, pixel_format=code, width=width, height=height),
        ):
            n1, d1, n2, d2 = entry.interval[:4]
            if entry.type == FRAME_DISCRETE:
                if n1 and d1:
                    rates.append(Fraction(d1, n1))
                continue
            fastest = Fraction(d1, n1) if n1 else Fraction(10**6)
            slowest = Fraction(d2, n2) if n2 else Fraction(0)
            rates += [Fraction(r) for r in _USUAL_RATES if slowest <= r <= fastest]
            break
        return list(dict.fromkeys(rates))

    def granted(self, side: int = BUF_CAPTURE) -> tuple[str, int, int, Fraction | None]:
        """What is set now: four-character code, width, height, and the rate where the driver tells it.

        Raises:
            OSError: nothing is set.
        """
        form = Format(type=side)
        self._ask(G_FMT, form)
        rate = None
        with suppress(OSError):
            parameters = StreamParameters(type=side)
            self._ask(G_PARM, parameters)
            capture = parameters.parm.capture
            if capture.numerator and capture.denominator:
                rate = Fraction(capture.denominator, capture.numerator)
        pix = form.fmt.pix
        return fourcc(pix.pixelformat), pix.width, pix.height, rate

    def controls(self) -> dict[int, Control]:
        """The settings of the camera by their number; those that can't be read are left out."""
        found: dict[int, Control] = {}
        number = 0
        for _ in range(512):
            query = QueryControl(id=number | FLAG_NEXT)
            try:
                self._ask(QUERYCTRL, query)
            except OSError:
                break
            if query.id <= number:
                break
            number = query.id
            if query.flags & FLAG_DISABLED:
                continue
            with suppress(OSError):  # buttons, strings and headings have no value
                found[number] = Control(
                    number,
                    bytes(query.name).decode("utf-8", "replace"),
                    query.minimum,
                    query.maximum,
                    query.step,
                    query.default_value,
                    self.get(number),
                    query.flags,
                )
        return found

    def get(self, control: int) -> int:
        """The value of a setting.

        Raises:
            OSError: the camera has no such setting or is gone.
        """
        value = ControlValue(id=control)
        self._ask(G_CTRL, value)
        return int(value.value)

    def set(self, control: int, value: int) -> int:
        """Sets a setting and returns what the driver made of it.

        Raises:
            OSError: the camera has no such setting, refuses the value or is gone.
        """
        argument = ControlValue(id=control, value=value)
        self._ask(S_CTRL, argument)
        return int(argument.value)

    def declare_producer(self) -> None:
        """Tells the driver that this descriptor will give pictures.

        Raises:
            OSError: nothing is set up, or another program does.
        """
        self._ask(STREAMON, ctypes.c_int(BUF_OUTPUT))

    def subscribe(self, event: int) -> None:
        """Asks for events of a type, beginning with one that says how things are.

        Raises:
            OSError: the driver has no such event.
        """
        self._ask(SUBSCRIBE_EVENT, EventSubscription(type=event, flags=EVENT_SEND_INITIAL))

    def next_event(self) -> tuple[int, int] | None:
        """Type and first word of the next event that was subscribed to; None if none has come.

        Raises:
            OSError: the device is gone.
        """
        event = Event()
        try:
            self._ask(DQEVENT, event)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EAGAIN):
                return None
            raise
        return int(event.type), int(event.u.count)


def descriptors_of(path: str) -> set[int]:
    """This process's file descriptors of a device, those of its libraries included."""
    found = set()
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if os.readlink(f"/proc/self/fd/{name}") == path:
                    found.add(int(name))
    return found


def declare_producer(descriptor: int) -> None:
    """Like :meth:`Device.declare_producer`, for a descriptor that a library holds.

    Raises:
        OSError: the driver refuses.
    """
    _ioctl(descriptor, STREAMON, ctypes.c_int(BUF_OUTPUT))

"""The kernel's structures and request codes for video devices: ``linux/videodev2.h``, as ctypes.

ctypes lays them out as the C compiler does, so that they hold for 32 and 64 bits.
Source: https://docs.kernel.org/userspace-api/media/v4l/v4l2.html
"""

from __future__ import annotations

import ctypes

u32, i32 = ctypes.c_uint32, ctypes.c_int32

CAP_CAPTURE = 0x00000001 | 0x00001000  # single- and multi-planar
CAP_OUTPUT = 0x00000002 | 0x00002000
CAP_DEVICE_CAPS = 0x80000000
BUF_CAPTURE, BUF_OUTPUT = 1, 2
EVENT_SEND_INITIAL = 1
FRAME_DISCRETE = 1
FLAG_DISABLED, FLAG_READ_ONLY, FLAG_INACTIVE, FLAG_NEXT = 0x1, 0x4, 0x10, 0x80000000


class Capability(ctypes.Structure):
    """struct v4l2_capability."""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", u32),
        ("capabilities", u32),
        ("device_caps", u32),
        ("reserved", u32 * 3),
    )


class FormatDescription(ctypes.Structure):
    """struct v4l2_fmtdesc."""

    _fields_ = (
        ("index", u32),
        ("type", u32),
        ("flags", u32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", u32),
        ("mbus_code", u32),
        ("reserved", u32 * 3),
    )


class FrameSize(ctypes.Structure):
    """struct v4l2_frmsizeenum; ``size`` is width, height, or min, max, step of width, then of height."""

    _fields_ = (
        ("index", u32),
        ("pixel_format", u32),
        ("type", u32),
        ("size", u32 * 6),
        ("reserved", u32 * 2),
    )


class FrameInterval(ctypes.Structure):
    """struct v4l2_frmivalenum; ``interval`` is one fraction of a second, or min, max and step."""

    _fields_ = (
        ("index", u32),
        ("pixel_format", u32),
        ("width", u32),
        ("height", u32),
        ("type", u32),
        ("interval", u32 * 6),
        ("reserved", u32 * 2),
    )


class QueryControl(ctypes.Structure):
    """struct v4l2_queryctrl."""

    _fields_ = (
        ("id", u32),
        ("type", u32),
        ("name", ctypes.c_char * 32),
        ("minimum", i32),
        ("maximum", i32),
        ("step", i32),
        ("default_value", i32),
        ("flags", u32),
        ("reserved", u32 * 2),
    )


class ControlValue(ctypes.Structure):
    """struct v4l2_control."""

    _fields_ = (("id", u32), ("value", i32))


class _PixelFormat(ctypes.Structure):
    """struct v4l2_pix_format."""

    _fields_ = (
        ("width", u32),
        ("height", u32),
        ("pixelformat", u32),
        ("others", u32 * 9),  # field, line size, colour space …: not asked for here
    )


class _FormatUnion(ctypes.Union):
    # A member of the kernel's union holds pointers, which decides where the union begins.
    _fields_ = (("pix", _PixelFormat), ("raw", ctypes.c_char * 200), ("align", ctypes.c_void_p))


class Format(ctypes.Structure):
    """struct v4l2_format."""

    _fields_ = (("type", u32), ("fmt", _FormatUnion))


class _CaptureParameters(ctypes.Structure):
    """struct v4l2_captureparm."""

    _fields_ = (
        ("capability", u32),
        ("capturemode", u32),
        ("numerator", u32),
        ("denominator", u32),
        ("extendedmode", u32),
        ("readbuffers", u32),
        ("reserved", u32 * 4),
    )


class _ParametersUnion(ctypes.Union):
    _fields_ = (("capture", _CaptureParameters), ("raw", ctypes.c_char * 200))


class StreamParameters(ctypes.Structure):
    """struct v4l2_streamparm."""

    _fields_ = (("type", u32), ("parm", _ParametersUnion))


class EventSubscription(ctypes.Structure):
    """struct v4l2_event_subscription."""

    _fields_ = (("type", u32), ("id", u32), ("flags", u32), ("reserved", u32 * 5))


class _EventUnion(ctypes.Union):
    _fields_ = (("count", u32), ("raw", ctypes.c_char * 64), ("align", ctypes.c_int64))


class Event(ctypes.Structure):
    """struct v4l2_event; of its contents only the first word, which is all that v4l2loopback's has."""

    _fields_ = (
        ("type", u32),
        ("u", _EventUnion),
        ("pending", u32),
        ("sequence", u32),
        ("timestamp", ctypes.c_long * 2),
        ("id", u32),
        ("reserved", u32 * 8),
    )


def _request(number: int, structure: type[ctypes.Structure], writes: bool = True) -> int:
    """The code of an ioctl: what it does with a structure of that size (asm-generic/ioctl.h)."""
    direction = 3 if writes else 2
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


QUERYCAP = _request(0, Capability, writes=False)
ENUM_FMT = _request(2, FormatDescription)
G_FMT = _request(4, Format)
STREAMON = 1 << 30 | ctypes.sizeof(ctypes.c_int) << 16 | ord("V") << 8 | 18
G_PARM = _request(21, StreamParameters)
G_CTRL = _request(27, ControlValue)
S_CTRL = _request(28, ControlValue)
QUERYCTRL = _request(36, QueryControl)
ENUM_FRAMESIZES = _request(74, FrameSize)
ENUM_FRAMEINTERVALS = _request(75, FrameInterval)
DQEVENT = _request(89, Event, writes=False)
SUBSCRIBE_EVENT = 1 << 30 | ctypes.sizeof(EventSubscription) << 16 | ord("V") << 8 | 90

"""Plain-old-data objects (PODs), in which PipeWire states formats and parameters, as bytes.

A POD is a header of two 32-bit words, the size of its body and its type, then the body, padded to eight bytes. The
numbers are those of ``spa/utils/type.h``, ``spa/param/format.h``, ``spa/param/video/raw.h`` and
``spa/param/buffers.h``. They are part of PipeWire's protocol and stay.
"""

from __future__ import annotations

import struct
from fractions import Fraction

_ID, _INT, _RECTANGLE, _FRACTION, _OBJECT, _CHOICE = 3, 4, 10, 11, 15, 19
_FORMAT, _BUFFERS, _META = 0x40003, 0x40004, 0x40005  # the types of objects

PARAM_ENUM_FORMAT, PARAM_FORMAT, PARAM_BUFFERS, PARAM_META = 3, 4, 5, 6
META_HEADER, META_HEADER_BYTES = 1, 32
_RANGE, _FLAGS = 1, 4  # kinds of choices
_MEMFD = 2  # spa_data_type: memory behind a file descriptor, which other processes can map

_VIDEO, _RAW = 2, 1
_I420 = 2
_RANGE_16_235, _MATRIX_BT601, _TRANSFER_BT709, _PRIMARIES_BT709 = 2, 4, 5, 1


def _pod(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", len(body), kind) + body + bytes(-len(body) % 8)


def _id(value: int) -> bytes:
    return _pod(_ID, struct.pack("<I", value))


def _int(value: int) -> bytes:
    return _pod(_INT, struct.pack("<i", value))


def _choice(kind: int, *values: int) -> bytes:
    """A choice between integers: the default, then the bounds of a range, or flags alone."""
    header = struct.pack("<IIII", kind, 0, 4, _INT)
    return _pod(_CHOICE, header + struct.pack(f"<{len(values)}i", *values))


def _object(kind: int, param: int, properties: dict[int, bytes]) -> bytes:
    fields = b"".join(struct.pack("<II", key, 0) + value for key, value in properties.items())
    return _pod(_OBJECT, struct.pack("<II", kind, param) + fields)


def video_format(width: int, height: int, rate_fps: Fraction) -> bytes:
    """The one format that is offered: I420 of that size and rate, in BT.601's matrix and limited range."""
    return _object(
        _FORMAT,
        PARAM_ENUM_FORMAT,
        {
            1: _id(_VIDEO),
            2: _id(_RAW),
            0x20001: _id(_I420),
            0x20003: _pod(_RECTANGLE, struct.pack("<II", width, height)),
            0x20004: _pod(_FRACTION, struct.pack("<II", rate_fps.numerator, rate_fps.denominator)),
            0x2000C: _id(_RANGE_16_235),
            0x2000D: _id(_MATRIX_BT601),
            0x2000E: _id(_TRANSFER_BT709),
            0x2000F: _id(_PRIMARIES_BT709),
        },
    )


def buffers(frame_bytes: int, stride: int) -> bytes:
    """What buffers are needed: one block a frame, its three planes one after the other."""
    return _object(
        _BUFFERS,
        PARAM_BUFFERS,
        {
            1: _choice(_RANGE, 4, 2, 16),
            2: _int(1),
            3: _int(frame_bytes),
            4: _int(stride),
            6: _choice(_FLAGS, 1 << _MEMFD),
        },
    )


def header_meta() -> bytes:
    """Each buffer has a header, with its time and number."""
    return _object(_META, PARAM_META, {1: _id(META_HEADER), 2: _int(META_HEADER_BYTES)})

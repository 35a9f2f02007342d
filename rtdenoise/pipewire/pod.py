"""Plain-old-data objects (PODs), in which PipeWire states formats and parameters, as bytes.

A POD is a header of two 32-bit words, the size of its body and its type, then the body, padded to eight bytes. The
numbers are those of ``spa/utils/type.h``, ``spa/param/format.h``, ``spa/param/video/raw.h`` and
``spa/param/buffers.h``. They are part of PipeWire's protocol and stay.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_ID, _INT, _RECTANGLE, _FRACTION, _OBJECT, _CHOICE = 3, 4, 10, 11, 15, 19
_FORMAT, _BUFFERS, _META = 0x40003, 0x40004, 0x40005  # the types of objects

PARAM_ENUM_FORMAT, PARAM_FORMAT, PARAM_BUFFERS, PARAM_META = 3, 4, 5, 6
META_HEADER, META_HEADER_BYTES = 1, 32
_RANGE, _FLAGS = 1, 4  # kinds of choices
# spa_data_type: memory of the process, and behind a file descriptor, which other processes can map.
_MEMPTR, _MEMFD = 1, 2

_VIDEO, _RAW = 2, 1
_I420 = 2
MEDIA_TYPE, MEDIA_SUBTYPE = 1, 2  # keys of a format
FORMAT, SIZE, RATE, MOST_RATE, RANGE, MATRIX = 0x20001, 0x20003, 0x20004, 0x20005, 0x2000C, 0x2000D
VIDEO, RAW, MJPEG = _VIDEO, _RAW, 0x20002
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


def wanted_format(subtype: int, form: int | None, size: tuple[int, int], rate: Fraction) -> bytes:
    """One of the formats that a camera offers, as it is to send it.

    Args:
        subtype: ``RAW`` or ``MJPEG``.
        form: The number of the raw format; None for others.
        size: (width, height) in pixels.
        rate: Frames per second.
    """
    fields = {MEDIA_TYPE: _id(_VIDEO), MEDIA_SUBTYPE: _id(subtype)}
    if form is not None:
        fields[FORMAT] = _id(form)
    fields[SIZE] = _pod(_RECTANGLE, struct.pack("<II", *size))
    fields[RATE] = _pod(_FRACTION, struct.pack("<II", rate.numerator, rate.denominator))
    return _object(_FORMAT, PARAM_ENUM_FORMAT, fields)


def readable_buffers() -> bytes:
    """What buffers a reader takes: any number of blocks, in memory that can be mapped."""
    kinds = 1 << _MEMPTR | 1 << _MEMFD
    return _object(
        _BUFFERS, PARAM_BUFFERS, {1: _choice(_RANGE, 4, 2, 16), 6: _choice(_FLAGS, kinds)}
    )


@dataclass(frozen=True)
class Choice:
    """What a property may be: ``values`` are all that it may, or its default, least and most where ``spans`` is set."""

    values: tuple[Any, ...]
    spans: bool = False


def properties(data: bytes) -> dict[int, Choice]:
    """The properties of an object such as a format; those of kinds that formats don't have are left out.

    Raises:
        ValueError: it is none, or is cut short.
    """
    try:
        size, kind = struct.unpack_from("<II", data)
        if kind != _OBJECT or len(data) < 8 + size:
            raise ValueError("no object")
        found, place = {}, 16
        while place + 16 <= 8 + size:
            key, _, length, kind = struct.unpack_from("<IIII", data, place)
            body = data[place + 16 : place + 16 + length]
            choice = _read_choice(body) if kind == _CHOICE else _read_values(kind, body)
            if choice is not None:
                found[key] = choice
            place += 16 + length + -length % 8
    except struct.error as error:
        raise ValueError("cut short") from error
    return found


def _read_choice(body: bytes) -> Choice | None:
    choice, _, length, kind = struct.unpack_from("<IIII", body)
    read = _read_values(kind, body[16:], length)
    if read is None or not read.values:
        return None
    if choice == 0:  # none: what comes first is it
        return Choice(read.values[:1])
    if choice in (_RANGE, 2):  # 2: a range in steps
        return Choice(read.values[:3], spans=True)
    return Choice(
        tuple(dict.fromkeys(read.values[1:]))
    )  # the default comes first, and is among the others


def _read_values(kind: int, body: bytes, length: int | None = None) -> Choice | None:
    layout = {_ID: "<I", _INT: "<i", _RECTANGLE: "<II", _FRACTION: "<II"}.get(kind)
    step = length or len(body)
    if layout is None or not step:
        return None
    values: list[Any] = []
    for place in range(0, len(body) - step + 1, step):
        parts = struct.unpack_from(layout, body, place)
        if kind == _FRACTION:
            values.append(Fraction(parts[0], parts[1]) if parts[1] else Fraction(0))
        else:
            values.append(parts if len(parts) > 1 else parts[0])
    return Choice(tuple(values))

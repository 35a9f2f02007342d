"""Damage: bytes, sizes and fields of files, changed by a random generator that is given.

Each function gives another value and leaves its argument alone. The same generator gives the same damage.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

_NUMBERS = (0, 1, 2, 3, 7, 16, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
_LARGE = (
    0x00FFFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
    1 << 40,
    1 << 63,
    (1 << 64) - 1,
)
_HEADER = 256  # bytes in which most of what a reader believes is written
_FORMATS = {2: ">H", 4: ">I", 8: ">Q"}


@dataclass(frozen=True)
class Field:
    """A number in a file: where it lies, how many bytes it has, and their order ("big" or "little")."""

    at: int
    size: int
    order: str = "big"


def number(random: Random) -> int:
    """A number at which readers stumble."""
    return random.choice(_NUMBERS if random.random() < 0.6 else _LARGE)


def damaged(data: bytes, random: Random, fields: list[Field] | None = None) -> bytes:
    """One to four changes of a file.

    Args:
        data: The file.
        random: Chooses.
        fields: Numbers in it that are worth changing; None: looks for them.
    """
    found = fields_of(data) if fields is None else fields
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if found and random.random() < 0.5:
            _set(result, random.choice(found), number(random), random)
        else:
            random.choice(_CHANGES)(result, random)
    return bytes(result)


def _set(data: bytearray, field: Field, value: int, random: Random) -> None:
    if field.at + field.size > len(data):
        return
    if random.random() < 0.3:  # near the right value
        now = int.from_bytes(data[field.at : field.at + field.size], _order(field))
        value = max(0, now + random.choice((-8, -1, 1, 2, 8, now)))
    value &= (1 << 8 * field.size) - 1
    data[field.at : field.at + field.size] = value.to_bytes(field.size, _order(field))


def _order(field: Field) -> Any:
    return field.order


def _somewhere(data: bytearray, random: Random) -> int:
    """A position; in half of the cases in the header."""
    last = max(len(data) - 1, 0)
    return random.randint(0, min(last, _HEADER) if random.random() < 0.5 else last)


def _flip(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 3, 20)) if data else 0):
        data[_somewhere(data, random)] ^= 1 << random.randrange(8)


def _overwrite(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 4, 16)) if data else 0):
        data[_somewhere(data, random)] = random.choice((0, 0xFF, random.randrange(256)))


def _integer(data: bytearray, random: Random) -> None:
    size = random.choice((2, 4, 8))
    order = random.choice(("big", "little"))
    _set(data, Field(_somewhere(data, random), size, order), number(random), random)


def _cut(data: bytearray, random: Random) -> None:
    del data[_somewhere(data, random) :]


def _block(data: bytearray, random: Random) -> tuple[int, int]:
    begin = _somewhere(data, random)
    return begin, min(len(data), begin + random.choice((1, 4, 16, 64, 512, 4096)))


def _drop(data: bytearray, random: Random) -> None:
    begin, end = _block(data, random)
    del data[begin:end]


def _double(data: bytearray, random: Random) -> None:
    begin, end = _block(data, random)
    data[end:end] = data[begin:end] * random.choice((1, 1, 1, 20))


def _move(data: bytearray, random: Random) -> None:
    begin, end = _block(data, random)
    block = data[begin:end]
    del data[begin:end]
    to = _somewhere(data, random)
    data[to:to] = block


def _zero(data: bytearray, random: Random) -> None:
    begin, end = _block(data, random)
    data[begin:end] = bytes([random.choice((0, 0, 0xFF))]) * (end - begin)


def _append(data: bytearray, random: Random) -> None:
    data.extend(random.randbytes(random.choice((1, 100, 5000))))


_CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip,
    _flip,
    _overwrite,
    _integer,
    _integer,
    _cut,
    _drop,
    _double,
    _move,
    _zero,
    _append,
)


# --- what numbers a file holds ---


def fields_of(data: bytes) -> list[Field]:
    """Sizes, counts, widths and the like, as far as the file's structure is known here."""
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"jP  ", b"wide"):
        return list(_boxes(data, 0, len(data)))
    if data[:4] == b"\x1aE\xdf\xa3":
        return list(_elements(data, 0, len(data)))
    if data[:4] == b"RIFF":
        return list(_chunks(data, 12, len(data)))
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return list(_png_chunks(data))
    if data[:2] == b"\xff\xd8":
        return list(_segments(data))
    if data[:4] in (b"II*\0", b"MM\0*"):
        return list(_directories(data))
    return []


_PARENTS = (
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"dinf",
    b"udta",
    b"meta",
    b"moof",
    b"traf",
    b"mvex",
)


def _boxes(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """Boxes of MP4, MOV and their kin: their sizes, and what lies in them, four bytes at a time."""
    at = begin
    while at + 8 <= end:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield Field(at, 4)
        yield Field(at + 4, 4)
        if kind in _PARENTS:
            yield from _boxes(data, at + 8, min(at + max(size, 8), end))
        elif kind != b"mdat":
            for inside in range(at + 8, min(at + size, end, at + 200) - 3, 4):
                yield Field(inside, 4)
        if size < 8:
            return
        at += size


_MASTERS = {
    0x18538067,
    0x1549A966,
    0x1654AE6B,
    0xAE,
    0xE0,
    0xE1,
    0x1F43B675,
    0x1A45DFA3,
    0x114D9B74,
    0x1C53BB6B,
}
_MASTERS |= {0xA0, 0x1254C367, 0x1043A770, 0x55B0, 0xBB, 0xB7, 0x4DBB}


def _elements(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """Elements of Matroska: their sizes, and those that are numbers."""
    at = begin
    while at < end:
        length = _vint_length(data[at])
        size_at = at + length
        if length > 4 or size_at >= end:
            return
        kind = int.from_bytes(data[at:size_at], "big")
        size_length = _vint_length(data[size_at])
        if size_length > 8:
            return
        size = int.from_bytes(data[size_at : size_at + size_length], "big")
        size &= (1 << 7 * size_length) - 1
        yield Field(at, length)
        yield Field(size_at, size_length)
        inside = size_at + size_length
        if kind in _MASTERS:
            yield from _elements(data, inside, min(inside + size, end))
        elif size <= 8:
            yield Field(inside, size)
        elif kind in (0xA3, 0xA1):  # a block: the track's number, its time, flags
            yield Field(inside, 1)
            yield Field(inside + 1, 2)
        at = inside + size


def _vint_length(first: int) -> int:
    return 9 - first.bit_length()


def _chunks(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """Chunks of AVI and WebP: their sizes, and what lies in the headers."""
    at = begin
    while at + 8 <= end:
        size, kind = int.from_bytes(data[at + 4 : at + 8], "little"), data[at : at + 4]
        yield Field(at + 4, 4, "little")
        if kind == b"LIST":
            yield from _chunks(data, at + 12, min(at + 8 + size, end))
        elif kind[2:] not in (b"dc", b"wb", b"db"):
            for inside in range(at + 8, min(at + 8 + size, end, at + 100) - 3, 2):
                yield Field(inside, random_size(inside), "little")
        at += 8 + size + size % 2


def random_size(at: int) -> int:
    """Two or four bytes, in turn: RIFF has both."""
    return 4 if at % 4 == 0 else 2


def _png_chunks(data: bytes) -> Iterator[Field]:
    at = 8
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield Field(at, 4)
        if kind == b"IHDR":
            yield from (Field(at + 8, 4), Field(at + 12, 4), Field(at + 16, 1), Field(at + 17, 1))
            yield from (Field(at + 18, 1), Field(at + 19, 1), Field(at + 20, 1))
        elif kind in (b"acTL", b"fcTL"):
            yield from (Field(inside, 4) for inside in range(at + 8, at + 8 + size - 3, 4))
        at += 12 + size


_CLAIMS = (
    (16384, 16384),
    (65535, 65535),
    (30000, 5000),
    (4000, 3000),
    (1, 65535),
    (65535, 1),
    (1, 1),
    (0, 0),
)


def claiming(data: bytes, random: Random) -> bytes:
    """A picture whose header claims another size, most of them large; as it is where its header isn't known here."""
    width, height = random.choice(_CLAIMS)
    if data[:2] in (b"P5", b"P6"):
        return data[:3] + f"{width} {height}\n".encode() + data[3:].partition(b"\n")[2]
    result = bytearray(data)
    for field, side in zip(_sides(data), (width, height), strict=False):
        if field.at + field.size <= len(result):
            side = min(side, (1 << 8 * field.size) - 1)
            result[field.at : field.at + field.size] = side.to_bytes(field.size, _order(field))
    return with_checksums(bytes(result)) if data[:4] == b"\x89PNG" else bytes(result)


def _sides(data: bytes) -> tuple[Field, ...]:
    """Where a picture's width and height lie."""
    if data[:4] == b"\x89PNG":
        return Field(16, 4), Field(20, 4)
    if data[:3] == b"GIF":
        return Field(6, 2, "little"), Field(8, 2, "little")
    if data[:2] == b"BM":
        return Field(18, 4, "little"), Field(22, 4, "little")
    if data[:2] == b"\x01\xda":
        return Field(6, 2), Field(8, 2)
    if data[:2] == b"\xff\xd8":
        fields = list(_segments(data))
        starts = [f.at + 4 for f in fields if f.size == 1 and data[f.at] in (0xC0, 0xC1, 0xC2)]
        starts = [at for at in starts if data[at - 5] == 0xFF]
        return (Field(starts[0] + 2, 2), Field(starts[0], 2)) if starts else ()
    if data[:4] == b"II*\0":
        tags = {
            int.from_bytes(data[f.at : f.at + 2], "little"): f.at
            for f in _directories(data)
            if f.size == 2
        }
        if 256 in tags and 257 in tags:
            return Field(tags[256] + 8, 4, "little"), Field(tags[257] + 8, 4, "little")
    if data[:4] == b"RIFF" and data[12:16] == b"VP8 ":
        return Field(26, 2, "little"), Field(28, 2, "little")
    return ()


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the right checksums again, so that their damage is believed."""
    result, at = bytearray(data), 8
    while at + 12 <= len(result):
        size = int.from_bytes(result[at : at + 4], "big")
        end = at + 8 + size
        if end + 4 > len(result):
            break
        result[end : end + 4] = struct.pack(">I", zlib.crc32(result[at + 4 : end]))
        at = end + 4
    return bytes(result)


def _segments(data: bytes) -> Iterator[Field]:
    """Markers of JPEG: lengths, and what lies in the headers."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        yield Field(at + 1, 1)
        yield Field(at + 2, 2)
        if 0xC0 <= kind <= 0xCF:  # bits, height, width, components
            yield from (Field(at + 4, 1), Field(at + 5, 2), Field(at + 7, 2), Field(at + 9, 1))
        yield from (Field(inside, 1) for inside in range(at + 4, min(at + 2 + size, at + 40)))
        if kind == 0xDA:
            return
        at += 2 + size


def _directories(data: bytes) -> Iterator[Field]:
    """Directories of TIFF: offsets (also to themselves), tags, types, counts and values."""
    order = "little" if data[:2] == b"II" else "big"

    def read(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]

    at, seen = read(4, 4), set[int]()
    yield Field(4, 4, order)
    while 0 < at + 2 <= len(data) and at not in seen:
        seen.add(at)
        entries = read(at, 2)
        yield Field(at, 2, order)
        for entry in range(at + 2, min(at + 2 + 12 * entries, len(data)), 12):
            yield from (Field(entry, 2, order), Field(entry + 2, 2, order))
            yield from (Field(entry + 4, 4, order), Field(entry + 8, 4, order))
        following = at + 2 + 12 * entries
        yield Field(following, 4, order)
        at = read(following, 4)

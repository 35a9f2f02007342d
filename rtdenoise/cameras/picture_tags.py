"""EXIF and colour profile (ICC) of picture files: JPEG, PNG, WebP and TIFF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 256_000_000
_EXIF_HEAD = b"Exif\0\0"
_ICC_HEAD = b"ICC_PROFILE\0"
_ORIENTATION, _ICC_TAG = 0x0112, 0x8773
_MOST_PROFILE = 64_000_000


def picture_tags(path: Path) -> tuple[bytes, bytes]:
    """(EXIF, ICC) of a picture: EXIF as it begins with its byte order, either empty where there is none.

    Nothing is raised: what can't be read is not there.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            return b"", b""
        data = path.read_bytes()
    except OSError:
        return b"", b""
    with suppress(struct.error, zlib.error, IndexError, ValueError):
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            chunks = dict(_riff(data))
            return _bare(chunks.get(b"EXIF", b"")), chunks.get(b"ICCP", b"")
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data)
    return b"", b""


def exif_orientation(exif: bytes) -> int:
    """EXIF's tag 274, 1…8; 1 where it isn't there."""
    with suppress(struct.error, KeyError):
        order = _order(exif)
        for tag, kind, _, at in _entries(exif, order):
            if tag == _ORIENTATION and kind == 3:
                number = int(struct.unpack_from(order + "H", exif, at)[0])
                return number if 1 <= number <= 8 else 1
    return 1


def upright_exif(exif: bytes) -> bytes:
    """The same EXIF with the orientation "as stored", for pixels that were turned."""
    changed = bytearray(exif)
    with suppress(struct.error, KeyError):
        order = _order(exif)
        for tag, kind, _, at in _entries(exif, order):
            if tag == _ORIENTATION and kind == 3:
                struct.pack_into(order + "H", changed, at, 1)
    return bytes(changed)


def _order(exif: bytes) -> str:
    return {b"II": "<", b"MM": ">"}[exif[:2]]


def _entries(data: bytes, order: str) -> Iterator[tuple[int, int, int, int]]:
    """(tag, type, count, where its value or its place stands) of the first directory."""
    first = struct.unpack_from(order + "I", data, 4)[0]
    for n in range(struct.unpack_from(order + "H", data, first)[0]):
        at = first + 2 + 12 * n
        tag, kind, count = struct.unpack_from(order + "HHI", data, at)
        yield tag, kind, count, at + 8


def _bare(exif: bytes) -> bytes:
    return exif[len(_EXIF_HEAD) :] if exif.startswith(_EXIF_HEAD) else exif


def _jpeg(data: bytes) -> tuple[bytes, bytes]:
    exif, profile = b"", {}
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker in (0xDA, 0xD9) or size < 2:
            break
        part = data[at + 4 : at + 2 + size]
        if marker == 0xE1 and part.startswith(_EXIF_HEAD) and not exif:
            exif = part[len(_EXIF_HEAD) :]
        elif marker == 0xE2 and part.startswith(_ICC_HEAD):
            profile[part[len(_ICC_HEAD)]] = part[len(_ICC_HEAD) + 2 :]
        at += 2 + size
    return exif, b"".join(profile[n] for n in sorted(profile))


def _png(data: bytes) -> tuple[bytes, bytes]:
    exif = icc = b""
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        part = data[at + 8 : at + 8 + size]
        if kind == b"eXIf":
            exif = part
        elif kind == b"iCCP":
            packed = part[part.index(b"\0") + 2 :]
            icc = zlib.decompressobj().decompress(packed, _MOST_PROFILE)
        at += 12 + size
    return exif, icc


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _tiff(data: bytes) -> tuple[bytes, bytes]:
    """A TIFF file is EXIF itself; of that only its orientation is taken, since all else points into the picture."""
    order = _order(data)
    icc, number = b"", 1
    for tag, kind, count, at in _entries(data, order):
        if tag == _ICC_TAG:
            start = struct.unpack_from(order + "I", data, at)[0]
            icc = data[start : start + count]
        elif tag == _ORIENTATION and kind == 3:
            number = struct.unpack_from(order + "H", data, at)[0]
    exif = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, number, 0, 0)
    return (exif if number != 1 else b""), icc

"""EXIF and colour profile (ICC) of picture files: JPEG, PNG, WebP and TIFF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 256_000_000
JPEG_HEAD, PNG_HEAD = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
TIFF_HEADS = (b"II*\0", b"MM\0*")
EXIF_HEAD = b"Exif\0\0"
_ICC_HEAD = b"ICC_PROFILE\0"
_ORIENTATION, _ICC_TAG = 0x0112, 0x8773
_THUMBNAIL, _THUMBNAIL_SIZE = 0x0201, 0x0202
_MOST_PROFILE = 64_000_000


def picture_tags(path: Path) -> tuple[bytes, bytes]:
    """(EXIF, ICC) of a picture: EXIF as it begins with its byte order, either empty where there is none.

    Nothing is raised: what can't be read is not there.
    """
    data = picture_bytes(path)
    with suppress(struct.error, zlib.error, IndexError, ValueError):
        if data.startswith(JPEG_HEAD):
            return _jpeg(data)
        if data.startswith(PNG_HEAD):
            return _png(data)
        if is_webp(data):
            chunks = dict(riff_chunks(data))
            return _bare(chunks.get(b"EXIF", b"")), chunks.get(b"ICCP", b"")
        if data.startswith(TIFF_HEADS):
            return _tiff(data)
    return b"", b""


def is_webp(data: bytes) -> bool:
    """Whether a file that begins so is a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def picture_bytes(path: Path) -> bytes:
    """A whole file that begins as a picture does whose tags are known here; nothing of any other, or of a huge one."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(12)
        known = head.startswith((JPEG_HEAD, PNG_HEAD, *TIFF_HEADS)) or is_webp(head)
        if known and path.stat().st_size <= _MOST_BYTES:
            return head + file.read()
    return b""


def exif_orientation(exif: bytes) -> int:
    """EXIF's tag 274, 1…8; 1 where it isn't there."""
    with suppress(struct.error, KeyError):
        order = byte_order(exif)
        for tag, kind, _, at in entries(exif, order):
            if tag == _ORIENTATION and kind == 3:
                number = int(struct.unpack_from(order + "H", exif, at)[0])
                return number if 1 <= number <= 8 else 1
    return 1


def upright_exif(exif: bytes) -> bytes:
    """The same EXIF for pixels that were turned and cleaned: its orientation is "as stored", its thumbnail gone."""
    changed = bytearray(exif)
    with suppress(struct.error, KeyError):
        order = byte_order(exif)
        for tag, kind, _, at in entries(exif, order):
            if tag == _ORIENTATION and kind == 3:
                struct.pack_into(order + "H", changed, at, 1)
        _drop_thumbnail(changed, order)
    return bytes(changed)


def _drop_thumbnail(exif: bytearray, order: str) -> None:
    """Takes the second directory out of the chain, and its picture where that comes last: no place changes."""
    first = struct.unpack_from(order + "I", exif, 4)[0]
    link = first + 2 + 12 * struct.unpack_from(order + "H", exif, first)[0]
    second = struct.unpack_from(order + "I", exif, link)[0]
    struct.pack_into(order + "I", exif, link, 0)
    if not second:
        return
    found = {
        tag: struct.unpack_from(order + "I", exif, at)[0]
        for tag, kind, _, at in entries(bytes(exif), order, second)
        if kind == 4
    }
    start, size = found.get(_THUMBNAIL, 0), found.get(_THUMBNAIL_SIZE, 0)
    if start > max(link, second) and size and start + size >= len(exif) - 1:  # one byte may fill up
        del exif[start:]


def byte_order(exif: bytes) -> str:
    """The sign that ``struct`` has for it; raises ``KeyError`` where it isn't said."""
    return {b"II": "<", b"MM": ">"}[exif[:2]]


def entries(data: bytes, order: str, first: int = 0) -> Iterator[tuple[int, int, int, int]]:
    """(tag, type, count, where its value or its place stands) of a directory; by default of the first one."""
    first = first or struct.unpack_from(order + "I", data, 4)[0]
    for n in range(struct.unpack_from(order + "H", data, first)[0]):
        at = first + 2 + 12 * n
        tag, kind, count = struct.unpack_from(order + "HHI", data, at)
        yield tag, kind, count, at + 8


def _bare(exif: bytes) -> bytes:
    return exif[len(EXIF_HEAD) :] if exif.startswith(EXIF_HEAD) else exif


def _jpeg(data: bytes) -> tuple[bytes, bytes]:
    exif, profile = b"", {}
    for marker, part in jpeg_segments(data):
        if marker == 0xE1 and part.startswith(EXIF_HEAD) and not exif:
            exif = part[len(EXIF_HEAD) :]
        elif marker == 0xE2 and part.startswith(_ICC_HEAD):
            profile[part[len(_ICC_HEAD)]] = part[len(_ICC_HEAD) + 2 :]
    return exif, b"".join(profile[n] for n in sorted(profile))


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(second byte of the marker, content) of what comes before a JPEG's samples."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker in (0xDA, 0xD9) or size < 2:
            break
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size


def _png(data: bytes) -> tuple[bytes, bytes]:
    exif = icc = b""
    for kind, part in png_chunks(data):
        if kind == b"eXIf":
            exif = part
        elif kind == b"iCCP":
            packed = part[part.index(b"\0") + 2 :]
            icc = zlib.decompressobj().decompress(packed, _MOST_PROFILE)
    return exif, icc


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each chunk of a PNG."""
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each chunk of a WebP."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _tiff(data: bytes) -> tuple[bytes, bytes]:
    """A TIFF file is EXIF itself; of that only its orientation is taken, since all else points into the picture."""
    order = byte_order(data)
    icc, number = b"", 1
    for tag, kind, count, at in entries(data, order):
        if tag == _ICC_TAG:
            start = struct.unpack_from(order + "I", data, at)[0]
            icc = data[start : start + count]
        elif tag == _ORIENTATION and kind == 3:
            number = struct.unpack_from(order + "H", data, at)[0]
    exif = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, number, 0, 0)
    return (exif if number != 1 else b""), icc

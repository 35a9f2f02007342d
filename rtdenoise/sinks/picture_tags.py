"""EXIF and a colour profile (ICC) put into the bytes of a JPEG or PNG file."""

from __future__ import annotations

import struct
import zlib

_MOST_IN_MARKER = 65_533  # bytes that a marker of JPEG holds
_PNG_START = 33  # signature and IHDR


def with_tags(data: bytes, exif: bytes, icc: bytes) -> bytes:
    """The same picture with EXIF (from its byte order on) and a profile; either may be empty.

    EXIF that is too long for JPEG is left out.
    """
    if data.startswith(b"\xff\xd8"):
        at = 2
        if data[2:4] == b"\xff\xe0":  # JFIF has to stay first
            at += 2 + struct.unpack_from(">H", data, 4)[0]
        return data[:at] + _exif_marker(exif) + _icc_markers(icc) + data[at:]
    chunks = b""
    if icc:
        chunks += _chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc, 9))
    if exif:
        chunks += _chunk(b"eXIf", exif)
    return data[:_PNG_START] + chunks + _without_tags(data[_PNG_START:])


def _without_tags(chunks: bytes) -> bytes:
    """Chunks of a PNG but those that FFmpeg took over by itself, in some versions, and not turned."""
    kept, at = b"", 0
    while at + 8 <= len(chunks):
        size, kind = struct.unpack_from(">I4s", chunks, at)
        if kind not in (b"iCCP", b"eXIf"):
            kept += chunks[at : at + 12 + size]
        at += 12 + size
    return kept


def _exif_marker(exif: bytes) -> bytes:
    content = b"Exif\0\0" + exif
    if not exif or len(content) > _MOST_IN_MARKER:
        return b""
    return struct.pack(">HH", 0xFFE1, len(content) + 2) + content


def _icc_markers(icc: bytes) -> bytes:
    room = _MOST_IN_MARKER - 14
    parts = [icc[n : n + room] for n in range(0, len(icc), room)]
    if len(parts) > 255:
        return b""
    markers = b""
    for n, part in enumerate(parts, 1):
        content = b"ICC_PROFILE\0" + bytes([n, len(parts)]) + part
        markers += struct.pack(">HH", 0xFFE2, len(content) + 2) + content
    return markers


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

"""EXIF, a colour profile (ICC) and notes put into the bytes of a JPEG or PNG file."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction

from ..cameras.picture_notes import (
    IPTC_HEAD,
    IPTC_RESOURCE,
    XMP_HEAD,
    XMP_KEYWORD,
    upright_xmp,
)
from ..cameras.picture_tags import EXIF_HEAD, JPEG_HEAD, png_chunks
from ..cameras.png import png_chunk
from ..frames.facts import PictureNotes
from ..frames.png_colours import COLOUR_CHUNKS

_NOTHING = PictureNotes()
_MOST_IN_MARKER = 65_533  # bytes that a marker of JPEG holds
_INCH = Fraction(254, 10_000)  # metres
_NEAR = 0.02  # PNG says 300 to the inch as 11811 to the metre
_PNG_START = 33  # signature and IHDR


def with_tags(data: bytes, exif: bytes, icc: bytes, notes: PictureNotes = _NOTHING) -> bytes:
    """The same picture with EXIF (from its byte order on), a profile and notes; each may be empty.

    What is too long for JPEG is left out, and what the format has no place for. What FFmpeg says by itself (who
    encoded it, a resolution that isn't known) isn't said.
    """
    if data.startswith(JPEG_HEAD):
        found = _exif_marker(exif) + _note_markers(notes) + _icc_markers(icc)
        at = 2
        while data[at : at + 2] in (b"\xff\xe0", b"\xff\xfe"):
            after = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
            if data[at + 1] == 0xE0 and notes.density is None:
                found = data[at:after] + found
            at = after
        if notes.density is not None:
            found = _jfif(notes.density) + found  # which has to be first
        return JPEG_HEAD + found + data[at:]
    chunks = b"".join(png_chunk(kind, content) for kind, content in notes.colours)
    if icc:
        chunks += png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc, 9))
    if exif:
        chunks += png_chunk(b"eXIf", exif)
    for kind, content in notes.texts:
        chunks += png_chunk(kind, content)
    if notes.xmp:
        chunks += png_chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + upright_xmp(notes.xmp))
    if notes.density is not None:
        across, down = (min(round(side), 0x7FFFFFFF) for side in notes.density)
        chunks += png_chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    said = bool(icc or notes.colours)
    return data[:_PNG_START] + chunks + _without_tags(data, notes.density is not None, said)


def _without_tags(data: bytes, density: bool, colours: bool) -> bytes:
    """Chunks of a PNG after its first but those that FFmpeg took over by itself, in some versions, and not turned.

    Args:
        data: The PNG.
        density: Whether the shape of a pixel follows from the resolution, which is said already.
        colours: Whether it is said already what the colours are.
    """
    kept = []
    gone = (b"IHDR", b"iCCP", b"eXIf", *(COLOUR_CHUNKS if colours else ()))
    for kind, content in png_chunks(data):
        shapeless = kind == b"pHYs" and (density or 0 in struct.unpack_from(">II", content))
        if kind not in gone and not shapeless:
            kept.append(png_chunk(kind, content))
    return b"".join(kept)


def _jfif(density: tuple[Fraction, Fraction]) -> bytes:
    """JFIF's marker with a resolution, in pixels per inch where these are whole, else per centimetre."""
    inches = [side * _INCH for side in density]
    near = all(abs(side - round(side)) < _NEAR for side in inches)
    sides = inches if near else [side / 100 for side in density]
    across, down = (min(max(round(side), 1), 0xFFFF) for side in sides)
    content = struct.pack(">HBHHH", 0x0102, 1 if near else 2, across, down, 0)
    return _segment(0xE0, b"JFIF\0" + content)


def _note_markers(notes: PictureNotes) -> bytes:
    found = b""
    if notes.xmp:
        found += _segment(0xE1, XMP_HEAD + upright_xmp(notes.xmp))
    if notes.iptc:
        content = notes.iptc + b"\0" * (len(notes.iptc) % 2)
        head = struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(notes.iptc))
        found += _segment(0xED, IPTC_HEAD + head + content)
    if notes.comment:
        found += _segment(0xFE, notes.comment)
    return found


def _segment(marker: int, content: bytes) -> bytes:
    """A marker of JPEG with its content; nothing where that is too long."""
    if len(content) > _MOST_IN_MARKER:
        return b""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _exif_marker(exif: bytes) -> bytes:
    return _segment(0xE1, EXIF_HEAD + exif) if exif else b""


def _icc_markers(icc: bytes) -> bytes:
    room = _MOST_IN_MARKER - 14
    parts = [icc[n : n + room] for n in range(0, len(icc), room)]
    if len(parts) > 255:
        return b""
    markers = b""
    for n, part in enumerate(parts, 1):
        markers += _segment(0xE2, b"ICC_PROFILE\0" + bytes([n, len(parts)]) + part)
    return markers

"""What picture files say beside EXIF and colour profile: XMP, IPTC, comments, texts, resolution, further pictures."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from ..frames.facts import PictureNotes
from ..frames.png_colours import COLOUR_CHUNKS
from .picture_tags import (
    JPEG_HEAD,
    PNG_HEAD,
    TIFF_HEADS,
    byte_order,
    entries,
    is_webp,
    jpeg_segments,
    picture_bytes,
    png_chunks,
    riff_chunks,
)
from .tiff import further_pages

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
XMP_KEYWORD = b"XML:com.adobe.xmp"
IPTC_HEAD = b"Photoshop 3.0\0"
IPTC_RESOURCE = 0x0404
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_PICTURES, _PICTURE_COUNT = b"MPF\0", 0xB001
_METRES = {1: Fraction(254, 10_000), 2: Fraction(1, 100)}  # of JFIF's units: inch, centimetre
_TIFF_METRES = {2: _METRES[1], 3: _METRES[2]}
_MOST_TEXT = 16_000_000
_TIFF_XMP, _TIFF_IPTC, _ACROSS, _DOWN, _UNIT, _EXIF = 700, 33723, 282, 283, 296, 34665
_TIFF_TEXTS = {
    269: "DocumentName",
    270: "ImageDescription",
    271: "Make",
    272: "Model",
    306: "DateTime",
    315: "Artist",
    33432: "Copyright",
}


def picture_notes(path: Path) -> PictureNotes:
    """Reads them; nothing is raised: what can't be read is not there."""
    data = picture_bytes(path)
    with suppress(struct.error, zlib.error, IndexError, ValueError, KeyError):
        if data.startswith(JPEG_HEAD):
            return _jpeg(data)
        if data.startswith(PNG_HEAD):
            return _png(data)
        if is_webp(data):
            return PictureNotes(xmp=dict(riff_chunks(data)).get(b"XMP ", b""))
        if data.startswith(TIFF_HEADS):
            return _tiff(data, further_pages(path))
    return PictureNotes()


def upright_xmp(xmp: bytes) -> bytes:
    """The same XMP with the orientation "as stored", for pixels that were turned."""
    return re.sub(rb"""(tiff:Orientation(?:>|=["']))[2-8](?=[<"'])""", rb"\g<1>1", xmp)


def _jpeg(data: bytes) -> PictureNotes:
    xmp = iptc = comment = b""
    density, unkept, further = None, set[str](), 0
    for marker, part in jpeg_segments(data):
        if marker == 0xE0 and part.startswith(b"JFIF\0"):
            density = _density(struct.unpack_from(">HH", part, 8), _METRES.get(part[7]))
        elif marker == 0xE1 and part.startswith(XMP_HEAD):
            xmp = part[len(XMP_HEAD) :]
        elif marker == 0xE1 and part.startswith(_MORE_XMP):
            unkept.add("extended XMP")
        elif marker == 0xED and part.startswith(IPTC_HEAD):
            iptc += b"".join(_resources(part[len(IPTC_HEAD) :], IPTC_RESOURCE))
        elif marker == 0xFE and not comment and not part.startswith(b"Lavc"):
            comment = part.rstrip(b"\0")
        elif marker == 0xE2 and part.startswith(_PICTURES):
            further = max(_listed(part[len(_PICTURES) :]) - 1, 0)
    return PictureNotes(xmp, iptc, comment, (), density, tuple(sorted(unkept)), further)


def _density(
    sides: tuple[int, ...] | tuple[Fraction, ...], metres: Fraction | None
) -> tuple[Fraction, Fraction] | None:
    """Pixels per metre from pixels per unit (across, down); None where one is 0, or the unit isn't known."""
    across, down = sides
    if not across or not down or metres is None:
        return None
    return across / metres, down / metres


def _resources(data: bytes, wanted: int) -> Iterator[bytes]:
    """What Photoshop's resources of a number hold."""
    at = 0
    while data[at : at + 4] == b"8BIM":
        number, name = struct.unpack_from(">HB", data, at + 4)
        at += 6 + (name + 2) // 2 * 2  # a name and its length are even together
        size = struct.unpack_from(">I", data, at)[0]
        if number == wanted:
            yield data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def _listed(data: bytes) -> int:
    """How many pictures the index of a JPEG lists."""
    order = byte_order(data)
    for tag, _, _, at in entries(data, order):
        if tag == _PICTURE_COUNT:
            return int(struct.unpack_from(order + "I", data, at)[0])
    return 0


def _png(data: bytes) -> PictureNotes:
    xmp, density = b"", None
    texts, unkept = list[tuple[bytes, bytes]](), list[str]()
    colours = dict[bytes, bytes]()
    for kind, part in png_chunks(data):
        if kind == b"pHYs" and len(part) == 9 and part[8] == 1:
            density = _density(struct.unpack_from(">II", part), Fraction(1))
        elif COLOUR_CHUNKS.get(kind) == len(part):
            colours.setdefault(kind, part)  # there may be one of each
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword = part.partition(b"\0")[0]
            if keyword == XMP_KEYWORD:
                xmp = _international(part)
            elif keyword.startswith(
                b"Raw profile type"
            ):  # EXIF and others once more, with the old orientation
                unkept.append(keyword.decode("latin-1"))
            else:
                texts.append((kind, part))
    return PictureNotes(
        xmp, b"", b"", tuple(texts), density, tuple(unkept), colours=tuple(colours.items())
    )


def _international(part: bytes) -> bytes:
    """The text of an iTXt chunk."""
    _, _, rest = part.partition(b"\0")
    text = rest[2:].split(b"\0", 2)[2]
    return zlib.decompressobj().decompress(text, _MOST_TEXT) if rest[0] else text


def _tiff(data: bytes, further: int) -> PictureNotes:
    order = byte_order(data)
    blocks, numbers, unkept = dict[int, bytes](), dict[int, Fraction](), list[str]()
    unit = 2
    for tag, kind, count, at in entries(data, order):
        if tag in _TIFF_TEXTS:
            unkept.append(_TIFF_TEXTS[tag])
        elif tag == _EXIF:
            unkept.append("EXIF")
        elif tag in (_TIFF_XMP, _TIFF_IPTC):
            start = struct.unpack_from(order + "I", data, at)[0]
            blocks[tag] = data[start : start + count * (4 if kind == 4 else 1)]
        elif tag in (_ACROSS, _DOWN):
            above, below = struct.unpack_from(
                order + "II", data, struct.unpack_from(order + "I", data, at)[0]
            )
            numbers[tag] = Fraction(above, below) if below else Fraction(0)
        elif tag == _UNIT:
            unit = struct.unpack_from(order + "H", data, at)[0]
    sides = (numbers.get(_ACROSS, Fraction(0)), numbers.get(_DOWN, Fraction(0)))
    return PictureNotes(
        blocks.get(_TIFF_XMP, b""),
        blocks.get(_TIFF_IPTC, b"").rstrip(b"\0"),
        b"",
        (),
        _density(sides, _TIFF_METRES.get(unit)),
        tuple(unkept),
        further,
    )

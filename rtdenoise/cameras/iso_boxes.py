"""Boxes of ISO files (MP4, MOV, HEIF): what FFmpeg reads there and PyAV doesn't tell."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 64_000_000  # of a header that is read; the largest are some MB
_STILLS = ("heic", "heix", "heim", "heis", "mif1", "avif", "avci", "jpeg")
_ANIMATIONS = ("avis", "hevc", "hevx", "msf1")
# How a header announces them.
_TAGS = {
    "EXIF": rb"infe[\x02\x03].{7,9}Exif",
    "XMP": rb"application/rdf\+xml\0",
    "colour profile": rb"colr(prof|rICC)",
}
_DOLBY_VISION = (b"dvcC", b"dvvC", b"dvwC")


@dataclass(frozen=True)
class IsoFacts:
    """What an ISO file's header says.

    ``brand`` is its major brand; ``matrices`` has the display matrix (a, b, u, c, d, v, x, y, w) of each video
    track that is turned by quarters, by its number; ``tags`` names what a picture says of itself beside its samples.
    """

    brand: str
    matrices: dict[int, tuple[int, ...]]
    dolby_vision: bool
    tags: tuple[str, ...] = ()

    @property
    def still(self) -> bool:
        """Whether it is a picture (HEIC, AVIF)."""
        return self.brand in _STILLS


def iso_facts(path: Path) -> IsoFacts | None:
    """Reads the header of an ISO file; None where the file is none, or is damaged."""
    try:
        with path.open("rb") as file:
            brand, header = "", b""
            while len(head := file.read(8)) == 8:
                size, kind = struct.unpack(">I4s", head)
                skip = size - 8
                if size == 1:
                    skip = struct.unpack(">Q", file.read(8))[0] - 16
                if not brand:
                    if kind not in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip"):
                        return None
                    brand = "qt"
                if kind == b"ftyp":
                    brand = file.read(min(max(skip, 0), 4096))[:4].decode("latin-1")
                    file.seek(max(skip, 0) - min(max(skip, 0), 4096), 1)
                elif kind in (b"moov", b"meta"):
                    if not 0 <= skip <= _MOST_BYTES:
                        break
                    header += file.read(skip)
                elif size == 0 or skip < 0:  # to the end of the file
                    break
                else:
                    file.seek(skip, 1)
    except (OSError, struct.error, OverflowError):
        return None
    if not brand:
        return None
    dolby = any(name in header for name in _DOLBY_VISION)
    tags: tuple[str, ...] = ()
    if brand in (*_STILLS, *_ANIMATIONS):
        tags = tuple(name for name, mark in _TAGS.items() if re.search(mark, header, re.DOTALL))
    return IsoFacts(brand, dict(_matrices(header)), dolby, tags)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each box, as far as they are whole."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        end = len(data) if size == 0 else at + size
        if end < start or end > len(data):
            return
        yield kind, data[start:end]
        at = end


def _matrices(header: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(track number, display matrix) of the tracks."""
    for kind, track in _boxes(header):
        if kind != b"trak":
            continue
        for name, content in _boxes(track):
            if name != b"tkhd" or len(content) < 84:
                continue
            wide = content[0] == 1  # version 1 has times of 64 bits
            number = struct.unpack_from(">I", content, 20 if wide else 12)[0]
            at = 52 if wide else 40
            if len(content) >= at + 36:
                yield number, struct.unpack_from(">9i", content, at)

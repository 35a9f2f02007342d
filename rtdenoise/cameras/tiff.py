"""TIFF files that FFmpeg reads wrongly without a word: OpenCV's libtiff reads them where it does so rightly.

FFmpeg makes black pictures of tiles and of JPEG in TIFF, and takes signed samples for unsigned ones, Y'CbCr of full
range for limited, and colours that were multiplied by their transparency for plain ones.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from ..errors import ClipError
from ..frames.samples import Samples
from .decoding import MOST_PIXELS

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _KIND = 254, 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _PLANES, _TILE_WIDTH = 274, 277, 284, 322
_TILE_PLACES, _EXTRA, _SAMPLE_FORMAT = 324, 338, 339
_SIZES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I")}  # what numbers are stored as, by type
_SMALLER, _MASK = 1, 4  # bits of what a further directory holds
_JPEGS = (6, 7)
_SAID_OTHERWISE = {_ORIENTATION: 1, _EXTRA: 1}
_LIBTIFF_READS = (1, 5, 7, 8, 32773, 32946)  # none, LZW, JPEG, deflate, PackBits, old deflate
_INKS, _YCBCR = 5, 6
_MOST_PAGES = 10_000
_CURE = "Convert it first, for example with ImageMagick: magick FILE photo.png."


@dataclass(frozen=True)
class _Page:
    """A directory: its tags' first four numbers, and where each is if it is within the directory."""

    tags: dict[int, tuple[int, ...]]
    places: dict[int, int]

    def get(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return next(iter(self.tags.get(tag, ())), default)


def further_pages(path: Path) -> int:
    """How many pictures a TIFF holds beside the first; neither smaller copies of one nor masks count."""
    pages = list(_pages(path))[1:]
    return sum(not page.get(_SUBFILE, 0) & (_SMALLER | _MASK) for page in pages)


def read_otherwise(path: Path) -> bytes | None:
    """A TIFF that FFmpeg would read wrongly, as a PNG of the same samples, as they are stored; None for all others.

    Raises:
        ClipError: it can't be read here at all.
    """
    page = next(_pages(path), None)
    wrong = None if page is None else _read_wrongly(page)
    if page is None or wrong is None:
        return None
    refused = ClipError(f"{path} is a TIFF {wrong}, which can't be read here.", _CURE)
    if not _fits_libtiff(page):
        raise refused
    if page.get(_WIDTH, 0) * page.get(_HEIGHT, 0) > MOST_PIXELS:
        raise ClipError(
            f"{path} has more than {MOST_PIXELS // 1_000_000} million pixels.",
            "Scale it down in another program.",
        )
    state = path.stat()
    png = _as_png(path, (state.st_mtime_ns, state.st_size))
    if png is None:
        raise ClipError(f"{path} is a TIFF {wrong}, and damaged, or of an unknown kind.", _CURE)
    return png


def _read_wrongly(page: _Page) -> str | None:
    """What is in a directory that FFmpeg doesn't see; None where it reads it rightly, or says that it can't."""
    bits, number = page.get(_BITS, 1), page.get(_SAMPLE_FORMAT, 1)
    if _TILE_WIDTH in page.tags or _TILE_PLACES in page.tags:
        return "in tiles"
    if page.get(_COMPRESSION, 1) in _JPEGS:
        return "that is compressed as JPEG"
    if page.get(_KIND, 1) == _YCBCR:
        return "in Y'CbCr"
    if page.get(_KIND, 1) == _INKS and bits != 8:
        return f"in CMYK of {bits} bits"
    if (number == 3 and bits < 32) or (number != 3 and bits >= 32) or number == 2:
        return f"of {bits}-bit numbers that are no plain levels"
    if page.get(_EXTRA, 0) == 1:
        return "whose colours are multiplied by their transparency"
    return None


def _fits_libtiff(page: _Page) -> bool:
    """Whether OpenCV gives the samples as they are stored."""
    bits, samples, kind = set(page.tags.get(_BITS, (1,))), page.get(_SAMPLES, 1), page.get(_KIND, 1)
    return (
        page.get(_COMPRESSION, 1) in _LIBTIFF_READS
        and (bits == {8} or (bits == {16} and kind != _YCBCR))
        and page.get(_SAMPLE_FORMAT, 1) == 1
        and (samples, kind) in ((1, 1), (3, 2), (4, 2), (3, _YCBCR))
        and (samples == 4) == (_EXTRA in page.tags)
        and (samples == 1 or page.get(_PLANES, 1) == 1)
    )


@lru_cache(maxsize=1)
def _as_png(path: Path, _version: tuple[int, int]) -> bytes | None:
    """None where it can't be decoded. A file is opened more than once, and one that is written anew is another."""
    stored = path.read_bytes()
    data = bytearray(stored)
    page = next(_pages(path))
    order = _ORDERS[bytes(data[:4])]
    for tag, number in _SAID_OTHERWISE.items():
        # Else libtiff turns the picture, or multiplies the colours.
        if tag in page.places:
            struct.pack_into(order + "H", data, page.places[tag], number)
    with _silent(), suppress(cv2.error):
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None and data == stored:  # some sizes of tiles are refused in memory only
            picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is not None:
            if page.get(_EXTRA, 0) == 1 and picture.ndim == 3:
                picture = _divided(np.asarray(picture))
            return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    return None


def _divided(picture: Samples) -> Samples:
    """Colours (rows, columns, 4, transparency last) that were multiplied by it, as they were before."""
    most = np.iinfo(picture.dtype).max
    seen = np.maximum(picture[..., 3:], 1).astype(np.float32)
    colours = np.clip(np.rint(picture[..., :3] * (most / seen)), 0, most)
    return np.dstack([colours.astype(picture.dtype), picture[..., 3:]])


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps OpenCV from writing to the terminal what it says of damaged files."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _pages(path: Path) -> Iterator[_Page]:
    """The directories of a TIFF as far as they are whole, none of any other file."""
    with suppress(OSError, ValueError, struct.error), path.open("rb") as file:
        head = file.read(8)
        order = _ORDERS.get(head[:4], "")
        if not order:
            return
        at, seen = struct.unpack(order + "I", head[4:])[0], set[int]()
        while at and at not in seen and len(seen) < _MOST_PAGES:
            seen.add(at)
            page, at = _page(file, order, at)
            yield page


def _page(file: BinaryIO, order: str, at: int) -> tuple[_Page, int]:
    """A directory, and where the next one is; 0 where there is none. Numbers that can't be read are none."""
    file.seek(at)
    count = struct.unpack(order + "H", file.read(2))[0]
    entries = file.read(12 * count)
    following = file.read(4)
    page = _Page({}, {})
    for n, (tag, kind, size, value) in enumerate(struct.iter_unpack(order + "HHI4s", entries)):
        width, letter = _SIZES.get(kind, (1, "B"))
        size = min(size, 4)
        if size * width > 4:
            file.seek(struct.unpack(order + "I", value)[0], os.SEEK_SET)
            value = file.read(size * width)
        else:
            page.places[tag] = at + 2 + 12 * n + 8
        page.tags[tag] = ()
        with suppress(struct.error):
            page.tags[tag] = struct.unpack_from(f"{order}{size}{letter}", value)
    return page, struct.unpack(order + "I", following)[0] if len(following) == 4 else 0

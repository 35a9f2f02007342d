"""Grey PNGs of 1, 2 or 4 bits whose transparency FFmpeg overlooks: it compares levels of 8 bits with one of fewer."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from ..frames.samples import frame_of, samples_of
from .decoding import LIMITS
from .picture_tags import PNG_HEAD, picture_bytes, png_chunks

_PALETTE = 3  # a kind of colours in IHDR
_UP_TO_KIND = 26  # bytes from the beginning


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG as it is stored."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def grey_with_transparency(path: Path) -> bytes | None:
    """Such a picture as a PNG of 8 bits, grey with transparency; None for all others, and where it is damaged."""
    with suppress(OSError):
        with path.open("rb") as file:
            head = file.read(_UP_TO_KIND)
        if head.startswith(PNG_HEAD) and head[24:] in (b"\1\0", b"\2\0", b"\4\0"):
            state = path.stat()
            return _as_png(path, (state.st_mtime_ns, state.st_size))
    return None


@lru_cache(maxsize=1)
def _as_png(path: Path, _version: tuple[int, int]) -> bytes | None:
    """A file is opened more than once, and one that is written anew is another."""
    chunks = list(png_chunks(picture_bytes(path)))
    kinds = [kind for kind, _ in chunks]
    # Cut short, FFmpeg tells it of the file itself; acTL is an animation's.
    if b"tRNS" not in kinds or b"acTL" in kinds or kinds[-1] != b"IEND":
        return None
    with suppress(struct.error, av.FFmpegError, OSError, ValueError, StopIteration):
        data = io.BytesIO(_with_palette(chunks))
        with av.open(data, "r", options=LIMITS) as container:
            frame = next(container.decode(video=0))
            if frame.is_corrupt:
                return None
            grey = frame_of(samples_of(frame, deep=False)[..., 2:])
        context = av.CodecContext.create("png", "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError("png is no video codec")
        context.width, context.height = grey.width, grey.height
        context.pix_fmt, context.time_base = grey.format.name, Fraction(1, av.time_base)
        return b"".join(bytes(p) for p in (*context.encode(grey), *context.encode(None)))
    return None


def _with_palette(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The same picture with a palette of its greys, in which one of them is transparent: samples stay as they are."""
    parts = dict(chunks)
    header = parts[b"IHDR"]
    bits = header[8]
    levels = 1 << bits
    seen = struct.unpack(">H", parts[b"tRNS"])[0] & (levels - 1)
    palette = b"".join(bytes([n * 255 // (levels - 1)] * 3) for n in range(levels))
    return (
        PNG_HEAD
        + png_chunk(b"IHDR", header[:9] + bytes([_PALETTE]) + header[10:])
        + png_chunk(b"PLTE", palette)
        + png_chunk(b"tRNS", bytes([255] * seen + [0]))
        + b"".join(png_chunk(kind, part) for kind, part in chunks if kind == b"IDAT")
        + png_chunk(b"IEND", b"")
    )

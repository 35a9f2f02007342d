"""What the header of a picture file says of its size, where FFmpeg doesn't tell it."""

from __future__ import annotations

from pathlib import Path

from ..errors import ClipError
from .decoding import MOST_PIXELS

_MILLIONS = MOST_PIXELS // 1_000_000
_LOOKED_AT = (
    1 << 18
)  # bytes: EXIF with its thumbnail and a colour profile come before a JPEG's size
_NO_SIZE = (0xC4, 0xC8, 0xCC)  # among a JPEG's SOF markers: tables


def sizeless(path: Path, picture: bool) -> ClipError:
    """Why FFmpeg tells no size of what is in a file; ``picture``: by its format it is a single picture."""
    if _is_animated_webp(path):
        return ClipError(
            f"{path} is a WebP of several frames, which FFmpeg can't read.",
            "Convert it first, for example with ImageMagick: magick FILE clip.gif.",
        )
    size = claimed_size(path) if picture else None
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        return ClipError(
            f"{path} has {size[0]}×{size[1]} pixels by its header: more than {_MILLIONS} million pixels.",
            "Scale it down in another program.",
        )
    if picture:
        return ClipError(
            f"{path} holds no picture that can be read: it is damaged, or no picture.",
            "Copy it again, or save it anew in a program that shows it.",
        )
    return ClipError(
        f"{path} holds no frames, or one of more than {_MILLIONS} million pixels.",
        "Look at it in another program, and scale it down if it is too large.",
    )


def claimed_size(path: Path) -> tuple[int, int] | None:
    """Width and height that a PNG, JPEG, WebP or BMP says it has; None where it doesn't, or is another kind of file."""
    with path.open("rb") as file:
        data = file.read(_LOOKED_AT)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:2] == b"BM" and len(data) >= 26:
        width, height = (
            int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22)
        )
        return abs(width), abs(height)
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    return _of_jpeg(data) if data[:2] == b"\xff\xd8" else None


def _is_animated_webp(path: Path) -> bool:
    """Whether a file is a WebP of several frames, which FFmpeg doesn't read."""
    with path.open("rb") as file:
        data = file.read(21)
    return data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and bool(data[20:21] and data[20] & 2)


def _of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = (int.from_bytes(data[p : p + 2], "big") for p in (at + 5, at + 7))
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None

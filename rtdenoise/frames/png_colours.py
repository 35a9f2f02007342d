"""What a PNG's chunks say of its colours: kept in a PNG, and named where an output can't say it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .facts import UNSAID, ColourTags

COLOUR_CHUNKS = {b"cHRM": 32, b"gAMA": 4, b"sRGB": 1, b"cICP": 4}
"""Their bytes. A colour profile (iCCP) is told of as that of other pictures."""
_SRGB_CODES = (1, 13)  # primaries and transfer in cICP
_SRGB_GAMMA = 45455  # of 100,000, as all numbers here
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)  # white, red, green, blue
_ROUNDED = 100
_SAYS_NOTHING = ColourTags()

Chunks = Sequence[tuple[bytes, bytes]]


def other_than_srgb(chunks: Chunks, profile: bool, said: ColourTags = _SAYS_NOTHING) -> list[str]:
    """Names the chunks without which a picture's colours would be taken for others: not those that are outdone.

    Args:
        chunks: Those of ``COLOUR_CHUNKS`` that the picture has.
        profile: Whether it has a colour profile.
        said: What an output can say of them by numbers; without it, it means sRGB.
    """
    parts = dict(chunks)
    if b"cICP" in parts:
        told = UNSAID not in (said.primaries, said.transfer)
        return [] if told or tuple(parts[b"cICP"][:2]) == _SRGB_CODES else ["cICP"]
    if profile or b"sRGB" in parts:
        return []
    points, gamma = parts.get(b"cHRM"), parts.get(b"gAMA")
    if _near(points, _SRGB_POINTS) and _near(gamma, (_SRGB_GAMMA,)):
        return []
    names = ["cHRM"] if points is not None and said.primaries == UNSAID else []
    return names + (["gAMA"] if gamma is not None and said.transfer == UNSAID else [])


def _near(content: bytes | None, wanted: tuple[int, ...]) -> bool:
    """Whether numbers are those that are wanted, or not there."""
    if content is None:
        return True
    found = struct.unpack(f">{len(wanted)}I", content)
    return all(abs(a - b) <= _ROUNDED for a, b in zip(found, wanted, strict=True))

"""Pictures that stand in a page: encoded, made smaller, amplified, coloured. All are (H, W, 3) bytes, R'G'B'."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Bytes, Floats, Mask

_MOVING = np.array([216, 60, 48], np.float32)
# From blue over white to red, of equal steps in lightness.
_BELOW, _ABOVE = np.array([33, 102, 172], np.float32), np.array([178, 24, 43], np.float32)
_UNKNOWN = np.array([150, 150, 150], np.float32)


@dataclass(frozen=True)
class View:
    """A picture among those that are zoomed together; ``source`` is a data URI."""

    title: str
    source: str
    note: str = ""


def encoded(picture: Bytes, quality: int | None = None) -> str:
    """A picture as a data URI.

    Args:
        picture: (H, W, 3).
        quality: As JPEG of that quality, 1 to 100, with colour in full; None: as PNG, which loses nothing.
    """
    pixels = np.ascontiguousarray(picture[..., ::-1])
    if quality is None:
        kind, done, data = "png", *cv2.imencode(".png", pixels)
    else:
        full_colour = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        parameters = [cv2.IMWRITE_JPEG_QUALITY, quality, *full_colour]
        kind, done, data = "jpeg", *cv2.imencode(".jpg", pixels, parameters)
    assert done
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"


def shrunk(picture: Bytes, width: int) -> Bytes:
    """The picture, at most ``width`` pixels wide."""
    if picture.shape[1] <= width:
        return picture
    size = (width, max(round(picture.shape[0] * width / picture.shape[1]), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def amplified(difference: Floats, factor: float) -> Bytes:
    """A difference in levels (H, W, 3), ``factor`` times as strong, around grey."""
    return np.asarray(np.clip(np.rint(128 + factor * difference), 0, 255), np.uint8)


def diverging(levels: Floats, limit: float, known: Mask | None = None) -> Bytes:
    """Levels (H, W) as colours: blue below zero, red above, white at it; grey where not ``known``.

    Args:
        levels: A difference.
        limit: The level from which on a colour is full.
        known: Where it means something, (H, W).
    """
    share = np.clip(levels / limit, -1, 1)[..., None].astype(np.float32)
    end = np.where(share < 0, _BELOW, _ABOVE)
    colours = 255 + np.abs(share) * (end - 255)
    if known is not None:
        colours = np.where(known[..., None], colours, _UNKNOWN)
    return np.asarray(np.rint(colours), np.uint8)


def overlaid(picture: Bytes, marked: Mask) -> Bytes:
    """The picture with red over the pixels that are marked, (H, W)."""
    result = picture.astype(np.float32)
    result[marked] = 0.45 * result[marked] + 0.55 * _MOVING
    return np.asarray(np.rint(result), np.uint8)

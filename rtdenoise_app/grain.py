"""How much noise is seen in a picture's flat places, before and after cleaning: from one frame, without a model.

What differs from the mean of its surroundings is noise and texture. Slopes don't differ from it, and a camera's noise
does, coarse as it may be. The flattest blocks of the cleaned picture count, where texture adds least, without those
that are dark or bright, where cameras show less noise. What texture is left there counts as noise: rather too little is
said to be removed than too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Floats

_BLOCK = 16
_FLATTEST = 0.12  # share of the blocks
_FEWEST = 8
_DARK, _BRIGHT = 40, 215  # levels
_AROUND = 17  # pixels across: the surroundings
_ROUNDING = 1 / 12  # variance that rounding to bytes alone makes
_ROWS = 720  # a picture is looked at in parts where it has more


@dataclass(frozen=True)
class Grain:
    """Noise in flat places: its standard deviation in levels of 255 before, and by how much less after, in dB."""

    levels: float
    removed_db: float


def measure_grain(camera: Bytes, published: Bytes) -> Grain | None:
    """Compares two pictures of one moment.

    Args:
        camera: Luma as the camera sent it, (rows, columns).
        published: As it was published; the same shape.

    Returns:
        The noise; None where the pictures are too small to tell.
    """
    top = max(0, (camera.shape[0] - _ROWS) // 2)
    part = slice(top, top + _ROWS)
    before, means = _blocks(camera[part]), _means(camera[part])
    after = before if camera is published else _blocks(published[part])
    counts = (means > _DARK) & (means < _BRIGHT)
    if np.count_nonzero(counts) < _FEWEST:
        counts = np.ones_like(counts)
    # By their neighbours: blocks chosen by their own noise would show less of it than there is.
    near = (cv2.blur(after, (3, 3)) - after / 9)[counts]
    before, after = before[counts], after[counts]
    if after.size < _FEWEST:
        return None
    flat = np.argsort(near)[: max(_FEWEST, int(_FLATTEST * after.size))]
    was, left = float(np.median(before[flat])), float(np.median(after[flat]))
    return Grain(was**0.5, 10 * float(np.log10(max(was, _ROUNDING) / max(left, _ROUNDING))))


def _blocks(luma: Bytes) -> Floats:
    """The variance of the noise in each block, and of texture, where there is some."""
    levels = luma.astype(np.float32)
    noise = cv2.subtract(levels, cv2.blur(levels, (_AROUND, _AROUND)))
    squares = cv2.multiply(noise, noise)
    return np.asarray(cv2.resize(squares, _grid(luma), interpolation=cv2.INTER_AREA), np.float32)


def _means(luma: Bytes) -> Floats:
    means = cv2.resize(luma, _grid(luma), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32)


def _grid(luma: Bytes) -> tuple[int, int]:
    return max(1, luma.shape[1] // _BLOCK), max(1, luma.shape[0] // _BLOCK)

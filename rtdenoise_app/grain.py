"""How much noise is seen in a picture's flat places, before and after cleaning: from one frame, without a model.

The mask of Immerkær (*Fast noise variance estimation*, 1996), the difference of two Laplacians, answers to neither even
nor sloping places. Its mean square in blocks tells the noise; texture adds to it, so that flat places count: blocks
that differ little from their neighbours in the mean, and are neither dark nor bright, where cameras show less noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Floats

_BLOCK = 16
_FLATTEST = 0.25  # share of the blocks
_FEWEST = 8
_DARK, _BRIGHT = 40, 215  # levels
_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_SQUARES = 36.0  # sum of the mask's squares: white noise comes out with so many times its variance
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
    edges = np.abs(cv2.Laplacian(means, cv2.CV_32F))
    counts = (means > _DARK) & (means < _BRIGHT)
    if np.count_nonzero(counts) < _FEWEST:
        counts = np.ones_like(counts)
    edges, before, after = edges[counts], before[counts], after[counts]
    if edges.size < _FEWEST:
        return None
    flat = np.argpartition(edges, _FEWEST - 1)[: max(_FEWEST, int(_FLATTEST * edges.size))]
    was, left = float(np.median(before[flat])), float(np.median(after[flat]))
    return Grain(was**0.5, 10 * float(np.log10(max(was, _ROUNDING) / max(left, _ROUNDING))))


def _blocks(luma: Bytes) -> Floats:
    """The variance of the noise in each block, as far as the mask tells."""
    answer = cv2.filter2D(luma, cv2.CV_32F, _MASK)
    squares = np.asarray(cv2.multiply(answer, answer, scale=1 / _SQUARES), np.float32)
    return np.asarray(cv2.resize(squares, _grid(luma), interpolation=cv2.INTER_AREA), np.float32)


def _means(luma: Bytes) -> Floats:
    means = cv2.resize(luma, _grid(luma), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32)


def _grid(luma: Bytes) -> tuple[int, int]:
    return max(1, luma.shape[1] // _BLOCK), max(1, luma.shape[0] // _BLOCK)

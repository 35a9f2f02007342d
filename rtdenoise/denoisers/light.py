"""Finds changes of light and exposure: differences that depend on the level alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BINS = 8
_FEWEST = 20  # blocks in a bin
_LEAST = 0.08  # levels; smaller changes are left to the average itself
_SURE = 4.0  # standard errors


def change_of_light(
    old: Floats, difference: Floats, variance: Floats
) -> tuple[float, float] | None:
    """(slope, offset) such that difference ≈ slope·old + offset almost everywhere; None if there is no such.

    Medians per level are fitted, so that what moves doesn't count as long as it is the smaller
    part.

    Args:
        old: the average's cells, (rows, columns), in bytes.
        difference: the new frame's less those.
        variance: of a frame's noise, per cell, in squared bytes.
    """
    rows, columns = max(old.shape[0] // 4, 1), max(old.shape[1] // 4, 1)
    small = [
        np.asarray(cv2.resize(a, (columns, rows), interpolation=cv2.INTER_AREA)).ravel()
        for a in (old, difference, variance)
    ]
    level, change, unit = small[0], small[1], np.sqrt(small[2])
    low, high = float(level.min()), float(level.max()) + 1e-3
    bins = ((level - low) * np.float32(_BINS / (high - low))).astype(np.intp)
    points = []
    for index in range(_BINS):
        held = bins == index
        count = int(np.count_nonzero(held))
        if count >= _FEWEST:
            middle = float(np.median(change[held]))
            # From the quartiles of a normal distribution, and the error of its median.
            low_q, high_q = np.quantile(change[held], (0.25, 0.75))
            error = 1.25 * (float(high_q - low_q) / 1.35 + 0.02) / count**0.5
            points.append((float(np.mean(level[held])), middle, error))
    if not points or sum(int(np.count_nonzero(bins == b)) for b in range(_BINS)) == 0:
        return None
    at, middle_of, error_of = (np.array(column) for column in zip(*points, strict=True))
    if not np.any((np.abs(middle_of) > _LEAST) & (np.abs(middle_of) > _SURE * error_of)):
        return None
    weights = 1 / (error_of + 0.05)
    if len(points) >= 3 and float(np.ptp(at)) > 30:
        slope, offset = np.polyfit(at, middle_of, 1, w=weights)
    else:
        slope, offset = 0.0, float(np.average(middle_of, weights=weights**2))
    rest = change - np.float32(slope) * level - np.float32(offset)
    bounded = [float(np.mean(np.minimum(np.abs(a) / unit, 1.5))) for a in (change, rest)]
    if bounded[1] > 0.95 * bounded[0]:
        return None
    if float(np.mean(np.abs(rest) < 1.5 * unit)) < 0.6:
        return None  # the picture itself is another one
    return float(slope), float(offset)

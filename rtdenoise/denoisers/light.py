"""Finds changes of light and exposure: differences that depend on the level alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BINS = 8
_FEWEST = 20  # blocks in a bin
_BLOCKS, _LARGEST = 2000, 8  # about so many blocks, of at most so many cells on a side
_SPAN = 30.0  # levels between the darkest and the brightest bin, from which a slope can be told
_LEAST = 0.08  # levels; smaller changes are left to the average itself
_SURE = 4.0  # standard errors


def change_of_light(
    old: Floats, difference: Floats, variance: Floats
) -> tuple[float, float] | None:
    """(slope, offset) such that difference ≈ slope·old + offset almost everywhere; None if none.

    Medians per level are fitted, so that what moves doesn't count as long as it is the smaller
    part.

    Args:
        old: the average's cells, (rows, columns), in bytes.
        difference: the new frame's less those.
        variance: of a frame's noise, per cell, in squared bytes.
    """
    step = int(np.clip((old.size / _BLOCKS) ** 0.5, 1, _LARGEST))
    rows, columns = max(old.shape[0] // step, 1), max(old.shape[1] // step, 1)
    level, change, power = (
        np.asarray(cv2.resize(a, (columns, rows), interpolation=cv2.INTER_AREA)).ravel()
        for a in (old, difference, variance)
    )
    order = np.argsort(level)
    level, change, unit = level[order], change[order], np.sqrt(power[order])
    bins = max(min(_BINS, len(level) // _FEWEST), 1)
    at, middle, error = np.array(
        [
            _median(*part)
            for part in zip(*(np.array_split(a, bins) for a in (level, change)), strict=True)
        ]
    ).T
    if not np.any((np.abs(middle) > _LEAST) & (np.abs(middle) > _SURE * error)):
        return None
    weights = 1 / (error + 0.05)
    if bins >= 3 and float(np.ptp(at)) > _SPAN:
        slope, offset = (float(c) for c in np.polyfit(at, middle, 1, w=weights))
    else:
        slope, offset = 0.0, float(np.average(middle, weights=weights**2))
    rest = change - np.float32(slope) * level - np.float32(offset)
    before, after = (float(np.mean(np.minimum(np.abs(a) / unit, 1.5))) for a in (change, rest))
    # Where most blocks still differ, the picture itself is another one.
    if after > 0.95 * before or float(np.mean(np.abs(rest) < 1.5 * unit)) < 0.6:
        return None
    return slope, offset


def _median(level: Floats, change: Floats) -> tuple[float, float, float]:
    """(mean level, median change, standard error of that), from the quartiles of a normal one."""
    ordered = np.sort(change)
    low, middle, high = (ordered[len(ordered) * k // 4] for k in (1, 2, 3))
    error = 1.25 * (float(high - low) / 1.35 + 0.02) / len(change) ** 0.5
    return float(np.mean(level)), float(middle), error

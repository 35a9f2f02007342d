"""Finds brightness changes: differences that depend on the level alone, or on the row too."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ..arrays import Floats

BRIGHTEST = 250.0
"""What the brightest level becomes where values in units of noise are scaled to bytes."""
_BINS = 8
_FEWEST = 20  # patches in a bin
_PATCHES, _LARGEST = 2000, 8  # about so many patches, of at most so many blocks on a side
_SPAN = 30.0  # levels between the darkest and the brightest bin, from which a slope can be told
_LEAST = 0.08  # levels; smaller changes are left to the average itself
_SURE = 4.0  # standard errors
_BAND_ROWS = 16  # grid rows, from which bands can be told
_SMOOTH = 5  # grid rows
_STANDS_OUT = 1.0
_DARK = 4.0  # levels that keep black rows from counting


class BrightnessChanges(NamedTuple):
    """Of each plane what :func:`brightness_change` found, and of luma's rows what :func:`row_banding` did."""

    planes: list[tuple[float, float] | None]
    rows: Floats | None


def follow_brightness(old: Floats, new: Floats, scales: Floats) -> BrightnessChanges:
    """Brings the average's blocks to the brightness of a new frame, in place.

    Args:
        old: the average's blocks of each plane, (3, rows, columns), in bytes.
        new: the new frame's.
        scales: bytes per standard deviation of a pixel's noise, (3,). Blocks are more alike than pixels.
    """
    planes = []
    for index, scale in enumerate(scales):
        found = brightness_change(old[index], new[index] - old[index], float(scale) ** 2)
        if found is not None:
            old[index] = old[index] * np.float32(1 + found[0]) + np.float32(found[1])
        planes.append(found)
    rows = row_banding(old[0], new[0] - old[0], float(scales[0]) ** 2)
    if rows is not None:
        old[0] *= (1 + rows)[:, None]
    return BrightnessChanges(planes, rows)


def brightness_change(
    old: Floats, difference: Floats, variance: Floats | float
) -> tuple[float, float] | None:
    """(slope, offset) such that difference ≈ slope·old + offset almost everywhere; None if none.

    Medians per level are fitted, so that what moves doesn't count as long as it is the smaller
    part.

    Args:
        old: the average's blocks, (rows, columns), in bytes.
        difference: the new frame's less those.
        variance: of a frame's noise, per block or everywhere, in squared bytes.
    """
    step = int(np.clip((old.size / _PATCHES) ** 0.5, 1, _LARGEST))
    rows, columns = max(old.shape[0] // step, 1), max(old.shape[1] // step, 1)
    level, change = _patches(old, rows, columns), _patches(difference, rows, columns)
    power = variance if isinstance(variance, float) else _patches(variance, rows, columns)
    order = np.argsort(level)
    unit = np.sqrt(np.broadcast_to(power, level.shape)[order])
    level, change = level[order], change[order]
    bins = max(min(_BINS, len(level) // _FEWEST), 1)
    at, middle, error = _medians(level, change, bins)
    if not np.any((np.abs(middle) > _LEAST) & (np.abs(middle) > _SURE * error)):
        return None
    weights = 1 / (error + 0.05)
    if bins >= 3 and float(np.ptp(at)) > _SPAN:
        slope, offset = (float(c) for c in np.polyfit(at, middle, 1, w=weights))
    else:
        slope, offset = 0.0, float(np.average(middle, weights=weights**2))
    rest = change - np.float32(slope) * level - np.float32(offset)
    return (slope, offset) if _explained(change, rest, unit) else None


def _patches(grid: Floats, rows: int, columns: int) -> Floats:
    means = cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32).ravel()


def row_banding(old: Floats, difference: Floats, variance: Floats | float) -> Floats | None:
    """Per grid row the factor − 1 by which it became brighter, (rows,); None if rows don't differ.

    Lamps on mains flicker faster than a frame lasts, and a sensor reads row after row: bright and
    dark bands wander through the picture.

    Args:
        old: the average's blocks, (rows, columns), in bytes.
        difference: the new frame's less those.
        variance: of a frame's noise, per block or everywhere, in squared bytes.
    """
    if old.shape[0] < _BAND_ROWS or old.shape[1] < _FEWEST:
        return None
    level = old + np.float32(_DARK)
    change = np.partition(difference / level, old.shape[1] // 2, axis=1)[:, old.shape[1] // 2]
    profile = np.asarray(cv2.blur(change[:, None], (1, _SMOOTH)), np.float32)[:, 0]
    # Noise alone makes neighbours differ as much as the smooth part stands out.
    error = float(np.median(np.abs(np.diff(change)))) + 1e-5
    if float(np.std(profile)) < _STANDS_OUT * error:
        return None
    rest = difference - profile[:, None] * level
    return profile if _explained(difference, rest, np.sqrt(variance)) else None


def _explained(change: Floats, rest: Floats, unit: Floats | np.floating) -> bool:
    """Whether ``rest`` is clearly less than ``change``, and no more than noise almost everywhere.

    Where most of the picture still differs, it is another picture.
    """
    before, after = (float(np.mean(np.minimum(np.abs(a) / unit, 1.5))) for a in (change, rest))
    return after < 0.95 * before and float(np.mean(np.abs(rest) < 1.5 * unit)) > 0.6


def _medians(level: Floats, change: Floats, bins: int) -> tuple[Floats, Floats, Floats]:
    """Mean levels, median changes, and the standard errors of those, from quartiles as of a normal distribution."""
    each = len(change) // bins
    ordered = np.sort(change[: each * bins].reshape(bins, each), axis=1)
    low, middle, high = (ordered[:, each * k // 4] for k in (1, 2, 3))
    error = 1.25 * ((high - low) / 1.35 + 0.02) / each**0.5
    return level[: each * bins].reshape(bins, each).mean(1), middle, error

"""How good a series is: deviation, drift, correlation from frame to frame, mains flicker.

Everything is measured on luma, on the pixels of the static mask.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Doubles, Floats, Mask

from .mask import Moments

_BLOCK = 16  # pixels; correlations are taken per block, and the median of the blocks counts
# Blocks that vary less than this (in levels squared) are frozen or clipped: rounding alone gives 1/12.
_LEAST_VARIANCE = 0.02
# Four means of white noise range over less than this many of their deviations in 99 % of cases.
_RANGE_OF_FOUR = 4.4


def deviations(
    frames: Bytes, mean: Floats, mask: Mask, black: int = 0, gains: Doubles | None = None
) -> Doubles:
    """The deviation e of each frame from the mean of its series (paper, eq. 5).

    The root of the mean squared distance, divided by the mean level above black, so that neither the size
    of the picture nor the exposure matters. A brightness that changes from frame to frame counts with the drift.

    Args:
        frames: luma, (N, H, W) uint8.
        mean: of the series, (H, W).
        mask: the pixels that count, (H, W).
        black: the level that means black: 16 in limited range.
        gains: how bright each frame is, (N,); None: all alike.

    Returns:
        (N,) e of each frame.
    """
    weights = mask.astype(np.uint8)
    pixels = max(cv2.countNonZero(weights), 1)
    level = max(cv2.mean(mean, weights)[0] - black, 1.0)
    distances = [
        cv2.norm(_residual(frame, mean, gain), cv2.NORM_L2, weights)
        for frame, gain in zip(frames, _given(gains, len(frames)), strict=True)
    ]
    e: Doubles = np.asarray(distances, np.float64) / (np.sqrt(pixels) * level)
    return e


def _given(gains: Doubles | None, count: int) -> Doubles:
    return np.ones(count) if gains is None else gains


def _residual(frame: Bytes, mean: Floats, gain: float) -> Floats:
    """A frame at usual brightness less the mean."""
    residual: Floats = np.multiply(frame, np.float32(1 / gain), dtype=np.float32)
    residual -= mean
    return residual


def mu_sigma(e: Doubles) -> tuple[float, float]:
    """The mean μ and standard deviation σ of the deviations of a series (paper, eq. 6)."""
    return float(np.mean(e)), float(np.std(e))


def levels(frames: Bytes, mean: Floats, mask: Mask) -> Doubles:
    """How much brighter each frame is than the mean of its series, in levels: (N,)."""
    weights = mask.astype(np.uint8)
    level = cv2.mean(mean, weights)[0]
    return np.asarray([cv2.mean(frame, weights)[0] - level for frame in frames])


def drift_levels(level: Doubles) -> float:
    """By how many levels the brightness drifts: between the darkest and brightest quarter in time.

    Means over quarters, less what steps from frame to frame leave in them, so that flicker is no drift.

    Args:
        level: of each frame, (N,).
    """
    parts = [part.mean() for part in np.array_split(level, 4) if part.size]
    if not parts:
        return 0.0
    step = float(np.std(np.diff(level))) / np.sqrt(2) if len(level) > 2 else 0.0
    by_chance = _RANGE_OF_FOUR * step / np.sqrt(max(len(level) / 4, 1))
    return float(np.sqrt(max((max(parts) - min(parts)) ** 2 - by_chance**2, 0.0)))


def lag1_correlation(moments: Moments, mask: Mask) -> float:
    """The correlation of a still pixel's noise with itself one frame later.

    Residuals against the mean of only N frames are correlated by themselves, by −1/(N − 1) for white
    noise; this is put right for noise that forgets exponentially. It is 0 where nothing varies.
    """
    rows, columns = mask.shape
    size = (max(columns // _BLOCK, 1), max(rows // _BLOCK, 1))

    def blocks(plane: Floats) -> Floats:
        still = np.where(mask, plane, np.float32(0))
        return np.asarray(cv2.resize(still, size, interpolation=cv2.INTER_AREA))

    share = blocks(np.ones(mask.shape, np.float32))
    variance, product = blocks(moments.variance), blocks(moments.lag1)
    fit = (share > 0.25) & (variance > _LEAST_VARIANCE * share)
    if not fit.any():
        return 0.0
    count = moments.count
    raw = float(np.median(product[fit] / variance[fit])) * count / (count - 1)
    return _unbiased_lag1(raw, count)


def _unbiased_lag1(raw: float, count: int) -> float:
    """The ρ of noise with correlation ρ^|lag| whose residuals over ``count`` frames show ``raw``."""
    grid, shown = _shown_lag1(min(count, 64))
    return float(np.interp(raw, shown, grid))


@lru_cache(maxsize=32)
def _shown_lag1(count: int) -> tuple[Doubles, Doubles]:
    """For each ρ of a grid, what the residuals of ``count`` frames show at lag 1, relative to lag 0."""
    grid = np.linspace(-0.95, 0.995, 390)
    distance = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    centre = np.eye(count) - 1 / count
    shown = []
    for rho in grid:
        covariance = centre @ (np.sign(rho) ** distance * np.abs(rho) ** distance) @ centre
        shown.append(np.diag(covariance, 1).mean() / np.diag(covariance).mean())
    return grid, np.asarray(shown)


def flicker_levels(frames: Bytes, mean: Floats, mask: Mask, gains: Doubles | None = None) -> float:
    """The amplitude of mains flicker, in levels: bands of rows that brighten and darken over the frames.

    Lamps flicker at 100 or 120 Hz; a sensor that reads row after row sees it as bands that stand or roll.
    """
    weight = mask.sum(axis=1).astype(np.float64)
    fit = weight > mask.shape[1] / 10
    if fit.sum() < 16:
        return 0.0
    length = max(len(weight) // 24, 3)
    # Averages over neighbouring rows and over columns leave little of the pixels' own noise.
    profiles = []
    for frame, gain in zip(frames, _given(gains, len(frames)), strict=True):
        residual = np.where(mask, _residual(frame, mean, gain), np.float32(0))
        rows = residual.sum(axis=1)[fit] / weight[fit]
        profiles.append(np.convolve(rows, np.full(length, 1 / length), "valid"))
    return float(np.sqrt(2) * np.std(np.asarray(profiles)))

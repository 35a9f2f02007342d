"""The fixed pattern of a sensor: what all its pictures share, whatever they show."""

from __future__ import annotations

import cv2
import numpy as np

from rtdenoise.arrays import Floats, Mask
from rtdenoise.noise import NoiseCurve

_FEWEST = 2000  # pixels that two means must have in common
# What is left of the pattern after its surroundings were taken off must be at least this part of
# its variance, or the correction for the rest is a guess; wider surroundings leave more of it, and
# more of the scene.
_WINDOWS = (9, 17, 33)
_LEAST_KEPT = 0.6
_NEIGHBOURHOOD = 31  # pixels; in a narrower one the pattern itself would decide about its weight
_LEAST_VARIANCE = 0.01  # squared bytes
_LEAST_ENERGY = 1e-3  # relative to the noise's variance: no mean is taken of so many frames


def fixed_pattern(
    means: list[tuple[Floats, Mask]],
    curve: NoiseCurve,
    row_correlation: tuple[float, ...] = (),
    column_correlation: tuple[float, ...] = (),
) -> float:
    """Standard deviation of what all series share, in bytes; NaN where it can't be told.

    Needs two series or more that show *different* scenes: what their fine structure has in common
    at the same pixels is the sensor's. Where two means look alike (the camera did not move between
    them), the common part is the scene itself.

    The pattern went through the camera's filters and tone curve as the noise did, so that it is taken
    to change with the level as the noise does, and its correlation to be the noise's: that tells how
    much of it the high-pass filter took away. What differs between the scenes beyond that (bright
    pixels show sensitivities, dark ones offsets) is not shared, so that the result is too low:
    on the simulated camera by 30 % at high noise and by a half at low noise.

    Args:
        means: per series its mean (rows, columns) in bytes, and which of its pixels count.
        curve: of the noise: what the tone curve does to noise at each level, it does to the pattern.
        row_correlation: of the noise, at lags 1, 2, … along a row.
        column_correlation: down a column.
    """
    kept = {w: _kept(w, row_correlation, column_correlation) for w in _WINDOWS}
    window = next((w for w in _WINDOWS if kept[w] >= _LEAST_KEPT), _WINDOWS[-1])
    covariances: list[float] = []
    for index, (a, still_a) in enumerate(means):
        for b, still_b in means[index + 1 :]:
            if a.shape != b.shape or _alike(a, b):
                continue
            stds = [np.sqrt(np.maximum(curve.variance(m), _LEAST_VARIANCE)) for m in (a, b)]
            fine_a, fine_b = (
                np.asarray((m - cv2.blur(m, (window, window))) / std, np.float32)
                for m, std in zip((a, b), stds, strict=True)
            )
            both = still_a & still_b
            if int(both.sum()) >= _FEWEST:
                # By the inverse of what the products vary by: plain walls count, detail does not.
                weight = (both / (_energy(fine_a) * _energy(fine_b))).astype(np.float64)
                covariance = float((fine_a * fine_b * weight).sum() / weight.sum())
                variance = float((stds[0] * stds[1])[both].mean())
                covariances.append(covariance / kept[window] * variance)
    if not covariances:
        return float("nan")
    return round(float(np.sqrt(max(float(np.median(covariances)), 0.0))), 4)


def _kept(window: int, row: tuple[float, ...], column: tuple[float, ...]) -> float:
    """The part of a pattern's variance that is left when the mean of ``window``² pixels is taken off."""
    span = 2 * window
    along, down = np.zeros(span), np.zeros(span)
    along[0] = down[0] = 1
    along[1 : 1 + len(row)] = row[: span - 1]
    down[1 : 1 + len(column)] = column[: span - 1]
    # 1 − 2·(covariance with the mean) + (variance of the mean), each separable.
    near = np.arange(-(window // 2), window // 2 + 1)
    with_mean = along[np.abs(near)].mean() * down[np.abs(near)].mean()
    apart = np.abs(near[:, None] - near)
    of_mean = along[apart].mean() * down[apart].mean()
    return float(np.clip(1 - 2 * with_mean + of_mean, 0.05, 1.0))


def _alike(a: Floats, b: Floats) -> bool:
    size = (32, 18)
    small = [cv2.resize(p, size, interpolation=cv2.INTER_AREA).ravel() for p in (a, b)]
    if min(float(np.std(p)) for p in small) < 1e-3:
        return True
    return bool(np.corrcoef(small[0], small[1])[0, 1] > 0.8)


def _energy(fine: Floats) -> Floats:
    """The mean square in the neighbourhood."""
    size = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
    return np.asarray(cv2.sqrBoxFilter(fine, cv2.CV_32F, size), np.float32) + _LEAST_ENERGY

"""From variances measured per level to the smooth curve of a noise model.

The variance of a camera's output against its level is the photon transfer curve (Janesick, "Photon
Transfer", 2007). What is measured is a heap of points of very unequal trust: a level that covers
half of the picture rests on a million samples, one that shows only at an edge on a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.noise import NoiseCurve

Doubles = NDArray[np.float64]

BINS = 64
_BIN_WIDTH = 256 / BINS
_KNOTS = 20
# Pixels of one level do not all have one variance (sharpening and compression add noise near
# detail), so a bin is never trusted beyond this relative error, however many samples it holds.
_MODEL_ERROR = 0.1
# Strength of the pull towards a straight line, in relative variance per squared knot distance.
_STIFFNESS = 4.0


def bin_of(level: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """The bin (0 … BINS − 1) of each level (bytes, any shape)."""
    return np.asarray(np.clip(level * (1 / _BIN_WIDTH), 0, BINS - 1), np.intp)


@dataclass
class LevelTally:
    """Sums per level bin: how many pixels, their summed level and their summed variance.

    ``pixels`` and the others are (BINS,) and only grow, so that several series add up in one tally.
    """

    pixels: Doubles = field(default_factory=lambda: np.zeros(BINS))
    levels: Doubles = field(default_factory=lambda: np.zeros(BINS))
    variances: Doubles = field(default_factory=lambda: np.zeros(BINS))

    def add(self, level: Doubles, variance: Doubles, freedom: int) -> NDArray[np.bool_]:
        """Adds pixels with their temporal mean and variance; leaves out what can't be noise alone.

        Args:
            level: temporal means, (P,), in bytes.
            variance: unbiased temporal variances, (P,), in squared bytes.
            freedom: degrees of freedom of each variance (frames − 1).

        Returns:
            Which pixels were taken, (P,). A pixel is left out where its variance lies so far above
            the median of its level that chance (a chi-squared distribution) can't explain it:
            something moved.
        """
        bins = bin_of(level)
        highest = np.full(BINS, np.inf)
        # Median of a chi-squared variable over its mean (Wilson and Hilferty, 1931).
        median_ratio = max(1 - 2 / (9 * freedom), 0.45) ** 3
        for index in np.flatnonzero(np.bincount(bins, minlength=BINS)):
            median = float(np.median(variance[bins == index])) / median_ratio
            highest[index] = (1 + 8 * np.sqrt(2 / freedom)) * max(median, 0.05)
        taken: NDArray[np.bool_] = variance <= highest[bins]
        bins = bins[taken]
        self.pixels += np.bincount(bins, minlength=BINS)
        self.levels += np.bincount(bins, level[taken], minlength=BINS)
        self.variances += np.bincount(bins, variance[taken], minlength=BINS)
        return taken

    def points(self, fewest: int = 16) -> tuple[Doubles, Doubles, Doubles]:
        """The points: (levels, variances, pixels) of the bins with at least ``fewest`` pixels."""
        held = self.pixels >= fewest
        pixels = self.pixels[held]
        return self.levels[held] / pixels, self.variances[held] / pixels, pixels


def fit_curve(levels: Doubles, variances: Doubles, pixels: Doubles, freedom: float) -> NoiseCurve:
    """A smooth curve through measured points.

    A line of straight pieces between about 20 knots, by least squares on relative errors with a
    penalty on bends; where nothing was measured it is the penalty that decides: straight on.

    Args:
        levels: of the points, rising, (M,), in bytes.
        variances: (M,), in squared bytes.
        pixels: how many pixels each point rests on, (M,).
        freedom: degrees of freedom of one pixel's variance.

    Raises:
        ValueError: there is no point.
    """
    if len(levels) == 0:
        raise ValueError("no level was measured")
    span = float(levels[-1] - levels[0])
    count = int(np.clip(min(span / 4, len(levels)), 1, _KNOTS))
    if count < 3:
        level, variance = np.average(levels, weights=pixels), np.average(variances, weights=pixels)
        return NoiseCurve((float(level),), (float(max(variance, 0)),), (int(pixels.sum()),))
    knots = np.linspace(levels[0], levels[-1], count)
    basis = _hat_functions(levels, knots)
    bends = np.diff(np.eye(count), 2, axis=0)
    typical = float(np.average(variances, weights=pixels))
    fitted = np.maximum(variances, 1e-3 * typical + 1e-6)
    solution = np.interp(knots, levels, variances)
    for _ in range(4):
        # Relative errors against the last fit, not against the points: a point that is low by
        # chance would otherwise count for more than one that is high.
        error = fitted * np.sqrt(2 / (pixels * freedom) + _MODEL_ERROR**2)
        scale = np.maximum(np.interp(knots, levels, fitted), 0.05 * typical + 1e-6)[1:-1]
        rows = np.concatenate([basis / error[:, None], bends * (_STIFFNESS / scale)[:, None]])
        wanted = np.concatenate([variances / error, np.zeros(len(bends))])
        solution = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        fitted = np.maximum(basis @ solution, 1e-3 * typical + 1e-6)
    counts = basis.T @ pixels
    return NoiseCurve(
        _floats(knots), _floats(np.maximum(solution, 0)), tuple(round(float(c)) for c in counts)
    )


def _hat_functions(levels: Doubles, knots: Doubles) -> Doubles:
    """(M, K): the weights by which a line through ``knots`` takes their values at ``levels``."""
    unit = np.eye(len(knots))
    return np.stack([np.interp(levels, knots, unit[k]) for k in range(len(knots))], axis=1)


def _floats(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(round(float(v), 4) for v in values)

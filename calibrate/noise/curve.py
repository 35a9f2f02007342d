"""From variances measured per level to the smooth curve of a noise model.

The variance of a camera's output against its level is the photon transfer curve (Janesick, "Photon
Transfer", 2007). What is measured is a heap of points of very unequal trust: a level that covers
half of the picture rests on a million samples, one that shows only at an edge on a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles
from rtdenoise.noise import NoiseCurve

BINS = 64
_BIN_WIDTH = 256 / BINS
_KNOTS = 20
# Pixels of one level do not all have one variance (sharpening and compression add noise near
# detail), so a bin is never trusted beyond this relative error, however many samples it holds.
_MODEL_ERROR = 0.1
# Strength of the pull towards a straight line, in relative variance per squared knot distance.
_STIFFNESS = 4.0
# 100 fits give a standard error to 7 %.
_RESAMPLES = 100
_TWO_SIDED = 1.96  # standard errors, for 95 %


def bin_of(level: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """The bin (0 … BINS − 1) of each level (bytes, any shape)."""
    return np.asarray(np.clip(level * (1 / _BIN_WIDTH), 0, BINS - 1), np.intp)


@dataclass
class LevelTally:
    """Sums per place and level bin: how many pixels, their summed level and their summed variance.

    ``sums`` holds an array (places, 3, BINS) per series. Places are kept apart because they, not pixels, are what
    may be taken as independent: noise near detail differs from noise on a plain wall of the same level.
    """

    sums: list[Doubles] = field(default_factory=list)

    def add(
        self,
        level: Doubles,
        variance: Doubles,
        freedom: int,
        place: NDArray[np.intp] | None = None,
    ) -> NDArray[np.bool_]:
        """Adds pixels with their temporal mean and variance; leaves out what can't be noise alone.

        Args:
            level: temporal means, (P,), in bytes.
            variance: unbiased temporal variances, (P,), in squared bytes.
            freedom: degrees of freedom of each variance (frames − 1).
            place: in which part of the picture (0, 1, …) each pixel lies, (P,); all in one where None.

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
        slots = bins[taken] if place is None else bins[taken] + BINS * place[taken]
        places = 1 if place is None else int(place.max(initial=0)) + 1
        columns = [
            np.bincount(slots, weights, minlength=BINS * places).reshape(places, BINS)
            for weights in (None, level[taken], variance[taken])
        ]
        self.sums.append(np.stack(columns, axis=1).astype(np.float64))
        return taken

    def points(self, fewest: int = 16) -> tuple[Doubles, Doubles, Doubles]:
        """The points: (levels, variances, pixels) of the bins with at least ``fewest`` pixels."""
        if not self.sums:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        return _points(np.sum([s.sum(axis=0) for s in self.sums], axis=0), fewest)

    def confidence(self, curve: NoiseCurve, freedom: float) -> NoiseCurve:
        """The curve with the 95 % confidence interval of each of its variances.

        By the bootstrap over places (Efron, 1979): the curve is fitted again to as many places drawn with
        replacement, and the spread of those fits is the standard error. It is never below what the chi-squared
        distribution gives for that many independent pixels.

        Args:
            curve: what :func:`fit_curve` made of :meth:`points`.
            freedom: degrees of freedom of one pixel's variance.
        """
        places = np.concatenate(self.sums)
        places = places[places[:, 0].sum(axis=1) > 0]  # (places, 3, BINS)
        count = len(places)
        knots, variances = np.array(curve.levels), np.array(curve.variances)
        random = np.random.default_rng(0)
        drawn = random.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
        fits = []
        for sums in np.tensordot(drawn.astype(np.float64), places, axes=1):
            levels, measured, pixels = _points(sums, 1)
            if len(knots) == 1:
                fits.append(np.array([np.average(measured, weights=pixels)]))
            else:
                expected = np.interp(levels, knots, variances)
                fits.append(_fit(knots, levels, measured, pixels, freedom, expected, rounds=1))
        pixels_at = np.maximum(np.array(curve.counts, np.float64), 1.0)
        error = np.std(fits, axis=0, ddof=1) if count > 1 else np.zeros(len(knots))
        error = _TWO_SIDED * np.maximum(error, variances * np.sqrt(2 / (pixels_at * freedom)))
        return replace(
            curve, low=_floats(np.maximum(variances - error, 0)), high=_floats(variances + error)
        )


def _points(sums: Doubles, fewest: int) -> tuple[Doubles, Doubles, Doubles]:
    """(levels, variances, pixels) from sums, (3, BINS), of the bins with ``fewest`` pixels or more."""
    pixels, levels, variances = sums[:, sums[0] >= max(fewest, 1)]
    return levels / pixels, variances / pixels, pixels


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
    solution = _fit(knots, levels, variances, pixels, freedom, variances, rounds=4)
    counts = _hat_functions(levels, knots).T @ pixels
    return NoiseCurve(_floats(knots), _floats(solution), tuple(round(float(c)) for c in counts))


def _fit(
    knots: Doubles,
    levels: Doubles,
    variances: Doubles,
    pixels: Doubles,
    freedom: float,
    expected: Doubles,
    rounds: int,
) -> Doubles:
    """The variances at the knots, (K,), not below 0; ``expected``, (M,), is a first guess at the points."""
    basis = _hat_functions(levels, knots)
    bends = np.diff(np.eye(len(knots)), 2, axis=0)
    typical = float(np.average(variances, weights=pixels))
    least = 1e-3 * typical + 1e-6
    fitted = np.maximum(expected, least)
    solution = np.zeros(len(knots))
    for _ in range(rounds):
        # Relative errors against the last fit, not against the points: a point that is low by
        # chance would otherwise count for more than one that is high.
        error = fitted * np.sqrt(2 / (pixels * freedom) + _MODEL_ERROR**2)
        scale = np.maximum(np.interp(knots, levels, fitted), 0.05 * typical + 1e-6)[1:-1]
        rows = np.concatenate([basis / error[:, None], bends * (_STIFFNESS / scale)[:, None]])
        wanted = np.concatenate([variances / error, np.zeros(len(bends))])
        solution = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        fitted = np.maximum(basis @ solution, least)
    return np.asarray(np.maximum(solution, 0))


def _hat_functions(levels: Doubles, knots: Doubles) -> Doubles:
    """(M, K): the weights by which a line through ``knots`` takes their values at ``levels``."""
    unit = np.eye(len(knots))
    return np.stack([np.interp(levels, knots, unit[k]) for k in range(len(knots))], axis=1)


def _floats(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(round(float(v), 4) for v in values)

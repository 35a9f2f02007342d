"""The noise that a denoiser goes by while it runs: measured beforehand, estimated, or measured and followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..frames import Planes
from .estimate import NoiseEstimator
from .model import PLANES, NoiseCurve, NoiseModel, PlaneNoise

# Estimates of the noise that differ by less, on average over these levels, are the same.
_SAME, _LEVELS = 0.07, np.arange(32.0, 225.0, 16.0)
# A measured model is taken at its word as long as the stream's variance is within this factor of it: estimates
# scatter, and other scenes have other places. Beyond, the camera's gain has changed.
AT_ITS_WORD = 1.4
_STAYS = 0.2  # of a factor's logarithm
# A gain beyond this factor, or a stream whose noise has another spectrum (the sum of differences of the coefficients'
# shares), is none: something else moves.
_MOST, _OTHER_SPECTRUM = 8.0, 0.4
_LEAST = 0.1  # squared bytes: less than that says nothing about a gain
# Levels beyond these say nothing about it either: crushed or blown out, where the least brightness change turns much of
# the noise on or off.
DARKEST, BRIGHTEST = 12.0, 240.0


class RunningNoise:
    """Keeps a stream's noise up to date.

    Without a model it is estimated. A measured model gives the shape: the curve over the level, the correlation, the
    noise per coefficient. Its scale holds for the gain at which it was measured, and is followed where the camera has
    another one by now (dusk, a lamp, auto exposure), a plane at a time. Of a camera that was measured at several gains
    the one whose noise is nearest to the stream's counts.

    Args:
        model: The camera's noise; None: it is estimated, which takes two frames for a start and a second to settle.
    """

    def __init__(self, model: NoiseModel | None) -> None:
        self._given = model
        self._estimator = NoiseEstimator()
        self.model = model
        """What is known by now; None before the second frame of a stream without a model."""

    def reset(self) -> None:
        """Forgets all that was seen."""
        self.model = self._given
        self._estimator.reset()

    def update(self, planes: Planes) -> NoiseModel | None:
        """Takes the next frame; the new model where the noise has changed, else None."""
        if not self._estimator.update(planes):
            return None
        estimate = self._estimator.model()
        if estimate is None:
            return None
        if self._given is None:
            found = estimate
        elif self._estimator.trusted:
            self._given = _nearest(self._given, estimate)
            found = _at_gain(self._given, estimate)
        else:
            return None
        if self.model is not None and not _differs(found, self.model):
            return None
        self.model = found
        return found


def _nearest(model: NoiseModel, estimate: NoiseModel) -> NoiseModel:
    """Of a camera's models at several gains the one whose luma is nearest to the stream's; with the rest as others."""
    models = (model, *model.others)
    if len(models) == 1:
        return model

    def distance(one: NoiseModel) -> float:
        factor = variance_factor(one.y, estimate.y.curve)
        return np.inf if factor is None else abs(float(np.log(factor)))

    # The present one stays where another is hardly nearer.
    best = min(models, key=lambda one: distance(one) - (_STAYS if one is model else 0.0))
    rest = tuple(replace(one, others=()) for one in models if one is not best)
    return replace(best, others=rest)


def _at_gain(model: NoiseModel, estimate: NoiseModel) -> NoiseModel:
    """A measured model at the gain that the stream shows."""
    model = model.for_chroma(estimate.chroma)
    if model.band_std and estimate.band_std:
        one, two = (np.square(m.band_std[:16]) for m in (model, estimate))
        if float(np.abs(one / one.sum() - two / two.sum()).sum()) > _OTHER_SPECTRUM:
            return model
    y, u, v = (_scaled(model.plane(name), estimate.plane(name).curve) for name in PLANES)
    return replace(model, y=y, u=u, v=v)


def variance_factor(noise: PlaneNoise, seen: NoiseCurve) -> float | None:
    """By how much the variance of one plane is another than was measured, in the median over levels; None: unknown."""
    measured = np.maximum(noise.curve.variance(np.array(seen.levels)), _LEAST)
    ratios = np.array(seen.variances) / measured
    weights = np.array(seen.counts or [1] * len(ratios), float) * (np.array(seen.variances) > 0)
    levels = np.array(seen.levels)
    weights = weights * (levels > DARKEST) * (levels < BRIGHTEST)
    if not weights.any():
        return None
    order = np.argsort(ratios)
    middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(ratios[order][middle])


def _scaled(noise: PlaneNoise, seen: NoiseCurve) -> PlaneNoise:
    """One plane's noise, at the scale of the curve that was seen, where that is another one."""
    factor = variance_factor(noise, seen)
    if factor is None or 1 / AT_ITS_WORD < factor < AT_ITS_WORD or not 1 / _MOST < factor < _MOST:
        return noise
    return replace(noise, curve=noise.curve.scaled(factor))


def _differs(model: NoiseModel, other: NoiseModel) -> bool:
    """Whether the noise is another one: by more than estimates of the same noise scatter."""
    for name in PLANES:
        one, two = (np.sqrt(m.plane(name).curve.variance(_LEVELS)) for m in (model, other))
        if float(np.mean(np.abs(one - two))) > _SAME * float(np.mean(two)) + 0.02:
            return True
    coefficients, others = np.array(model.band_std), np.array(other.band_std)
    if len(coefficients) != len(others):
        return True
    return bool(np.any(np.abs(coefficients - others) > _SAME * (others + 0.05)))

"""The noise that a denoiser goes by while it runs: measured beforehand, estimated, or measured and followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..frames import Planes
from .estimate import NoiseEstimator, Seen
from .model import PLANES, NoiseCurve, NoiseModel, PlaneNoise
from .single import Finding, noise_of_picture

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
_TILES = 400  # of a single frame, while frames come


class RunningNoise:
    """Keeps a stream's noise up to date.

    Without a model it is estimated. A measured model gives the shape: the curve over the level, the correlation, the
    noise per coefficient. Its scale holds for the gain at which it was measured, and is followed where the camera has
    another one by now (dusk, a lamp, auto exposure), a plane at a time. Of a camera that was measured at several gains
    the one whose noise is nearest to the stream's counts.

    Args:
        model: The camera's noise; None: it is estimated, which takes two frames for a start and a second to settle;
            while nothing stands still, from single frames (:mod:`rtdenoise.noise.single`).
    """

    def __init__(self, model: NoiseModel | None) -> None:
        self._given = model
        self.given = model is not None
        """Whether the camera's noise was known beforehand."""
        self._estimator = NoiseEstimator()
        self.reset()

    def reset(self) -> None:
        """Forgets all that was seen."""
        self.model = self._given
        """What is known by now; None before the second frame of a stream without a model, unless it was primed."""
        self.seen: Seen | None = None
        """What the frames that an estimate rests on do; None where there was one frame, or a model."""
        self.single: Finding | None = None
        """What a single frame said, where one was asked because there is nothing to compare."""
        self._primed = self._compared = False
        self._estimator.reset()

    def prime(self, frames: Sequence[Planes]) -> None:
        """Estimates the noise beforehand, from frames that :meth:`update` will get: those of a file can be read ahead.

        Args:
            frames: One frame or more, all of one format.
        """
        if self._given is not None:
            return
        estimator = NoiseEstimator()
        for planes in frames:
            estimator.update(planes)
        self.seen = estimator.seen
        if self.seen is Seen.STILL:
            self.model = estimator.model()
            self._compared = estimator.settled
        else:
            found = self._ask_one(frames[0])
            # Of noise that is the same in every frame nothing can be averaged away: cleaning its first frame alone
            # would be seen.
            self.model = None if self.seen is Seen.FROZEN else found
        self._primed = self.model is not None

    def assume(self, model: NoiseModel) -> None:
        """Goes by a model until more is known."""
        self.model, self._primed = model, True

    def update(self, planes: Planes) -> NoiseModel | None:
        """Takes the next frame; the new model where the noise has changed, else None."""
        if not self._estimator.update(planes):
            return None
        if self._given is None:
            return self._estimated(planes)
        estimate = self._estimator.model()
        if estimate is None or not self._estimator.trusted:
            return None
        self._given = _nearest(self._given, estimate)
        return self._take(_at_gain(self._given, estimate))

    def _estimated(self, planes: Planes) -> NoiseModel | None:
        if self._primed and not self._estimator.settled:
            return None
        self.seen = self._estimator.seen
        if self.seen is Seen.STILL:
            self._compared = self._compared or self._estimator.settled
            self.single = None
            return self._take(self._estimator.model())
        # What was seen standing still tells more than one frame does; where nothing changes at all, nothing does.
        if self._compared or self.seen is Seen.FROZEN:
            return None
        return self._take(self._ask_one(planes, _TILES))

    def _ask_one(self, planes: Planes, most_tiles: int = 1500) -> NoiseModel | None:
        found = noise_of_picture(planes, most_tiles)
        self.single = found.finding
        return found.model

    def _take(self, found: NoiseModel | None) -> NoiseModel | None:
        """Goes by another model from now on, where it is another one."""
        if found is None or (self.model is not None and not _differs(found, self.model)):
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
    if not alike(model, estimate):
        return model
    y, u, v = (_scaled(model.plane(name), estimate.plane(name).curve) for name in PLANES)
    return replace(model, y=y, u=u, v=v)


def alike(model: NoiseModel, estimate: NoiseModel) -> bool:
    """Whether luma's noise has one spectrum in both, as far as both know it."""
    if not model.band_std or not estimate.band_std:
        return True
    one, two = (np.square(m.band_std[:16]) for m in (model, estimate))
    return float(np.abs(one / one.sum() - two / two.sum()).sum()) <= _OTHER_SPECTRUM


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

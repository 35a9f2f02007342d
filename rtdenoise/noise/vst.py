"""The variance-stabilising transform of a camera: bytes in which the noise is the same at every level.

With σ(x) the standard deviation of the noise at level x, f(x) = ∫ dx/σ(x) has noise of about unit variance
wherever it stands (Bartlett, "The use of transformations", 1947; Prucnal and Saleh, 1981). What was averaged
after f must not go back by f⁻¹, since f is bent and so E[f(X)] ≠ f(E[X]): the exact unbiased inverse takes E[f(X)]
to the level (Mäkitalo and Foi, "Optimal inversion of the Anscombe transformation", 2011, and "… of the generalized
Anscombe transformation for Poisson-Gaussian noise", 2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Doubles, Floats
from .model import NoiseModel, PlaneNoise

# Rounding to bytes errs by up to half a level. With a standard deviation of at least as much no byte is further
# from its neighbour than two units, and noise still smooths the steps (below that, what a byte says about the level
# depends on where the level lies between two bytes, and E[f(X)] is a staircase, which has no inverse).
FLOOR = 0.5
# At clipped levels (0 and 255) the noise vanishes, and 1/σ with it would make mountains of the last few levels. A tone
# curve alone changes σ by a factor of three or so over the range, which this leaves alone.
_RELATIVE_FLOOR = 0.25
_ROUNDING = 1 / 12  # variance of rounding, which a measured curve holds already

_LEVELS = np.arange(256.0)
# The cumulative normal distribution, to be looked up: numpy has no erf.
_NORMAL_AT = np.linspace(-6, 6, 2401)
_NORMAL = np.array([0.5 * (1 + math.erf(z / math.sqrt(2))) for z in _NORMAL_AT])


@dataclass(frozen=True, eq=False)
class Stabiliser:
    """The variance-stabilising transform of one plane.

    ``forward``, (256,), is f of each byte: f(0) = 0, rising, and noise has about unit variance after it.
    ``expected``, (256,), is E[f(X)] at each level 0 … 255, rising: its inverse is the exact unbiased one.
    """

    forward: Floats
    expected: Floats

    @classmethod
    def of(cls, noise: PlaneNoise) -> Stabiliser:
        """The transform for a plane's noise; takes about 2 ms.

        X is a Gaussian with the level as its mean and the curve's variance, rounded and clipped to bytes.
        """
        variance = noise.curve.table().astype(np.float64)
        measured = (noise.curve.levels[0] <= _LEVELS) & (noise.curve.levels[-1] >= _LEVELS)
        typical = float(np.median(variance[measured] if measured.any() else variance))
        slope = 1 / np.sqrt(np.maximum(variance, max(FLOOR**2, _RELATIVE_FLOOR**2 * typical)))
        steps = (slope[:-1] + slope[1:]) / 2
        forward = np.concatenate([[0.0], np.cumsum(steps)])

        std = np.sqrt(np.maximum(variance, FLOOR**2) - _ROUNDING)
        # By parts: E[f(X)] = f(0) + Σ (f(k + 1) − f(k)) · P(X > k).
        above = (_LEVELS[:, None] - (_LEVELS[:-1] + 0.5)) / std[:, None]  # (level, k)
        expected = np.interp(above, _NORMAL_AT, _NORMAL) @ steps
        return cls(forward.astype(np.float32), _rising(expected, steps))

    def inverse(self, values: Floats) -> Floats:
        """The exact unbiased inverse, in bytes, not rounded.

        Values outside of what any level gives in the mean become 0 or 255.

        Args:
            values: after ``forward`` and whatever took the noise away, any shape.
        """
        return np.asarray(np.interp(values, self.expected, _LEVELS), np.float32)

    def inverse_table(self, low: float, high: float, n: int) -> Floats:
        """The inverse of ``n`` values evenly from ``low`` to ``high``, both included, for looking up.

        Raises:
            ValueError: fewer than two values, or ``low`` is not below ``high``.
        """
        if n < 2 or not low < high:
            raise ValueError(f"no grid of {n} values from {low} to {high}")
        return self.inverse(np.linspace(low, high, n, dtype=np.float32))


def stabilisers(model: NoiseModel) -> tuple[Stabiliser, Stabiliser, Stabiliser]:
    """The transforms of Y, U and V."""
    return Stabiliser.of(model.y), Stabiliser.of(model.u), Stabiliser.of(model.v)


def _rising(expected: Doubles, steps: Doubles) -> Floats:
    """``expected`` where it rises, and a gentle slope where it falls.

    Near 0 and 255 clipping pushes the mean inwards the more the noise is; where a curve changes there within a few
    levels, the mean can run backwards.
    """
    # A hundredth of the transform's own slope is far above what float32 resolves.
    least = 0.01 * np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(np.maximum.accumulate(expected - least) + least, np.float32)

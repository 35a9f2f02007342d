"""How far one plane's average is to be trusted: a Kalman gain per block, driven by known noise.

Three numbers decide what a new frame weighs against the average so far: the noise of a frame, r
(known from the noise model); the residual noise of the average, p·r (known from the gains so far); and
the squared bias of the average, b·r, where the scene has changed. Blending with the gain k = (p +
b)/(p + b + 1) gives the least mean squared error, and leaves p = k (Kalman, 1960, with b as the
process noise). Only b has to be found out: it is what the difference between frame and average has
in excess of (1 + p)·r.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...alignment.motion import WARP_LOSS
from ...arrays import Floats, Mask
from ...noise import PlaneNoise
from ...noise.fields import field
from .local_noise import PlaneLocalNoise

# The smallest weight of a new frame: noise falls by 10·log10((2 − k)/k) = 18 dB at most, and what
# the gain misses is gone after some 30 frames.
FLOOR = 0.03
# Rate of the running mean of differences that finds weak but lasting changes.
_DIFFERENCE_RATE = 0.25
# A byte can't vary by less in a picture that isn't frozen: rounding alone gives 1/12.
_LEAST_VARIANCE = 0.15
# How rarely noise alone may count as change, and room for noise with longer tails than a
# Gaussian's.
_QUANTILE, _BLOCK_QUANTILE = 0.999, 0.9998
_NEAR_ROOM, _FINE_ROOM, _BLOCK_ROOM = 1.4, 1.5, 2.0
_WIDE_MARGIN = 12.0
# Standard deviations by which a pixel of the average may lie off the new frame: in cameras with
# less than one level of noise, and in others.
_BOUND = (2.5, 4.0)
# Noise finer than a block has at least this share of the variance.
_LEAST_FINE = 0.02


class Statistics:
    """What noise alone does to the measures of change, found on a field of such noise.

    Args:
        noise: of the plane.
        block: (rows, columns) of the plane's pixels in one grid block.
    """

    def __init__(self, noise: PlaneNoise, block: tuple[int, int]) -> None:
        sample = field(noise, (64 * block[0], 64 * block[1]))
        means = _block_means(sample, block)
        self.block_ratio = float(np.mean(means**2))
        self.wide_ratio = float(np.mean(cv2.blur(means, (5, 5)) ** 2))
        near = cv2.blur(means**2, (3, 3)) / self.block_ratio
        self.near_margin = (float(np.quantile(near, _QUANTILE)) - 1) * _NEAR_ROOM
        power = _block_means(sample**2, block) - means**2
        self.fine_ratio = max(float(np.mean(power)), _LEAST_FINE)
        power /= np.float32(self.fine_ratio)
        self.block_margin = float(np.quantile(power, _BLOCK_QUANTILE)) * _BLOCK_ROOM - 1
        fine = cv2.blur(power, (3, 3))
        self.fine_margin = (float(np.quantile(fine, _QUANTILE)) - 1) * _FINE_ROOM


def _block_means(a: Floats, block: tuple[int, int]) -> Floats:
    size = (a.shape[1] // block[1], a.shape[0] // block[0])
    return np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32)


def _excess(z: Floats, margin: float) -> Floats:
    """Gives z − 1 where z lies clearly above what noise does (1 + margin), 0 where it doesn't."""
    ramp = np.clip((z - np.float32(1 + margin)) * np.float32(1 / margin), 0, 1)
    return np.asarray(ramp * (z - 1), np.float32)


def _near(a: Any) -> Floats:
    return np.asarray(cv2.blur(a, (3, 3)), np.float32)


class TemporalGain:
    """The temporal gain of one plane, per block of its grid.

    Per frame: :meth:`look`, perhaps :meth:`warp` and :meth:`look` again, :meth:`bias`,
    :meth:`settle`.

    Attributes:
        gain: the weight k that the last frame had, and with it the residual noise variance, (rows, columns).
        variance: of a frame's noise by the model, in squared bytes, (rows, columns).
        old: means of the average over the blocks, (rows, columns), in bytes.
        difference: the same of the new frame less those, (rows, columns).
    """

    def __init__(self, noise: PlaneNoise, grid: tuple[int, int], block: tuple[int, int]) -> None:
        self._block = block
        self._noise: PlaneNoise | None = None
        self.gain: Floats = np.ones(grid, np.float32)
        self.variance: Floats = np.ones(grid, np.float32)
        self.old: Floats = np.zeros(grid, np.float32)
        self.difference: Floats = np.zeros(grid, np.float32)
        self._difference_mean = np.zeros(grid, np.float32)
        self.local = PlaneLocalNoise(grid)
        self._rest: Floats | None = None
        self.set_noise(noise)

    def set_noise(self, noise: PlaneNoise) -> bool:
        """Takes another noise; True if its correlation is another one too."""
        table = np.maximum(noise.curve.table(), np.float32(_LEAST_VARIANCE))
        if self._noise is None:
            self._table, self._statistics = table, Statistics(noise, self._block)
            self._noise = noise
            return True
        before, was = self._table, self._statistics
        self._table = table
        other = not _alike(noise, self._noise)
        if other:
            self._statistics = Statistics(noise, self._block)
            self._noise = noise
        # What was learned of each place is told in units of the model's noise.
        factor = cv2.LUT(cv2.convertScaleAbs(self.old), before / table)
        now = self._statistics
        self.local.rescale(
            np.asarray(factor * np.float32(was.block_ratio / now.block_ratio), np.float32),
            np.asarray(factor * np.float32(was.fine_ratio / now.fine_ratio), np.float32),
        )
        return other

    def start(self) -> None:
        """The average is one frame now."""
        self.gain.fill(1.0)
        self._difference_mean.fill(0.0)
        self.local.start()

    @property
    def strength(self) -> float:
        """The picture's noise against the model's: above 1 where the camera turned up its gain."""
        return self.local.strength

    @property
    def most_lag(self) -> float:
        """How far the average may lie off a new frame at any pixel, in bytes."""
        variance = float(self.variance.max())
        return _BOUND[int(variance >= 1)] * float(np.sqrt(variance))

    def look(self, old: Floats, difference: Floats) -> None:
        """Takes the blocks' means of the average, and of the new frame less the average."""
        self.old, self.difference = old, difference
        self.variance = np.asarray(cv2.LUT(cv2.convertScaleAbs(old), self._table))

    def difference_variance(self) -> Floats:
        """Of the noise in the difference of the blocks' means, in squared bytes, (rows, columns)."""
        ratio = np.float32(self._statistics.block_ratio)
        return np.asarray(self.variance * (1 + self.gain) * self.local.coarse * ratio, np.float32)

    def warp(self, warp_grid: Any, moved: Mask) -> None:
        """The average was warped: so are the gains. Where it moved, other memories don't count.

        Args:
            warp_grid: gives a grid warped as the average was.
            moved: where the movement isn't zero, (rows, columns).
        """
        self.gain = warp_grid(self.gain) + np.float32(WARP_LOSS) * moved
        self._difference_mean[moved] = 0
        self.local.reset(moved)

    def bias(self, power: Floats | None) -> Floats:
        """The squared bias of the average in units of a frame's noise variance, (rows, columns).

        Args:
            power: means over the blocks of the squared difference of the pixels, if that is to count
                too: it sees changes finer than a block.
        """
        known, d = self._statistics, self.difference
        spread = 1 + self.gain
        noise = self.variance * self.local.coarse
        unit = noise * spread

        z = _near(d * d / unit) * np.float32(1 / known.block_ratio)
        bias = _excess(z, known.near_margin) * (spread * np.float32(known.block_ratio))

        wide = np.asarray(cv2.blur(d, (5, 5)), np.float32)
        z = wide * wide / unit * np.float32(1 / known.wide_ratio)
        spread_wide = spread * np.float32(known.wide_ratio)
        np.maximum(bias, _excess(z, _WIDE_MARGIN) * spread_wide, out=bias)

        self._difference_mean += np.float32(_DIFFERENCE_RATE) * (d - self._difference_mean)
        spread_slow = (
            self.gain + np.float32(_DIFFERENCE_RATE / (2 - _DIFFERENCE_RATE))
        ) * np.float32(known.block_ratio)
        z = _near(self._difference_mean * self._difference_mean / (noise * spread_slow))
        np.maximum(bias, _excess(z, known.near_margin) * spread_slow, out=bias)

        self._rest = None
        if power is not None:
            self._rest = np.maximum(power - d * d, 0)
            unit = self.variance * self.local.fine * spread
            z = self._rest / unit * np.float32(1 / known.fine_ratio)
            np.maximum(bias, _excess(z, known.block_margin) * spread, out=bias)
            np.maximum(bias, _excess(_near(z), known.fine_margin) * spread, out=bias)
        return bias

    def settle(self, bias: Floats, structure: Floats | None, taught: Mask | None) -> None:
        """Turns the bias into the gain for this frame, and learns from it."""
        before = self.gain
        p = before + bias
        np.divide(p, p + 1, out=p)
        self.gain = np.maximum(p, np.float32(FLOOR))
        self._difference_mean *= 1 - self.gain
        known = self._statistics
        ratios = known.block_ratio, known.fine_ratio
        gains = before, self.gain
        self.local.learn(
            self.difference, self._rest, self.variance, ratios, gains, structure, taught
        )


def _alike(a: PlaneNoise, b: PlaneNoise) -> bool:
    for one, two in (
        (a.row_correlation, b.row_correlation),
        (a.column_correlation, b.column_correlation),
    ):
        if len(one) != len(two) or any(abs(p - q) > 0.04 for p, q in zip(one, two, strict=True)):
            return False
    return True

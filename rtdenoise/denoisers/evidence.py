"""How far one plane's average is to be trusted: a Kalman gain per grid cell, driven by known noise.

Three numbers decide what a new frame weighs against the average so far: the noise of a frame, r
(known from the noise model); the noise left in the average, p·r (known from the gains so far); and
the squared bias of the average, b·r, where the scene has changed. Blending with the gain k = (p +
b)/(p + b + 1) gives the least mean squared error, and leaves p = k (Kalman, 1960, with b as the
process noise). Only b has to be found out: it is what the difference between frame and average has
in excess of (1 + p)·r.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..noise import PlaneNoise
from ..noise_fields import field

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# The smallest weight of a new frame: noise falls by 10·log10((2 − k)/k) = 16 dB at most, and what
# the evidence misses is gone after some 20 frames.
FLOOR = 0.05
# Rate of the running mean of differences that finds weak but lasting changes.
_SLOW = 0.25
# A byte can't vary by less in a picture that isn't frozen: rounding alone gives 1/12.
_LEAST_VARIANCE = 0.15
# How rarely noise alone may count as change, and room for noise with longer tails than a
# Gaussian's.
_QUANTILE, _CELL_QUANTILE = 0.999, 0.9998
_NEAR_ROOM, _FINE_ROOM, _CELL_ROOM = 1.4, 1.5, 2.0
_WIDE_MARGIN = 12.0
# Standard deviations by which a pixel of the average may lie off the new frame: in cameras with
# less than one level of noise, and in others.
_BOUND = (2.5, 4.0)
# Local noise against the model's: its range, how fast it is learned at first and later, and the
# correlation of successive differences above which they are motion and teach nothing.
_SCALE_RANGE = (0.8, 6.0)
_SCALE_SLOPE = 10.0  # per squared byte
_FIRST_STEP, _STEP, _STEP_DECAY = 0.2, 0.03, 0.9
_WHITE = 0.3
_SETTLED, _SELDOM = 30, 3


class Statistics:
    """What noise alone does to the measures of change, found on a field of such noise.

    Args:
        noise: of the plane.
        cell: (rows, columns) of the plane's pixels in one grid cell.
    """

    def __init__(self, noise: PlaneNoise, cell: tuple[int, int]) -> None:
        sample = field(noise, (64 * cell[0], 64 * cell[1]))
        means = _cell_means(sample, cell)
        self.cell_ratio = float(np.mean(means**2))
        self.wide_ratio = float(np.mean(cv2.blur(means, (5, 5)) ** 2))
        near = cv2.blur(means**2, (3, 3)) / self.cell_ratio
        self.near_median = float(np.median(near))
        self.near_margin = (float(np.quantile(near, _QUANTILE)) - 1) * _NEAR_ROOM
        power = _cell_means(sample**2, cell)
        self.cell_margin = float(np.quantile(power, _CELL_QUANTILE)) * _CELL_ROOM - 1
        fine = cv2.blur(power, (3, 3))
        self.fine_median = float(np.median(fine))
        self.fine_margin = (float(np.quantile(fine, _QUANTILE)) - 1) * _FINE_ROOM


def _cell_means(a: Floats, cell: tuple[int, int]) -> Floats:
    size = (a.shape[1] // cell[1], a.shape[0] // cell[0])
    return np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32)


def _excess(z: Floats, margin: float) -> Floats:
    """Gives z − 1 where z lies clearly above what noise does (1 + margin), 0 where it doesn't."""
    ramp = np.clip((z - np.float32(1 + margin)) * np.float32(1 / margin), 0, 1)
    return np.asarray(ramp * (z - 1), np.float32)


def _near(a: Any) -> Floats:
    return np.asarray(cv2.blur(a, (3, 3)), np.float32)


class Evidence:
    """The gain of one plane, per grid cell.

    Per frame: :meth:`look`, perhaps :meth:`follow` and :meth:`look` again, :meth:`bias`,
    :meth:`settle`.

    Attributes:
        gain: the weight k that the last frame had, and with it the noise left, (rows, columns).
        variance: of a frame's noise by the model, in squared bytes, (rows, columns).
        old: means of the average over the cells, (rows, columns), in bytes.
        difference: the same of the new frame less those, (rows, columns).
    """

    def __init__(self, noise: PlaneNoise, grid: tuple[int, int], cell: tuple[int, int]) -> None:
        self._cell = cell
        self._noise: PlaneNoise | None = None
        self.gain: Floats = np.ones(grid, np.float32)
        self.variance: Floats = np.ones(grid, np.float32)
        self.old: Floats = np.zeros(grid, np.float32)
        self.difference: Floats = np.zeros(grid, np.float32)
        self._slow = np.zeros(grid, np.float32)
        self._before: Floats = np.zeros(grid, np.float32)
        self._coarse_scale = np.ones(grid, np.float32)
        self._fine_scale = np.ones(grid, np.float32)
        self._most = np.ones(grid, np.float32)
        self._frames = 0
        self.set_noise(noise)

    def set_noise(self, noise: PlaneNoise) -> bool:
        """Takes another noise; True if its correlation is another one too."""
        self._table = np.maximum(noise.curve.table(), np.float32(_LEAST_VARIANCE))
        if self._noise is not None and _alike(noise, self._noise):
            return False
        self._statistics = Statistics(noise, self._cell)
        self._noise = noise
        return True

    def start(self) -> None:
        """The average is one frame now. What was learned about the noise stays."""
        self.gain.fill(1.0)
        self._slow.fill(0.0)
        self._before.fill(0.0)

    @property
    def strength(self) -> float:
        """The picture's noise against the model's: above 1 where the camera turned up its gain."""
        return float(np.median(self._coarse_scale[::4, ::4]))

    @property
    def most_lag(self) -> float:
        """How far the average may lie off a new frame at any pixel, in bytes."""
        variance = float(self.variance.max())
        return _BOUND[int(variance >= 1)] * float(np.sqrt(variance))

    def look(self, old: Floats, difference: Floats) -> None:
        """Takes the cells' means of the average, and of the new frame less the average."""
        self.old, self.difference = old, difference
        self.variance = np.asarray(cv2.LUT(cv2.convertScaleAbs(old), self._table))
        # Where there is hardly any noise, a difference is more likely the picture's.
        self._most = np.clip(
            1 + _SCALE_SLOPE * (self.variance - _LEAST_VARIANCE), 1, _SCALE_RANGE[1]
        )

    def moving(self) -> Mask:
        """Cells that may have moved."""
        known = self._statistics
        unit = self.variance * (1 + self.gain) * self._coarse_scale
        z = _near(self.difference * self.difference / unit)
        return np.asarray(z > (1 + _MAYBE * known.near_margin) * known.cell_ratio)

    def follow(self, warp: Any, moved: Mask) -> None:
        """The average was warped: so are the gains. Where it moved, other memories don't count.

        Args:
            warp: gives a grid warped as the average was.
            moved: where the movement isn't zero, (rows, columns).
        """
        self.gain = warp(self.gain) + np.float32(_WARP_LOSS) * moved
        self._slow[moved] = 0
        self._before[moved] = 0

    def bias(self, moved: Mask | None, power: Floats | None) -> Floats:
        """The squared bias of the average in units of a frame's noise variance, (rows, columns).

        Args:
            moved: where the average has followed a movement, if anywhere.
            power: means over the cells of the squared difference of the pixels, if that is to count
                too: it sees changes finer than a cell.
        """
        known, d = self._statistics, self.difference
        spread = 1 + self.gain
        unit = self.variance * spread
        white = self._white(d)
        if moved is not None:
            white &= ~moved

        z = _near(d * d / unit) * np.float32(1 / known.cell_ratio)
        scale = self._coarse_scale
        self._learn(scale, z * np.float32(1 / known.near_median), white)
        bias = _excess(z / scale, known.near_margin) * (spread * np.float32(known.cell_ratio))

        wide = np.asarray(cv2.blur(d, (5, 5)), np.float32)
        z = wide * wide / (unit * scale) * np.float32(1 / known.wide_ratio)
        spread_wide = spread * np.float32(known.wide_ratio)
        np.maximum(bias, _excess(z, _WIDE_MARGIN) * spread_wide, out=bias)

        self._slow += np.float32(_SLOW) * (d - self._slow)
        spread_slow = (self.gain + np.float32(_SLOW / (2 - _SLOW))) * np.float32(known.cell_ratio)
        z = _near(self._slow * self._slow / (self.variance * spread_slow * scale))
        np.maximum(bias, _excess(z, known.near_margin) * spread_slow, out=bias)

        if power is not None:
            bias *= scale / self._fine_scale
            power = power / unit
            z = _near(power)
            self._learn(self._fine_scale, z * np.float32(1 / known.fine_median), white)
            np.maximum(
                bias, _excess(power / self._fine_scale, known.cell_margin) * spread, out=bias
            )
            np.maximum(bias, _excess(z / self._fine_scale, known.fine_margin) * spread, out=bias)
        self._frames += 1
        return bias

    def settle(self, bias: Floats) -> None:
        """Turns the bias into the gain for this frame."""
        p = self.gain + bias
        np.divide(p, p + 1, out=p)
        self.gain = np.maximum(p, np.float32(FLOOR))
        self._slow *= 1 - self.gain

    def _white(self, d: Floats) -> Mask:
        """Where differences don't resemble those of the frame before: noise, not movement.

        An average that lags behind a movement errs in the same direction again and again.
        """
        product = cv2.blur(d * self._before, (5, 5))
        self._before = d
        return np.asarray(product < _WHITE * cv2.blur(d * d, (5, 5)) + 1e-4)

    def _learn(self, scale: Floats, z: Floats, white: Mask) -> None:
        """Follows the median over time of z in ``scale``: the local noise against the model's.

        Compression and sharpening make the noise near detail other than the curve says, by a factor
        of 4 or more in some cameras. A median can't be carried away by something that passes.
        """
        step = max(_FIRST_STEP * _STEP_DECAY ** max(self._frames - 4, 0), _STEP)
        if self._frames > _SETTLED:
            # Once in a while is enough, by bigger steps.
            if self._frames % _SELDOM:
                return
            step = _SELDOM * _STEP
        up = np.where(white, np.float32(1 + step), np.float32(1))
        scale *= np.where(z > scale, up, np.float32(1 - step))
        np.clip(scale, _SCALE_RANGE[0], self._most, out=scale)


# From which share of the margin on a movement is looked for, and what following one costs in
# accuracy.
_MAYBE = 0.3
_WARP_LOSS = 0.02


def _alike(a: PlaneNoise, b: PlaneNoise) -> bool:
    for one, two in (
        (a.row_correlation, b.row_correlation),
        (a.column_correlation, b.column_correlation),
    ):
        if len(one) != len(two) or any(abs(p - q) > 0.04 for p, q in zip(one, two, strict=True)):
            return False
    return True

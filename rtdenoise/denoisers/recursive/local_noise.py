"""The noise of each place against the model's: real cameras' noise is far stronger at edges than a curve tells.

A camera that smooths what is flat and sharpens what isn't leaves 2 to 110 times the variance of flat places at edges
of the same level, most of it finer than a grid block. Taken for movement, such an edge would never be averaged; taken
for noise, moving texture would be smeared. What is learned here, per block, is the mean square of the differences
between frames and average; it is believed to be noise as far as three things speak for it:

- Noise at edges is *fine*: the blocks' means hold little of it. What moves changes them too.
- It is *white in time*. An average that lags behind a movement errs in the same direction again and again.
- It is *part of a structure*, and weaker than that. Moving texture differs by as much as it has, and the average of it
  has nothing left.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...arrays import Floats, Mask

# Rate of the running means: that of a mean of all frames, down to this.
_LEAST_RATE = 0.1
# A difference counts for at most so much: times what was learned, plus times the model's variance. From the frame on.
_MOST_TIMES, _MOST_PLUS, _MOST_FROM = 6.0, 3.0, 4
# Frames after the first until whiteness is known.
_KNOWN = 2
# Ramps from trust to none: energy of the blocks' means over that of what is finer; correlation of successive
# differences; fine energy over that of the average around the block. All but the second in excess of the model's noise.
_FINE = (0.2, 0.4)
_WHITE = (0.1, 0.25)
_STRUCTURE = (0.6, 1.2)
# Without any structure: noise against the picture's.
_FREE = (0.8, 2.0)
# The picture's noise against the model's: the camera may have turned up its gain since it was measured.
_STRENGTH = (0.8, 6.0)
# From this variance on, by this slope per squared byte, there is noise at all.
_LEAST, _SLOPE = 0.15, 10.0
# Colour noise depends on more than the colour's own level. Up to so many squared bytes, white differences where luma
# stands still are noise.
_COLOUR = 9.0


def _near(a: Any) -> Floats:
    return np.asarray(cv2.blur(a, (3, 3)), np.float32)


def _around(a: Any) -> Floats:
    return np.asarray(cv2.blur(a, (7, 7)), np.float32)


def _ramp(a: Floats, ends: tuple[float, float]) -> Floats:
    """1 below the first end, 0 above the second."""
    slope = 1 / (ends[1] - ends[0])
    return np.asarray(np.clip((ends[1] - a) * np.float32(slope), 0, 1), np.float32)


def _noisy(variance: Any) -> Any:
    """0 where there is hardly any noise, 1 where there is."""
    return np.clip(_SLOPE * (variance - _LEAST), 0, 1)


class PlaneLocalNoise:
    """What one plane's noise is in each block, in units of the model's.

    Attributes:
        coarse: of the blocks' means, (rows, columns).
        fine: of what is finer than a block, (rows, columns).
        strength: the same of the whole picture.

    Args:
        grid: (rows, columns).
    """

    def __init__(self, grid: tuple[int, int]) -> None:
        self.coarse: Floats = np.ones(grid, np.float32)
        self.fine: Floats = np.ones(grid, np.float32)
        self.strength = 1.0
        self._means = np.zeros(grid, np.float32)  # squared bytes
        self._rest = np.zeros(grid, np.float32)  # squared bytes
        self._lag = np.zeros(grid, np.float32)  # squared bytes
        self._before = np.zeros(grid, np.float32)
        self._expected: Floats = np.zeros(grid, np.float32)
        self._count = np.zeros(grid, np.float32)  # frames
        self._started = False

    def start(self) -> None:
        """Another picture: what was learned about its places no longer counts."""
        self._count.fill(0)
        self._before.fill(0)
        self._lag.fill(0)
        self._started = False

    def rescale(self, coarse: Floats, fine: Floats) -> None:
        """Puts what is believed into units of another model: factors per block, (rows, columns) each."""
        if not self._started:
            return
        self.coarse = np.maximum(self.coarse * coarse, np.float32(_FREE[0]))
        self.fine = np.maximum(self.fine * fine, np.float32(_FREE[0]))
        self.strength = float(np.clip(self.strength * np.median(coarse), *_STRENGTH))

    def reset(self, moved: Mask) -> None:
        """Starts anew where the average has followed a movement, and believes nothing there at first."""
        self._count[moved] = 0
        self._before[moved] = 0
        self._lag[moved] = self._means[moved]
        self.coarse[moved] = np.minimum(self.coarse[moved], np.float32(self.strength))
        self.fine[moved] = np.minimum(self.fine[moved], np.float32(self.strength))

    def learn(
        self,
        difference: Floats,
        rest: Floats | None,
        variance: Floats,
        ratios: tuple[float, float],
        gains: tuple[Floats, Floats],
        structure: Floats | None,
        taught: Mask | None = None,
    ) -> None:
        """Takes what a frame differs by from the average; all are (rows, columns).

        Args:
            difference: of the blocks' means, in bytes.
            rest: mean squares of what is finer, in squared bytes; None where that doesn't count.
            variance: of noise by the model, in squared bytes.
            ratios: what the blocks' means hold of it, and what is finer does.
            gains: before and after the frame.
            structure: the same of the average, of its detail around the block.
            taught: blocks that count; None for all.
        """
        expected = variance * np.float32(ratios[0]), variance * np.float32(ratios[1])
        if not self._started:
            # The average is this very frame.
            self._means[...], self._rest[...] = expected
            self._started = True
            return
        self._count += 1
        rate = np.maximum(1 / self._count, np.float32(_LEAST_RATE))
        if taught is not None:
            rate *= taught
        before, after = gains
        spread = 1 + before
        early = self._count < _MOST_FROM
        sample = difference * difference / spread
        self._follow(self._means, sample, expected[0], rate, early)
        product = difference * self._before - self._expected * self._means
        self._lag += rate * (product - self._lag)
        self._before, self._expected = difference, before - after - before * after
        white = _around(self._lag) / (_around(self._means) + np.float32(1e-3))
        # One frame tells nothing about whiteness.
        known = np.minimum((self._count - 1) * np.float32(1 / _KNOWN), 1)
        trust = _ramp(white, _WHITE)
        means = _near(self._means)
        ratio = means / expected[0]
        believed = (1 + trust * (ratio - 1) * _noisy(variance))[::4, ::4]
        self.strength = float(np.clip(np.median(believed), *_STRENGTH))
        free = np.float32(_FREE[1] * self.strength)
        if rest is None or structure is None:
            most = np.maximum(free, np.float32(_COLOUR) / expected[0])
            free_ratio = np.minimum(ratio, most)
            self.coarse = np.maximum(1 + trust * (free_ratio - 1), np.float32(_FREE[0]))
            return
        trust *= known
        self._follow(self._rest, rest / spread, expected[1], rate, early)
        finer = np.maximum(_near(self._rest), self._rest)
        model = np.float32(self.strength)
        more_means = np.maximum(means - model * expected[0], 0)
        more = np.maximum(finer - model * expected[1], 0)
        held = np.maximum(structure - np.float32(0.5) * _near(self._rest * after), np.float32(1e-3))
        found = (
            trust * _ramp(more_means / (more + variance), _FINE) * _ramp(more / held, _STRUCTURE)
        )
        # Without noise anywhere, a difference is more likely the picture's; a block is believed as those around it.
        found = np.maximum(found, _near(found)) * np.float32(_noisy(float(variance.max())))
        free = 1 + (free - 1) * _noisy(variance)
        for name, value in (("coarse", ratio), ("fine", finer / expected[1])):
            local = np.clip(value, _FREE[0], 1) + trust * (np.clip(value, 1, free) - 1)
            setattr(self, name, np.maximum(local, 1 + found * (value - 1)))

    @staticmethod
    def _follow(mean: Floats, sample: Floats, model: Floats, rate: Floats, early: Mask) -> None:
        most = np.float32(_MOST_TIMES) * mean + np.float32(_MOST_PLUS) * model
        mean += rate * (np.where(early, sample, np.minimum(sample, most)) - mean)

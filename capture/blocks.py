"""Block means over time: each frame's brightness, and which blocks of a series stand still.

Noise that is white in time makes a block's mean tremble, with a strength that neighbouring frames tell; a mean over
four frames trembles half as much. What moves or drifts makes the slow mean range further than that. So noise at edges,
which has up to a hundred times the variance of flat places, is told from movement, by its means alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Bytes, Doubles, Floats, Mask

BLOCK = 8  # pixels
_OFFSET = 4  # off JPEG's grid, whose quantised means hide noise
_SLOW = 4  # frames of a slow mean
_ROUNDS = 3  # of brightness and of what stands still, each of which takes the other
# Levels that tell the brightness: near black and white they are cut off.
_TOLD = (30, 220)
_FEWEST = 20  # blocks
_LEAST_STRENGTH = 0.1  # levels; a block's mean is not known better
# White noise of a block's own strength s: its slow mean ranges over less than 0.5 + 2.75 s in some 99.9 % of blocks of
# 45 frames, and no frame's mean lies further than 1.5 + 6 s off. No block is taken to be more than 4 times as strong as
# the quiet ones, else quick movement would excuse itself.
_RANGE = (0.5, 2.75)
_OFF = (1.5, 6.0)
_STRONGEST = 4.0
_QUIET = 35  # percentile of the strengths
# The mean of the lower 90 % of the absolute differences, in standard deviations of the mean: √2 · 0.798 / 1.12.
_KEPT, _PER_DEVIATION = 0.9, 2**0.5 * 0.798 / 1.12
_LAG = 4  # frames; noise that neighbouring frames share differs more over so many
_CROWD = 4  # moving blocks among nine neighbours: what lies beside them moves too


def block_means(frame: Bytes | Floats) -> Floats:
    """The means of a plane's blocks, (h, w)."""
    rows, columns = frame.shape
    top, left = (_OFFSET if n >= BLOCK + _OFFSET else 0 for n in (rows, columns))
    h, w = max((rows - top) // BLOCK, 1), max((columns - left) // BLOCK, 1)
    part = frame[top : top + h * BLOCK, left : left + w * BLOCK].astype(np.float32)
    return np.asarray(cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA))


def whole(blocks: Mask, shape: tuple[int, ...]) -> Mask:
    """Blocks (h, w) as pixels (H, W); the pixels at the border are like the nearest block."""
    places = []
    for size, count in zip(shape, blocks.shape, strict=True):
        offset = _OFFSET if size >= BLOCK + _OFFSET else 0
        places.append(np.clip((np.arange(size) - offset) // BLOCK, 0, count - 1))
    return np.asarray(blocks[places[0][:, None], places[1][None, :]])


def brightness(means: Floats, still: Mask | None = None, usual: Floats | None = None) -> Doubles:
    """How bright each frame is, as a factor (N,): 1 is usual.

    Mains light and automatic exposure change it by up to a tenth from one frame to the next.

    Args:
        means: Block means, (N, h, w).
        still: Blocks that stand still, (h, w); None: all count.
        usual: Block means of usual brightness, (h, w); None: their medians over the frames.
    """
    usual = np.median(means, axis=0).astype(np.float32) if usual is None else usual
    fit = (usual > _TOLD[0]) & (usual < _TOLD[1])
    if still is not None:
        fit &= still
    if fit.sum() < _FEWEST:
        fit = (usual > 8) if still is None else (usual > 8) & still
    if fit.sum() < _FEWEST:
        return np.ones(len(means))
    return np.asarray(np.median(means[:, fit] / usual[fit], axis=1), np.float64)


@dataclass(frozen=True)
class Blocks:
    """The blocks of some frames of usual brightness, each (h, w).

    ``level`` is the median over the frames, ``low`` and ``high`` the ends of the slow means, ``off`` the largest
    distance of a frame from the median, ``strength`` the standard deviation of the mean, as neighbouring frames tell.
    ``alike`` is by what factor that is too low in the picture, since the noise of neighbouring frames is alike.
    ``gains`` are the frames' brightness, (N,).
    """

    level: Floats
    low: Floats
    high: Floats
    off: Floats
    strength: Floats
    alike: float
    gains: Doubles

    @classmethod
    def of(cls, means: Floats) -> Blocks:
        """Of block means (N, h, w), N ≥ 2."""
        level = np.median(means, axis=0).astype(np.float32)
        still: Mask | None = None
        for left in reversed(range(_ROUNDS)):
            gains = brightness(means, still, level)
            scaled: Floats = means * (1 / gains[:, None, None]).astype(np.float32)
            found = cls._at(scaled, gains)
            still = found.still() if left else None
        return found

    @classmethod
    def _at(cls, means: Floats, gains: Doubles) -> Blocks:
        count = len(means)
        level = np.median(means, axis=0).astype(np.float32)
        steps = np.sort(np.abs(np.diff(means, axis=0)), axis=0)
        kept = steps[: max(min(3, count - 1), int(_KEPT * len(steps)))]
        strength = (kept.mean(axis=0) / _PER_DEVIATION).astype(np.float32)
        length = min(_SLOW, max(count // 2, 1))
        total = np.cumsum(np.concatenate([np.zeros_like(means[:1]), means]), axis=0)
        slow = (total[length:] - total[:-length]) / length
        off = np.abs(means - level).max(axis=0)
        alike = _alike(means)
        return cls(level, slow.min(axis=0), slow.max(axis=0), off, strength, alike, gains)

    def still(self) -> Mask:
        """Which blocks stand still, (h, w)."""
        quiet = max(float(np.percentile(self.strength, _QUIET)), _LEAST_STRENGTH)
        scale = self.alike * np.clip(self.strength, quiet, _STRONGEST * quiet)
        moves = self.high - self.low > _RANGE[0] + _RANGE[1] * scale
        moves |= self.off > _OFF[0] + _OFF[1] * scale
        crowded = moves & (_around(moves) >= _CROWD)
        return np.asarray(~moves & (_around(crowded) == 0))

    def joined(self, later: Blocks) -> Blocks:
        """Together with the blocks of later frames of the same scene."""
        still = self.still() & later.still()
        gain = float(brightness(later.level[None], still, self.level)[0])
        ours, theirs = len(self.gains), len(later.gains)
        share = np.float32(theirs / (ours + theirs))
        level = later.level / np.float32(gain)
        return Blocks(
            level=self.level + share * (level - self.level),
            low=np.minimum(self.low, later.low / np.float32(gain)),
            high=np.maximum(self.high, later.high / np.float32(gain)),
            off=np.maximum(self.off, later.off),
            strength=np.sqrt((1 - share) * self.strength**2 + share * later.strength**2),
            alike=max(self.alike, later.alike),
            gains=np.concatenate([self.gains, later.gains * gain]),
        )


def _alike(means: Floats) -> float:
    """By what factor neighbouring frames understate the strength, since a camera or a codec makes them alike."""
    if len(means) < 3 * _LAG:
        return 1.0
    near = np.square(np.diff(means, axis=0)).mean(axis=0)
    far = np.square(means[_LAG:] - means[:-_LAG]).mean(axis=0)
    ratio = float(np.median((far + 1e-3) / (near + 1e-3)))
    return min(ratio, 2.5) if ratio > 1.2 else 1.0


def _around(blocks: Mask) -> NDArray[np.float32]:
    """How many of a block and its eight neighbours are set."""
    kernel = np.ones((3, 3), np.float32)
    borders = cv2.BORDER_CONSTANT
    return np.asarray(cv2.filter2D(blocks.astype(np.float32), -1, kernel, borderType=borders))

"""Cuts a clip's frames into segments of one scene, and judges each segment by itself."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Bytes, Floats, Mask

from .blocks import Blocks, block_means
from .clip import Series
from .mask import Moments, still_pixels
from .quality import (
    deviations,
    drift_levels,
    flicker_levels,
    lag1_correlation,
    levels,
    mu_sigma,
)
from .shift import ShiftMeter, bump_px
from .verdict import LEAST_FRAMES, Measures, Problem, reason

SEGMENT = 20
# A cut, or a camera that is being turned: so many levels of change in so large a part of the picture.
_CUT_LEVELS = 10.0
_CUT_PART = 0.25
_THUMBNAIL = 16  # pixels of the picture per pixel of the thumbnail
_CLIPPED_LEVELS = 3
_SHIFTS_PER_SEGMENT = 5
_BUMP_FRAMES = 5


@dataclass(frozen=True)
class Still:
    """What stands still in accepted frames: their mean, variance and static mask, (H, W) each, and their blocks.

    Mean and variance are those of frames of usual brightness.
    """

    mean: Floats
    variance: Floats
    mask: Mask
    blocks: Blocks


@dataclass(frozen=True)
class Segment:
    """Consecutive frames that were judged: a series in the making. ``still`` is None where refused."""

    first: int
    measures: Measures
    problem: Problem | None
    still: Still | None = None

    @property
    def stop(self) -> int:
        """The first frame after it."""
        return self.first + self.measures.count

    def series(self) -> Series:
        """As it goes into the sidecar."""
        m = self.measures
        return Series(
            first=self.first,
            count=m.count,
            mu=m.mu,
            sigma=m.sigma,
            shift_px=m.shift_px,
            drift_levels=m.drift_levels,
            lag1=m.lag1,
            static_fraction=m.static_fraction,
            accepted=self.problem is None,
            reason=reason(self.problem, m),
        )


def cut_segments(
    frames: Iterable[tuple[Bytes, int, int]], starts: Container[int]
) -> Iterator[tuple[int, Bytes, int, int]]:
    """Cuts into segments: (first frame, frames (N, H, W), black, white).

    A segment has 20 frames, or up to 23 where the rest would be too few for one of its own.
    """
    held: list[Bytes] = []
    first, before = 0, None
    black, white = 0, 255
    for number, (frame, black, white) in enumerate(frames):
        small = _thumbnail(frame)
        if before is not None and (number in starts or _is_cut(before, small)):
            yield first, np.stack(held), black, white
            held, first = [], number
        before = small
        held.append(frame)
        if len(held) == SEGMENT + LEAST_FRAMES:
            yield first, np.stack(held[:SEGMENT]), black, white
            held, first = held[SEGMENT:], first + SEGMENT
    if held:
        yield first, np.stack(held), black, white


def _thumbnail(frame: Bytes) -> Floats:
    size = (max(frame.shape[1] // _THUMBNAIL, 1), max(frame.shape[0] // _THUMBNAIL, 1))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _is_cut(before: Floats, after: Floats) -> bool:
    """Whether a large part of the picture changed, other than whole rows in brightness.

    All of the picture becomes brighter with the exposure, and bands of rows under lamps that flicker.
    """
    gain = np.median((after + 8) / (before + 8), axis=1, keepdims=True)
    change = after + 8 - gain * (before + 8)
    return bool(np.mean(np.abs(change) > _CUT_LEVELS) > _CUT_PART)


def judge_segment(first: int, frames: Bytes, black: int = 0, white: int = 255) -> Segment:
    """Measures and judges the luma of consecutive frames, (N, H, W) uint8, N ≥ 1.

    ``black`` and ``white`` are the levels of black and white: 16 and 235 in limited range.
    """
    if len(frames) < LEAST_FRAMES:
        measures = Measures(len(frames))
        return Segment(first, measures, measures.problem())
    blocks = Blocks.of(np.stack([block_means(frame) for frame in frames]))
    moments = Moments.of(frames, blocks.gains)
    mask = still_pixels(moments, blocks)
    e = deviations(frames, moments.mean, mask, black, blocks.gains)
    mu, sigma = mu_sigma(e)
    measures = Measures(
        count=len(frames),
        mu=mu,
        sigma=sigma,
        shift_px=largest_shift(frames, moments.mean, e),
        drift_levels=drift_levels(levels(frames, moments.mean, mask)),
        lag1=lag1_correlation(moments, mask),
        static_fraction=float(mask.mean()),
        noise_levels=float(np.sqrt(np.median(moments.variance[mask]))) if mask.any() else 0.0,
        flicker_levels=flicker_levels(frames, moments.mean, mask, blocks.gains),
        dark=float(np.mean(moments.mean <= black + _CLIPPED_LEVELS)),
        bright=float(np.mean(moments.mean >= white - _CLIPPED_LEVELS)),
        level=max(float(moments.mean.mean()) - black, 0.0),
        bump_px=bump(frames, moments.mean),
    )
    problem = measures.problem()
    still = None if problem else Still(moments.mean, moments.variance, mask, blocks)
    return Segment(first, measures, problem, still)


def largest_shift(frames: Bytes, mean: Floats, e: NDArray[np.float64]) -> float:
    """The largest shift against the mean: of some frames throughout, and of those that deviate most."""
    meter = ShiftMeter(mean)
    chosen = {round(n) for n in np.linspace(0, len(frames) - 1, _SHIFTS_PER_SEGMENT)}
    chosen |= {int(n) for n in np.argsort(e)[-2:]}
    return max(float(np.hypot(*meter(frames[n]))) for n in sorted(chosen))


def bump(frames: Bytes, mean: Floats) -> float:
    """By how many pixels the last frames lie elsewhere than the first ones; 0 where there are too few to tell."""
    if len(frames) < 2 * _BUMP_FRAMES:
        return 0.0
    return bump_px(mean, _mean(frames[:_BUMP_FRAMES]), _mean(frames[-_BUMP_FRAMES:]))


def _mean(frames: Bytes) -> Floats:
    total = np.zeros(frames.shape[1:], np.float32)
    for frame in frames:
        cv2.accumulate(frame, total)
    return total / np.float32(len(frames))

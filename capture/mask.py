"""The static mask: which pixels of a series stand still.

A few moving things (leaves, a person, a screen) need not spoil a series: their pixels are left out of
targets and metrics. How noisy a pixel is proves nothing: at edges real cameras have up to a hundred times
the variance of flat places. A block moves where its slow means range further than white noise of its own
strength makes them (:mod:`.blocks`), and a pixel where its noise is more alike from frame to frame than
elsewhere, where its mean changes within the series, or where it varies much and its mean shows no edge
that could be the cause. Brightness that changes from frame to frame is no movement.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Doubles, Floats, Mask

from .blocks import Blocks, block_means, whole

# Noise of more than this much variance needs an edge: somewhere beside it, the mean has to rise by half a
# deviation of the noise per pixel.
_VARIANCE_RATIO = 20.0
_EDGE_PER_DEVIATION = 0.5
# What moves is alike in neighbouring frames. Together with a variance that is at least a little high,
# so much more correlation at lag 1 than the rest of the picture has is proof.
_LAG1_EXCESS = 0.35
_LAG1_RATIO = 1.5
# What is four times as noisy as usual may move, and does if so much of the patch is known to.
_WEAK_RATIO = 4.0
_KNOWN_PART = 0.2
# A change of the mean, in deviations that one pixel's mean has: far over what an average over a box of
# white noise reaches, and still over where neighbours are alike.
_CHANGE = 1.5
# Thresholds in robust standard deviations of the map concerned. Maps hold up to two million pixels
# that are alike over some 25 neighbours, so 5 is passed by chance in next to none.
_SIGMAS = 5.0
_ROUNDING = 1 / 12  # the variance of rounding to whole levels
_BOX = 5  # pixels; the maps are averaged over such boxes
_CLOSING = 5  # pixels; holes up to twice as wide are closed
_GROWTH = 2  # pixels; a moving edge is surrounded by pixels that move less visibly
_THING = 30  # parts of the picture's width: what is narrower is an edge or a texture that trembles
_SOFT = np.array([1, 2, 1], np.float32) / 4
_SLOPE = np.array([-1, 0, 1], np.float32) / 2


@dataclass(frozen=True)
class Moments:
    """Sums over the frames of a series, as planes (H, W) of float32, all at usual brightness.

    ``mean`` is the mean over the frames, ``variance`` the unbiased variance over time, ``lag1`` the mean
    product of the residuals of neighbouring frames, ``trend`` the mean of the second half of the frames
    minus that of the first, ``count`` the number of frames.
    """

    mean: Floats
    variance: Floats
    lag1: Floats
    trend: Floats
    count: int

    @classmethod
    def of(cls, frames: Bytes, gains: Doubles | None = None) -> Moments:
        """The moments of ``frames`` (N, H, W), N ≥ 2, each divided by its brightness ``gains`` (N,)."""
        count, *shape = frames.shape
        scales = [np.float32(1 / gain) for gain in (np.ones(count) if gains is None else gains)]
        mean = np.zeros(shape, np.float32)
        for frame, scale in zip(frames, scales, strict=True):
            cv2.scaleAdd(frame.astype(np.float32), float(scale), mean, dst=mean)
        mean /= np.float32(count)
        variance, lag1, trend = (np.zeros(shape, np.float32) for _ in range(3))
        half = count // 2
        before: Floats | None = None
        for number, (frame, scale) in enumerate(zip(frames, scales, strict=True)):
            residual = np.multiply(frame, scale, dtype=np.float32)
            residual -= mean
            cv2.accumulateSquare(residual, variance)
            if before is not None:
                cv2.accumulateProduct(residual, before, lag1)
            # With an odd number of frames the middle one belongs to neither half.
            if number < half:
                trend -= residual
            elif number >= count - half:
                trend += residual
            before = residual
        variance /= np.float32(count - 1)
        lag1 /= np.float32(count - 1)
        trend /= np.float32(half)
        return cls(mean, variance, lag1, trend, count)


def static_mask(frames: Bytes) -> Mask:
    """Which pixels stand still over ``frames``.

    Args:
        frames: luma of the frames, (N, H, W) uint8, N ≥ 4.

    Returns:
        (H, W), True where the pixel stands still.

    Raises:
        ValueError: the array has another shape or type, or too few frames.
    """
    if frames.ndim != 3 or frames.dtype != np.uint8 or len(frames) < 4:
        raise ValueError(
            f"expected at least 4 frames as (N, H, W) uint8, got {frames.shape} {frames.dtype}"
        )
    blocks = Blocks.of(np.stack([block_means(frame) for frame in frames]))
    return still_pixels(Moments.of(frames, blocks.gains), blocks)


def still_pixels(moments: Moments, blocks: Blocks) -> Mask:
    """Which pixels stand still, (H, W), judged by the moments and the blocks of the series."""
    variance = _smooth(moments.variance) + np.float32(_ROUNDING)
    ratio = variance / expected_variance(moments.mean, variance)
    edge = cv2.dilate(gradient(moments.mean), np.ones((_BOX, _BOX), np.uint8))
    without_edge = edge < _EDGE_PER_DEVIATION * np.sqrt(variance)
    moves = (ratio > _VARIANCE_RATIO) & without_edge

    # Cameras that filter over time, and codecs, make all noise alike, so a pixel is compared with the
    # rest of the picture and not with zero.
    alike = _smooth(moments.lag1) / variance
    usual, spread = _usual(alike)
    limit = usual + max(_LAG1_EXCESS, _SIGMAS * spread)
    moves |= (alike > limit) & (ratio > _LAG1_RATIO)

    moves |= changed(moments.trend, variance, moments.count / 4)
    still = grown(_with_surroundings(moves, (ratio > _WEAK_RATIO) & without_edge))
    return np.asarray(still & whole(blocks.still(), still.shape))


def gradient(mean: Floats) -> Floats:
    """How steep a picture is, (H, W), in levels per pixel, after a little smoothing."""
    soft = cv2.sepFilter2D(mean, cv2.CV_32F, _SOFT, _SOFT, borderType=cv2.BORDER_REPLICATE)
    down, across = (
        cv2.filter2D(soft, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
        for kernel in (_SLOPE[:, None], _SLOPE[None, :])
    )
    return np.asarray(cv2.magnitude(across, down))


def _with_surroundings(moves: Mask, perhaps: Mask) -> Mask:
    """``moves`` and the patches of ``perhaps`` of which a good part is known to move.

    A car is proven to move by its edges and belongs to it as a whole; a noisy edge with one bad pixel is
    not proven by that.
    """
    moves = np.asarray(cv2.morphologyEx(moves.astype(np.uint8), cv2.MORPH_OPEN, _disc(1)) > 0)
    number, patches = cv2.connectedComponents((moves | perhaps).astype(np.uint8), connectivity=8)
    known = np.bincount(patches[moves], minlength=number)
    sizes = np.bincount(patches.ravel(), minlength=number)
    belongs = known > _KNOWN_PART * sizes
    belongs[0] = False  # the background
    return np.asarray(moves | belongs[patches])


def changed(difference: Floats, variance: Floats, count: float) -> Mask:
    """Where ``difference`` of two means (H, W) is more than noise and a change of brightness explain.

    Args:
        difference: one mean minus the other.
        variance: the noise's variance over time, (H, W).
        count: the noise of the difference has ``variance / count``.
    """
    score = _smooth(difference * np.sqrt(np.float32(count) / variance))
    score -= np.float32(np.median(score))
    spread = 1.4826 * float(np.median(np.abs(_sample(score))))
    return np.asarray(np.abs(score) > max(_CHANGE, _SIGMAS * spread))


def grown(moves: Mask) -> Mask:
    """The static mask for moving pixels: they take neighbours with them.

    The plain inside of a moving thing looks still, so holes in what moves are closed.
    """
    closed = cv2.morphologyEx(moves.astype(np.uint8), cv2.MORPH_CLOSE, _disc(_CLOSING))
    return np.asarray(cv2.dilate(closed, _disc(_GROWTH)) == 0)


def _disc(radius: int) -> Bytes:
    size = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def expected_variance(mean: Floats, variance: Floats) -> Floats:
    """The noise's variance that is usual at each pixel's level, (H, W).

    The median over the pixels of a level is blind to what moves as long as that is the smaller part.
    It is never under that of rounding to whole levels.
    """
    bins = 32
    levels = np.clip(_sample(mean) * (bins / 256), 0, bins - 1).astype(np.intp).ravel()
    values = _sample(variance).ravel()
    order = np.argsort(levels, kind="stable")
    values = values[order]
    edges = np.searchsorted(levels[order], np.arange(bins + 1))
    counts = np.diff(edges)
    medians = np.array([np.median(values[a:b]) if b > a else 0.0 for a, b in pairwise(edges)])
    # A level that few pixels have may belong to the moving thing alone: lean on the levels beside it,
    # and on the whole picture.
    weight = counts.astype(np.float64)
    kernel = np.array([1.0, 4.0, 1.0])
    overall = float(np.median(values))
    prior = 0.002 * values.size
    smooth = np.convolve(weight * medians, kernel, "same") + prior * overall
    smooth /= np.convolve(weight, kernel, "same") + prior
    centres = (np.arange(bins) + 0.5) * (256 / bins)
    curve = np.interp(np.arange(256), centres, np.maximum(smooth, _ROUNDING)).astype(np.float32)
    return np.asarray(curve[np.clip(np.rint(mean), 0, 255).astype(np.uint8)])


def moving_share(mask: Mask) -> float:
    """The share of the picture in which a thing moves, by its static mask (H, W).

    It is less than what the mask leaves out: still edges and textures are left out here and there, too.
    """
    side = max(round(mask.shape[1] / _THING), 3)
    moves = (~mask).astype(np.uint8)
    things = cv2.morphologyEx(moves, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return float(np.mean(things))


def _smooth(plane: Floats) -> Floats:
    """The mean over boxes."""
    return np.asarray(cv2.blur(plane, (_BOX, _BOX), borderType=cv2.BORDER_REFLECT_101))


def _usual(plane: Floats) -> tuple[float, float]:
    """The centre and standard deviation of the plane's usual values, where outliers are all high.

    They are taken from the lower quartile and below, as those of a normal distribution, so that even a
    third of the picture in motion changes little.
    """
    low, quartile = np.quantile(_sample(plane), (0.05, 0.25))
    deviation = (quartile - low) / (1.645 - 0.674)
    return float(quartile + 0.674 * deviation), float(deviation)


def _sample(plane: Floats) -> Floats:
    """Some 200,000 of the pixels: enough for quantiles."""
    step = max(1, int(np.sqrt(plane.size / 200_000)))
    return plane[::step, ::step]

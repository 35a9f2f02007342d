"""The facts of a camera's noise, measured on a clip of it without a clean picture.

Only what stands still is measured: noise is what deviates there from the mean of the clip, after each frame was
brought to the same brightness. "Flat" is where that mean rises by less than 1 level per pixel, an "edge" where it
rises by more than 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.noise.dct import BLOCK, transform
from rtdenoise.noise.structure import GROUP_NAMES, GROUP_OF

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

FLAT, EDGE = 1.0, 8.0  # levels per pixel
DARKEST, BRIGHTEST = 16.0, 235.0  # beyond them noise is cut off
GRADIENTS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 256.0)  # bounds of the curve over structure
GROUPS = GROUP_NAMES[:4]  # of luma
FEWEST = 300  # pixels that a figure rests on
_ROUNDING = 1 / 12  # variance of rounding to whole levels
_LEVEL_STEP = 12.0

# The still mask. Its blocks lie across JPEG's, whose rounded means hide noise.
_BLOCK, _SHIFT = 8, 4
_SLOW_RATIO = 1.35
_DEVIATIONS, _SLACK = 6.0, 1.5
_SPREAD = 4.0  # noise of a block's mean differs by so much within a picture, movement by more


@dataclass(frozen=True)
class Facts:
    """What is measured of one clip; None where too few pixels say so.

    ``flat_std`` and ``edge_std`` are in levels; ``ratio`` is the variance at edges over that of flat places of the same
    level, ``coefficients`` the same per group of frequencies (``GROUPS``), ``by_gradient`` per range of ``GRADIENTS``.
    ``neighbours`` is the correlation of neighbouring pixels in flat places, ``along`` and ``across`` of those at edges;
    ``flat_lag1`` and ``edge_lag1`` from frame to frame. ``gains`` is each frame's brightness against the clip's.
    ``still`` is a share of the picture, ``edges`` of the still pixels.
    """

    name: str
    size: str
    frames: int
    still: float
    edges: float
    flat_std: float | None
    edge_std: float | None
    ratio: float | None
    coefficients: tuple[float | None, ...]
    by_gradient: tuple[float | None, ...]
    neighbours: float | None
    along: float | None
    across: float | None
    flat_lag1: float | None
    edge_lag1: float | None
    gains: tuple[float, ...]

    @property
    def step_rms(self) -> float:
        """Root mean square of the relative change of brightness between frames."""
        steps = np.diff(np.log(self.gains))
        return float(np.sqrt((steps**2).mean()))

    @property
    def step_max(self) -> float:
        """The largest relative change of brightness between two frames."""
        return float(np.abs(np.diff(np.log(self.gains))).max())


def facts(name: str, luma: NDArray[np.uint8]) -> Facts:
    """Measures the frames of a clip, (N, H, W) of luma bytes, N at least 12.

    Raises:
        ValueError: there are fewer frames.
    """
    count, rows, columns = luma.shape
    if count < 12:
        raise ValueError(f"{name} has {count} frames; its noise needs at least 12.")
    mask, gains = still_mask(luma)
    noise: Floats = luma.astype(np.float32) / gains[:, None, None]
    mean = noise.mean(0)
    noise -= mean
    noise *= np.float32(np.sqrt(count / (count - 1)))
    variance = (noise**2).mean(0)
    mask &= (mean >= DARKEST) & (mean <= BRIGHTEST)
    x, y = slopes(mean)
    steep = np.hypot(x, y)
    flat, edge = mask & (steep < FLAT), mask & (steep > EDGE)
    usual = _flat_curve(mean, variance, flat)

    def ratio(where: Mask) -> float | None:
        if usual is None or where.sum() < FEWEST:
            return None
        return float(variance[where].mean() / usual[where].mean())

    upright, level = edge & (np.abs(x) > 2 * np.abs(y)), edge & (np.abs(y) > 2 * np.abs(x))
    return Facts(
        name,
        f"{columns}×{rows}",
        count,
        float(mask.mean()),
        float(edge.sum() / max(mask.sum(), 1)),
        _std(variance, flat),
        _std(variance, edge),
        ratio(edge),
        _coefficients(noise, steep, mask, usual),
        tuple(ratio(mask & (steep >= a) & (steep < b)) for a, b in _ranges()),
        _alike(noise, [(flat, 0), (flat, 1)]),
        _alike(noise, [(upright, 0), (level, 1)]),
        _alike(noise, [(upright, 1), (level, 0)]),
        _lag1(noise, flat),
        _lag1(noise, edge),
        tuple(float(g) for g in gains),
    )


def slopes(mean: Floats) -> tuple[Floats, Floats]:
    """How much a picture rises per pixel along its rows and down its columns, (H, W) each, lightly smoothed."""
    x, y = (
        np.asarray(cv2.Sobel(mean, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8), np.float32)
        for dx in (1, 0)
    )
    return x, y


def still_mask(luma: NDArray[np.uint8]) -> tuple[Mask, Floats]:
    """Which pixels (H, W) show no movement, and each frame's brightness against the clip's, (N,).

    Noise, however strong, differs as much between neighbouring frames as between distant ones, but for what the
    camera smoothed over time everywhere. A block stands still if its distant frames differ no more than that says,
    and no frame's mean stands out from the others by more than noise explains. Noisy edges stay in.
    """
    count = len(luma)
    far = max(2, count // 4)
    means = np.stack([_block_means(frame.astype(np.float32)) for frame in luma])
    usual = np.median(means, 0)
    lit = (usual > 24) & (usual < 225)
    lit = lit if lit.sum() >= 20 else usual > 8
    kept = lit.copy()
    gains = np.ones(count, np.float32)
    for _ in range(3):  # what moves must not count in the brightness
        if kept.sum() < 20:
            kept = lit
        if kept.any():
            gains = np.median(means[:, kept] / usual[kept], 1).astype(np.float32)
        even = means / gains[:, None, None]
        usual = np.median(even, 0)
        away = np.abs(even - usual).max(0)
        typical = np.median(np.abs(np.diff(even, axis=0)), 0) / 0.6745 / np.sqrt(2)
        quiet = max(float(np.median(typical[lit])) if lit.any() else 0.1, 0.1)
        scale = np.clip(typical, quiet, _SPREAD * quiet)
        kept = lit & (away < _SLACK + _DEVIATIONS * scale)
    near_sum, far_sum = (_change(luma, gains, lag) for lag in (1, far))
    near_mean, far_mean = (((even[k:] - even[:-k]) ** 2).mean(0) / 2 for k in (1, far))
    least = quiet**2 + _ROUNDING / 8
    ratios = ((near_sum, far_sum, _ROUNDING, 1.0), (near_mean, far_mean, least, 2.0))
    still = away < _SLACK + _DEVIATIONS * scale
    for near, distant, floor, width in ratios:
        ratio = (distant + floor) / (near + floor)
        still &= ratio < np.median(ratio) * (1 + width * (_SLOW_RATIO - 1))
    moving = (~still).astype(np.uint8)
    crowded = cv2.boxFilter(moving, cv2.CV_32F, (3, 3), normalize=False) >= 4
    near_movement = cv2.dilate((moving & crowded).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    still &= ~near_movement
    mask = np.zeros(luma.shape[1:], bool)
    whole = np.kron(still, np.ones((_BLOCK, _BLOCK), bool))
    mask[_SHIFT : _SHIFT + whole.shape[0], _SHIFT : _SHIFT + whole.shape[1]] = whole
    return mask, gains


def _change(luma: NDArray[np.uint8], gains: Floats, lag: int) -> Floats:
    """Half the mean square of what changes over ``lag`` frames, per block."""
    total = np.zeros(luma.shape[1:], np.float32)
    for before, after, a, b in zip(luma, luma[lag:], gains, gains[lag:], strict=False):
        total += (after / b - before / a) ** 2
    return _block_means(total / np.float32(2 * (len(luma) - lag)))


def _block_means(plane: Floats) -> Floats:
    part = plane[_SHIFT:, _SHIFT:]
    rows, columns = (n // _BLOCK for n in part.shape)
    part = part[: rows * _BLOCK, : columns * _BLOCK]
    means = part.reshape(rows, _BLOCK, columns, _BLOCK).mean((1, 3), dtype=np.float32)
    return np.asarray(means, np.float32)


def _ranges() -> list[tuple[float, float]]:
    return list(pairwise(GRADIENTS))


def _std(variance: Floats, where: Mask) -> float | None:
    return float(np.sqrt(variance[where].mean())) if where.sum() >= FEWEST else None


def _flat_curve(mean: Floats, variance: Floats, flat: Mask) -> Floats | None:
    """The variance that each pixel's level has in flat places, (H, W); None where too few are flat."""
    levels, variances = [], []
    for low in np.arange(0.0, 256.0, _LEVEL_STEP):
        band = flat & (mean >= low) & (mean < low + _LEVEL_STEP)
        if band.sum() >= FEWEST:
            levels.append(float(mean[band].mean()))
            variances.append(float(variance[band].mean()))
    if not levels:
        return None
    return np.maximum(np.interp(mean, levels, variances), 1e-3).astype(np.float32)


def _coefficients(
    noise: Floats, steep: Floats, mask: Mask, usual: Floats | None
) -> tuple[float | None, ...]:
    """Variance at edges over that of flat places, per group of luma coefficients, relative to the curve over level."""
    nothing = (None,) * len(GROUPS)
    if usual is None:
        return nothing
    rows, columns = (n // BLOCK * BLOCK for n in mask.shape)

    def blocks(plane: NDArray[np.float32]) -> Floats:
        apart = plane[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
        return np.ascontiguousarray(apart.transpose(1, 3, 0, 2).reshape(BLOCK * BLOCK, -1))

    still = blocks(mask.astype(np.float32)).min(0) > 0
    slope, level = blocks(steep), blocks(usual).mean(0)
    flat = still & (slope.max(0) < FLAT)
    edge = still & ((slope > EDGE).sum(0) >= BLOCK)  # an edge goes through
    if min(flat.sum(), edge.sum()) * BLOCK * BLOCK < FEWEST:
        return nothing
    power = np.zeros((2, BLOCK * BLOCK))
    for frame in noise:
        pixels = blocks(frame)
        for index, where in enumerate((flat, edge)):
            found = transform()[:16, :16] @ pixels[:, where]
            power[index] += (found**2).mean(1)
    power /= np.array([[level[flat].mean()], [level[edge].mean()]])
    grouped = [
        [p[GROUP_OF[: BLOCK * BLOCK] == k].mean() for k in range(len(GROUPS))] for p in power
    ]
    return tuple(float(b / a) if a > 0 else None for a, b in zip(*grouped, strict=True))


def _alike(noise: Floats, places: list[tuple[Mask, int]]) -> float | None:
    """Correlation of neighbours in pairs of pixels of each mask; 0 is one below the other, 1 side by side."""
    product = square = 0.0
    pairs = 0
    for where, axis in places:
        first: tuple[slice, slice] = (slice(None, -1), slice(None))
        second: tuple[slice, slice] = (slice(1, None), slice(None))
        if axis:
            first, second = first[::-1], second[::-1]
        both = where[first] & where[second]
        pairs += int(both.sum())
        for frame in noise:
            a, b = frame[first][both], frame[second][both]
            product += float(np.dot(a, b))
            square += float(np.dot(a, a) + np.dot(b, b)) / 2
    return product / square if pairs >= FEWEST and square > 0 else None


def _lag1(noise: Floats, where: Mask) -> float | None:
    """Correlation from frame to frame, freed of what the subtracted mean of N frames does to it."""
    if where.sum() < FEWEST:
        return None
    kept = noise[:, where]
    square = float((kept**2).mean())
    product = float((kept[1:] * kept[:-1]).mean())
    return product / square + 1 / (len(noise) - 1) if square > 0 else None

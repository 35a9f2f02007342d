"""How far a cleaned frame is from a picture that nobody knows: the unsupervised error, where nothing moves.

The result f of frame k is compared with later frames of the same clip, whose noise f can't know. For two of them, a
and b, the product (f − a)(f − b) has as its expectation the squared error of f, because all other products of noise
have none (Marcos Morales et al., ICML 2023, have the same with (f − a)² − (b − c)²/2). The mean is taken over all
pairs of frames k + 7 … k + 15 that are no neighbours, so that noise which lasts for two frames does not count either.
What a filter saw must end before k + 7.

Which pixels stand still is decided by the clip alone, for blocks of 8 × 8 that lie across JPEG's, whose
own means are quantised. Brightness steps between frames are taken out first, as one factor per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..common import Mask

Floats = NDArray[np.float32]

SEEN = 6  # frames after the judged one that a filter may look at
_LAST = 15
_BLOCK, _OFFSET = 8, 4
_DARK, _BRIGHT = 16, 235  # outside, levels are cut off
_SLOW = 4  # frames whose mean must not wander
_EDGE, _FLAT = 8.0, 1.0  # levels per pixel
_FEWEST = 300  # pixels that a figure needs


@dataclass(frozen=True)
class Still:
    """A clip's still parts: ``places`` are masks (H, W) by name, all, flat and edge, where there are enough pixels.

    ``gain`` is every frame's brightness against the usual, ``steady`` the frames with that taken out, (T, H, W).
    """

    places: dict[str, Mask]
    gain: NDArray[np.float64]
    steady: Floats


def find_still(luma: Floats) -> Still:
    """What stands still in a clip, (T, H, W) in levels."""
    means = _block_means(luma)
    usual = np.median(means, axis=0)
    level = (usual >= _DARK) & (usual <= _BRIGHT)
    still = np.ones_like(level)
    for _ in range(3):  # still blocks tell the brightness, and that tells which are still
        gain = _brightness(means, usual, still)
        still = _quiet(means / gain[:, None, None], level)
    still &= ~_near_movement(~still & level)
    steady = (luma / gain[:, None, None]).astype(np.float32)
    mean = steady.mean(axis=0)
    mask = np.zeros(mean.shape, bool)
    pixels = np.kron(still, np.ones((_BLOCK, _BLOCK), bool))
    mask[_OFFSET : _OFFSET + pixels.shape[0], _OFFSET : _OFFSET + pixels.shape[1]] = pixels
    mask &= (mean >= _DARK) & (mean <= _BRIGHT)
    steep = _gradient(mean)
    places = {"all": mask, "flat": mask & (steep < _FLAT), "edge": mask & (steep > _EDGE)}
    enough = {name: place for name, place in places.items() if place.sum() > _FEWEST}
    return Still(enough, gain, steady)


def squared_error(result: Floats, still: Still, index: int) -> Floats:
    """The unsupervised squared error of frame ``index``'s result per pixel, (H, W): only its mean says something.

    Raises:
        ValueError: the clip ends so soon after the frame that there are no two frames to compare with.
    """
    later = still.steady[index + SEEN + 1 : index + _LAST + 1]
    count = len(later)
    if count < 3:
        raise ValueError(f"frame {index} has {count} frames to compare with, 3 are needed")
    difference = result[None] - later * np.float32(still.gain[index])
    # The sum over all pairs, less those of a frame with itself and with its neighbours.
    products = np.square(difference.sum(0)) - np.square(difference).sum(0)
    products -= 2 * (difference[1:] * difference[:-1]).sum(0)
    return np.asarray(products / (count * (count - 1) - 2 * (count - 1)), np.float32)


def judged_frames(count: int) -> dict[str, list[int]]:
    """The frames that are judged in a clip of so many: early ones, about 10, and late ones, about 30."""
    need = SEEN + 4  # later frames, at the least
    times = {"k≈10": range(8, 13), "k≈30": range(28, 33)}
    found = {name: [k for k in ks if k + need < count] for name, ks in times.items()}
    return {name: ks for name, ks in found.items() if ks}


def running_mean(still: Still, index: int) -> Floats:
    """The mean of all frames so far, at the frame's brightness: what a causal filter can reach in still parts."""
    mean = still.steady[: index + 1].mean(axis=0) * still.gain[index]
    return np.asarray(np.rint(mean), np.float32)


def _block_means(luma: Floats) -> NDArray[np.float64]:
    """(T, H, W) → (T, rows, columns)."""
    cut = luma[:, _OFFSET:, _OFFSET:]
    rows, columns = (n // _BLOCK for n in cut.shape[1:])
    cut = cut[:, : rows * _BLOCK, : columns * _BLOCK]
    blocks = cut.reshape(len(cut), rows, _BLOCK, columns, _BLOCK)
    return np.asarray(blocks.mean(axis=(2, 4)), np.float64)


def _brightness(
    means: NDArray[np.float64], usual: NDArray[np.float64], still: Mask
) -> NDArray[np.float64]:
    """Each frame against the median picture: the median over still blocks that are neither dark nor bright."""
    taken = still & (usual > 30) & (usual < 220)
    if taken.sum() < 20:
        taken = usual > 8
    ratios = means[:, taken] / np.maximum(usual[taken], 1)
    return np.asarray(np.median(ratios, axis=1), np.float64)


def _quiet(means: NDArray[np.float64], level: Mask) -> Mask:
    """Blocks whose mean over a few frames ranges no wider than white noise of their own strength would make it."""
    steps = np.sort(np.abs(np.diff(means, axis=0)), axis=0)
    lowest = steps[: max(3, int(0.9 * len(steps)))]  # what passes by counts as little as it can
    sigma = 1.12 * lowest.mean(axis=0) / np.sqrt(2) / 0.798  # mean |x| of a Gaussian, cut at 0.9
    usual = max(float(np.percentile(sigma[level], 35)), 0.1)
    allowed = np.clip(sigma, usual, 4 * usual)
    sums = np.cumsum(np.concatenate([np.zeros_like(means[:1]), means]), axis=0)
    slow = (sums[_SLOW:] - sums[:-_SLOW]) / _SLOW
    wander = slow.max(axis=0) - slow.min(axis=0)
    outlier = np.abs(means - np.median(means, axis=0)).max(axis=0)
    return np.asarray(level & (wander < 0.5 + 2.75 * allowed) & (outlier < 1.5 + 6 * allowed))


def _near_movement(moving: Mask) -> Mask:
    """Blocks beside, or in, a crowd of moving ones; a lonely one is chance."""

    def around(mask: Mask) -> NDArray[np.float32]:
        kernel = np.ones((3, 3), np.float32)
        counts = cv2.filter2D(
            mask.astype(np.float32), cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT
        )
        return np.asarray(counts, np.float32)

    crowd = moving & (around(moving) > 3.5)
    return np.asarray(around(np.asarray(crowd)) > 0.5)


def _gradient(mean: Floats) -> Floats:
    """Levels per pixel of the slightly blurred picture."""
    smooth = cv2.GaussianBlur(
        mean, (3, 3), 0, borderType=cv2.BORDER_REPLICATE
    )  # 1 2 1 in each direction
    down, across = np.gradient(np.asarray(smooth, np.float64))
    return np.asarray(np.hypot(down, across), np.float32)

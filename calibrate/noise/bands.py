"""Measures how much noise each DCT coefficient holds in flat places, from the residuals of still frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from rtdenoise.arrays import Floats, Mask
from rtdenoise.frames import Planes
from rtdenoise.noise import NoiseModel
from rtdenoise.noise.dct import BLOCK, COEFFICIENTS
from rtdenoise.noise.normalised import Normalised, frame_coefficients
from rtdenoise.noise.structure import box_mean

FRAMES = 8
"""So many frames of a series are looked at: there are thousands of blocks in each."""
_FEWEST = 100  # still blocks
# Share of the still blocks that are called flat: those with the least detail around them.
_FLAT = 0.4


def with_band_std(model: NoiseModel, series: Iterable[tuple[list[Planes], Mask]]) -> NoiseModel:
    """The model with the standard deviation of the noise in each coefficient, of flat places.

    At edges noise has another spectrum, see :mod:`.structure`.

    Args:
        model: Curves and correlations, measured already.
        series: Per series a few successive frames in 4:2:0, and which luma pixels are still, (H, W).
    """
    known = model.for_chroma("420")
    normalised = Normalised(known)
    total, weight = np.zeros(COEFFICIENTS), 0.0
    for frames, mask in series:
        still = still_blocks(mask)
        if len(frames) < 2 or int(still.sum()) < _FEWEST:
            continue
        whole = np.stack([frame_coefficients(normalised, f) for f in frames])
        values = whole[:, :, _flat(whole, still)]
        # What all blocks of a frame share is a brightness change.
        values -= np.median(values, axis=2, keepdims=True)
        variance = values.var(axis=0, ddof=1, dtype=np.float64).mean(axis=1)
        blocks = float(values.shape[2])
        total, weight = total + blocks * variance, weight + blocks
    if not weight:
        return model
    return replace(model, band_std=tuple(round(float(v), 5) for v in np.sqrt(total / weight)))


def _flat(coefficients: Floats, still: Mask) -> Mask:
    """The share of the still blocks with the least detail around them, (h, w)."""
    mean = coefficients.mean(axis=0)
    noise = coefficients[:, 1:16].var(axis=0, ddof=1).sum(axis=0) / len(coefficients)
    power = np.where(still, (mean[1:16] ** 2).sum(axis=0) - noise, 0)
    near = box_mean(power.astype(np.float32)) / np.maximum(box_mean(still.astype(np.float32)), 1e-6)
    return still & (near <= np.quantile(near[still], _FLAT))


def still_blocks(mask: Mask) -> Mask:
    """Blocks, (h, w), all of whose luma pixels, (H, W), are still."""
    rows, columns = mask.shape[0] // BLOCK, mask.shape[1] // BLOCK
    blocks = mask[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return np.asarray(blocks.all(axis=(1, 3)))

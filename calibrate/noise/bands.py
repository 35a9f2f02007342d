"""Measures how much noise each frequency band holds in flat places, from the residuals of still frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from rtdenoise.arrays import Floats, Mask
from rtdenoise.frames import Planes
from rtdenoise.noise import NoiseModel
from rtdenoise.noise.dct import BANDS, CELL
from rtdenoise.noise.normalised import Stabilised, bands_of_bytes
from rtdenoise.noise.structure import around

FRAMES = 8
"""So many frames of a series are looked at: a band has thousands of cells."""
_FEWEST = 100  # still cells
_FLAT = (
    0.4  # share of the still cells that are called flat: those with the least detail around them
)


def with_bands(model: NoiseModel, series: Iterable[tuple[list[Planes], Mask]]) -> NoiseModel:
    """The model with the standard deviation of the noise in each band, of flat places.

    At edges noise has another spectrum, see :mod:`.structure_noise`.

    Args:
        model: Curves and correlations, measured already.
        series: Per series a few successive frames in 4:2:0, and which luma pixels are still, (H, W).
    """
    known = model.for_chroma("420")
    stabilised = Stabilised(known)
    total, weight = np.zeros(BANDS), 0.0
    for frames, mask in series:
        still = _still_cells(mask)
        if len(frames) < 2 or int(still.sum()) < _FEWEST:
            continue
        whole = np.stack([bands_of_bytes(stabilised, f) for f in frames])
        values = whole[:, :, _flat(whole, still)]
        # What all cells of a frame share is a change of light.
        values -= np.median(values, axis=2, keepdims=True)
        variance = values.var(axis=0, ddof=1, dtype=np.float64).mean(axis=1)
        cells = float(values.shape[2])
        total, weight = total + cells * variance, weight + cells
    if not weight:
        return model
    return replace(model, bands=tuple(round(float(v), 5) for v in np.sqrt(total / weight)))


def _flat(bands: Floats, still: Mask) -> Mask:
    """The share of the still cells with the least detail around them, (h, w)."""
    mean = bands.mean(axis=0)
    noise = bands[:, 1:16].var(axis=0, ddof=1).sum(axis=0) / len(bands)
    power = np.where(still, (mean[1:16] ** 2).sum(axis=0) - noise, 0)
    near = around(power.astype(np.float32)) / np.maximum(around(still.astype(np.float32)), 1e-6)
    return still & (near <= np.quantile(near[still], _FLAT))


def _still_cells(mask: Mask) -> Mask:
    rows, columns = mask.shape[0] // CELL, mask.shape[1] // CELL
    cells = mask[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    return np.asarray(cells.all(axis=(1, 3)))

"""Noise with the correlation of a noise model, and what filters leave of it.

A filter that takes the mean of blocks or splits a picture by frequency needs to know how much noise
each of its outputs holds. That follows from the correlation alone; instead of a formula per filter,
a field of such noise goes through the filter itself once, when the filter is set up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .model import PlaneNoise


def spectrum(noise: PlaneNoise, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Power per frequency (rows, columns // 2 + 1) of unit noise; its correlation is separable.

    A measured correlation is cut off at its last lag, which can make the power of some frequencies
    a little negative: those are set to zero, and the rest scaled back to unit variance.
    """

    def along(correlation: tuple[float, ...], size: int) -> NDArray[np.float64]:
        sequence = np.zeros(size)
        sequence[0] = 1.0
        for lag, value in enumerate(correlation, start=1):
            if 2 * lag < size:
                sequence[lag] = sequence[-lag] = value
        return np.asarray(np.maximum(np.fft.fft(sequence).real, 0.0))

    rows = along(noise.column_correlation, shape[0])
    columns = along(noise.row_correlation, shape[1])
    power = np.outer(rows, columns) / (rows.mean() * columns.mean())
    return np.asarray(power[:, : shape[1] // 2 + 1])


def field(noise: PlaneNoise, shape: tuple[int, int], seed: int = 0) -> Floats:
    """Gaussian noise of unit variance with the plane's correlation, (rows, columns); it wraps."""
    white = np.random.default_rng(seed).standard_normal(shape)
    shaped = np.fft.irfft2(np.fft.rfft2(white) * np.sqrt(spectrum(noise, shape)), s=shape)
    return np.asarray(shaped, np.float32)

"""Frequency bands of a picture: cosine transforms of small cells, on all planes at once.

A cell is 4 × 4 luma pixels with the 2 × 2 of each chroma plane (4:2:0) that cover the same place: 16 + 4 + 4 numbers,
which become as many bands. The first of each plane is the mean, the others are finer and finer detail.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats

CELL = 4
"""Luma pixels along each side of a cell."""
BANDS = 24
"""16 of luma, 4 of each chroma plane."""
MEANS = (0, 16, 20)
"""The bands that are the means of Y, U and V."""
PLANE_SLICES = (slice(0, 16), slice(16, 20), slice(20, BANDS))
"""Where each plane's bands, and pixels, are among a cell's."""
SIDES = (CELL, CELL // 2, CELL // 2)
"""Pixels along a cell's side in each plane."""
# Larger products wake the threads of NumPy's BLAS, which then keep a core busy for the length of a frame.
_AT_ONCE = 256


@cache
def transform() -> Floats:
    """Bands from a cell's pixels, (24, 24): 16 of luma row by row, 4 of U, 4 of V."""
    whole = np.zeros((BANDS, BANDS))
    whole[:16, :16] = _cosines(4)
    whole[16:20, 16:20] = whole[20:, 20:] = _cosines(2)
    return whole.astype(np.float32)


def _cosines(n: int) -> NDArray[np.float64]:
    """The two-dimensional cosine transform of n × n pixels, (n², n²), scaled so that the first band is the mean."""
    k, i = np.arange(n)[:, None], np.arange(n)[None]
    one = np.cos(np.pi * (2 * i + 1) * k / (2 * n)) * np.sqrt(2 / n)
    one[0] /= np.sqrt(2)
    return np.asarray(np.kron(one, one) / n)


def split(y: NDArray[Any], u: NDArray[Any], v: NDArray[Any]) -> Floats:
    """The bands of planes (H, W), (H/2, W/2) and (H/2, W/2), H and W multiples of 4: (24, H/4, W/4)."""
    cells = [_cells(y, CELL), _cells(u, CELL // 2), _cells(v, CELL // 2)]
    whole = np.concatenate(cells)
    flat = whole.reshape(BANDS, -1)
    found = np.empty_like(flat)
    for first in range(0, flat.shape[1], _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        np.matmul(transform(), flat[:, part], out=found[:, part])
    return found.reshape(whole.shape)


def _cells(plane: NDArray[Any], n: int) -> NDArray[np.float32]:
    rows, columns = plane.shape[0] // n, plane.shape[1] // n
    apart = plane.reshape(rows, n, columns, n).transpose(1, 3, 0, 2)
    return apart.reshape(n * n, rows, columns).astype(np.float32)

"""The discrete cosine transform (DCT) of small blocks, on all planes at once.

A block is 4 × 4 luma pixels with the 2 × 2 of each chroma plane (4:2:0) that cover the same place: 16 + 4 + 4 numbers,
which become as many DCT coefficients. The first of each plane is the mean, the others are finer and finer detail.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats

BLOCK = 4
"""Luma pixels along each side of a block."""
COEFFICIENTS = 24
"""16 of luma, 4 of each chroma plane."""
MEANS = (0, 16, 20)
"""The coefficients that are the means of Y, U and V."""
PLANE_SLICES = (slice(0, 16), slice(16, 20), slice(20, COEFFICIENTS))
"""Where each plane's coefficients, and pixels, are among a block's."""
SIDES = (BLOCK, BLOCK // 2, BLOCK // 2)
"""Pixels along a block's side in each plane."""
# Larger products wake the threads of NumPy's BLAS, which then keep a core busy for the length of a frame.
_AT_ONCE = 256


@cache
def transform() -> Floats:
    """Coefficients from a block's pixels, (24, 24): 16 of luma row by row, 4 of U, 4 of V."""
    whole = np.zeros((COEFFICIENTS, COEFFICIENTS))
    whole[:16, :16] = _cosines(4)
    whole[16:20, 16:20] = whole[20:, 20:] = _cosines(2)
    return whole.astype(np.float32)


def _cosines(n: int) -> NDArray[np.float64]:
    """The two-dimensional DCT (type II) of n × n pixels, (n², n²), scaled so that the first coefficient is the mean."""
    k, i = np.arange(n)[:, None], np.arange(n)[None]
    one = np.cos(np.pi * (2 * i + 1) * k / (2 * n)) * np.sqrt(2 / n)
    one[0] /= np.sqrt(2)
    return np.asarray(np.kron(one, one) / n)


def split(y: NDArray[Any], u: NDArray[Any], v: NDArray[Any]) -> Floats:
    """The coefficients of planes (H, W), (H/2, W/2) and (H/2, W/2), H and W multiples of 4: (24, H/4, W/4)."""
    blocks = [_blocks(y, BLOCK), _blocks(u, BLOCK // 2), _blocks(v, BLOCK // 2)]
    whole = np.concatenate(blocks)
    flat = whole.reshape(COEFFICIENTS, -1)
    found = np.empty_like(flat)
    for first in range(0, flat.shape[1], _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        np.matmul(transform(), flat[:, part], out=found[:, part])
    return found.reshape(whole.shape)


def _blocks(plane: NDArray[Any], n: int) -> NDArray[np.float32]:
    rows, columns = plane.shape[0] // n, plane.shape[1] // n
    apart = plane.reshape(rows, n, columns, n).transpose(1, 3, 0, 2)
    return apart.reshape(n * n, rows, columns).astype(np.float32)

"""Planes as cells and back: the 24 pixels of 4 × 4 luma and twice 2 × 2 chroma side by side, (h, w, 24).

Of bytes that is cheap, and it makes the network's transform into bands a product with one small matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bands import BANDS, CELL

_Array = NDArray[Any]

PLANE_SLICES = (slice(0, 16), slice(16, 20), slice(20, BANDS))
"""Where each plane's pixels are in a cell."""
# A row of a cell is moved as one word: by the bytes in it.
_WORDS = {2: np.uint16, 4: np.uint32, 8: np.uint64, 16: np.complex128}


def to_cells(planes: Sequence[_Array], out: _Array) -> None:
    """Puts planes (4h, 4w), (2h, 2w), (2h, 2w) as cells into ``out``, (h, w, 24), of the same type."""
    for plane, place in zip(planes, PLANE_SLICES, strict=True):
        side, cells, rows = _words(plane, out, place)
        for r in range(side):
            cells[:, :, r] = rows[r::side]


def from_cells(cells: _Array, out: Sequence[_Array]) -> None:
    """The inverse of :func:`to_cells`."""
    for plane, place in zip(out, PLANE_SLICES, strict=True):
        side, words, rows = _words(plane, cells, place)
        for r in range(side):
            rows[r::side] = words[:, :, r]


def _words(plane: _Array, cells: _Array, place: slice) -> tuple[int, _Array, _Array]:
    """Pixels along a cell's side, and the cells' and the plane's rows of so many pixels as words."""
    side = CELL if place.start == 0 else CELL // 2
    word = _WORDS[side * plane.itemsize]
    return side, cells[..., place].view(word), plane.view(word)

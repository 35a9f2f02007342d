"""How noise depends on structure: cameras smooth what is flat and sharpen what is not, and noise goes with it.

Structure is told by blocks of 4 × 4 luma pixels (:mod:`rtdenoise.noise.dct`): how far the clean picture's pixels are
from their block's mean, as a root mean square over the block and its eight neighbours, in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..files import count_of, number_of

GROUP_NAMES = ("lowest", "low", "middle", "high", "chroma means", "chroma detail")
"""Groups of DCT coefficients whose noise depends on structure alike: four of luma, coarse to fine, two of chroma."""
GROUP_OF = np.array([0, 1, 2, 3, 1, 1, 2, 3, 2, 2, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 4, 5, 5, 5])
"""The group of each of the 24 coefficients of :mod:`rtdenoise.noise.dct`, (24,)."""
BOUNDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Between the eight bins of structure, in bytes; the first bin is flat."""
BINS = len(BOUNDS) + 1
_MOST_RATIO = 1e6
_MIDDLES = np.array([0.7, *(np.array(BOUNDS[:-1]) * np.array(BOUNDS[1:])) ** 0.5, 90.0])


@dataclass(frozen=True)
class StructureNoise:
    """The noise variance of each group of coefficients over that of flat blocks of the same level, against structure.

    ``ratios`` has a row for each group with a value per bin, 1 in the first; ``low`` and ``high`` are their
    95 % confidence intervals, before bins that rest on few blocks were drawn towards 1; ``counts`` are those blocks.
    """

    ratios: tuple[tuple[float, ...], ...]
    counts: tuple[int, ...]
    low: tuple[tuple[float, ...], ...] = ()
    high: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        tables = [self.ratios, *(t for t in (self.low, self.high) if t)]
        shapes = {(len(t), *{len(row) for row in t}) for t in tables}
        values = np.array([row for t in tables for row in t], np.float64)
        sound = shapes == {(len(GROUP_NAMES), BINS)} and len(self.counts) == BINS
        if not sound or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError("not the noise of structure")

    def ratio(self, structure: NDArray[np.floating[Any]] | float) -> Floats:
        """The ratio at structures in bytes (any shape S): (6, *S). Between bins its logarithm is linear in theirs."""
        at = np.log(np.maximum(structure, 1e-3))
        known = np.log(np.maximum(self.ratios, 1e-3))
        return np.exp([np.interp(at, np.log(_MIDDLES), row) for row in known]).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """What a file keeps of it."""
        return {
            "bounds": BOUNDS,
            "ratios": self.ratios,
            "counts": self.counts,
            "low": self.low,
            "high": self.high,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> StructureNoise:
        """What ``to_json`` gave.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        if tuple(value["bounds"]) != BOUNDS:
            raise ValueError("other bins")
        ratios, low, high = (
            tuple(tuple(number_of(v, 0, _MOST_RATIO) for v in row) for row in value[key])
            for key in ("ratios", "low", "high")
        )
        return cls(ratios, tuple(count_of(c, 2**53) for c in value["counts"]), low, high)


def structure_of(detail: Floats) -> Floats:
    """The structure of blocks, in bytes, (h, w).

    Args:
        detail: Mean square of the luma pixels of each block less their mean, without noise, in squared bytes, (h, w).
    """
    return np.sqrt(box_mean(detail))


def box_mean(power: Floats) -> Floats:
    """The mean over each block and its neighbours, (h, w)."""
    mean = cv2.blur(power, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.maximum(mean, 0), np.float32)


def bin_of_structure(structure: Floats) -> NDArray[np.intp]:
    """The number of each structure's bin."""
    return np.asarray(np.searchsorted(BOUNDS, structure, side="right"), np.intp)

"""Measures how the noise depends on structure, from still series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles, Floats, Mask
from rtdenoise.frames import Planes, convert
from rtdenoise.noise.dct import BLOCK, PLANE_SLICES, split
from rtdenoise.noise.structure import (
    BINS,
    GROUP_NAMES,
    GROUP_OF,
    StructureNoise,
    bin_of_structure,
    structure_of,
)

from .bands import still_blocks

FRAMES = 24
"""So many frames of a series are looked at."""
_LEVELS = 16  # bins of level
_FEWEST = 60  # flat blocks that a level's variance rests on
_TRUST = 5.0  # blocks at which a bin is believed by half
_PLACES = (6, 8)  # down and across: parts of the picture whose scatter gives the intervals
_DRAWS = 200
_DARKEST, _BRIGHTEST = 12.0, 243.0  # beyond them noise is cut off
_ROUNDING = 1 / 12 / BLOCK**2  # variance of rounding, in a coefficient


class StructureTally:
    """What adds up over series."""

    def __init__(self) -> None:
        # Per place: noise of each group and bin, and what flat blocks of the same level would have.
        self._noise: list[Doubles] = []
        self._usual: list[Doubles] = []
        self._counts = np.zeros(BINS)

    def add_series(self, frames: Sequence[Planes], mask: Mask) -> None:
        """Adds a series' first frames.

        Args:
            frames: In order, of any format with chroma.
            mask: Which luma pixels are still, (H, W).
        """
        count = min(len(frames), FRAMES)
        if count < 3 or frames[0].format.chroma == "gray":
            return
        mean, variance = _moments(frames[:count])
        still = still_blocks(mask)
        level = mean[0]
        still &= (level > _DARKEST) & (level < _BRIGHTEST)
        # The mean of so many frames has still a share of their noise.
        power = (mean[1:16] ** 2 - variance[1:16] / count).sum(0, dtype=np.float32)
        bins = bin_of_structure(structure_of(np.asarray(power, np.float32)))
        usual = _usual_variance(level, variance, still & (bins == 0))
        if usual is None:
            return
        grouped, expected = (
            np.stack([values[g == GROUP_OF].mean(0) for g in range(len(GROUP_NAMES))])
            for values in (variance, usual)
        )
        down, across = (np.arange(n) * p // n for n, p in zip(still.shape, _PLACES, strict=True))
        place = (down[:, None] * _PLACES[1] + across)[still]
        index = place * BINS + bins[still]
        places = _PLACES[0] * _PLACES[1]

        def summed(values: NDArray[np.floating[Any]]) -> Doubles:
            rows: list[Doubles] = [
                np.bincount(index, row[still], places * BINS).astype(float) for row in values
            ]
            return np.stack(rows).reshape(len(GROUP_NAMES), places, BINS).transpose(1, 0, 2)

        self._noise.append(summed(grouped))
        self._usual.append(summed(expected))
        self._counts += np.bincount(bins[still], minlength=BINS)

    def result(self) -> StructureNoise | None:
        """What was found; None where no series had flat places enough."""
        if not self._noise:
            return None
        noise, usual = np.concatenate(self._noise), np.concatenate(self._usual)
        ratios = _ratios(noise.sum(0), usual.sum(0))
        random = np.random.default_rng(0)
        draws: list[Doubles] = []
        for _ in range(_DRAWS):
            # Series share a scene's places no more than places share each other's.
            weight = np.bincount(random.integers(0, len(noise), len(noise)), minlength=len(noise))
            draws.append(_ratios(np.tensordot(weight, noise, 1), np.tensordot(weight, usual, 1)))
        # A bin without blocks, or a draw of places without any, says nothing against 1.
        ratios, drawn = np.nan_to_num(ratios, nan=1.0), np.nan_to_num(draws, nan=1.0)
        low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
        trust = self._counts / (self._counts + _TRUST)
        trust[0] = 1.0
        held = np.exp(np.log(np.maximum(ratios, 1e-3)) * trust)
        return StructureNoise(
            _rows(held), tuple(int(c) for c in self._counts), _rows(low), _rows(high)
        )


def _ratios(noise: Doubles, usual: Doubles) -> Doubles:
    """Noise over the usual, (groups, bins), against the first bin; NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(usual > 0, noise / usual, np.nan)
        return np.asarray(found / found[:, :1])


def _rows(values: Doubles) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(v), 4) for v in row) for row in values)


def _moments(frames: Sequence[Planes]) -> tuple[Floats, Floats]:
    """Mean and variance over time of the coefficients in bytes, (24, h, w) each, without brightness changes."""
    count = len(frames)
    first: Floats | None = None
    total, squares = np.zeros(()), np.zeros(())
    for frame in frames:
        planes = convert(frame, "420", frame.format.full_range)
        rows, columns = (n // BLOCK * BLOCK for n in planes.y.shape)
        halves = np.s_[: rows // 2, : columns // 2]
        values = split(planes.y[:rows, :columns], planes.u[halves], planes.v[halves])
        values[PLANE_SLICES[1].start] -= 128
        values[PLANE_SLICES[2].start] -= 128
        if first is None:
            first = values
        lit = (first[0] > 24) & (first[0] < 225)
        if lit.any():
            values /= np.median(values[0][lit] / first[0][lit])
        # About the first frame: sums of squares of small numbers lose nothing.
        away = values - first
        total, squares = total + away, squares + away**2
    assert first is not None
    mean = total / count
    variance = (squares - count * mean**2) / (count - 1)
    return (first + mean).astype(np.float32), np.maximum(variance, _ROUNDING).astype(np.float32)


def _usual_variance(level: Floats, variance: Floats, flat: Mask) -> Floats | None:
    """The variance of each coefficient at a block's level in flat places, (24, h, w); None where too few are flat.

    Each plane's level curve times the coefficient's share of it: so few blocks suffice for a level.
    """
    if flat.sum() < _FEWEST:
        return None
    usual = np.empty_like(variance)
    step = 256 / _LEVELS
    for part in PLANE_SLICES:
        whole = variance[part].sum(0)
        levels, values = [], []
        for low in np.arange(_LEVELS) * step:
            there = flat & (level >= low) & (level < low + step)
            if there.sum() >= _FEWEST:
                levels.append(float(level[there].mean()))
                values.append(float(whole[there].mean()))
        if not levels:
            levels, values = [128.0], [float(whole[flat].mean())]
        curve = np.interp(level, levels, values)
        shares = variance[part][:, flat].mean(1) / curve[flat].mean()
        usual[part] = shares[:, None, None] * curve
    return usual

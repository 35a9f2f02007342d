"""Estimates a camera's noise from the running stream, without a calibration.

Two frames in a row differ by twice the noise's variance wherever nothing moved. Small tiles, spread
over the picture, are compared; per level the *low* ones among their variances are taken, since
motion, flicker and focus only ever add to a difference.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .frames import Bytes, Planes
from .noise import PLANES, NoiseCurve, NoiseModel, PlaneNoise

Floats = NDArray[np.float32]

TILE = 16
# Per plane and pair of frames: 0.1 Mpixel, so that it costs well under a millisecond.
_MOST_TILES = 400
_PAIRS = 12  # pairs of frames that an estimate rests on
_LAGS = (1, 2, 3, 4)
_BINS = 16
_FEWEST = 8  # tiles in a level bin before it counts
_QUANTILE = 0.3
# Pairs after which a fresh estimate is worth its cost; then after every _EVERY more.
_FIRST = (1, 2, 3, 5, 8, 12)
_EVERY = 15


@dataclass(frozen=True)
class _Sample:
    """What one pair of frames says about one plane; arrays are (tiles,) or (tiles, lags)."""

    level: Floats
    variance: Floats
    row: Floats
    column: Floats


class _PlaneEstimator:
    """Collects samples of one plane.

    The tiles lie on a lattice; its offset changes from pair to pair, so that in time all of the
    picture counts.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        rows, columns = shape
        step = TILE
        while (rows // step) * (columns // step) > _MOST_TILES:
            step += TILE
        self._step = step
        self._counts = (rows // step, columns // step)
        self.usable = self._counts[0] * self._counts[1] >= 2 * _FEWEST
        self._before: Floats | None = None
        self._pair = 0
        self.samples: deque[_Sample] = deque(maxlen=_PAIRS)

    def add(self, plane: Bytes) -> bool:
        """Takes the next frame; True when it completed a pair."""
        tiles = self._tiles(plane)
        if self._before is None:
            self._before = tiles
            return False
        difference = tiles - self._before
        level = (tiles.mean(axis=(1, 2)) + self._before.mean(axis=(1, 2))) / 2
        self._before = None
        self._pair += 1
        if float(np.mean(np.any(difference, axis=(1, 2)))) < 0.02:
            return False  # the same picture twice: the camera is slower than its rate
        # A change of light shifts a tile as a whole.
        difference -= difference.mean(axis=(1, 2), keepdims=True)
        power = _mean(difference**2)
        row = [_mean(difference[:, :, :-k] * difference[:, :, k:]) for k in _LAGS]
        column = [_mean(difference[:, :-k] * difference[:, k:]) for k in _LAGS]
        self.samples.append(_Sample(level, 0.5 * power, _lags(row), _lags(column)))
        return True

    def _tiles(self, plane: Bytes) -> Floats:
        """(tiles, TILE, TILE) of this pair's lattice."""
        rows, columns = self._counts
        step = self._step
        shifts = step // TILE
        top, left = (self._pair * 5 // 3 % shifts) * TILE, (self._pair % shifts) * TILE
        whole = plane[: rows * step, : columns * step].reshape(rows, step, columns, step)
        tiles = whole[:, top : top + TILE, :, left : left + TILE].transpose(0, 2, 1, 3)
        return tiles.reshape(-1, TILE, TILE).astype(np.float32)

    def noise(self) -> PlaneNoise:
        """The estimate from all samples held."""
        level = np.concatenate([s.level for s in self.samples])
        variance = np.concatenate([s.variance for s in self.samples])
        row = np.concatenate([s.row for s in self.samples])
        column = np.concatenate([s.column for s in self.samples])

        bins = np.clip(level * (_BINS / 256), 0, _BINS - 1).astype(np.intp)
        levels, variances, counts = [], [], []
        for index in range(_BINS):
            held = bins == index
            if int(held.sum()) >= _FEWEST:
                levels.append(float(np.mean(level[held])))
                variances.append(float(np.quantile(variance[held], _QUANTILE)))
                counts.append(int(held.sum()))
        if not levels:
            levels, counts = [float(np.median(level))], [len(level)]
            variances = [float(np.quantile(variance, _QUANTILE))]
        smooth = _smooth(np.array(variances), np.array(counts, float))
        rough = NoiseCurve(tuple(levels), tuple(float(v) for v in smooth))

        expected = np.maximum(rough.variance(level), 0.02)
        still = (variance < 1.6 * expected) & (variance > 0)
        if int(still.sum()) < _FEWEST:
            return PlaneNoise(rough)
        weight = 1 / expected[still, None]
        total = float(np.mean(variance[still, None] * weight))
        rows = np.clip(np.mean(row[still] * weight, axis=0) / total, -0.3, 0.97)
        columns = np.clip(np.mean(column[still] * weight, axis=0) / total, -0.3, 0.97)
        # The quantile lies below the mean of the still tiles by what chance spreads them.
        squares = (1 + 2 * float(np.sum(rows**2))) * (1 + 2 * float(np.sum(columns**2)))
        spread = float(np.sqrt(2 * squares / TILE**2))
        correction = 1 / max(1 - 0.52 * spread, 0.5)
        curve = NoiseCurve(
            tuple(levels),
            tuple(round(float(v) * correction, 4) for v in smooth),
            tuple(c * TILE**2 for c in counts),
        )
        return PlaneNoise(
            curve,
            tuple(round(float(r), 3) for r in rows),
            tuple(round(float(c), 3) for c in columns),
        )


def _lags(means: list[Floats]) -> Floats:
    """(tiles, lags), halved: a difference of frames has twice the covariance of one."""
    return np.asarray(np.stack(means, axis=1) / 2, np.float32)


def _mean(tiles: Floats) -> Floats:
    return np.asarray(tiles.mean(axis=(1, 2)), np.float32)


def _smooth(variances: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Neighbouring levels support each other, and none may stand far above the rest.

    A level that only a moving thing has shows the motion, not the noise.
    """
    order = np.argsort(variances)
    below_half = np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)
    capped = np.minimum(variances, 3 * float(variances[order][below_half]))
    if len(capped) < 3:
        return capped
    around = np.lib.stride_tricks.sliding_window_view(np.pad(variances, 2, mode="reflect"), 5)
    capped = np.minimum(capped, 1.3 * np.median(around, axis=1))
    weights = np.minimum(counts, 200.0)
    kernel = np.array([0.5, 1.0, 0.5])
    top = np.convolve(np.pad(capped * weights, 1), kernel, "valid")
    return np.asarray(top / np.convolve(np.pad(weights, 1), kernel, "valid"))


class NoiseEstimator:
    """Follows the noise of a stream.

    Call :meth:`update` with every frame; when it gives True, :meth:`model` holds a fresh estimate.
    """

    def __init__(self) -> None:
        self._planes: list[_PlaneEstimator] = []
        self._shapes: list[tuple[int, ...]] = []
        self._chroma = ""
        self._pairs = 0

    def reset(self) -> None:
        """Forgets all that was seen."""
        self._planes, self._shapes, self._pairs = [], [], 0

    def update(self, planes: Planes) -> bool:
        """Takes the next frame; True when a fresh estimate is due."""
        sources = [plane for plane in (planes.y, planes.u, planes.v) if plane.size]
        shapes = [plane.shape for plane in sources]
        if shapes != self._shapes:
            self._shapes, self._pairs = shapes, 0
            self._chroma = planes.format.chroma
            self._planes = [_PlaneEstimator((s[0], s[1])) for s in shapes]
        done = [
            plane.add(source)
            for plane, source in zip(self._planes, sources, strict=True)
            if plane.usable
        ]
        if not done or not done[0]:
            return False
        self._pairs += 1
        return self._pairs in _FIRST or self._pairs % _EVERY == 0

    def model(self) -> NoiseModel | None:
        """The noise as far as it is known; None before the first pair of frames."""
        if not self._planes or not self._planes[0].samples:
            return None
        noise = {}
        for index, name in enumerate(PLANES):
            held = index < len(self._planes) and self._planes[index].samples
            noise[name] = (
                self._planes[index].noise() if held else PlaneNoise(NoiseCurve((128.0,), (0.0,)))
            )
        return NoiseModel(
            noise["y"], noise["u"], noise["v"], frames=2 * self._pairs, chroma=self._chroma
        )

"""Small tiles of a running stream, compared over time: what the estimate of its noise rests on.

A tile is 16 × 16 luma pixels with the chroma that covers the same place. Tiles stay in place for some frames, and what
is kept of each is how much frames one and two apart differ, as a whole and per DCT coefficient. Noise that is white
in time differs as much over two frames as over one; what moves or fades differs more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes, Floats
from .dct import COEFFICIENTS, split

TILE = 16
LAGS = (1, 2, 3, 4)
"""Pixels, along rows and down columns, at which the noise's correlation is looked at."""
_MOST_TILES = 400  # 0.1 Mpixel, so that a frame costs well under a millisecond
_REPEATED = 0.02  # a frame in which so few of the pixels differ is the one before, again
_GOLDEN = 0.618034  # spreads the places of lattices evenly


@dataclass(frozen=True)
class PlaneTiles:
    """What some frames say about one plane's tiles.

    ``level`` (n,) are the means in bytes, ``spatial`` (n,) the variance within one frame about an even slope, in
    squared bytes: no less than the noise. ``one`` and ``two`` (n,) are half the mean squared differences of frames one
    and two apart, in squared bytes: the noise's variance, where it is white in time. ``row`` and ``column`` (n, 4) are
    the covariances of neighbours at ``LAGS`` in the former.
    """

    level: Floats
    spatial: Floats
    one: Floats
    two: Floats
    row: Floats
    column: Floats


@dataclass(frozen=True)
class Tiles:
    """What ``pairs`` pairs of frames say about all planes' tiles; ``one`` (n, 24) as in the planes, per coefficient."""

    planes: tuple[PlaneTiles, ...]
    one: Floats
    pairs: int


class _Sums:
    """Running sums over the frames that one lattice has seen."""

    def __init__(self, places: NDArray[np.intp]) -> None:
        self.places = places
        self.frames: list[list[Floats]] = []
        self.total: list[Floats] = []
        self.spatial: list[Floats] = []
        self.count = 0
        self.pairs = [0, 0]
        self.energy: list[list[Floats]] = [[], []]
        self.coefficients = np.zeros((len(places), COEFFICIENTS), np.float32)
        self.row: list[Floats] = []
        self.column: list[Floats] = []


class TileSampler:
    """Takes frames and gives, on request, what they say about tiles.

    Args:
        shapes: Rows and columns of each plane; chroma that is not 4:2:0 is not looked at per coefficient.
    """

    def __init__(self, shapes: list[tuple[int, int]]) -> None:
        rows, columns = shapes[0]
        self._scales = [(round(rows / r), round(columns / c)) for r, c in shapes]  # odd sizes, too
        self._blocks = (rows // TILE, columns // TILE)
        self.usable = min(self._blocks) >= 1 and self._blocks[0] * self._blocks[1] >= TILE
        step = 1
        while (self._blocks[0] // step) * (self._blocks[1] // step) > _MOST_TILES:
            step += 1
        self._step = step
        self._shape = (rows, columns)
        self._lattice = 0
        self._sums: _Sums | None = None

    @property
    def pairs(self) -> int:
        """How many pairs of frames the present tiles have seen."""
        return 0 if self._sums is None else self._sums.pairs[0]

    def move(self) -> None:
        """The next frames are looked at in other places."""
        self._sums = None
        self._lattice += 1

    def _places(self) -> NDArray[np.intp]:
        """Tops and lefts of this lattice's tiles, (n, 2): multiples of four."""
        room = TILE * self._step
        down, across = ((self._lattice * g) % 1 for g in (_GOLDEN, _GOLDEN**2))
        top, left = (int(part * room) // 4 * 4 for part in (down, across))
        tops = np.arange(top, self._shape[0] - TILE + 1, room) // 4 * 4
        lefts = np.arange(left, self._shape[1] - TILE + 1, room) // 4 * 4
        if not len(tops) or not len(lefts):
            tops, lefts = np.arange(1), np.arange(1)
        y, x = np.meshgrid(tops, lefts, indexing="ij")
        return np.stack([y.ravel(), x.ravel()], 1)

    def add(self, planes: list[Bytes]) -> bool:
        """Takes the next frame; False where it is the one before again, and says nothing."""
        if self._sums is None:
            self._sums = _Sums(self._places())
        sums = self._sums
        tiles = [self._cut(p, s, sums.places) for p, s in zip(planes, self._scales, strict=True)]
        if sums.frames:
            differ = tiles[0] != sums.frames[-1][0]
            if float(np.mean(differ)) < _REPEATED:
                return False
        if not sums.total:
            sums.total = [t.copy() for t in tiles]
            sums.spatial = [_about_slope(t) for t in tiles]
            sums.energy = [[np.zeros(len(t), np.float32) for t in tiles] for _ in range(2)]
            sums.row, sums.column = (
                [np.zeros((len(t), len(LAGS)), np.float32) for t in tiles] for _ in range(2)
            )
        else:
            for total, t in zip(sums.total, tiles, strict=True):
                total += t
        sums.count += 1
        for lag in range(min(2, len(sums.frames))):
            self._compare(sums, lag, tiles, sums.frames[-1 - lag])
        sums.frames = [*sums.frames[-1:], tiles]
        return True

    def _cut(self, plane: Bytes, scale: tuple[int, int], places: NDArray[np.intp]) -> Floats:
        """(n, rows, columns) of a plane's tiles."""
        size = (TILE // scale[0], TILE // scale[1])
        view = np.lib.stride_tricks.sliding_window_view(plane, size)
        return view[places[:, 0] // scale[0], places[:, 1] // scale[1]].astype(np.float32)

    def _compare(self, sums: _Sums, lag: int, new: list[Floats], old: list[Floats]) -> None:
        changes = []
        for index, (n, o) in enumerate(zip(new, old, strict=True)):
            d = n - o
            d -= _brightness_change(o, d)[:, None, None]
            sums.energy[lag][index] += np.einsum("nij,nij->n", d, d) / d[0].size
            if lag == 0:
                for k, at in enumerate(LAGS):
                    if at < d.shape[2]:
                        product = np.einsum("nij,nij->n", d[:, :, :-at], d[:, :, at:])
                        sums.row[index][:, k] += product / d[0, :, at:].size
                    if at < d.shape[1]:
                        product = np.einsum("nij,nij->n", d[:, :-at], d[:, at:])
                        sums.column[index][:, k] += product / d[0, at:].size
            changes.append(d)
        if lag == 0:
            sums.coefficients += _energies(changes)
        sums.pairs[lag] += 1

    def tiles(self) -> Tiles | None:
        """What the present places have shown so far; None before the second frame."""
        sums = self._sums
        if sums is None or not sums.pairs[0]:
            return None
        found = []
        counts = [np.float32(max(2 * n, 1)) for n in sums.pairs]
        for i, total in enumerate(sums.total):
            mean = np.asarray((total / np.float32(sums.count)).mean((1, 2)), np.float32)
            energies = (sums.energy[0][i] / counts[0], sums.energy[1][i] / counts[1])
            covariances = (sums.row[i] / counts[0], sums.column[i] / counts[0])
            found.append(PlaneTiles(mean, sums.spatial[i], *energies, *covariances))
        return Tiles(tuple(found), sums.coefficients / counts[0], sums.pairs[0])


def _energies(changes: list[Floats]) -> Floats:
    """Mean squared DCT coefficients of each tile's blocks, (n, 24); chroma's only where it is 4:2:0."""
    y = changes[0]
    n, half = len(y), TILE // 2
    if len(changes) == 3 and changes[1].shape[1:] == (half, half):
        u, v = (c.reshape(-1, half) for c in changes[1:])
    else:
        u = v = np.zeros((n * half, half), np.float32)
    found = split(y.reshape(-1, TILE), u, v)
    blocks = found.reshape(COEFFICIENTS, n, -1)
    return np.asarray(np.einsum("bni,bni->nb", blocks, blocks) / blocks.shape[2], np.float32)


def _brightness_change(old: Floats, difference: Floats) -> Floats:
    """What each tile's mean changed by as its level has it, (n,): slope · level + offset, fitted to all tiles.

    Weights leave out tiles in which something moved.
    """
    level, change = old.mean((1, 2)), difference.mean((1, 2))
    if len(level) < 8:
        return np.zeros_like(level)
    fit = np.full_like(change, np.median(change))
    for _ in range(4):
        rest = np.abs(change - fit)
        usual = float(np.partition(rest, len(rest) // 2)[len(rest) // 2])
        weight = 1 / (1 + np.square(rest / np.float32(1.5 * usual + 0.02)))
        total = weight.sum()
        middle, shift = weight.dot(level) / total, weight.dot(change) / total
        weighted = weight * (level - middle)
        spread = float(weighted.dot(level - middle))
        slope = 0.0
        if spread > 25 * float(total):  # levels that differ enough for a slope
            slope = float(weighted.dot(change - shift)) / spread
        fit = shift + np.float32(slope) * (level - middle)
    return np.asarray(fit, np.float32)


def _about_slope(tiles: Floats) -> Floats:
    """The variance of each tile about the plane that fits it best, (n,)."""
    rows, columns = tiles.shape[1:]
    rest = tiles - tiles.mean((1, 2), keepdims=True)
    variance = np.einsum("nij,nij->n", rest, rest)
    for n, how in ((rows, "nij,i->n"), (columns, "nij,j->n")):
        ramp = np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)
        across = rows * columns / n
        ramp /= np.sqrt(across * float(np.square(ramp).sum()))
        variance -= np.square(np.einsum(how, rest, ramp))
    return np.asarray(np.maximum(variance, 0) / (rows * columns - 3), np.float32)

"""The noise of a single picture, told from that picture alone.

Over time noise is what changes; within one frame it has to be told from texture. Small tiles are looked at, and the
flattest of each level show the noise, provided that they look like noise and not like a drawing or a weave:

- Noise has a floor: no tile is flatter than it, and those that are flat are alike. The variance from which on tiles
  abound is found by going back and forth between the tiles below a bound and the bound that their mean gives (weak
  textures, as in Liu, Tanaka and Okutomi, "Single-image noise level estimation for blind denoising", 2013).
- Noise is nearly Gaussian, in its values and in how its energy scatters from block to block. Writing, edges and
  dithering are not.
- Noise that is stronger than any camera's, and blotchy, is a texture that covers the whole picture.

What was clipped to black or white, and what has no noise at all (bars, a slide), says nothing. A picture without a flat
place says nothing either: then there is no estimate, rather than one that would smooth its texture away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..frames import Planes
from .dct import BLOCK, PLANE_SLICES, split
from .model import PLANES, NoiseCurve, NoiseModel, PlaneNoise

TILE = 16
"""Luma pixels along a tile's side."""
LEAST_STD = 0.5
"""Standard deviation in bytes, below which rounding hides what noise there is."""
_FEWEST = 16  # tiles that an estimate rests on
_ALIVE = 0.06  # squared bytes: below it there is no noise
_CLIPPED = 0.01  # of a tile's pixels may be black or white
# Of a tile's values: fourth moment over the squared second (3 for a Gaussian), and how many different ones there are
# in a standard deviation.
_KURTOSIS = (2.0, 4.6)
_DIFFERENT = 2.2
# How much more the energy of blocks scatters than that of Gaussian noise with their spectrum; JPEG, which takes some
# of the coefficients away, makes it more.
_SCATTER = (0.75, 1.9)
_OTHER_SPECTRUM = 0.3  # sum of the differences of the coefficients' shares
_FEW, _FEW_SHARE = 4, 0.04  # of a level's tiles
_PER_LEVEL, _MOST_LEVELS = 80, 10  # tiles of a point of the curve, and points
_FLATTEST = 0.1  # of a level's tiles
_FREEDOM = 60.0  # degrees of freedom of a tile's variance, for noise as blotchy as a webcam's
_STANDS_OUT = 3.0  # times the variance of the quietest level: a curve of noise is not so steep
# Standard deviations beyond which there is no camera: blotchy (as cameras' noise is) and white.
_MOST_BLOTCHY, _MOST_WHITE = 14.0, 40.0
_WHITE = 1.6  # energy of the lowest coefficients over the mean of all: 1 for white noise
_BLOTCHY = 0.3  # correlation of neighbours
_LAGS = (1, 2, 3, 4)
_NOTHING = NoiseCurve((128.0,), (0.0,))
# Of chroma: the variance that a quarter of the tiles are below, over the mean of all, where there is noise alone.
_QUARTER = 0.45

_Point = tuple[float, float, int]  # level, variance, tiles


class Finding(Enum):
    """What a single picture says about its noise."""

    NOISE = "noise"
    NONE = "none"
    """Its flat places are clean: a drawing, a screenshot, or what compression has smoothed."""
    TEXTURE = "texture"
    """It has no place that is flat enough to tell noise from texture."""
    SMALL = "small"
    """It is too small to tell anything."""


@dataclass(frozen=True)
class SingleEstimate:
    """The noise of a single picture: what was found, and the model, None where there is no noise to go by."""

    finding: Finding
    model: NoiseModel | None = None


def noise_of_picture(planes: Planes, most_tiles: int = 1500) -> SingleEstimate:
    """Estimates the noise of one picture, per plane and level, with its correlation.

    Args:
        planes: The picture; noise per DCT coefficient is told where it is 4:2:0.
        most_tiles: How many tiles are looked at; a thousand take about 20 ms.
    """
    tiles = _Tiles(planes, most_tiles)
    if not tiles.count:
        return SingleEstimate(Finding.SMALL)
    luma = tiles.cut(planes.y, TILE, TILE)
    level, rest = _about_slope(luma)
    variance = _mean_square(rest) * np.float32(TILE**2 / (TILE**2 - 3))
    alive = variance > _ALIVE
    low, high = (1, 254) if planes.format.full_range else (17, 234)
    clipped = ((luma <= low) | (luma >= high)).mean((1, 2)) > _CLIPPED
    usable = alive & ~clipped
    # A drawing has next to nothing but dead tiles and edges.
    likely = np.flatnonzero(usable)
    likely = likely[_like_noise(luma[likely], rest[likely], variance[likely])]
    flat, points = _floor(level, variance, rest, likely)
    if len(flat) < _FEWEST:
        clean = int(((variance < LEAST_STD**2) & ~clipped).sum())
        if (
            clean > _FEWEST or not alive.any()
        ):  # all black or white: clipped, and still without noise
            return SingleEstimate(Finding.NONE)
        return SingleEstimate(Finding.SMALL if tiles.count < _FEWEST else Finding.TEXTURE)
    energy = _block_energies(rest[flat])
    std = float(np.sqrt(np.average([p[1] for p in points], weights=[p[2] for p in points])))
    if std < LEAST_STD:
        return SingleEstimate(Finding.NONE)
    blotchy = float((energy[..., 1] + energy[..., 4]).mean() / (2 * energy.mean())) > _WHITE
    if std > (_MOST_BLOTCHY if blotchy else _MOST_WHITE):
        return SingleEstimate(Finding.TEXTURE)
    return SingleEstimate(Finding.NOISE, _model(planes, tiles, level, alive, flat, points))


class _Tiles:
    """Where tiles are: on a lattice, and where there are too many of them, a part, spread evenly."""

    def __init__(self, planes: Planes, most: int) -> None:
        rows, columns = planes.y.shape[0] // TILE, planes.y.shape[1] // TILE
        where = np.arange(rows * columns)
        if len(where) > most:
            where = np.sort(np.random.default_rng(0).permutation(where)[:most])
        self.count = len(where)
        self._row, self._column = np.divmod(where, max(columns, 1))

    def cut(self, plane: NDArray[np.uint8], rows: int, columns: int) -> Floats:
        """The tiles of a plane, each of so many rows and columns, (n, rows, columns)."""
        down, across = plane.shape[0] // rows, plane.shape[1] // columns
        whole = plane[: down * rows, : across * columns].reshape(down, rows, across, columns)
        at = np.minimum(self._row, down - 1), np.minimum(self._column, across - 1)
        return whole[at[0], :, at[1]].astype(np.float32)


def _about_slope(tiles: Floats) -> tuple[Floats, Floats]:
    """The mean of each tile, (n,), and the tiles less the plane that fits each best."""
    rows, columns = tiles.shape[1:]
    level = tiles.mean((1, 2))
    rest = tiles - level[:, None, None]
    down = np.arange(rows, dtype=np.float32) - np.float32((rows - 1) / 2)
    across = np.arange(columns, dtype=np.float32) - np.float32((columns - 1) / 2)
    slope = rest.sum(2) @ down / np.float32(columns * float(np.square(down).sum()))
    tilt = rest.sum(1) @ across / np.float32(rows * float(np.square(across).sum()))
    rest -= slope[:, None, None] * down[:, None] + tilt[:, None, None] * across
    return level, rest


def _mean_square(rest: Floats) -> Floats:
    return np.asarray(np.einsum("nij,nij->n", rest, rest) / rest[0].size, np.float32)


def _like_noise(tiles: Floats, rest: Floats, variance: Floats) -> NDArray[np.bool_]:
    """Whether the values of each tile scatter as those of noise do."""
    if not len(tiles):
        return np.zeros(0, np.bool_)
    squares = np.square(rest)
    kurtosis = _mean_square(squares) / np.maximum(np.square(variance), 1e-6)
    values = np.sort(tiles.astype(np.uint8).reshape(len(tiles), -1), axis=1)
    different = 1 + np.count_nonzero(np.diff(values, axis=1), axis=1)
    found = (kurtosis > _KURTOSIS[0]) & (kurtosis < _KURTOSIS[1])
    return np.asarray(found & (different > _DIFFERENT * np.sqrt(variance)))


def _floor(
    level: Floats, variance: Floats, rest: Floats, likely: NDArray[np.intp]
) -> tuple[NDArray[np.intp], list[_Point]]:
    """The tiles that hold noise alone, and luma's curve, by rising levels."""
    if len(likely) < _FEWEST:
        return likely[:0], []
    ordered = likely[np.argsort(level[likely], kind="stable")]
    parts = np.array_split(ordered, int(np.clip(len(ordered) // _PER_LEVEL, 1, _MOST_LEVELS)))
    found = [_LevelTiles.of(held, variance, rest) for held in parts]
    found = [each for each in found if each.enough and each.gaussian]
    heard = [each for each in found if each.variance >= LEAST_STD**2] or found
    if not heard:
        return likely[:0], []
    quiet = min(heard, key=lambda each: each.variance)
    found = [each for each in found if each.is_like(quiet)]
    most = _STANDS_OUT * quiet.variance
    points = [
        (float(level[each.flat].mean()), min(each.variance, most), len(each.flat)) for each in found
    ]
    believed = [each.flat for each in found if each.variance <= most]
    return np.concatenate(believed), points


@dataclass(frozen=True)
class _LevelTiles:
    """The flat tiles among those of about one level, their variance, and how its energy is spread."""

    flat: NDArray[np.intp]
    tiles: int
    variance: float
    spectrum: Floats
    scatter: float

    @classmethod
    def of(cls, held: NDArray[np.intp], variance: Floats, rest: Floats) -> _LevelTiles:
        flat = held[_flattest(variance[held])]
        energy = _block_energies(rest[flat])
        spectrum = energy.mean((0, 1))
        return cls(
            flat,
            len(held),
            float(variance[flat].mean()),
            spectrum / max(float(spectrum.sum()), 1e-6),
            _scatter(energy),
        )

    @property
    def enough(self) -> bool:
        return len(self.flat) >= max(_FEW, _FEW_SHARE * self.tiles)

    @property
    def gaussian(self) -> bool:
        few = _FEWEST / len(self.flat)  # a few tiles scatter by themselves
        return _SCATTER[0] / (1 + few) < self.scatter < _SCATTER[1] * (1 + few)

    def is_like(self, other: _LevelTiles) -> bool:
        """A camera's noise has one spectrum at all levels."""
        return float(np.abs(self.spectrum - other.spectrum).sum()) < _OTHER_SPECTRUM


def _flattest(variance: Floats) -> NDArray[np.intp]:
    """Of tiles of one level those that are at the floor that their variances have."""
    spread = float(np.sqrt(2 / _FREEDOM))
    ordered = np.sort(variance)
    floor = float(ordered[int(_FLATTEST * len(ordered))]) / (1 - 1.28 * spread)
    for _ in range(8):
        inside = ordered[ordered < floor * (1 + 2.5 * spread)]
        if not len(inside):
            break
        before, floor = floor, float(inside.mean())
        if abs(floor - before) < 0.005 * before:
            break
    return np.flatnonzero(variance < floor * (1 + 2.5 * spread))


def _block_energies(rest: Floats) -> Floats:
    """Squared DCT coefficients of the blocks of luma tiles, (n, blocks, 16)."""
    n = len(rest)
    nothing = np.zeros((n * TILE // 2, TILE // 2), np.float32)
    found = split(rest.reshape(-1, TILE), nothing, nothing)[:16].reshape(16, n, -1)
    return np.asarray(np.square(found).transpose(1, 2, 0), np.float32)


def _scatter(energy: Floats) -> float:
    """How much the energy of a tile's blocks varies, over what Gaussian noise of that spectrum does."""
    each = energy.sum(2)
    each = each / np.maximum(each.mean(1, keepdims=True), 1e-6)
    share = energy.mean((0, 1), dtype=np.float64)
    share /= share.sum()
    return float(each.var() / (2 * np.square(share).sum()))


def _model(
    planes: Planes,
    tiles: _Tiles,
    level: Floats,
    alive: NDArray[np.bool_],
    flat: NDArray[np.intp],
    points: list[_Point],
) -> NoiseModel:
    curve = _curve(points + _dead(level, alive))
    luma = tiles.cut(planes.y, TILE, TILE)[flat]
    rests = [_about_slope(luma)[1]]
    found = [_plane(curve, rests[0])]
    if planes.u.size:
        scales = [round(a / b) for a, b in zip(planes.y.shape, planes.u.shape, strict=True)]
        for plane in (planes.u, planes.v):
            chroma = tiles.cut(plane, TILE // scales[0], TILE // scales[1])[flat]
            noise, rest = _chroma(chroma)
            found.append(noise)
            rests.append(rest)
    y, u, v = found + [PlaneNoise(_NOTHING)] * (len(PLANES) - len(found))
    band_std = _band_std(rests) if planes.format.chroma == "420" else ()
    return NoiseModel(y, u, v, frames=1, chroma=planes.format.chroma, band_std=band_std)


def _curve(points: list[_Point]) -> NoiseCurve:
    points = sorted(points)
    levels, variances, counts = zip(*points, strict=True)
    return NoiseCurve(levels, tuple(round(v, 4) for v in variances), tuple(counts))


def _dead(level: Floats, alive: NDArray[np.bool_]) -> list[_Point]:
    """Levels at which nothing is noisy: black bars, a slide."""
    places = np.clip(level / 4, 0, 63).astype(np.intp)
    lively = np.bincount(places[alive], minlength=64)
    still = np.bincount(places[~alive], minlength=64)
    return [
        (float(level[(places == at) & ~alive].mean()), 0.0, int(still[at]))
        for at in np.flatnonzero((still >= _FEWEST) & (lively == 0))
    ]


def _chroma(tiles: Floats) -> tuple[PlaneNoise, Floats]:
    """Chroma's noise where luma is flat, and the tiles less what is picture.

    Its blots can be nearly as large as a tile: what goes with a slope is noise, too, as far as the rest is blotchy.
    """
    level, rest = _about_slope(tiles)
    usual, alike = _usual(rest), _plane(_NOTHING, rest)
    blotchy = float(
        np.mean([c[0] for c in (alike.row_correlation, alike.column_correlation) if c] or [0])
    )
    if blotchy > _BLOTCHY:
        rest = tiles - level[:, None, None]
        usual = min(_usual(rest), usual / (1 - blotchy))
    curve = NoiseCurve((float(level.mean()),), (round(usual, 4),), (len(level),))
    return _plane(curve, rest), rest


def _usual(rest: Floats) -> float:
    variance = _mean_square(rest)
    mean = float(np.mean(np.minimum(variance, 3 * np.median(variance))))
    return min(mean, float(np.quantile(variance, 0.25)) / _QUARTER)


def _plane(curve: NoiseCurve, rest: Floats) -> PlaneNoise:
    total = float(np.square(rest).mean())
    if total <= 0:
        return PlaneNoise(curve)
    row, column = (
        tuple(round(float(np.clip((a * b).mean() / total, -0.3, 0.97)), 3) for a, b in pairs)
        for pairs in (
            [(rest[:, :, :-k], rest[:, :, k:]) for k in _LAGS],
            [(rest[:, :-k], rest[:, k:]) for k in _LAGS],
        )
    )
    return PlaneNoise(curve, row, column)


def _band_std(rests: list[Floats]) -> tuple[float, ...]:
    """The standard deviation per DCT coefficient in units of a pixel's, (24,)."""
    y, u, v = (rest.reshape(-1, rest.shape[2]) for rest in rests)
    energy = np.square(split(y, u, v)).mean((1, 2), dtype=np.float64)
    found = np.empty(len(energy))
    for part in PLANE_SLICES:
        total = float(energy[part].sum())
        found[part] = np.sqrt(energy[part] / total) if total > 0 else 1 / BLOCK
    return tuple(round(float(v), 4) for v in found)

"""Estimates a camera's noise from the running stream, without a calibration.

Small tiles, spread over the picture, are compared from frame to frame (:mod:`rtdenoise.noise.tiles`). Of those that
stand still the flattest tell the noise at their level: it is larger at edges, and a curve over the level must not
hold that. Three things keep what is no noise out of the estimate:

- Noise is white in time: frames two apart differ by no more than frames one apart. What moves or fades differs more.
- A tile without noise (bars, crushed black, a slide) tells nothing about the rest.
- Noise is in every single frame, too: no tile can be noisier over time than it is rough in space, and none of a level
  much noisier than the smoothest ones are rough. Where everything moves, that is all that is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..frames import Planes
from .dct import PLANE_SLICES
from .model import PLANES, NoiseCurve, NoiseModel, PlaneNoise
from .tiles import TILE, PlaneTiles, Tiles, TileSampler

_Point = tuple[float, float, int]  # level, variance, tiles

_BINS = 32  # levels at most that the curve is told at, …
_NARROW = 4.0  # … so far apart at least, …
_EACH, _FEWEST = 20, 8  # … from so many tiles each; fewer tell nothing
_WINDOW = 8  # pairs of frames that tiles stay in place for
_WINDOWS = 5  # that an estimate rests on
_FIRST = (
    1,
    2,
    3,
    5,
)  # pairs after which a first estimate is worth its cost, besides a whole window
_REST = 20  # frames between two windows, once there are enough
_OTHER = 1.5  # times the variance, from which on a window shows another gain than those before
# Frames two apart differ more than frames one apart by 1 + the noise's own correlation in time, which a camera may
# have; a single tile's ratio scatters.
_WHITE, _WHITE_FEW, _MOST_LAG1 = 1.22, 0.9, 0.4
_ROUGH, _ROUGHEST = (
    4.0,
    3.0,
)  # times the roughness in space, of a tile and of the smoothest of a level
_MOST_CHROMA = 8.0  # times luma's variance
_ALIVE = 0.06  # squared bytes: below it there is no noise
_STANDS_OUT = 2.0  # times the median of seven levels
_FLATTEST = 0.5  # of the still tiles of a level
# At least so many tiles, and so large a share of those with noise, must stand still for an estimate to be trusted.
_SETTLED, _SETTLED_SHARE = 24, 0.1
# Where nothing stands still, so many of the tiles must have changed for that to be movement.
_MOVING = 0.2
# The noise per coefficient of a typical webcam, in squared pixel deviations (Σ = 1 per plane): what an estimate starts
# from, and how many tiles it counts for.
_ALONG = np.array([0.70, 0.21, 0.07, 0.02])
_LUMA = np.outer(_ALONG, _ALONG).ravel()
_CHROMA = np.outer([0.85, 0.15], [0.85, 0.15]).ravel()
_PRIOR = np.concatenate([_LUMA, _CHROMA, _CHROMA])
_PRIOR_TILES = 6.0


class Seen(Enum):
    """What the tiles of some frames do."""

    STILL = "still"
    """Enough of them stand still, with noise."""
    MOVING = "moving"
    """Nearly all of them change by more than noise does."""
    FROZEN = "frozen"
    """Nearly all of them are the same in every frame."""


class NoiseEstimator:
    """Follows the noise of a stream.

    Call :meth:`update` with every frame; when it gives True, :meth:`model` holds a fresh estimate.
    """

    def __init__(self) -> None:
        self._sampler: TileSampler | None = None
        self._shapes: list[tuple[int, ...]] = []
        self._chroma = ""
        self._windows: deque[Tiles] = deque(maxlen=_WINDOWS)
        self._curves: list[NoiseCurve | None] = []  # of luma, of the last two windows
        self._frames = 0
        self._pause = 0
        self._steps: Iterator[bool] | None = None
        self._made: NoiseModel | None = None

    def reset(self) -> None:
        """Forgets all that was seen."""
        self.__init__()  # type: ignore[misc]

    def update(self, planes: Planes) -> bool:
        """Takes the next frame; True when a fresh estimate is due."""
        sources = [plane for plane in (planes.y, planes.u, planes.v) if plane.size]
        shapes = [plane.shape for plane in sources]
        if shapes != self._shapes:
            self.reset()
            self._shapes, self._chroma = shapes, planes.format.chroma
            self._sampler = TileSampler([(s[0], s[1]) for s in shapes])
        sampler = self._sampler
        if sampler is None or not sampler.usable:
            return False
        if self._pause:
            self._pause -= 1
            # A plane a frame: all at once would make one frame in thirty late.
            return self._steps is not None and next(self._steps, False)
        if not sampler.add(sources) or not sampler.pairs:
            return False
        self._frames += 1
        if sampler.pairs < _WINDOW:
            return not self._windows and sampler.pairs in _FIRST
        tiles = sampler.tiles()
        assert tiles is not None
        self._steps, self._made = None, None
        last = self._windows[-1] if self._windows else tiles
        self._windows.append(tiles)
        sampler.move()
        before = self._curves
        curve = _curve_of(tiles)
        self._curves = [*before[-1:], curve]
        # One window may show what moved; two that agree show another gain.
        other = bool(before) and _changed(before[0], curve)
        if other and len(before) == 2 and _changed(*before) and not _changed(before[1], curve):
            self._windows = deque([last, tiles], maxlen=_WINDOWS)
        elif len(self._windows) == _WINDOWS and not other:
            self._pause = _REST
            self._steps = self._in_steps()
            return False
        return True

    @property
    def settled(self) -> bool:
        """Whether tiles were watched for a whole window."""
        return bool(self._windows)

    @property
    def seen(self) -> Seen | None:
        """What the tiles do; None before the first pair of frames."""
        seen = self._seen()
        if not seen:
            return None
        lag1 = _lag1(seen)
        if sum(int(_still(t, 0, lag1).sum()) for t in seen) >= _FEWEST:
            return Seen.STILL
        alive = np.concatenate([t.planes[0].one > _ALIVE for t in seen])
        return Seen.MOVING if float(np.mean(alive)) > _MOVING else Seen.FROZEN

    @property
    def trusted(self) -> bool:
        """Whether enough of the picture was seen standing still for long enough."""
        seen = self._seen()
        if not seen or seen[0].pairs < 3:
            return False
        lag1 = _lag1(seen)
        still = sum(int(_still(t, 0, lag1).sum()) for t in seen)
        alive = sum(int((t.planes[0].one > _ALIVE).sum()) for t in seen)
        return still >= max(_SETTLED, _SETTLED_SHARE * alive)

    def model(self) -> NoiseModel | None:
        """The noise as far as it is known; None before the first pair of frames."""
        made = self._made
        if made is None:
            for _ in self._in_steps():
                pass
            made, self._made = self._made, None
        return made

    def _in_steps(self) -> Iterator[bool]:
        """Makes the model a plane at a time; True once it is there."""
        seen = self._seen()
        self._made = None
        if not seen:
            return
        lag1 = _lag1(seen)
        luma = _PlaneEstimate(seen, 0, lag1)
        most = _MOST_CHROMA * float(np.median(luma.expected))
        found = [luma]
        for index in range(1, len(seen[0].planes)):
            yield False
            found.append(_PlaneEstimate(seen, index, lag1, most))
        yield False
        nothing = PlaneNoise(NoiseCurve((128.0,), (0.0,)))
        y, u, v = [plane.noise for plane in found] + [nothing] * (len(PLANES) - len(found))
        band_std = _band_std(seen, found) if self._chroma == "420" else ()
        self._made = NoiseModel(
            y, u, v, frames=self._frames + 1, chroma=self._chroma, band_std=band_std
        )
        yield True

    def _seen(self) -> list[Tiles]:
        """Whole windows, or at first what there is of one."""
        if self._windows or self._sampler is None:
            return list(self._windows)
        tiles = self._sampler.tiles()
        return [] if tiles is None else [tiles]


def _curve_of(tiles: Tiles) -> NoiseCurve | None:
    """Luma's noise as one window shows it; None where too little stands still."""
    lag1 = _lag1([tiles])
    if int(_still(tiles, 0, lag1).sum()) < _SETTLED:
        return None
    return _PlaneEstimate([tiles], 0, lag1).noise.curve


def _changed(before: NoiseCurve | None, now: NoiseCurve | None) -> bool:
    """Whether the noise of two windows is that of two gains."""
    if before is None or now is None:
        return False
    # Levels that both have.
    levels = np.linspace(
        max(before.levels[0], now.levels[0]), min(before.levels[-1], now.levels[-1]), 9
    )
    old, new = (np.maximum(c.variance(levels), _ALIVE) for c in (before, now))
    return not 1 / _OTHER < float(np.median(new / old)) < _OTHER


def _ratio(plane: PlaneTiles) -> Floats:
    return np.asarray(plane.two / np.maximum(plane.one, 1e-3), np.float32)


def _could_be_noise(plane: PlaneTiles) -> NDArray[np.bool_]:
    """Tiles that have noise, and no more than they are rough."""
    return (plane.one > _ALIVE) & (plane.one < _ROUGH * plane.spatial + _ALIVE)


def _lag1(seen: list[Tiles]) -> float:
    """The noise's correlation from frame to frame: 0 in most cameras."""
    if seen[0].pairs < 3:
        return 0.0
    ratios = np.concatenate([_ratio(t.planes[0])[_could_be_noise(t.planes[0])] for t in seen])
    return float(np.clip(np.quantile(ratios, 0.4) - 1, 0, _MOST_LAG1)) if len(ratios) else 0.0


def _still(tiles: Tiles, index: int, lag1: float) -> NDArray[np.bool_]:
    """Tiles of a plane in which nothing moves, in luma neither.

    Blots of chroma are larger than a tile, which they leave smooth: there only luma tells how rough noise can be.
    """
    still = np.ones(len(tiles.one), np.bool_)
    for plane in dict.fromkeys((0, index)):
        found = tiles.planes[plane]
        still &= _could_be_noise(found) if plane == 0 else found.one > 0
        if tiles.pairs > 1:
            still &= _ratio(found) < (1 + lag1) * (_WHITE + _WHITE_FEW / tiles.pairs**1.5)
    return still


class _PlaneEstimate:
    """The noise of one plane.

    Args:
        seen: What each window says.
        index: Of the plane.
        lag1: The noise's correlation from frame to frame.
        most: For chroma, the largest variance that is believed; luma's is held to how rough single frames are.
    """

    def __init__(self, seen: list[Tiles], index: int, lag1: float, most: float = np.inf) -> None:
        def joined(name: str, index: int = index) -> Floats:
            return np.concatenate([getattr(t.planes[index], name) for t in seen])

        self.level, self.one, two = joined("level"), joined("one"), joined("two")
        spatial = joined("spatial", 0)
        still = np.concatenate([_still(t, index, lag1) for t in seen])
        alive = self.one > _ALIVE
        self.chosen = np.zeros(len(self.level), np.bool_)
        points = []
        for held in _bins(self.level, still):
            limit = np.quantile(spatial[held], max(_FLATTEST, _FEWEST / len(held)))
            some = held[spatial[held] <= limit]
            self.chosen[some] = True
            variance = _without_drift(self.one[some], two[some], seen[0].pairs, lag1)
            if index == 0:
                low, high = self.level[held[0]] - _NARROW, self.level[held[-1]] + _NARROW
                near = alive & (self.level >= low) & (self.level <= high)
                most = _ROUGHEST * float(np.quantile(spatial[near], 0.2)) + _ALIVE
            points.append((float(np.mean(self.level[some])), min(variance, most), len(held)))
        if not points:
            # All that is known is how rough the smoothest places are.
            rough = float(np.quantile(spatial[alive], 0.1)) if alive.any() else 0.0
            rough = min(rough, most)
            points = [(float(np.median(self.level)), rough, 1)]
        points = _smooth(points) + [(at, 0.0, count) for at, count in _dead(self.level, alive)]
        levels, variances, counts = zip(*sorted(points), strict=True)
        curve = NoiseCurve(
            levels, tuple(round(v, 4) for v in variances), tuple(c * TILE**2 for c in counts)
        )
        self.expected = np.maximum(curve.variance(self.level), _ALIVE)
        self.noise = PlaneNoise(
            curve, self._correlation(joined("row")), self._correlation(joined("column"))
        )

    def _correlation(self, covariances: Floats) -> tuple[float, ...]:
        """Of neighbours, in the tiles that the estimate rests on."""
        if int(self.chosen.sum()) < _FEWEST:
            return ()
        weight = 1 / self.expected[self.chosen]
        total = float(np.sum(self.one[self.chosen] * weight))
        means = np.sum(covariances[self.chosen] * weight[:, None], axis=0) / total
        return tuple(round(float(r), 3) for r in np.clip(means, -0.3, 0.97))


def _bins(level: Floats, still: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Still tiles of about one level each, darkest first; as fine as there are tiles for it."""
    found = np.flatnonzero(still)
    if len(found) < _FEWEST:
        return []
    found = found[np.argsort(level[found], kind="stable")]
    each = max(len(found) // _BINS, _EACH)
    bins = np.array_split(found, max(len(found) // each, 1))
    # Tiles of one level stay together.
    wide = [bins[0]]
    for held in bins[1:]:
        if level[held[-1]] - level[wide[-1][0]] < _NARROW:
            wide[-1] = np.concatenate([wide[-1], held])
        else:
            wide.append(held)
    return wide


def _dead(level: Floats, alive: NDArray[np.bool_]) -> list[tuple[float, int]]:
    """Levels at which nothing ever changes, and how many tiles say so."""
    places = (np.clip(level, 0, 255) / _NARROW).astype(np.intp)
    lively = np.bincount(places[alive], minlength=int(places.max()) + 1)
    still = np.bincount(places[~alive], minlength=len(lively))
    found = np.flatnonzero((still >= _FEWEST) & (lively == 0))
    return [(float(level[places == at].mean()), int(still[at])) for at in found]


def _without_drift(one: Floats, two: Floats, pairs: int, lag1: float) -> float:
    """The variance of the noise of some tiles, what drifts taken out.

    A walk adds half its step's square to the one and all of it to the other.
    """
    usual = float(np.mean(np.minimum(one, 4 * np.median(one))))
    if pairs > 1:
        further = float(np.mean(np.minimum(two, 4 * np.median(two)))) / (1 + lag1)
        usual = max(usual - max(further - usual, 0.0), 0.3 * usual)
    return usual / (1 - lag1)


def _band_std(seen: list[Tiles], noise: list[_PlaneEstimate]) -> tuple[float, ...]:
    """The standard deviation per DCT coefficient in units of a pixel's, (24,).

    A plane's squares add up to one, as those of any noise do.
    """
    one = np.concatenate([t.one for t in seen])
    found = np.empty(one.shape[1])
    for part, plane in zip(PLANE_SLICES, noise, strict=True):
        energy = one[plane.chosen, part] / plane.expected[plane.chosen, None]
        total = energy.sum(axis=0) + _PRIOR_TILES * _PRIOR[part]
        found[part] = np.sqrt(total / total.sum())
    return tuple(round(float(v), 4) for v in found)


def _smooth(points: list[_Point]) -> list[_Point]:
    """Neighbouring levels support each other, and none may stand far above those around it.

    A level that only a moving thing has shows the motion, not the noise.
    """
    if len(points) < 3:
        return points
    levels, variances, counts = (np.array(values, float) for values in zip(*points, strict=True))
    reach = min(len(points) - 1, 3)
    padded = np.pad(variances, reach, mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    middle = np.median(around, axis=1)
    variances = np.where(variances > _STANDS_OUT * middle, middle, variances)
    weights = np.minimum(counts, 100.0)
    kernel = np.array([0.25, 1.0, 0.25])
    top = np.convolve(np.pad(np.sqrt(variances) * weights, 1), kernel, "valid")
    smooth = np.square(top / np.convolve(np.pad(weights, 1), kernel, "valid"))
    found = zip(levels, smooth, counts, strict=True)
    return [(float(at), float(v), int(count)) for at, v, count in found]

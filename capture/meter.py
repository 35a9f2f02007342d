"""Looks at a scene while it is filmed: does it stand still, is it lit well enough, is the camera left alone?

What a recording is fit for is judged from the clip itself (:mod:`capture.series`); this only leads the person who
films, on small pictures, in a few milliseconds a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Doubles, Floats
from rtdenoise.frames import Planes
from rtdenoise.noise.flicker import Flicker, FlickerWatch

from .shift import ShiftMeter
from .verdict import CLIPPED_LIMIT, LAG1_LIMIT, LEAST_STATIC_FRACTION, SHIFT_LIMIT_PX

State = Literal["waiting", "dark", "bright", "shift", "moving", "drift", "frozen", "good"]

_WIDTH = 320  # columns of the small pictures, at most
_TILE = 8  # pixels of a small picture per tile
_DECIMATED = 8  # of so many pixels across and down, one tells what is black or white
_CLIPPED_LEVELS = 3
# A tile has changed if it lies so many levels, and deviations of its noise, beside where it was.
_CHANGED_LEVELS, _CHANGED_DEVIATIONS = 1.5, 6.0
_LEAST_DEVIATION, _MOST_DEVIATION = 0.05, 1.0  # more isn't noise
_ALL_CHANGES = 1 - LEAST_STATIC_FRACTION  # share of the tiles: a cut, or a camera that is turned
_REMEMBERED = 32  # frames that the picture of reference is a mean of, at most
_MOVES = 0.01  # share of the tiles from which on it may be the camera that moved
_SHIFT_EVERY_S, _SHIFT_SOON_S = 0.4, 0.1
_DRIFT_LEVELS = 1.0
_FLICKER_S = 4.0
_SAMPLE = 192  # pixels across and down, at full resolution: their noise tells whether a codec has frozen it
_SAMPLED_FRAMES = 16
_LEAST_VARIANCE = 0.02


@dataclass(frozen=True)
class Reading:
    """What the meter says of a frame.

    ``state`` is what matters most; "waiting" until a second frame has come. ``dark`` and ``bright`` are the shares of
    the picture that are clipped, ``moving`` that which is not where it was, ``shift_px`` how far the camera moved,
    ``drift_levels`` by how much the light changed, all since filming began or since something was last wrong;
    ``mains_hz`` is 50 or 60 where lamps flicker, else 0, with their ``flicker_levels``; ``lag1`` says how alike the
    noise of neighbouring frames is. ``good`` is how many frames of the scene are fit so far.
    """

    state: State = "waiting"
    dark: float = 0.0
    bright: float = 0.0
    moving: float = 0.0
    shift_px: float = 0.0
    drift_levels: float = 0.0
    mains_hz: int = 0
    flicker_levels: float = 0.0
    lag1: float = 0.0
    level: float = 0.0
    good: int = 0

    @property
    def still(self) -> bool:
        """Whether frames like this one are fit."""
        return self.state == "good"


class Meter:
    """Takes the frames of one camera in order; see :class:`Reading`."""

    def __init__(self) -> None:
        self._flicker = FlickerWatch(_FLICKER_S)
        self._found: Flicker | None = None
        self._good = 0
        self._forget()

    def next_scene(self) -> None:
        """What comes now is another scene."""
        self._good = 0
        self._forget()

    def _forget(self) -> None:
        """Begins again: what was there before is no reference any more."""
        self._small: Floats | None = None
        self._tiles: Floats | None = None
        self._before: Floats | None = None
        self._deviation = 0.0
        self._count = 0
        self._shift_px, self._shift_at_s = 0.0, -np.inf
        self._sampled: list[Floats] = []
        self._lag1 = 0.0

    def __call__(self, planes: Planes) -> Reading:
        """Takes the next frame.

        Returns:
            What is to be said of it.
        """
        layout, luma = planes.format, planes.y
        found = self._flicker.update(luma, planes.time_s)
        self._found = found or self._found
        black, white = (0, 255) if layout.full_range else (16, 235)
        few = luma[::_DECIMATED, ::_DECIMATED]
        dark = float(np.mean(few <= black + _CLIPPED_LEVELS))
        bright = float(np.mean(few >= white - _CLIPPED_LEVELS))
        small = _halved(planes.y)
        tiles = _tiles(small)
        level = float(tiles.mean())
        known = Reading(
            dark=dark,
            bright=bright,
            level=level,
            mains_hz=self._found.mains_hz if self._found else 0,
            flicker_levels=self._found.amplitude * level if self._found else 0.0,
            good=self._good,
        )
        if dark > CLIPPED_LIMIT or bright > CLIPPED_LIMIT:
            self._forget()
            return replace(known, state="dark" if dark > bright else "bright")
        if self._tiles is None or self._small is None or self._before is None:
            self._begin(small, tiles)
            return known
        self._learn_noise(tiles)
        gain = _gain(tiles, self._tiles)
        off = np.abs(tiles / np.float32(gain) - self._tiles)
        noise = float(np.clip(self._deviation, _LEAST_DEVIATION, _MOST_DEVIATION))
        limit = _CHANGED_LEVELS + _CHANGED_DEVIATIONS * noise
        moving = float(np.mean(off > limit))
        drift = (
            abs(gain - 1) * level
        )  # what the reference holds has the brightness that it began with
        self._measure_shift(small, planes, _SHIFT_EVERY_S if moving < _MOVES else _SHIFT_SOON_S)
        known = replace(known, moving=moving, shift_px=self._shift_px, drift_levels=drift)
        checks: tuple[tuple[State, bool], ...] = (
            ("shift", self._shift_px >= SHIFT_LIMIT_PX),
            ("moving", moving > _ALL_CHANGES),
            ("drift", drift > _DRIFT_LEVELS + noise),
        )
        for state, wrong in checks:
            if wrong:
                # From here on this is the scene: what comes after it is held against it.
                self._forget()
                self._begin(small, tiles)
                return replace(known, state=state)
        self._remember(small, tiles, gain)
        self._sample(luma)
        if self._lag1 > LAG1_LIMIT:
            return replace(known, state="frozen", lag1=self._lag1)
        self._good += 1
        return replace(known, state="good", good=self._good, lag1=self._lag1)

    def _begin(self, small: Floats, tiles: Floats) -> None:
        self._small, self._tiles, self._before = small, tiles.copy(), tiles
        self._count = 1

    def _learn_noise(self, tiles: Floats) -> None:
        """The deviation of a tile's mean, from the difference of two frames; the median of the tiles."""
        assert self._before is not None
        change = tiles - self._before
        self._before = tiles
        now = float(np.median(np.abs(change - np.median(change)))) / (0.6745 * 2**0.5)
        self._deviation = now if self._count == 1 else 0.8 * self._deviation + 0.2 * now

    def _remember(self, small: Floats, tiles: Floats, gain: float) -> None:
        assert self._small is not None
        assert self._tiles is not None
        self._count = min(self._count + 1, _REMEMBERED)
        share = 1 / self._count
        # Light that flickers is no reason to let the reference follow it.
        cv2.accumulateWeighted(small / np.float32(gain), self._small, share)
        cv2.accumulateWeighted(tiles / np.float32(gain), self._tiles, share)

    def _measure_shift(self, small: Floats, planes: Planes, every_s: float) -> None:
        if planes.time_s < self._shift_at_s:
            self._shift_at_s = -np.inf
        if planes.time_s - self._shift_at_s < every_s:
            return
        assert self._small is not None
        self._shift_at_s = planes.time_s
        scale = planes.format.width / small.shape[1]
        self._shift_px = scale * float(np.hypot(*ShiftMeter(self._small)(small)))

    def _sample(self, luma: Bytes) -> None:
        """Looks at the middle's noise at full resolution."""
        height, width = luma.shape
        side = min(_SAMPLE, height, width)
        top, left = (height - side) // 2, (width - side) // 2
        self._sampled.append(luma[top : top + side, left : left + side].astype(np.float32))
        if len(self._sampled) == _SAMPLED_FRAMES:
            self._lag1 = _lag1(np.stack(self._sampled))
            self._sampled = []


def _halved(luma: Bytes) -> Floats:
    small: cv2.typing.MatLike = luma
    while small.shape[1] > _WIDTH:  # halving is what OpenCV is quick at
        size = (small.shape[1] // 2, max(small.shape[0] // 2, 1))
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _tiles(small: Floats) -> Floats:
    size = (max(small.shape[1] // _TILE, 1), max(small.shape[0] // _TILE, 1))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.float32)


def _gain(tiles: Floats, usual: Floats) -> float:
    """How much brighter the picture is than usual, row by row alike: a factor."""
    fit = usual > 8
    return float(np.median(tiles[fit] / usual[fit])) if fit.sum() > 8 else 1.0


def _lag1(frames: Floats) -> float:
    """How alike the noise of neighbouring frames is, of those that vary at all: 0 for none, 1 for the same."""
    frames = frames - frames.mean(axis=(1, 2), keepdims=True)  # the light's
    count = len(frames)
    noise = frames - frames.mean(axis=0)
    variance: Doubles = np.square(noise).mean(axis=0, dtype=np.float64)
    fit = variance > _LEAST_VARIANCE
    # What moves is alike, too: only the calmer half tells.
    fit &= variance <= np.median(variance[fit]) if fit.any() else False
    if fit.sum() < 64:
        return 0.0
    product = (noise[1:] * noise[:-1]).mean(axis=0, dtype=np.float64)
    # Residuals of independent noise have −1/(N − 1) at lag 1.
    return float(product[fit].sum() / variance[fit].sum()) + 1 / (count - 1)

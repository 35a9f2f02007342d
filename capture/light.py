"""The light over a clip: what of its changes a person should know of, from how bright the picture is frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Doubles, Floats
from rtdenoise.noise.flicker import Flicker, find_flicker

_ROWS, _COLUMNS = 48, 12
_WINDOW = 8  # frames before and after
_LEAST_STEP, _LEAST_DRIFT = 0.008, 0.012  # shares of the light
_SURE = 6.0  # standard errors
_SHARP = 3  # frames in which most of a step happens
_DARK, _BRIGHT = 12.0, 240.0


@dataclass(frozen=True)
class LightChange:
    """``kind`` is "step" (at frame ``first``) or "drift"; ``share`` is by how much, up or down."""

    kind: str
    first: int
    share: float


class LightMeter:
    """Keeps how bright the picture is in tiles, frame by frame."""

    def __init__(self) -> None:
        self._tiles: list[Floats] = []
        self._times: list[float] = []

    def __call__(self, luma: Bytes, time_s: float) -> None:
        """Takes the next frame in."""
        # In two steps: a mean in bytes would round a hundredth of the light away.
        fine = cv2.resize(luma, (_COLUMNS * 4, _ROWS * 4), interpolation=cv2.INTER_AREA)
        small = cv2.resize(fine.astype(np.float32), (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
        self._tiles.append(np.asarray(small, np.float32))
        self._times.append(time_s)

    def change(self, first: int, stop: int) -> LightChange | None:
        """The largest change of the light within these frames of one scene; None where it is steady."""
        gains = _gains(np.stack(self._tiles[first:stop])) if stop - first >= 3 * _WINDOW else None
        return None if gains is None else _judge(gains, first)

    def share(self, first: int, stop: int) -> float:
        """By how much these frames of one scene become brighter, first to last quarter, as a share."""
        gains = _gains(np.stack(self._tiles[first:stop])) if stop > first else None
        if gains is None:
            return 0.0
        part = max(len(gains) // 4, 1)
        return float(np.median(gains[-part:]) - np.median(gains[:part]))

    def flicker(self) -> Flicker | None:
        """Which mains the lamps hang on, where they flicker."""
        if len(self._tiles) < 2:
            return None
        return find_flicker(np.stack(self._tiles), np.asarray(self._times, np.float32))


def _gains(tiles: Floats) -> Doubles | None:
    """How bright each frame is, 1 as usual, (N,): what moves in less than half of the picture doesn't matter."""
    usual = np.median(tiles, axis=0)
    fit = (usual > _DARK) & (usual < _BRIGHT)
    if fit.sum() < 8:
        return None
    return np.asarray(np.median(tiles[:, fit] / usual[fit], axis=1), np.float64)


def _judge(gains: Doubles, first: int) -> LightChange | None:
    count = len(gains)
    noise = 1.4826 * float(np.median(np.abs(np.diff(gains)))) / 2**0.5
    sure = _SURE * 1.25 * noise * (2 / _WINDOW) ** 0.5

    def apart(at: int, length: int) -> float:
        after, before = gains[at : at + length], gains[at - length : at]
        return float(np.median(after) - np.median(before))

    steps = [apart(at, _WINDOW) for at in range(_WINDOW, count - _WINDOW + 1)]
    at = _WINDOW + int(np.argmax(np.abs(steps)))
    step = steps[at - _WINDOW]
    total = float(np.median(gains[-_WINDOW:]) - np.median(gains[:_WINDOW]))
    sharp = abs(apart(at, _SHARP)) > 0.6 * abs(step)
    if abs(step) > max(_LEAST_STEP, sure) and sharp:
        return LightChange("step", first + at, step)
    if abs(total) > max(_LEAST_DRIFT, sure):
        return LightChange("drift", first, total)
    return None

"""Mains flicker in a stream: which mains the lamps hang on, 50 or 60 Hz.

Lamps flicker at twice the mains' frequency. A sensor that reads row after row sees that as bands. From frame to frame
their phase moves on by what the flicker is ahead of the frame rate: at 30 frames/s a third of a band at 50 Hz, and next
to nothing at 60 Hz, where they only wander because no two clocks are alike. So two things tell flicker from all else
that changes: rows brighten in time with one of two known frequencies, by the frames' own times, and each row later than
the one above it. What moves changes some columns only, and is left out by the median over columns; what the camera's
exposure does changes all rows at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Bytes, Floats

WINDOW_S = 20.0
MAINS_HZ = (50, 60)
_HALVED_TO = 320  # columns
_ROWS, _COLUMNS = 48, 12  # of the tiles whose means are taken
_DARK = 12.0  # levels: darker tiles are noise
# How far the flicker may be from twice 50 or 60 Hz: mains are kept to a few hundredths.
_OFF_HZ = 0.1
_LEAST = 0.003  # amplitude as a share of the level: below, nobody sees bands
_AHEAD = 8.0  # times the power of other frequencies
_TRAVELS = 0.8  # share of the power that a wave along the rows explains
# Share of tiles, and of the amplitude that they may be off: texture that moves is all off.
_AGREE, _LIKE = 0.6, 0.5
_BANDS = np.arange(0.0, 4.01, 0.1)  # of them in a picture
# Where the beat is so slow that exposure could follow it, it has to have bands.
_SLOW_HZ, _LEAST_BANDS = 3.0, 0.3


@dataclass(frozen=True)
class Flicker:
    """What was found.

    Args:
        mains_hz: 50 or 60.
        amplitude: As a share of the level.
        bands: How many of them are in a picture.
    """

    mains_hz: int
    amplitude: float
    bands: float


class FlickerWatch:
    """Looks at some seconds of a stream.

    Args:
        window_s: How many.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._tiles: list[Floats] = []
        self._times: list[float] = []

    def update(self, luma: Bytes, time_s: float) -> Flicker | None:
        """Takes the next frame in; says what was found at the end of each window.

        Args:
            luma: (H, W).
            time_s: When it was taken.
        """
        if self._times and time_s <= self._times[-1]:
            self.reset()
        small: cv2.typing.MatLike = luma
        while small.shape[1] > _HALVED_TO:  # halving is what OpenCV is quick at
            size = (small.shape[1] // 2, max(small.shape[0] // 2, 1))
            small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        tiles = cv2.resize(small, (_COLUMNS, _ROWS * 4), interpolation=cv2.INTER_AREA)
        self._tiles.append(tiles.reshape(_ROWS, 4, _COLUMNS).mean(axis=1, dtype=np.float32))
        self._times.append(time_s)
        if time_s - self._times[0] < self._window_s:
            return None
        found = find_flicker(np.stack(self._tiles), np.asarray(self._times))
        self.reset()
        return found

    def reset(self) -> None:
        """Begins anew: what came before says nothing any more."""
        self._tiles, self._times = [], []


def find_flicker(tiles: Floats, times: Floats) -> Flicker | None:
    """The flicker in a series of frames; None where there is none, or it can't be told from other changes.

    Args:
        tiles: The mean luma of tiles, (N, rows, columns).
        times: When the frames were taken, in s, (N,).
    """
    level = tiles.mean(axis=0)
    if len(times) < 60 or float(np.median(level)) < _DARK:
        return None
    spectrum = _Spectrum(tiles / np.maximum(level, _DARK), times)
    found = [flicker for hz in MAINS_HZ if (flicker := _judge(spectrum, hz)) is not None]
    return max(found, key=lambda flicker: flicker.amplitude, default=None)


class _Spectrum:
    """What rows do at a frequency: their complex amplitudes."""

    def __init__(self, tiles: Floats, times: Floats) -> None:
        self._tiles = tiles
        profiles = np.median(tiles, axis=2)  # (N, rows)
        self.times = times - times[0]
        self.length_s = float(self.times[-1])
        line = np.stack([np.ones_like(self.times), self.times], axis=1)
        self._profiles = profiles - line @ np.linalg.lstsq(line, profiles, rcond=None)[0]
        # Else what is strong at one frequency is seen at all others.
        window = 0.5 - 0.5 * np.cos(2 * np.pi * self.times / self.length_s)
        self._window = window / window.sum()
        self.rate_fps = (len(times) - 1) / self.length_s

    def at(self, hz: float) -> Floats:
        """(rows,) complex."""
        return np.asarray(2 * self._turns(hz) @ self._profiles)

    def agreement(self, hz: float) -> float:
        """The share of tiles that do about what their row does."""
        turns = self._turns(hz)
        tiles = 2 * np.tensordot(turns - turns.mean(), self._tiles, axes=1)  # (rows, columns)
        rows = self.at(hz)[:, None]
        return float(np.mean(np.abs(tiles - rows) < _LIKE * np.abs(rows)))

    def _turns(self, hz: float) -> Floats:
        return np.asarray(np.exp(-2j * np.pi * hz * self.times) * self._window)

    def alias(self, hz: float) -> float:
        """The frequency that is seen: by how much it is beside a multiple of the frame rate."""
        return abs(hz - round(hz / self.rate_fps) * self.rate_fps)


def _judge(spectrum: _Spectrum, mains_hz: int) -> Flicker | None:
    step = 0.5 / spectrum.length_s
    offsets = np.arange(-_OFF_HZ, _OFF_HZ + step / 2, step)
    powers = [float(np.mean(np.abs(spectrum.at(2 * mains_hz + d)) ** 2)) for d in offsets]
    best = int(np.argmax(powers))
    hz = 2 * mains_hz + float(offsets[best])
    seen = spectrum.alias(hz)
    if seen < 2 / spectrum.length_s:
        return None  # stands still, as the scene does
    amplitude = float(np.sqrt(powers[best]))
    if amplitude < _LEAST:
        return None
    # Others, beyond what the window spreads, that are as far from standing still.
    beside = [s * k / spectrum.length_s for k in (3, 4, 5, 6, 8) for s in (-1, 1)]
    others = [hz + d for d in beside if spectrum.alias(hz + d) > 2 / spectrum.length_s]
    floor = float(np.median([np.mean(np.abs(spectrum.at(o)) ** 2) for o in others]))
    if powers[best] < _AHEAD * floor:
        return None
    if spectrum.agreement(hz) < _AGREE:
        return None
    rows = spectrum.at(hz)
    places = np.arange(len(rows)) / len(rows)
    waves = np.exp(2j * np.pi * np.outer(np.concatenate([_BANDS, -_BANDS]), places))
    explained = np.abs(waves @ rows) ** 2 / (len(rows) * np.sum(np.abs(rows) ** 2))
    wave = int(np.argmax(explained))
    bands = float(np.concatenate([_BANDS, _BANDS])[wave])
    if explained[wave] < _TRAVELS or (seen < _SLOW_HZ and bands < _LEAST_BANDS):
        return None
    return Flicker(mains_hz, amplitude, bands)

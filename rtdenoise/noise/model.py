"""The noise model of a camera: how much it varies at which level, and how that is correlated.

The variance curve is the photon transfer curve of the camera's *output*: variance of a byte against its
mean level, per plane, after everything that the camera does to its picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ProfileError
from ..files import count_of, number_of, read_json, text_of, write_json
from .dct import COEFFICIENTS
from .structure import StructureNoise

PlaneName = Literal["y", "u", "v"]
PLANES: tuple[PlaneName, ...] = ("y", "u", "v")
_UNKNOWN = float("nan")
_VERSION = 2  # of the file; 1 had no number and no structure
# What no camera has: squared bytes; standard deviations of a pixel (all 16 of a block alike make 4); correlations as
# they are estimated.
_MOST_VARIANCE, _MOST_BAND, _MOST_CORRELATION = 255.0**2, 100.0, 2.0
_HINT = "Run rtdenoise calibrate again for this camera."


@dataclass(frozen=True)
class NoiseCurve:
    """Noise variance against level, for one plane.

    ``levels`` rise, in bytes (0–255); ``variances`` are in squared bytes; ``counts`` say how many pixels each
    point rests on; ``low`` and ``high`` are the 95 % confidence interval of each variance (empty where it was not
    taken). Between points the curve is linear, outside it is flat.
    """

    levels: tuple[float, ...]
    variances: tuple[float, ...]
    counts: tuple[int, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def scaled(self, factor: float) -> NoiseCurve:
        """The curve with all variances times ``factor``."""
        variances, low, high = (
            tuple(v * factor for v in values) for values in (self.variances, self.low, self.high)
        )
        return replace(self, variances=variances, low=low, high=high)

    def variance(self, level: NDArray[np.floating[Any]] | float) -> NDArray[np.float32]:
        """The variance at ``level`` (bytes, any shape), in squared bytes."""
        return np.asarray(np.interp(level, self.levels, self.variances), np.float32)

    def table(self) -> NDArray[np.float32]:
        """The variance at each of the 256 levels."""
        return self.variance(np.arange(256.0))


@dataclass(frozen=True)
class PlaneNoise:
    """The noise of one plane.

    ``row_correlation`` and ``column_correlation`` are the normalised autocorrelation at lags 1, 2, … pixels
    along a row and down a column; ``temporal_correlation`` at lags 1, 2, 3 frames; ``fixed_pattern_std`` is
    the standard deviation of what stays the same in every frame, in bytes (NaN where not measured).
    ``row_flicker_std`` is that of an offset which a whole row shares and which is new in every frame, in bytes
    (row noise of the sensor, banding of lamps on mains; 0 where chance explains it, NaN where not measured); the
    variance of the curve holds it too. ``row_flicker_period`` is the height of one mains band in rows (NaN where
    there are none).
    """

    curve: NoiseCurve
    row_correlation: tuple[float, ...] = ()
    column_correlation: tuple[float, ...] = ()
    temporal_correlation: tuple[float, ...] = ()
    fixed_pattern_std: float = _UNKNOWN
    row_flicker_std: float = _UNKNOWN
    row_flicker_period: float = _UNKNOWN

    def halved(self, across: bool, down: bool) -> PlaneNoise:
        """The noise after pairs of neighbours were averaged across rows' pixels, down columns, or both.

        A fixed pattern and the offsets of rows went through the same filters as the noise: they are taken to be
        correlated as it is, but for banding, which is far higher than two rows.
        """
        factor = 1.0  # never below 0: a correlation that was measured may lie a little below -1
        row, column = self.row_correlation, self.column_correlation
        flicker, period = self.row_flicker_std, self.row_flicker_period
        if across and row:
            factor *= max(1 + row[0], 0) / 2
            row = _pair_means(row)
        if down and column:
            factor *= max(1 + column[0], 0) / 2
            flicker *= float(np.sqrt(max(1 + column[0], 0) / 2)) if np.isnan(period) else 1.0
            column = _pair_means(column)
        if down:
            period /= 2
        return PlaneNoise(
            self.curve.scaled(factor),
            row,
            column,
            self.temporal_correlation,
            self.fixed_pattern_std * float(np.sqrt(factor)),
            flicker,
            period,
        )


@dataclass(frozen=True)
class NoiseModel:
    """The noise of one camera in one mode, per plane (Y, U, V as the camera delivers them).

    ``chroma`` is the sub-sampling in which U and V were measured ("420", "422", …; empty if unknown). ``band_std`` is
    the standard deviation of the noise in each of the 24 DCT coefficients of :mod:`rtdenoise.noise.dct` (in noise.json:
    "bands"), of 4:2:0 frames after the variance-stabilising transforms (:mod:`rtdenoise.noise.vst`), in units of a
    pixel's noise; empty where not measured.
    ``structure`` says how much stronger the noise is where the picture isn't flat; None where not measured.
    ``gain`` is the camera's own number for the gain it was filmed at, None where it told none; ``others`` are models of
    the same camera and mode at other gains.
    """

    y: PlaneNoise
    u: PlaneNoise
    v: PlaneNoise
    camera_id: str = ""
    mode: str = ""
    frames: int = 0
    chroma: str = ""
    band_std: tuple[float, ...] = ()
    structure: StructureNoise | None = None
    gain: int | None = None
    others: tuple[NoiseModel, ...] = ()

    def plane(self, name: PlaneName) -> PlaneNoise:
        """The noise of plane "y", "u" or "v"."""
        return {"y": self.y, "u": self.u, "v": self.v}[name]

    def for_chroma(self, chroma: str) -> NoiseModel:
        """The model for frames whose chroma was averaged down to another sub-sampling (4:2:2 → 4:2:0, …).

        The mean of neighbours varies less, by (1 + correlation)/2 for each halving.
        """
        columns = {"444": 1, "422": 2, "420": 2}
        rows = {"444": 1, "422": 1, "420": 2}
        if self.chroma not in rows or chroma not in rows or chroma == self.chroma:
            return self
        across = columns[chroma] > columns[self.chroma]
        down = rows[chroma] > rows[self.chroma]
        u, v = self.u.halved(across, down), self.v.halved(across, down)
        others = tuple(other.for_chroma(chroma) for other in self.others)
        return replace(self, u=u, v=v, chroma=chroma, others=others)

    def at_gain(self, gain: int | None) -> NoiseModel:
        """Of this model and the others the one that was filmed nearest to a gain, with the rest as its others."""
        known = [m for m in (self, *self.others) if m.gain is not None]
        if gain is None or not known:
            return self
        nearest = min(known, key=lambda m: abs((m.gain or 0) - gain))
        rest = [replace(m, others=()) for m in (self, *self.others) if m is not nearest]
        return replace(nearest, others=tuple(rest))

    def save(self, path: Path) -> None:
        """Writes the model as JSON."""
        write_json(path, {"version": _VERSION} | self._to_json())

    def _to_json(self) -> dict[str, Any]:
        planes = {}
        for name in PLANES:
            noise = self.plane(name)
            planes[name] = {
                "levels": noise.curve.levels,
                "variances": noise.curve.variances,
                "counts": noise.curve.counts,
                "low": noise.curve.low,
                "high": noise.curve.high,
                "row_correlation": noise.row_correlation,
                "column_correlation": noise.column_correlation,
                "temporal_correlation": noise.temporal_correlation,
                "fixed_pattern_std": _or_none(noise.fixed_pattern_std),
                "row_flicker_std": _or_none(noise.row_flicker_std),
                "row_flicker_period": _or_none(noise.row_flicker_period),
            }
        whole: dict[str, Any] = {
            "camera_id": self.camera_id,
            "mode": self.mode,
            "frames": self.frames,
            "chroma": self.chroma,
            "bands": self.band_std,
            "planes": planes,
        }
        if self.structure is not None:
            whole["structure"] = self.structure.to_json()
        if self.gain is not None:
            whole["gain"] = self.gain
        if self.others:
            whole["others"] = [other._to_json() for other in self.others]
        return whole

    @classmethod
    def load(cls, path: Path) -> NoiseModel:
        """Reads a model.

        Raises:
            ProfileError: the file is missing or damaged, or of a newer version.
        """
        value = read_json(path, ProfileError, _HINT)
        try:
            if count_of(value.get("version", 1)) > _VERSION:
                raise ProfileError(f"The noise model {path} is of a newer version.", _HINT)
            model = cls._from_json(value)
            others = tuple(cls._from_json(other) for other in value.get("others", []))
            if any(other.chroma != model.chroma for other in others):
                raise ValueError("not the noise of one camera's mode")
            return replace(model, others=others)
        except (AttributeError, KeyError, TypeError, ValueError) as cause:
            raise ProfileError(f"The noise model {path} is damaged.", _HINT) from cause

    @classmethod
    def _from_json(cls, value: dict[str, Any]) -> NoiseModel:
        structure, gain = value.get("structure"), value.get("gain")
        y, u, v = (_plane_from_json(value["planes"][name]) for name in PLANES)
        return cls(
            y,
            u,
            v,
            camera_id=text_of(value["camera_id"]),
            mode=text_of(value["mode"]),
            frames=count_of(value["frames"]),
            chroma=text_of(value["chroma"]),
            band_std=_band_std(value.get("bands", [])),
            structure=None if structure is None else StructureNoise.from_json(structure),
            gain=None if gain is None else count_of(gain),
        )


def _band_std(values: list[Any]) -> tuple[float, ...]:
    found = _numbers(values, 0, _MOST_BAND)
    if len(found) not in (0, COEFFICIENTS):
        raise ValueError("not the noise of DCT coefficients")
    return found


def _numbers(values: Any, least: float, most: float) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise TypeError("not a list")
    return tuple(number_of(value, least, most) for value in values)


def _pair_means(correlation: tuple[float, ...]) -> tuple[float, ...]:
    """The autocorrelation of the means of neighbouring pairs, as far as it can be known."""
    r = (1.0, *correlation)
    if r[1] <= -1:  # neighbours cancel: nothing is left that could be correlated
        return ()
    whole = range(1, (len(r) - 2) // 2 + 1)
    return tuple((r[2 * k - 1] + 2 * r[2 * k] + r[2 * k + 1]) / (2 + 2 * r[1]) for k in whole)


def _or_none(value: float) -> float | None:
    """``value``, with None for NaN, which JSON doesn't have."""
    return None if np.isnan(value) else value


def _or_unknown(value: Any, most: float) -> float:
    return _UNKNOWN if value is None else number_of(value, 0, most)


def _plane_from_json(value: dict[str, Any]) -> PlaneNoise:
    levels = _numbers(value["levels"], 0, 255)
    variances = _numbers(value["variances"], 0, _MOST_VARIANCE)
    rising = all(a < b for a, b in pairwise(levels))
    # Files written before there were intervals and row flicker don't have these keys.
    low, high = (_numbers(value.get(key, []), 0, _MOST_VARIANCE) for key in ("low", "high"))
    counts = tuple(count_of(x, 2**53) for x in value["counts"])
    sound = len(levels) == len(variances) and len(counts) in (0, len(levels))
    sound = sound and len(low) == len(high) and len(low) in (0, len(levels))
    if not levels or not rising or not sound:
        raise ValueError("not a curve")
    row, column, temporal = (
        _numbers(value[f"{name}_correlation"], -_MOST_CORRELATION, _MOST_CORRELATION)
        for name in ("row", "column", "temporal")
    )
    return PlaneNoise(
        NoiseCurve(levels, variances, counts, low, high),
        row,
        column,
        temporal,
        _or_unknown(value["fixed_pattern_std"], 255),
        _or_unknown(value.get("row_flicker_std"), 255),
        _or_unknown(value.get("row_flicker_period"), 65535),
    )

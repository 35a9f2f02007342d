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
from ..files import read_json, write_json
from .dct import COEFFICIENTS
from .structure import StructureNoise

PlaneName = Literal["y", "u", "v"]
PLANES: tuple[PlaneName, ...] = ("y", "u", "v")
_UNKNOWN = float("nan")
_VERSION = 2  # of the file; 1 had no number and no structure
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
    (row noise of the sensor, bands of lamps on mains; 0 where chance explains it, NaN where not measured); the
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
        correlated as it is, bands apart, which are far higher than two rows.
        """
        factor = 1.0
        row, column = self.row_correlation, self.column_correlation
        flicker, period = self.row_flicker_std, self.row_flicker_period
        if across and row:
            factor *= (1 + row[0]) / 2
            row = _pair_means(row)
        if down and column:
            factor *= (1 + column[0]) / 2
            flicker *= float(np.sqrt((1 + column[0]) / 2)) if np.isnan(period) else 1.0
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
            if int(value.get("version", 1)) > _VERSION:
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
        if gain is not None and (type(gain) is not int or gain < 0):
            raise ValueError("not a gain")
        y, u, v = (_plane_from_json(value["planes"][name]) for name in PLANES)
        return cls(
            y,
            u,
            v,
            camera_id=str(value["camera_id"]),
            mode=str(value["mode"]),
            frames=int(value["frames"]),
            chroma=str(value["chroma"]),
            band_std=_band_std(value.get("bands", [])),
            structure=None if structure is None else StructureNoise.from_json(structure),
            gain=gain,
        )


def _band_std(values: list[Any]) -> tuple[float, ...]:
    found = tuple(float(v) for v in values)
    if len(found) not in (0, COEFFICIENTS) or not all(np.isfinite(v) and v >= 0 for v in found):
        raise ValueError("not the noise of bands")
    return found


def _pair_means(correlation: tuple[float, ...]) -> tuple[float, ...]:
    """The autocorrelation of the means of neighbouring pairs, as far as it can be known."""
    r = (1.0, *correlation)
    whole = range(1, (len(r) - 2) // 2 + 1)
    return tuple((r[2 * k - 1] + 2 * r[2 * k] + r[2 * k + 1]) / (2 + 2 * r[1]) for k in whole)


def _or_none(value: float) -> float | None:
    """``value``, with None for NaN, which JSON doesn't have."""
    return None if np.isnan(value) else value


def _or_unknown(value: Any) -> float:
    return _UNKNOWN if value is None else float(value)


def _plane_from_json(value: dict[str, Any]) -> PlaneNoise:
    levels = tuple(float(x) for x in value["levels"])
    variances = tuple(float(x) for x in value["variances"])
    rising = all(a < b for a, b in pairwise(levels))
    # Files written before there were intervals and row flicker don't have these keys.
    low, high = (tuple(float(x) for x in value.get(key, ())) for key in ("low", "high"))
    sound = all(np.isfinite(v) and v >= 0 for v in (*variances, *low, *high))
    sound = sound and all(np.isfinite(levels)) and len(levels) == len(variances)
    sound = sound and len(low) == len(high) and len(low) in (0, len(levels))
    if not levels or not rising or not sound:
        raise ValueError("not a curve")
    return PlaneNoise(
        NoiseCurve(levels, variances, tuple(int(x) for x in value["counts"]), low, high),
        tuple(float(x) for x in value["row_correlation"]),
        tuple(float(x) for x in value["column_correlation"]),
        tuple(float(x) for x in value["temporal_correlation"]),
        _or_unknown(value["fixed_pattern_std"]),
        _or_unknown(value.get("row_flicker_std")),
        _or_unknown(value.get("row_flicker_period")),
    )

"""Measures a camera's noise from still series: variance curves, correlations, fixed pattern, row flicker.

On the simulated camera it finds, in luma, the standard deviation at each level to 1 % (median; 7 % at worst; JPEG's
own noise is found on top), the flicker of rows to 4–14 %, bands of lamps to 2 %, no correlation between frames to
0.001, and 50–70 % of the fixed pattern: ``docs/noise-model.md`` has the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.mask import gradient
from rtdenoise.arrays import Bytes, Doubles, Floats, Mask
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes, convert
from rtdenoise.noise import PLANES, NoiseCurve, NoiseModel, PlaneName, PlaneNoise

from .bands import FRAMES, with_band_std
from .curve import BINS, LevelTally, bin_of, fit_curve
from .exposed import exposed
from .fixed_pattern import fixed_pattern
from .row_flicker import RowTally
from .structure import StructureTally

# Chroma blotches of webcams reach this far.
SPACE_LAGS = tuple(range(1, 13))
TIME_LAGS = (1, 2, 3)
_HINT = "Record a longer still series with rtdenoise capture."
# Residuals are kept within this range of bytes when correlations are taken (quantisation alone
# gives 1/12).
_LEAST_VARIANCE = 0.05
_FLAT = 1.0  # levels per pixel
# White noise of variance 1 shows no steeper than the root of this in 99.9 % of pixels.
_SHOWN_NOISE = 0.8
_LEAST_FLAT = 0.1  # of the still pixels
# So many frames are used for correlations in time and in space: more would not change the second
# digit.
_CORRELATION_FRAMES, _SPACE_FRAMES = 24, 6
_PLACES = (
    6,
    8,
)  # down and across: parts of the picture whose scatter gives the confidence intervals


def measure(series: Iterable[tuple[list[Planes], Mask]], camera_id: str, mode: str) -> NoiseModel:
    """The noise model of a camera from its still series.

    The variance of a pixel is taken from its residuals against the mean of its series, which is too
    small by (N − 1)/N for N frames, since the mean holds a share of each frame: this is put right,
    and likewise what the shared mean does to the correlation between frames. A slow drift of
    exposure does not count as
    noise: the mean residual of each level is taken out of each frame. Variance and correlations are those of flat
    places. Chroma is looked at where luma is neither crushed nor blown out: what is grey there has next to no noise,
    and would be taken for what grey has elsewhere.

    Args:
        series: per series its frames in order, and which luma pixels are still, (H, W).
        camera_id: of the camera, for the model's file.
        mode: in which it was filmed, as text.

    Raises:
        ClipError: no series has two frames or more and still pixels.
    """
    tallies = {name: _PlaneTally() for name in PLANES}
    frames, chroma = 0, ""
    some: list[tuple[list[Planes], Mask]] = []
    structure = StructureTally()
    for planes, mask in series:
        if len(planes) < 2 or not mask.any():
            continue
        if planes[0].format.chroma != "gray":
            few = [convert(p, "420", p.format.full_range).copy() for p in planes[:FRAMES]]
            some.append((few, mask & exposed(few, mask)))
            structure.add_series(planes, mask)
        frames += len(planes)
        chroma = planes[0].format.chroma
        coloured = mask & exposed(planes, mask)
        for name in PLANES:
            stack = [_plane(p, name) for p in planes]
            if stack[0].size:
                here = mask if name == "y" else coloured
                tallies[name].add_series(stack, _mask_for(here, stack[0].shape))
    if not len(tallies["y"].tally.points()[0]):
        raise ClipError("No still series is fit for measuring the noise.", _HINT)
    noise = {name: tally.noise() for name, tally in tallies.items()}
    model = NoiseModel(
        noise["y"],
        noise["u"],
        noise["v"],
        camera_id,
        mode,
        frames,
        chroma,
        structure=structure.result(),
    )
    return with_band_std(model, some)


def _plane(planes: Planes, name: PlaneName) -> Bytes:
    return {"y": planes.y, "u": planes.u, "v": planes.v}[name]


def _mask_for(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """The mask at a plane's size: a chroma pixel is still where all luma pixels under it are."""
    if mask.shape == shape:
        return mask
    rows, columns = shape[:2]
    down = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(down > 0.999)


@dataclass
class _PlaneTally:
    """What adds up over series, for one plane."""

    tally: LevelTally = field(default_factory=LevelTally)
    freedom: float = 0.0
    pixels: float = 0.0
    row: Doubles = field(default_factory=lambda: np.zeros((len(SPACE_LAGS), 2)))
    column: Doubles = field(default_factory=lambda: np.zeros((len(SPACE_LAGS), 2)))
    time: Doubles = field(default_factory=lambda: np.zeros((len(TIME_LAGS), 2)))
    rows: RowTally = field(default_factory=RowTally)
    means: list[tuple[Floats, Mask]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add_series(self, stack: list[Bytes], mask: Mask) -> None:
        """Adds one series: frames (rows, columns) as bytes, and which of their pixels are still."""
        count = len(stack)
        if not mask.any():
            return
        mean = np.zeros(mask.shape, np.float32)
        for plane in stack:
            cv2.accumulate(plane, mean)
        mean /= count
        levels = mean[mask]
        bins = bin_of(levels)
        per_bin = np.maximum(np.bincount(bins, minlength=BINS), 1)

        def residual(plane: Bytes) -> Floats:
            """(P,): the still pixels less their mean over time and less the drift of their level."""
            values = plane[mask] - levels
            drift = np.bincount(bins, values, minlength=BINS) / per_bin
            return cast(Floats, values - drift[bins].astype(np.float32))

        squares = np.zeros(len(levels), np.float32)
        for plane in stack:
            squares += residual(plane) ** 2
        variance = squares.astype(np.float64) / (count - 1)
        # The drift that was taken out costs one degree of freedom per level, shared by its pixels.
        variance *= (per_bin / np.maximum(per_bin - 1, 1))[bins]
        place = _places(mask.shape)[mask]
        flat = _flat(gradient(mean)[mask], bins, variance / count, count - 1)
        taken = np.zeros(len(levels), bool)
        taken[flat] = self.tally.add(
            levels[flat].astype(np.float64), variance[flat], count - 1, place[flat]
        )
        self.freedom += (count - 1) * float(taken.sum())
        self.pixels += float(taken.sum())
        still = np.zeros_like(mask)
        still[mask] = taken | ~flat
        self.means.append((mean, still))
        self.rows.add_series(stack[:_CORRELATION_FRAMES], mean, still, count)

        curve = fit_curve(*self.tally.points(fewest=1), freedom=max(count - 1, 1))
        unit = 1 / np.sqrt(np.maximum(curve.variance(levels), _LEAST_VARIANCE))
        unit[~taken] = 0
        fields: list[Floats] = []
        space = np.zeros((2, len(SPACE_LAGS), 2))
        for index, plane in enumerate(stack[:_CORRELATION_FRAMES]):
            whole = np.zeros(mask.shape, np.float32)
            whole[mask] = residual(plane) * unit
            if index < _SPACE_FRAMES:
                space[0] += [_products(whole[:, :-k], whole[:, k:]) for k in SPACE_LAGS]
                space[1] += [_products(whole[:-k], whole[k:]) for k in SPACE_LAGS]
            fields = [*fields[-max(TIME_LAGS) :], whole]
            for position, lag in enumerate(TIME_LAGS):
                if len(fields) > lag:
                    self.time[position] += _products(fields[-1 - lag], whole)
        self.row += space[0]
        self.column += space[1]
        self.counts.append(count)

    def noise(self) -> PlaneNoise:
        """The noise of the plane; a curve of zero variance where the plane has no pixels."""
        levels, variances, pixels = self.tally.points()
        if not len(levels):
            return PlaneNoise(NoiseCurve((128.0,), (0.0,), (0,)))
        time, inflation = _unbias(_ratios(self.time), round(sum(self.counts) / len(self.counts)))
        freedom = self.freedom / max(self.pixels, 1.0)
        curve = fit_curve(levels, variances, pixels, freedom)
        curve = self.tally.confidence(curve, freedom).scaled(inflation)
        row, column = tuple(_ratios(self.row)), tuple(_ratios(self.column))
        flicker = self.rows.flicker()
        return PlaneNoise(
            curve,
            row,
            column,
            tuple(time),
            fixed_pattern(self.means, curve, row, column),
            flicker.std,
            flicker.period,
        )


def _flat(steep: Floats, bins: NDArray[np.intp], noise: Doubles, freedom: int) -> NDArray[np.bool_]:
    """Which pixels (P,) tell the noise of flat places; where there are too few of them, the flattest of each level.

    At edges cameras have many times the noise, which no curve over the level can say. ``noise`` is the variance that is
    left in the mean picture, which makes flat places look steeper, known to so many degrees of freedom.
    """
    usual = (
        float(np.median(noise)) / max(1 - 2 / (9 * freedom), 0.45) ** 3
    )  # of a chi-squared variable
    flat = steep <= (_FLAT**2 + _SHOWN_NOISE * usual) ** 0.5
    if flat.mean() < _LEAST_FLAT:
        for index in np.flatnonzero(np.bincount(bins, minlength=BINS)):
            here = bins == index
            flat[here] |= steep[here] <= np.quantile(steep[here], 0.25)
    return np.asarray(flat)


def _places(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The number of the place that each pixel lies in, (rows, columns)."""
    down, across = (np.arange(n) * p // n for n, p in zip(shape, _PLACES, strict=True))
    return np.asarray(down[:, None] * _PLACES[1] + across, np.intp)


def _products(a: Floats, b: Floats) -> tuple[float, float]:
    """(sum of products, mean of the two sums of squares) where both are given (not exactly 0)."""
    both = (a != 0) & (b != 0)
    a, b = a[both], b[both]
    return float(np.dot(a, b)), float(np.dot(a, a) + np.dot(b, b)) / 2


def _ratios(sums: Doubles) -> list[float]:
    return [round(float(p / s), 4) if s > 0 else 0.0 for p, s in sums]


def _unbias(measured: list[float], count: int) -> tuple[list[float], float]:
    """Correlations between frames, freed of what subtracting the mean of frames does to them.

    The mean of N frames has the variance m = (γ₀ + 2 Σ (1 − k/N) γ_k)/N, and residuals against it
    have the covariances γ_k − m (to first order in 1/N). Solved for γ by iteration.

    Returns:
        The correlations γ_k/γ₀, and the factor by which a variance with the usual N/(N − 1) has
        still to grow (1 for noise that is white in time).
    """
    count = max(count, 2)
    # The subtraction leaves nothing to be told about lags near the length of the series.
    lags = [k for k in range(1, len(measured) + 1) if count >= 4 * k]
    seen = np.array([1.0, *(measured[k - 1] for k in lags)])
    gamma = seen.copy()
    for _ in range(50):
        m = (gamma[0] + 2 * sum((1 - k / count) * gamma[k] for k in lags)) / count
        gamma = seen + min(max(m, 0.0), 2.0)
    inflation = gamma[0] * (count - 1) / count
    correlations = [round(float(g / gamma[0]), 4) for g in gamma[1:]]
    correlations += [0.0] * (len(measured) - len(lags))
    return correlations, float(inflation)

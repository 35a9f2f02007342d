"""Pictures of a judged clip: the density curves of the paper's Fig. 2, and what stands still."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Bytes
from rtdenoise.files import write_bytes
from rtdenoise.frames import Planes, rgb_frame

from .clip import Clip, Series
from .verdict import SIGMA_LIMIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACCEPTED, _REFUSED = "#2a7f3f", "#c23b30"
_MOVING = np.array([216, 60, 48], np.float32)
_MEAN_FRAMES = 20
_MOST_SCENES = 6
# A series whose frames all deviate alike would be a needle; it is drawn with at least this σ.
_LEAST_DRAWN = 2e-5


def density_path(clip: Clip) -> Path:
    """Where the density curves are."""
    return clip.path.with_name(f"{clip.path.stem}.densities.png")


def scenes_path(clip: Clip) -> Path:
    """Where the mean frames are."""
    return clip.path.with_name(f"{clip.path.stem}.scenes.png")


def plot_densities(clip: Clip, path: Path) -> None:
    """Draws N(μ, σ) of each series: how far its frames lie from their mean, and how evenly.

    Below, each series' σ against the limit, on a logarithmic axis.

    Raises:
        StorageError: ``path`` can't be written.
    """
    from matplotlib.ticker import NullFormatter

    figure, (curves, sigmas) = _figure((8.0, 6.4), (2.2, 1.0))
    measured = [s for s in clip.series if s.count > 1 and s.mu > 0]
    low = min((s.mu - 5 * _drawn(s) for s in measured), default=0.0)
    high = max((s.mu + 5 * _drawn(s) for s in measured), default=1.0)
    x = np.linspace(max(low, 0.0), high, 2000)
    for series in measured:
        sigma = _drawn(series)
        # Each curve gets points of its own around its peak, which may be narrower than a pixel.
        own = np.union1d(x, series.mu + sigma * np.linspace(-5, 5, 201))
        density = np.exp(-0.5 * ((own - series.mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        colour = _ACCEPTED if series.accepted else _REFUSED
        curves.plot(own, density, color=colour, linewidth=1.6, alpha=0.85)
    if measured:
        peaks = [1 / (_drawn(s) * np.sqrt(2 * np.pi)) for s in measured]
        if max(peaks) > 30 * min(peaks):
            curves.set_yscale("log")
            curves.set_ylim(min(peaks) / 30, max(peaks) * 2)
        else:
            curves.set_ylim(0, max(peaks) * 1.08)
    curves.set_xlim(max(low, 0.0), high)  # a deviation is never negative
    curves.set_xlabel("deviation e of a frame from the mean of its series")
    curves.set_ylabel("density of N(μ, σ)")
    curves.set_title(f"Series of {clip.path.name} ({clip.camera.name})", loc="left")
    _key(curves)
    for number, series in enumerate(measured):
        colour = _ACCEPTED if series.accepted else _REFUSED
        sigmas.hlines(_drawn(series), series.first, series.stop, color=colour, linewidth=4)
        middle = (series.first + series.stop) / 2
        sigmas.annotate(
            str(number + 1),
            (middle, _drawn(series)),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    sigmas.axhline(SIGMA_LIMIT, color="0.35", linestyle="--", linewidth=1)
    sigmas.annotate(
        f"limit {SIGMA_LIMIT}",
        (1.0, SIGMA_LIMIT),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    sigmas.set_yscale("log")
    sigmas.yaxis.set_minor_formatter(NullFormatter())
    lowest = min((_drawn(s) for s in measured), default=1e-4)
    highest = max([SIGMA_LIMIT, *(_drawn(s) for s in measured)])
    sigmas.set_ylim(lowest / 2, highest * 4)
    sigmas.set_xlim(0, max(clip.frames, 1))
    sigmas.set_xlabel("frame of the clip")
    sigmas.set_ylabel("σ")
    _write(figure, path)


def plot_scenes(clip: Clip, path: Path) -> None:
    """Shows the mean frame of each accepted series (six at most), red where something moves.

    Raises:
        ClipError: the clip can't be read.
        StorageError: ``path`` can't be written.
    """
    from matplotlib.figure import Figure

    shown = clip.accepted[:_MOST_SCENES]
    columns = min(max(len(shown), 1), 2)
    rows = max((len(shown) + columns - 1) // columns, 1)
    ratio = clip.mode.height / clip.mode.width
    figure = Figure(figsize=(6.0 * columns, (6.0 * ratio + 0.5) * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, series in zip(axes, shown, strict=False):
        axis.imshow(_overlaid(clip, series))
        number = clip.series.index(series) + 1
        axis.set_title(
            f"series {number}: frames {series.first}–{series.stop - 1}, "
            f"{series.static_fraction:.0%} still",
            fontsize=10,
            loc="left",
        )
    _write(figure, path)


def _overlaid(clip: Clip, series: Series) -> Bytes:
    """The mean frame as (H, W, 3), with moving pixels in red."""
    picture = _mean_frame(list(clip.read(series, _MEAN_FRAMES))).astype(np.float32)
    moves = ~clip.static_mask(series)
    picture[moves] = 0.45 * picture[moves] + 0.55 * _MOVING
    result = picture.round().astype(np.uint8)
    width = 960
    if result.shape[1] > width:
        size = (width, round(result.shape[0] * width / result.shape[1]))
        result = np.asarray(cv2.resize(result, size, interpolation=cv2.INTER_AREA), np.uint8)
    return result


def _mean_frame(frames: list[Planes]) -> NDArray[np.uint8]:
    """The mean of frames as R'G'B', (H, W, 3)."""
    first = frames[0]
    planes = [
        np.mean([getattr(frame, name) for frame in frames], axis=0).round().astype(np.uint8)
        if getattr(first, name).size
        else getattr(first, name)
        for name in ("y", "u", "v")
    ]
    mean = Planes(planes[0], planes[1], planes[2], first.format, first.time_s)
    return np.asarray(rgb_frame(mean).to_ndarray(), np.uint8)


def _drawn(series: Series) -> float:
    return max(series.sigma, _LEAST_DRAWN)


def _figure(size: tuple[float, float], heights: tuple[float, float]) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(2, 1, gridspec_kw={"height_ratios": heights})
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def _key(axis: Any) -> None:
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=_ACCEPTED, linewidth=2, label="accepted"),
        Line2D([], [], color=_REFUSED, linewidth=2, label="refused"),
    ]
    axis.legend(handles=lines, frameon=False)


def _write(figure: Figure, path: Path) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    write_bytes(path, picture.getvalue())

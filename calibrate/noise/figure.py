"""The picture of a noise model: curves with their confidence, correlations, rows and fixed pattern."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles
from rtdenoise.noise import NoiseModel, PlaneNoise
from rtdenoise.noise.structure import BINS, BOUNDS, GROUP_NAMES, StructureNoise
from rtdenoise.noise.vst import Stabiliser

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Light, blue and red differences; told apart by the colour-blind too.
COLOURS = {"Y": "#3d3d3d", "U": "#1f77b4", "V": "#d1495b"}
_INK, _GRID = "#333333", "#e4e4e4"


def draw_noise(model: NoiseModel) -> Figure:
    """All that a noise model says, per plane, and what the variance-stabilising transform makes of it."""
    # Not pyplot: it keeps figures alive and may look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    known = model.structure
    figure = Figure(figsize=(12 if known is None else 15, 7.2), layout=layout)
    FigureCanvasAgg(figure)
    planes = {"Y": model.y, "U": model.u, "V": model.v}
    grid = figure.add_gridspec(2, 6)
    for draw, part in (
        (_draw_levels, grid[0, :3] if known is None else grid[0, :2]),
        (_draw_normalised, grid[0, 3:] if known is None else grid[0, 2:4]),
        (_draw_space, grid[1, :2]),
        (_draw_time, grid[1, 2:4]),
        (_draw_kinds, grid[1, 4:]),
    ):
        ax = figure.add_subplot(part)
        _plain(ax)
        draw(ax, planes)
    if known is not None:
        ax = figure.add_subplot(grid[0, 4:])
        _plain(ax)
        _draw_structure(ax, known)
    return figure


def _draw_levels(ax: Axes, planes: dict[str, PlaneNoise]) -> None:
    for name, noise in planes.items():
        curve = noise.curve
        if curve.low:
            band = np.sqrt(curve.low), np.sqrt(curve.high)
            ax.fill_between(curve.levels, *band, color=COLOURS[name], alpha=0.2, lw=0)
        std = np.sqrt(curve.variances)
        ax.plot(curve.levels, std, color=COLOURS[name], lw=1.6, marker=".", ms=5, label=name)
    title = "Noise against level"
    if any(noise.curve.low for noise in planes.values()):
        title += ", with 95 % confidence"
    ax.set(title=title, xlabel="level (0–255)", ylabel="standard deviation (levels)")
    _levels_across(ax)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, ncols=3)


def _draw_normalised(ax: Axes, planes: dict[str, PlaneNoise]) -> None:
    ax.axhline(1, color="#999999", lw=0.8)
    highest = 1.5
    for name, noise in planes.items():
        low, high = noise.curve.levels[0], noise.curve.levels[-1]
        levels = np.linspace(low, high, 120) if high > low else np.array([low])
        before = np.sqrt(noise.curve.variance(levels).astype(np.float64))
        relative = before / max(float(np.sqrt(np.mean(before**2))), 1e-6)
        highest = max(highest, 1.12 * float(relative.max()))
        ax.plot(levels, relative, color=COLOURS[name], lw=1, ls=":", alpha=0.8)
        ax.plot(levels, normalised_std(noise, levels), color=COLOURS[name], lw=2, label=name)
    ax.plot([], [], color=_INK, lw=1, ls=":", label="before, over its mean")
    ax.set(
        title="After the variance-stabilising transform",
        xlabel="level (0–255)",
        ylabel="standard deviation",
    )
    _levels_across(ax)
    ax.set_ylim(0, min(highest, 4))
    ax.legend(frameon=False, ncols=4, loc="lower left")


def normalised_std(noise: PlaneNoise, levels: NDArray[np.floating[Any]]) -> Doubles:
    """The standard deviation that the noise has after the transform, at levels (bytes, any number).

    Of Gaussian noise with the curve's variance, rounded and clipped to bytes.
    """
    forward = Stabiliser.of(noise).forward.astype(np.float64)
    # The noise by its quantiles: 400 of them give the standard deviation to 0.3 %.
    from statistics import NormalDist

    normal = np.array([NormalDist().inv_cdf((k + 0.5) / 400) for k in range(400)])
    variance = noise.curve.variance(levels).astype(np.float64)
    std = np.sqrt(np.maximum(variance - 1 / 12, 0))[:, None]
    # Levels lie anywhere between two bytes: 16 of them stand for all.
    between = (np.arange(16) + 0.5) / 16 - 0.5
    values = np.asarray(levels)[:, None, None] + between[:, None] + (std * normal)[:, None, :]
    after = forward[np.clip(np.rint(values), 0, 255).astype(np.intp)]
    return np.asarray(np.sqrt(after.var(axis=2).mean(axis=1)))


def _draw_structure(ax: Axes, noise: StructureNoise) -> None:
    """The variance of each group of DCT coefficients over that of flat places, where the series had such structure."""
    known = np.array(noise.counts) > 0
    at = np.arange(BINS)[known]
    for index, (name, row) in enumerate(zip(GROUP_NAMES, noise.ratios, strict=True)):
        chroma = name.startswith("chroma")
        colour = COLOURS["V"] if chroma else str(0.7 - 0.22 * index)
        if noise.low:
            low, high = (np.array(table[index])[known] for table in (noise.low, noise.high))
            ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        style = ":" if name == "chroma detail" else "-"
        ax.plot(at, np.array(row)[known], color=colour, ls=style, lw=1.6, marker=".", label=name)
    ax.set_yscale("log")
    bounds = [f"{b:g}" for b in BOUNDS]
    between = [f"{a}–{b}" for a, b in pairwise(bounds)]
    ax.set_xticks(range(BINS), [f"<{bounds[0]}", *between, f">{bounds[-1]}"], fontsize=8)
    ax.set(
        title="Noise where the picture isn't flat",
        xlabel="structure (levels)",
        ylabel="variance over flat places'",
    )
    ax.legend(frameon=False, fontsize=8)


def _draw_space(ax: Axes, planes: dict[str, PlaneNoise]) -> None:
    ax.axhline(0, color="#999999", lw=0.8)
    for name, noise in planes.items():
        for values, style, way in (
            (noise.row_correlation, "-", "along rows"),
            (noise.column_correlation, "--", "down"),
        ):
            if values:
                lags = range(len(values) + 1)
                label = f"{name} {way}"
                ax.plot(lags, (1, *values), color=COLOURS[name], ls=style, lw=1.5, label=label)
    ax.set(title="Correlation between pixels", xlabel="distance (pixels)", ylabel="correlation")
    ax.set_xlim(left=0)
    ax.set_ylim(top=1.02)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=8)


def _draw_time(ax: Axes, planes: dict[str, PlaneNoise]) -> None:
    ax.axhline(0, color="#999999", lw=0.8)
    largest = 0.0
    for offset, (name, noise) in zip((-0.28, 0, 0.28), planes.items(), strict=True):
        lags = np.arange(1, len(noise.temporal_correlation) + 1)
        if len(lags):
            values = np.array(noise.temporal_correlation)
            ax.bar(lags + offset, values, 0.26, color=COLOURS[name], label=name)
            largest = max(largest, float(np.abs(values).max()))
            for lag, value in zip(lags, values, strict=True):
                ax.annotate(
                    f"{value:.2f}".replace("-0.00", "0.00"), (lag + offset, max(value, 0)), (0, 2),
                    textcoords="offset points", fontsize=7, ha="center", color=COLOURS[name],
                )  # fmt: skip
    # Never so small a range that chance looks like something.
    span = max(1.2 * largest, 0.2)
    ax.set(title="Correlation between frames", xlabel="distance (frames)", ylabel="correlation")
    ax.set_ylim(-span, 1.25 * span)  # room for the legend
    ax.set_xticks([1, 2, 3])
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, ncols=3, fontsize=8)


def _draw_kinds(ax: Axes, planes: dict[str, PlaneNoise]) -> None:
    """Bars of the kinds of noise, side by side in one unit."""
    kinds = ("all noise\nat level 128", "fixed\npattern", "row\nflicker")
    highest = 0.0
    for offset, (name, noise) in zip((-0.27, 0, 0.27), planes.items(), strict=True):
        middle = float(noise.curve.variance(128.0)) ** 0.5
        values = (middle, noise.fixed_pattern_std, noise.row_flicker_std)
        for at, value in enumerate(values):
            known = bool(np.isfinite(value))
            height = value if known else 0.0
            ax.bar(at + offset, height, 0.25, color=COLOURS[name], alpha=1 if known else 0)
            text = f"{value:.2f}" if known else "?"
            ax.annotate(
                text, (at + offset, height), (0, 2), textcoords="offset points", fontsize=7,
                ha="center", color=COLOURS[name],
            )  # fmt: skip
            highest = max(highest, height)
    ax.set_xticks(range(3), kinds)
    bands = planes["Y"].row_flicker_period
    title = "Kinds of noise" + (f" (bands of {bands:.0f} rows)" if np.isfinite(bands) else "")
    ax.set(title=title, ylabel="standard deviation (levels)")
    ax.set_ylim(0, 1.15 * max(highest, 0.1))
    if any(not np.isfinite(p.fixed_pattern_std) for p in planes.values()):
        ax.annotate(
            "?  not measured: needs two\nscenes or more",
            (0.97, 0.94), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=_INK,
        )  # fmt: skip


def _levels_across(ax: Axes) -> None:
    ax.set_xlim(0, 255)
    ax.set_xticks([0, 32, 64, 96, 128, 160, 192, 224, 255])


def _plain(ax: Axes) -> None:
    """Little ink besides the data."""
    ax.grid(color=_GRID, lw=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#999999")
    ax.tick_params(color="#999999", labelcolor=_INK)
    ax.title.set_fontsize(11)
    ax.xaxis.label.set_color(_INK)
    ax.yaxis.label.set_color(_INK)

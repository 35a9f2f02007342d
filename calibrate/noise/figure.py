"""A noise model as a picture and as charts of a page: curves, correlations, rows, fixed pattern and spectrum."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles
from rtdenoise.noise import NoiseModel, PlaneNoise
from rtdenoise.noise.dct import BLOCK, PLANE_SLICES
from rtdenoise.noise.structure import BINS, BOUNDS, GROUP_NAMES, StructureNoise
from rtdenoise.noise.vst import Stabiliser
from rtdenoise.pages import Chart, chart, charts, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"Y": charts.LUMA, "U": charts.BLUE, "V": charts.RED}


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
        charts.plain(ax)
        draw(ax, planes)
    if known is not None:
        ax = figure.add_subplot(grid[0, 4:])
        charts.plain(ax)
        _draw_structure(ax, known)
    return figure


def noise_charts(model: NoiseModel) -> list[Chart]:
    """The same for a page, and the spectrum where it was measured."""
    planes = {"Y": model.y, "U": model.u, "V": model.v}
    parts: list[tuple[str, str, Callable[[Axes], None]]] = [
        (
            "levels",
            "How much bytes vary from frame to frame, at each brightness; Y is light, U and V are colour.",
            lambda ax: _draw_levels(ax, planes),
        ),
        (
            "normalised",
            "The transform makes it alike at all levels: that is what networks see.",
            lambda ax: _draw_normalised(ax, planes),
        ),
        (
            "space",
            "Noise without correlation falls to zero at once; a coarse grain doesn't.",
            lambda ax: _draw_space(ax, planes),
        ),
        (
            "time",
            "Near zero is good: then a mean of frames holds little noise.",
            lambda ax: _draw_time(ax, planes),
        ),
        ("kinds", "", lambda ax: _draw_kinds(ax, planes)),
    ]
    if model.structure is not None:
        known = model.structure
        note = "Cameras smooth what is flat and sharpen what is not, and noise goes with it."
        parts.append(("structure", note, lambda ax: _draw_structure(ax, known)))
    if model.band_std:
        note = "Standard deviation of the 16 DCT coefficients of 4 × 4 luma pixels, as shares of a pixel's noise."
        parts.append(("spectrum", note, lambda ax: _draw_spectrum(ax, model.band_std)))
    return [_chart(name, note, draw) for name, note, draw in parts]


def _chart(name: str, note: str, draw: Callable[[Axes], None]) -> Chart:
    figure, ax = chart()
    draw(ax)
    title = ax.get_title()
    ax.set_title("")  # it stands above the chart, as the page's text
    text = f"{title}: {ax.get_ylabel() or 'figures'} against {ax.get_xlabel() or 'kind'}"
    return Chart(f"{title}.", svg(figure, f"noise-{name}", text), note)


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
    ax.axhline(1, color=charts.MUTED, lw=0.8)
    highest = 1.5
    for name, noise in planes.items():
        low, high = noise.curve.levels[0], noise.curve.levels[-1]
        levels = np.linspace(low, high, 120) if high > low else np.array([low])
        before = np.sqrt(noise.curve.variance(levels).astype(np.float64))
        relative = before / max(float(np.sqrt(np.mean(before**2))), 1e-6)
        highest = max(highest, 1.12 * float(relative.max()))
        ax.plot(levels, relative, color=COLOURS[name], lw=1, ls=":", alpha=0.8)
        ax.plot(levels, normalised_std(noise, levels), color=COLOURS[name], lw=2, label=name)
    ax.plot([], [], color=charts.INK, lw=1, ls=":", label="before, over its mean")
    ax.set(
        title="After the variance-stabilising transform",
        xlabel="level (0–255)",
        ylabel="standard deviation",
    )
    _levels_across(ax)
    ax.set_ylim(0, min(highest, 4))
    ax.legend(frameon=False, ncols=2, loc="lower left")


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
        colour = COLOURS["V"] if chroma else COLOURS["Y"]
        alpha = 1.0 if chroma else 0.4 + 0.2 * index
        if noise.low:
            low, high = (np.array(table[index])[known] for table in (noise.low, noise.high))
            ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        style = ":" if name == "chroma detail" else "-"
        ax.plot(
            at,
            np.array(row)[known],
            color=colour,
            ls=style,
            lw=1.6,
            marker=".",
            label=name,
            alpha=alpha,
        )
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


def _draw_spectrum(ax: Axes, band_std: tuple[float, ...]) -> None:
    """Luma's DCT coefficients, from coarse (above, left) to fine, the stronger the darker."""
    from matplotlib.patches import Rectangle

    luma = np.array(band_std[PLANE_SLICES[0]]).reshape(BLOCK, BLOCK)
    for (row, column), value in np.ndenumerate(luma):
        share = float(value / max(luma.max(), 1e-6))
        corner = column - 0.48, row - 0.48
        ax.add_patch(Rectangle(corner, 0.96, 0.96, color=charts.ACCENT, alpha=0.6 * share, lw=0))
        ax.annotate(f"{value:.2f}", (column, row), ha="center", va="center", color=charts.INK)
    ax.grid(False)
    ax.set_xlim(-0.5, BLOCK - 0.5)
    ax.set_ylim(BLOCK - 0.5, -0.5)
    ax.set_xticks(range(BLOCK))
    ax.set_yticks(range(BLOCK))
    ax.set(title="Spectrum", xlabel="frequency across", ylabel="frequency down")


def _draw_space(ax: Axes, planes: dict[str, PlaneNoise]) -> None:
    ax.axhline(0, color=charts.MUTED, lw=0.8)
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
    ax.axhline(0, color=charts.MUTED, lw=0.8)
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
            (0.97, 0.94), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=charts.INK,
        )  # fmt: skip


def _levels_across(ax: Axes) -> None:
    ax.set_xlim(0, 255)
    ax.set_xticks([0, 32, 64, 96, 128, 160, 192, 224, 255])

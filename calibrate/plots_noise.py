"""A picture of a noise model: the curve per plane, and how the noise is correlated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rtdenoise.files import whole_file
from rtdenoise.noise import PLANES, NoiseModel, PlaneNoise

_COLOURS = {"y": "#333333", "u": "#2a6fbb", "v": "#c0392b"}
_NAMES = {"y": "Y", "u": "U (Cb)", "v": "V (Cr)"}


def plot_noise(model: NoiseModel, path: Path) -> None:
    """Draws the model to ``path`` (PNG, SVG, …).

    Left the standard deviation against the level, per plane, where the size of a point tells how
    many pixels it rests on; right the correlation between neighbours, along rows and down columns.

    Raises:
        StorageError: the file can't be written.
    """
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    curve, correlation = figure.subplots(1, 2, width_ratios=(3, 2))
    for name in PLANES:
        noise = model.plane(name)
        if any(noise.curve.variances):
            _draw_curve(curve, noise, _NAMES[name], _COLOURS[name])
            _draw_correlation(correlation, noise, _NAMES[name], _COLOURS[name])
    curve.set(xlabel="level (0–255)", ylabel="standard deviation (levels)", xlim=(0, 255))
    curve.set_ylim(bottom=0)
    curve.set_title(f"Noise of {model.camera_id or 'the camera'}\n{model.mode}", fontsize=10)
    correlation.axhline(0, color="#bbbbbb", linewidth=0.8)
    correlation.set(xlabel="distance (pixels)", ylabel="correlation", ylim=(-0.2, 1.05))
    correlation.set_title("Between neighbours (– along rows, ·· down columns)", fontsize=10)
    for axes in (curve, correlation):
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _draw_curve(axes: Any, noise: PlaneNoise, name: str, colour: str) -> None:
    levels, std = np.array(noise.curve.levels), np.sqrt(noise.curve.variances)
    counts = np.array(noise.curve.counts or [1] * len(levels), float)
    label = name
    if not np.isnan(noise.fixed_pattern_std):
        label += f", fixed pattern {noise.fixed_pattern_std:.2f}"
    if noise.temporal_correlation:
        label += f", next frame {noise.temporal_correlation[0]:+.2f}"
    axes.plot(levels, std, color=colour, linewidth=1.6, label=label)
    size = 3 + 9 * np.log10(np.maximum(counts, 1)) ** 2 / 16
    axes.scatter(levels, std, s=size, color=colour, zorder=3)


def _draw_correlation(axes: Any, noise: PlaneNoise, name: str, colour: str) -> None:
    for values, style, label in (
        (noise.row_correlation, "-", name),
        (noise.column_correlation, ":", None),
    ):
        axes.plot(
            range(len(values) + 1), (1.0, *values), style, color=colour, label=label, marker="."
        )

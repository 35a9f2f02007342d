"""Pictures for reports: before, after, removed noise and error, side by side. Matplotlib without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rtdenoise.files import whole_file
from rtdenoise.frames import Planes, rgb_frame

Rgb = NDArray[np.uint8]
NOISE_GAIN = 6
"""Removed noise and error are shown so many times enlarged, around mid-grey."""


def rgb_picture(planes: Planes) -> Rgb:
    """The frame as (H, W, 3) R'G'B' bytes, as a screen shows it."""
    return np.asarray(rgb_frame(planes).to_ndarray(), np.uint8)


def difference_picture(a: Rgb, b: Rgb, gain: float = NOISE_GAIN) -> Rgb:
    """``a − b`` enlarged ``gain`` times around mid-grey, (H, W, 3) bytes."""
    enlarged = 128 + gain * (a.astype(np.float32) - b)
    clipped: Rgb = np.clip(np.rint(enlarged), 0, 255).astype(np.uint8)
    return clipped


def save_figure(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Writes a figure as PNG, whole or not at all."""
    FigureCanvasAgg(figure)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=dpi, facecolor="white")


def save_grid(rows: Sequence[Sequence[tuple[str, Rgb]]], path: Path, title: str = "") -> None:
    """Writes rows of titled pictures of one size, pixel for pixel."""
    height, width = rows[0][0][1].shape[:2]
    columns = len(rows[0])
    scale = 1.0 / 100
    wide, high = columns * (width * scale + 0.06), len(rows) * (height * scale + 0.28)
    figure = Figure(figsize=(wide, high + (0.4 if title else 0)), layout="constrained")
    axes: Any = figure.subplots(len(rows), columns, squeeze=False)
    for row, pictures in zip(axes, rows, strict=True):
        for axis, (name, picture) in zip(row, pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set_title(name, fontsize=9)
            axis.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=11)
    save_figure(figure, path, dpi=100)


def split_picture(left: Rgb, right: Rgb) -> Rgb:
    """One picture, its left half from ``left`` and its right half from ``right``, with a line between."""
    middle = left.shape[1] // 2
    joined = left.copy()
    joined[:, middle:] = right[:, middle:]
    joined[:, middle - 1 : middle + 1] = 255
    return joined

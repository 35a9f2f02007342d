"""Draws quality × speed: frames/s against luma PSNR, ours in blue, peers in grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullFormatter
from matplotlib.transforms import Bbox

from calibrate.pictures import save_figure

from ..live.peers import Figures
from .methods import NANO, PAPER
from .rows import RATE_FPS, Row

_OURS, _THEIRS, _PAPER, _LINE = "#1f5fbf", "#6f6f6f", "#b5651d", "#c9c9c9"
_SHORT = {"hqdn3d, mostly over time": "hqdn3d, time", "atadenoise, 33 frames": "atadenoise, 33"}
_PANELS = (("whole", "whole frame"), ("subject", "what moves"))


@dataclass(frozen=True)
class _Point:
    """One method in one panel."""

    label: str
    fps: float
    db: float
    colour: str
    bold: bool
    hollow: bool


def seconds_text(seconds: float) -> str:
    """CPU time as a person reads it: "52 ms", "1.3 s", "40 s"."""
    if seconds < 0.9995:
        ms = 1e3 * seconds
        return f"{ms:.0f} ms" if ms >= 9.95 else f"{ms:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _points(rows: Sequence[Row], measure: str) -> list[_Point]:
    found = []
    for row in rows:
        if row.timing is None or not row.quality:
            continue
        colour = _PAPER if row.name == PAPER else _OURS if row.ours else _THEIRS
        label = f"{_SHORT.get(row.name, row.name)} · {seconds_text(row.timing.cpu_s)}"
        found.append(
            _Point(
                label,
                row.timing.rate_fps,
                getattr(row.mean, measure),
                colour,
                row.name == NANO,
                row.timing.estimated,
            )
        )
    return found


def plot(rows: Sequence[Row], noisy: Figures, path: Path, title: str) -> None:
    """Writes the plot as PNG.

    Args:
        rows: Methods; those without timing or quality are left out.
        noisy: What the camera delivers, mean over the clips.
        path: Where to.
        title: One line.
    """
    figure = Figure(figsize=(12, 5.8), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels: Any = figure.subplots(1, 2, sharex=True)
    every = []
    for axes, (measure, name) in zip(panels, _PANELS, strict=True):
        points = _points(rows, measure)
        every.append((axes, points))
        _panel(axes, points, getattr(noisy, measure), name)
    figure.suptitle(title, fontsize=12)
    figure.get_layout_engine().set(rect=(0, 0.045, 1, 0.955))  # type: ignore[union-attr, call-arg]
    figure.text(
        0.5,
        0.012,
        "Right and up is better. Beside each name: CPU time per frame. "
        "Blue: ours. Grey: peers at their best strength. Hollow: speed estimated.",
        ha="center",
        fontsize=9,
        color="#444444",
    )
    canvas.draw()  # type: ignore[no-untyped-call]
    # Axes must not move any more: labels are placed in pixels.
    figure.set_layout_engine("none")
    for axes, points in every:
        _label(axes, points, canvas.get_renderer())  # type: ignore[no-untyped-call]
    save_figure(figure, path, dpi=130)


def _panel(axes: Any, points: Sequence[_Point], noisy_db: float, name: str) -> None:
    rates = [point.fps for point in points] + [RATE_FPS]
    values = [point.db for point in points] + [noisy_db]
    axes.set_xscale("log")
    axes.set_xlim(min(rates) / 2.5, max(rates) * 20)
    span = max(max(values) - min(values), 1.0)
    axes.set_ylim(min(values) - 0.1 * span, max(values) + 0.14 * span)
    axes.axvspan(axes.get_xlim()[0], RATE_FPS, color="#f4f1ee", zorder=0)
    axes.axvline(RATE_FPS, color="#a33", linewidth=1, zorder=1)
    axes.annotate(
        f"{RATE_FPS} frames/s",
        (RATE_FPS, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -4),
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color="#a33",
    )
    axes.axhline(noisy_db, color=_LINE, linewidth=1, linestyle="--", zorder=1)
    axes.annotate(
        "the camera",
        (0, noisy_db),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=8.5,
        color="#777777",
    )
    for point in points:
        axes.plot(
            point.fps,
            point.db,
            "o",
            markersize=11 if point.bold else 8,
            markerfacecolor="white" if point.hollow else point.colour,
            markeredgecolor=point.colour,
            zorder=4 if point.bold else 3,
        )
    axes.set_title(name, fontsize=11)
    axes.set_xlabel("frames/s, the filter alone")
    axes.set_ylabel("luma PSNR against the truth, dB")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(color="#e4e4e4", linewidth=0.6, zorder=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _label(axes: Any, points: Sequence[_Point], renderer: Any) -> None:
    """Puts each label where it covers neither a point nor another label, as near as it goes."""
    inside = axes.get_window_extent(renderer)
    scale = axes.figure.dpi / 72
    at = axes.transData.transform((RATE_FPS, 0))[0]
    line = Bbox.from_extents(at - scale, inside.y0, at + scale, inside.y1)
    dots = [axes.transData.transform((p.fps, p.db)) for p in points]
    taken = [
        Bbox.from_bounds(x - 6 * scale, y - 6 * scale, 12 * scale, 12 * scale) for x, y in dots
    ]
    taken += [text.get_window_extent(renderer) for text in axes.texts]
    crowd = [sum(np.hypot(*(dot - other)) < 150 for other in dots) for dot in dots]
    for index in np.argsort(crowd, kind="stable"):
        point = points[index]
        best: tuple[float, Any, Any] | None = None
        for dx, dy in _places():
            text = axes.annotate(
                point.label,
                (point.fps, point.db),
                xytext=(dx, dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right" if dx < 0 else "center",
                va="center",
                fontsize=9 if point.bold else 8.5,
                fontweight="bold" if point.bold else "normal",
                color=point.colour,
                zorder=5,
                arrowprops=(
                    {"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.7, "shrinkB": 5}
                    if np.hypot(dx, dy) > 20
                    else None
                ),
            )
            text.update_positions(renderer)
            # Of the text alone: an annotation's own box has its leader in it.
            box = Text.get_window_extent(text, renderer).padded(1.5 * scale)
            own = taken[index]
            bad = sum(_overlap(box, other) for other in taken if other is not own)
            bad += 10 * (_area(box) - _overlap(box, inside))
            # A label across the line at 30 frames/s is legible, but better beside it.
            bad += _overlap(box, line)
            if np.hypot(dx, dy) > 20:
                others = [other for other in taken if other is not own]
                bad += 30 * _crossed(
                    dots[index], ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2), others
                )
            if best is None or bad < best[0]:
                if best is not None:
                    best[1].remove()
                best = (bad, text, box)
            else:
                text.remove()
            if bad <= 0:
                break
        assert best is not None
        box = best[2]
        taken.append(box)
        # Labels to come keep off the leader, too; next to its point it is its own.
        end = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        taken += [
            Bbox.from_bounds(x - scale, y - scale, 2 * scale, 2 * scale)
            for x, y in np.linspace(dots[index], end, 24)[6:]
        ]


def _places() -> list[tuple[float, float]]:
    """Offsets of labels in points, the nearest first."""
    near = [(9.0, 0.0), (-9.0, 0.0), (0.0, 12.0), (0.0, -12.0)]
    near += [(0.0, rise * side) for rise in (24.0, 36.0) for side in (1, -1)]
    far = [
        (side * aside, rise)
        for step in range(1, 9)
        for rise in (11.0 * step, -11.0 * step)
        for aside in (8 + 3.0 * step, 30 + 3.0 * step)
        for side in (1, -1)
    ]
    return near + sorted(far, key=lambda place: float(np.hypot(*place)))


def _crossed(start: Any, end: Any, boxes: Sequence[Bbox]) -> int:
    """How many points of a leader lie in what is there already."""
    along = np.linspace(start, end, 24)[4:]
    return sum(bool(box.contains(x, y)) for x, y in along for box in boxes)


def _area(box: Bbox) -> float:
    return float(box.width * box.height)


def _overlap(one: Bbox, two: Bbox) -> float:
    wide = min(one.x1, two.x1) - max(one.x0, two.x0)
    high = min(one.y1, two.y1) - max(one.y0, two.y0)
    return float(max(wide, 0) * max(high, 0))

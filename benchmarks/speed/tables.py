"""The tables of quality and speed, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..common import table
from ..live.peers import Figures, mean_figures
from ..live.rate import WholePath
from .methods import NANO
from .plot import seconds_text
from .rows import Quality, Row, clip_title, keeps_up, margins, rate_text


def speed_table(rows: Sequence[Row]) -> str:
    """One line per method, the best in the whole frame first; figures are means over the clips."""
    head = ["method", "whole dB", "moving dB", "still dB", "frames/s", "with decoding"]
    head += ["ms p50", "ms p95", "CPU per frame", "memory MB", "keeps up", "waits for"]
    ordered = sorted(rows, key=lambda row: -round(row.mean.whole, 1) if row.quality else 0.0)
    return table(head, map(_speed_cells, ordered))


def _speed_cells(row: Row) -> list[str]:
    figures = row.mean if row.quality else None
    db = (
        [f"{figures.whole:.2f}", f"{figures.subject:.2f}", f"{figures.still:.2f}"]
        if figures
        else [""] * 3
    )
    waits = f"{row.ahead} frames" if row.ahead > 1 else "1 frame" if row.ahead else ""
    name = f"**{row.name}**" if row.name == NANO else row.name
    timing = row.timing
    if timing is None:
        return [name, *db, *[""] * 6, "not measured", waits]
    about = "≈ " if timing.estimated else ""
    return [
        name,
        *db,
        about + rate_text(timing.rate_fps),
        "" if timing.decoded_fps is None else rate_text(timing.decoded_fps),
        about + ms_text(timing.p50_ms),
        "" if timing.estimated else ms_text(timing.p95_ms),
        about + seconds_text(timing.cpu_s),
        "?" if np.isnan(timing.memory_mb) else f"{timing.memory_mb:.0f}",
        keeps_up(timing),
        waits,
    ]


def ms_text(ms: float) -> str:
    """Milliseconds with as many digits as mean something."""
    return f"{ms:.0f}" if ms >= 99.5 else f"{ms:.1f}"


def clips_table(rows: Sequence[Row], noisy: dict[str, Figures]) -> str:
    """Whole / moving / still for every clip, with the peers' strengths."""

    def cell(figures: Figures, quality: Quality | None = None) -> str:
        text = f"{figures.whole:.2f} / {figures.subject:.2f} / {figures.still:.2f}"
        if quality is None or quality.strength is None:
            return text
        return f"{text} ({quality.strength:g}, {quality.subject_strength:g})"

    lines = [["the camera", *(cell(f) for f in noisy.values()), cell(mean_figures(noisy.values()))]]
    for row in rows:
        if row.quality:
            cells = (
                cell(row.quality[c].figures, row.quality[c]) if c in row.quality else ""
                for c in noisy
            )
            lines.append([row.name, *cells, cell(row.mean)])
    return table(["method", *map(clip_title, noisy), "mean"], lines)


def margins_table(rows: Sequence[Row], clips: Sequence[str]) -> str:
    """By how much nano is above others; who that is stands beside it."""
    measures = {"whole": "whole frame", "subject": "moving"}
    lines = []
    for one in margins(rows):
        cells = (
            f"{one.clips[c][1]:+.2f}" + (f" ({one.clips[c][0]})" if "best" in one.above else "")
            for c in clips
        )
        lines.append([one.above, measures[one.measure], *cells, f"**{one.mean:+.2f}**"])
    if not lines:
        return "(nothing to compare)"
    return table(["nano above …", "where", *map(clip_title, clips), "mean"], lines)


def call_table(path: WholePath) -> str:
    """The whole path of a call."""
    live = path.called
    memory = "?" if live.memory_mb is None else f"{live.memory_mb:.0f} MB"
    lines = [
        ["as fast as it goes", f"{path.throughput_fps:.1f} frames/s, none dropped"],
        ["at 30 frames/s", f"{live.frames} frames in {live.seconds:.1f} s, {live.dropped} dropped"],
        ["delay, median", f"{live.delay_p50_ms:.1f} ms"],
        ["delay, 95 %", f"{live.delay_p95_ms:.1f} ms"],
        *(
            [f"{name}, median and 95 %", f"{p50:.1f} and {p95:.1f} ms"]
            for name, (p50, p95) in live.stages_ms.items()
            if name != "delay"
        ),
        ["CPU", f"{live.cores:.2f} cores"],
        ["peak memory", memory],
        ["first clean frame after", f"{live.startup_s:.2f} s"],
    ]
    return table(["", live.network], lines)

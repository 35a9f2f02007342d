"""What the table of quality and speed is made of: rows, what keeps up, by how much ours are ahead, and where not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..live.peers import Figures, mean_figures
from .methods import METHODS, NANO
from .timing import Timing

RATE_FPS = 30
MEASURES = ("whole", "subject", "still")
SHORT = 4
"""Frames that a filter may wait for and still be of use in a call: 130 ms."""


@dataclass(frozen=True)
class Quality:
    """Luma PSNR in one clip, and the strengths at which it was reached (whole frame and still part; subject)."""

    figures: Figures
    frames: int
    strength: float | None = None
    subject_strength: float | None = None


@dataclass(frozen=True)
class Row:
    """One method. ``quality`` is by the clip's name; ``timing`` None: it could not be measured."""

    name: str
    quality: dict[str, Quality] = field(default_factory=dict)
    timing: Timing | None = None

    @property
    def mean(self) -> Figures:
        """Over the clips."""
        return mean_figures(q.figures for q in self.quality.values())

    @property
    def ours(self) -> bool:
        """Whether it is ours."""
        return METHODS[self.name].ours

    @property
    def ahead(self) -> int:
        """How many frames it waits for."""
        return METHODS[self.name].ahead


def keeps_up(timing: Timing | None) -> str:
    """Whether 30 frames/s are held: "yes", "filter alone" (not with decoding beside it) or "no"."""
    if timing is None or timing.rate_fps < RATE_FPS:
        return "no"
    if timing.decoded_fps is None or timing.decoded_fps < RATE_FPS:
        return "filter alone"
    return "yes"


@dataclass(frozen=True)
class Margin:
    """By how many dB ``nano`` is above others: per clip, with who that is, and the mean."""

    above: str
    measure: str
    clips: dict[str, tuple[str, float]]

    @property
    def mean(self) -> float:
        """Over the clips."""
        return float(np.mean([value for _, value in self.clips.values()]))


def margin(rows: Iterable[Row], others: Sequence[Row], above: str, measure: str) -> Margin | None:
    """Nano above the best of the others, clip by clip; None where there is nothing to compare."""
    mine = next((row for row in rows if row.name == NANO), None)
    if mine is None or not others:
        return None
    clips = {}
    for clip, quality in mine.quality.items():
        there = [row for row in others if clip in row.quality]
        if not there:
            return None
        best = max(there, key=lambda row: getattr(row.quality[clip].figures, measure))
        value = getattr(quality.figures, measure) - getattr(best.quality[clip].figures, measure)
        clips[clip] = (best.name, value)
    return Margin(above, measure, clips)


def margins(rows: Sequence[Row]) -> list[Margin]:
    """Nano above the best peer that keeps up, the best that a call could wait for, nlmeans, and the best of all."""
    peers = [row for row in rows if METHODS[row.name].peer is not None]
    quick = [row for row in peers if keeps_up(row.timing) == "yes"]
    groups = {
        "the best peer that keeps up": quick,
        f"the best that keeps up and waits for {SHORT} frames at most": [
            row for row in quick if row.ahead <= SHORT
        ],
        "nlmeans": [row for row in peers if row.name == "nlmeans"],
        "the best peer of all": peers,
    }
    found = (margin(rows, g, name, m) for name, g in groups.items() for m in MEASURES[:2])
    return [one for one in found if one is not None]


def losses(rows: Sequence[Row]) -> list[str]:
    """Where nano is behind, in sentences."""
    mine = next((row for row in rows if row.name == NANO), None)
    if mine is None:
        return []
    found = []
    names = {
        "whole": "in the whole frame",
        "subject": "in what moves",
        "still": "in what stands still",
    }
    for clip, quality in mine.quality.items():
        for measure, place in names.items():
            value = getattr(quality.figures, measure)
            better = {
                row.name: getattr(row.quality[clip].figures, measure) - value
                for row in rows
                if not row.ours and clip in row.quality
            }
            better = {name: above for name, above in better.items() if above > 0}
            if better:
                told = "; ".join(f"{name} by {above:.2f} dB" for name, above in better.items())
                found.append(f"{clip_title(clip)}, {place}: {told} ahead of nano.")
    if mine.timing is not None:
        quicker = [
            f"{row.name} ({rate_text(row.timing.rate_fps)})"
            for row in rows
            if row.timing is not None and row.timing.rate_fps > mine.timing.rate_fps
        ]
        if quicker:
            told = "; ".join(quicker)
            rate = rate_text(mine.timing.rate_fps)
            found.append(f"Quicker than nano ({rate} frames/s): {told}.")
    return found


def clip_title(name: str) -> str:
    """``desk-high`` as a person reads it."""
    scene, _, noise = name.partition("-")
    return f"{scene} at {noise} noise"


def rate_text(fps: float) -> str:
    """Frames/s with as many digits as mean something."""
    return f"{fps:.0f}" if fps >= 99.5 else f"{fps:.1f}" if fps >= 0.995 else f"{fps:.2g}"

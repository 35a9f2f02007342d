"""The figures of a calibration as rows of text, for the terminal and for the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .outcome import Outcome
from .still_errors import CHROMA, CLASSES, PlaceFigures

_TITLES = {"all": "whole picture", "flat": "flat", "textured": "textured", "edge": "edges"}


@dataclass(frozen=True)
class Row:
    """A row: what it is, its figure before, and one for each of the networks that were judged."""

    title: str
    before: str
    after: tuple[str, ...]
    part: bool = False
    """It is a part of the row above it."""


def headings(outcome: Outcome) -> tuple[str, ...]:
    """What was judged, after the camera's own picture: one network, or the base and the fine-tuned one."""
    return ("after",) if outcome.fine_tuning is None else ("base", "fine-tuned")


def rows(outcome: Outcome) -> Iterator[Row]:
    """PSNR, uPSNR, its gain by the kind of place, and synthetic motion where that was judged."""
    quality, tuning = outcome.quality, outcome.fine_tuning
    after = [quality] if tuning is None else [tuning.base, tuning.tuned]
    psnr = tuple(f"{q.psnr_after_db:.2f} dB" for q in after)
    yield Row("PSNR (biased)", f"{quality.psnr_before_db:.2f} dB", psnr)
    upsnr = tuple(interval(q.upsnr_after_db) for q in after)
    yield Row("uPSNR", interval(quality.upsnr_before_db), upsnr)
    for name in (*CLASSES, CHROMA):
        part = name != CHROMA
        yield from _split(_TITLES.get(name, name), name, [q.split for q in after], part)
    if quality.whole != quality.split:
        for name in ("all", *CLASSES):
            yield from _split(_TITLES[name], name, [q.whole for q in after], name != "all")
    if tuning is not None:
        gains = (tuning.base_motion, tuning.tuned_motion)
        yield Row("synthetic motion", "", tuple(_signed(g.whole_db) for g in gains))
        yield Row("where it moves", "", tuple(_signed(g.moving_db) for g in gains), True)


def gain(outcome: Outcome) -> str:
    """By how much the picture became better."""
    found = outcome.quality.gain_db
    return f"{found.value:+.2f} dB of uPSNR ({found.low:+.2f} … {found.high:+.2f})"


def noise(outcome: Outcome) -> Iterator[str]:
    """What was measured of the noise, in two sentences."""
    model = outcome.noise
    at_middle = [float(p.curve.variance(128.0)) ** 0.5 for p in (model.y, model.u, model.v)]
    yield "Noise at level 128 (Y, U, V): " + ", ".join(f"{s:.2f}" for s in at_middle) + " levels"
    y = model.y
    lags = ", ".join(f"{round(lag, 2) + 0.0:+.2f}" for lag in y.temporal_correlation)
    yield (
        f"Luma: fixed pattern {_level(y.fixed_pattern_std)}, row flicker {_level(y.row_flicker_std)}, "
        f"correlation between frames {lags}"
    )


def interval(value: Any) -> str:
    """A figure in dB with its interval."""
    return f"{value.value:.2f} dB ({value.low:.2f} … {value.high:.2f})"


def _split(
    title: str, place: str, after: list[dict[str, PlaceFigures]], part: bool
) -> Iterator[Row]:
    """What was gained in a place, where there is enough of it."""
    found = [figures[place] for figures in after if place in figures]
    if len(found) == len(after):
        gains = tuple(f"{f.after_db.value:.2f} dB ({f.gain_db.value:+.2f})" for f in found)
        yield Row(title, f"{found[0].before_db.value:.2f} dB", gains, part)


def _signed(gain_db: float) -> str:
    return "–" if math.isnan(gain_db) else f"{gain_db:+.2f} dB"


def _level(std: float) -> str:
    return "not measured" if math.isnan(std) else f"{std:.2f}"

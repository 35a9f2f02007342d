"""Which method is better than which, and which can't be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics import Interval
from ..upsnr import decibel, difference_db
from .judging import Result, interval

# 97.5 % of Student's t for 2, 3, … degrees of freedom; beyond them, that of a normal distribution is near enough.
_STUDENT = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160)
_NORMAL = 1.96
_LEAST_DB = 0.01  # less than this is no difference, however sure it is
_FEWEST = 3  # series, to say something of others than these

Results = Mapping[str, Sequence[Result]]
"""By method, of the same series in the same order."""


@dataclass(frozen=True)
class Comparison:
    """By how many dB method ``a`` is better than ``b`` in a place.

    ``difference_db`` is on these frames: its interval is that of the references' noise. ``over_scenes_db`` is the
    mean of the series' differences, with the interval of how they differ from series to series; None for fewer than
    three. The verdict is "better", "worse" or "tie": none of the intervals that there are may hold 0, or it is a tie.
    """

    a: str
    b: str
    place: str
    difference_db: Interval
    over_scenes_db: Interval | None

    @property
    def verdict(self) -> str:
        """Of ``a`` beside ``b``."""
        if abs(self.difference_db.value) < _LEAST_DB:
            return "tie"
        intervals = [one for one in (self.difference_db, self.over_scenes_db) if one is not None]
        if all(one.low > 0 for one in intervals):
            return "better"
        return "worse" if all(one.high < 0 for one in intervals) else "tie"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        over = self.over_scenes_db
        return {
            "a": self.a,
            "b": self.b,
            "place": self.place,
            "difference_db": interval(self.difference_db),
            "over_scenes_db": None if over is None else interval(over),
            "verdict": self.verdict,
        }


def compare(results: Results, a: str, b: str, place: str) -> Comparison:
    """Compares two methods on the series of a place."""
    ours, theirs = ([one.parts["all"] for one in results[name]] for name in (a, b))
    each = [decibel(x.error()) - decibel(y.error()) for x, y in zip(ours, theirs, strict=True)]
    return Comparison(a, b, place, difference_db(ours, theirs), over_scenes(each))


def over_scenes(differences: Sequence[float]) -> Interval | None:
    """Their mean with its 95 % interval (Student's t); None for fewer than three."""
    count = len(differences)
    if count < _FEWEST:
        return None
    mean, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    factor = _STUDENT[count - _FEWEST] if count - _FEWEST < len(_STUDENT) else _NORMAL
    reach = factor * spread / count**0.5
    return Interval(mean, mean - reach, mean + reach)


def order_of(results: Results) -> list[str]:
    """The methods by uPSNR, best first."""

    def error(name: str) -> float:
        parts = [one.parts["all"] for one in results[name]]
        return sum(part.error() * part.values for part in parts)

    return sorted(results, key=error)


def ties(results: Results, order: Sequence[str], place: str) -> list[list[str]]:
    """Runs of the order whose methods can't be told from the first of their run; those of one method are left out."""
    groups: list[list[str]] = []
    for name in order:
        if groups and compare(results, groups[-1][0], name, place).verdict == "tie":
            groups[-1].append(name)
        else:
            groups.append([name])
    return [group for group in groups if len(group) > 1]

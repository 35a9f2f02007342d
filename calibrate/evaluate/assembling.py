"""Puts all that was cleaned together: figures by method and place, comparisons, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rtdenoise.console import Ticker

from .comparing import Comparison, compare, order_of, ties
from .crops import save_crops
from .judging import JudgedPlace, Result, figures, likeness, over_time, rounded
from .kept import Cleaned, Kept
from .material import Place, luma
from .methods import CAMERA, Known
from .trained import CALIBRATED, SINGLE

PLACES = ("unseen", "seen")
"""Scenes (or strips) that nothing was learned from, and others; the first that there is decides the order."""

_EVEN = 0.75  # of the most processor time per second that a method had
_WHOLE = 0.05  # of a core
_ASKED = (
    ("paper", "paper-noise2noise"),
    ("paper", "paper-mean"),
    ("paper", "noise2noise"),
    ("paper-mean", "paper-noise2noise"),
)


@dataclass(frozen=True)
class Judged:
    """All methods on all series: ``results`` by method, in the order of ``places``."""

    places: tuple[Place, ...]
    results: dict[str, list[Result]]
    series: list[dict[str, Any]]
    crops: list[dict[str, Any]]

    def where(self, place: str) -> dict[str, list[Result]]:
        """The results of the series of a place; empty where there are none."""
        wanted = [i for i, p in enumerate(self.places) if p.seen == (place == "seen")]
        return (
            {name: [of[i] for i in wanted] for name, of in self.results.items()} if wanted else {}
        )


def judge_all(
    places: Sequence[Place],
    kept: Mapping[str, Kept],
    folder: Path | None,
    ticker: Ticker,
) -> Judged:
    """Judges what was kept, one series in memory at a time.

    Args:
        places: The series.
        kept: By method, where its results are.
        folder: Where pictures go; None makes none.
        ticker: Told of each series.

    Raises:
        StorageError: a picture can't be written.
    """
    results: dict[str, list[Result]] = {name: [] for name in (CAMERA, *kept)}
    series, crops, judged_places = [], [], []
    for place in places:
        ticker.advance(note=place.name)
        judged = JudgedPlace.of(place)
        if not judged.parts["all"].any():
            continue
        judged_places.append(place)
        cleaned: dict[str, Cleaned] = {CAMERA: judged.noisy()}
        for name, where in kept.items():
            found = where.load(name, place.name)
            assert found is not None, f"{name} has no result for {place.name}"
            cleaned[name] = found
        for name, one in cleaned.items():
            results[name].append(judged.judge(one))
        series.append(_series(judged))
        if place.shown and folder is not None:
            title = f"{place.name}, {'learned from' if place.seen else 'never learned from'}"
            crops.append(save_crops(judged, cleaned, folder, title))
    return Judged(tuple(judged_places), results, series, crops)


def _series(judged: JudgedPlace) -> dict[str, Any]:
    place, footage = judged.place, judged.footage
    mode, window = place.recorded.clip.mode, place.window
    return {
        "name": place.name,
        "group": place.recorded.group,
        "frames": place.count,
        "seen": place.seen,
        "size": [mode.width, mode.height],
        "window": [window.left, window.top, window.width, window.height],
        "judged_frames": list(place.judged.frames),
        "references": [place.references[0], place.references[-1]],
        "mean_level": rounded(255 * float(luma(footage.mean)[judged.parts["all"]].mean()), 1),
        "noise_levels": rounded(255 * footage.noise_variance**0.5, 3),
    }


def tables(judged: Judged, known: Sequence[Known], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``evaluation.json`` that all methods share: methods, order, ties and comparisons."""
    present = [place for place in PLACES if judged.where(place)]
    first = present[0]
    ranked = {n: r for n, r in judged.where(first).items() if n != CAMERA}
    order = order_of(ranked)
    by_name = {one.name: one for one in known}
    rows = [_row(judged, by_name[name], facts.get(name, {}), present) for name in (CAMERA, *order)]
    comparisons = [
        c.to_json() for place in present for c in _comparisons(judged.where(place), order, place)
    ]
    return {
        "series": judged.series,
        "methods": rows,
        "order": order,
        "ranked_by": first,
        "ties": ties(ranked, order, first),
        "comparisons": comparisons,
        "crops": judged.crops,
    }


def uneven_remarks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is to be said where other programs took the cores while some of the methods learned."""
    used = {row["name"]: row["cores"] for row in rows if row.get("cores")}
    slow = [
        name
        for name, cores in used.items()
        if cores < _EVEN * max(used.values()) and not _whole(cores)
    ]
    if not slow:
        return []
    return [
        f"While {', '.join(slow)} learned, other programs took the cores: the same minutes were less work. To "
        "compare them, remove the comparison's folder and run it again while nothing else runs."
    ]


def _whole(cores: float) -> bool:
    """Whether these are whole cores, as of a method that uses no more by itself."""
    return cores > 0.5 and abs(cores - round(cores)) < _WHOLE


def _row(
    judged: Judged, known: Known, facts: Mapping[str, Any], present: Sequence[str]
) -> dict[str, Any]:
    results, noisy = judged.results[known.name], judged.results[CAMERA]
    by_series = {
        place.name: figures([ours], [theirs])
        for place, ours, theirs in zip(judged.places, results, noisy, strict=True)
    }
    spent = [one.ms_per_frame for one in results]
    return {
        "name": known.name,
        "title": known.title,
        "setting": facts.get("setting", known.setting),
        "source": known.source,
        "kind": known.kind,
        "minutes_trained": facts.get("minutes"),
        "parameters": facts.get("parameters"),
        "cores": facts.get("cores"),
        "ms_per_frame": None if known.name == CAMERA else rounded(sum(spent) / len(spent), 2),
        "causal": known.causal,
        "places": {
            place: figures(judged.where(place)[known.name], judged.where(place)[CAMERA])
            for place in present
        },
        "series": by_series,
        "flicker_db": None if known.name == CAMERA else over_time(results, noisy),
        **(likeness(results) if known.name != CAMERA else {"whiteness": None, "structure": None}),
    }


def _comparisons(
    results: Mapping[str, list[Result]], order: Sequence[str], place: str
) -> list[Comparison]:
    """What is worth saying: the paper's target beside others, eight views beside one, fine-tuning, neighbours."""
    pairs = list(_ASKED)
    pairs += [(name, name + SINGLE) for name in order if name + SINGLE in order]
    pairs += [
        (name, name.removesuffix(CALIBRATED) + "-base")
        for name in order
        if name.endswith(CALIBRATED)
    ]
    pairs += list(pairwise(order))
    there = dict.fromkeys(p for p in pairs if p[0] in results and p[1] in results)
    return [compare(results, a, b, place) for a, b in there]


def across_cameras(
    judged: Judged, judged_own: Judged, camera: str, other: str, known: Sequence[Known]
) -> dict[str, Any]:
    """Networks of one camera on another one's series, where that one's own networks have not learned either (Fig. 9).

    Args:
        judged: What the first camera's networks made of the other's series.
        judged_own: What the other's own made of them.
        camera: The first camera's name.
        other: The other's.
        known: The methods.
    """
    unseen = [i for i, place in enumerate(judged_own.places) if not place.seen]
    noisy = [judged.results[CAMERA][i] for i in unseen]
    rows = []
    for one in known:
        if one.name == CAMERA or one.name not in judged.results:
            continue
        cross = [judged.results[one.name][i] for i in unseen]
        row: dict[str, Any] = {
            "name": one.name,
            "title": one.title,
            "cross_gain_db": figures(cross, noisy)["gain_db"],
            "own_gain_db": None,
            "difference_db": None,
        }
        if one.name in judged_own.results:
            own = [judged_own.results[one.name][i] for i in unseen]
            found = compare({"cross": cross, "own": own}, "cross", "own", "unseen")
            row |= {
                "own_gain_db": figures(own, noisy)["gain_db"],
                "difference_db": found.to_json()["difference_db"],
                "verdict": found.verdict,
            }
        rows.append(row)
    series = [judged.series[i] for i in unseen]
    return {"camera": camera, "other": other, "series": series, "methods": rows}

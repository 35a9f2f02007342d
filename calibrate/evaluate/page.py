"""The page of a comparison: the paper's Table 1 with intervals and ties, by place and by series, and crops."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from rtdenoise import pages

from .page_crops import crops

Json = Mapping[str, Any]

_PLACES = {
    "unseen": "in places that nothing was learned from",
    "seen": "in scenes that were learned from, on other frames",
}
_KINDS = {"filter": "filter", "live": "live network", "learned": "learned", "camera": "camera"}
_PROTOCOLS = {
    "paper": "The paper's protocol",
    "quick": "A quick look",
    "own": "Your own footage",
}
_SPLIT = {"flat": "flat", "textured": "textured", "edge": "edges", "chroma": "chroma"}
CAMERA = "camera"


@dataclass(frozen=True)
class Cell:
    """A figure in a table: what is shown, what is below it, and by what it is sorted."""

    text: str
    note: str = ""
    value: float | str | None = None
    bar: tuple[float, float, float] | None = None
    """Low, value and high on the column's scale, 0 to 100."""

    @property
    def sorted_by(self) -> str:
        """For the page's script."""
        missing = self.value is None or (
            isinstance(self.value, float) and not math.isfinite(self.value)
        )
        return "" if missing else str(self.value)


@dataclass(frozen=True)
class Column:
    """A column of Table 1; ``first`` is the order of the first click, ``zero`` where no gain is on its bars' scale."""

    title: str
    note: str
    cells: tuple[Cell, ...]
    first: str = "descending"
    zero: float | None = None


@dataclass(frozen=True)
class Method:
    """A row's head. ``ranks`` are the places that it may have; ``ties`` whom it can't be told apart from."""

    title: str
    kind: str
    source: str
    setting: str
    ranks: str
    ties: tuple[str, ...]
    best: bool
    baseline: bool


def write_page(evaluation: Json, crops_folder: Path, path: Path) -> None:
    """Writes the page of a comparison.

    Args:
        evaluation: What ``Evaluation.to_json`` gave.
        crops_folder: Where its crops are.
        path: Of the page.

    Raises:
        StorageError: ``path`` can't be written.
    """
    pages.write_page(path, "calibrate", "evaluate.html", page_values(evaluation, crops_folder))


def page_values(evaluation: Json, crops_folder: Path) -> dict[str, Any]:
    """What the page's template is given."""
    methods = _in_order(evaluation)
    titles = {method["name"]: method["title"] for method in methods}
    ranked_by = evaluation.get("ranked_by")
    known = sorted(_PLACES, key=lambda place: place != ranked_by)  # what decides comes first
    places = [p for p in known if any(p in m.get("places", {}) for m in methods)]
    place = places[0] if places else ""
    shown = crops(evaluation.get("crops", ()), crops_folder, titles, _gains(methods))
    contents = [
        ("table", "Table 1"),
        ("places", "By place"),
        ("series", "By series"),
        *([("comparisons", "Comparisons")] if evaluation.get("comparisons") else []),
        *([("crops", "Crops")] if shown.scenes else []),
        *([("cross", "Another camera")] if evaluation.get("cross_camera") else []),
        ("how", "How it was made"),
    ]
    return {
        "camera": evaluation["camera"],
        "protocol": _PROTOCOLS.get(evaluation.get("protocol", ""), ""),
        "contents": contents,
        "lead": list(_lead(evaluation, methods, place)),
        "remarks": evaluation.get("remarks", ()),
        "place": _PLACES.get(place, ""),
        "methods": _heads(evaluation, methods),
        "columns": list(_columns(methods, places)),
        "split": _split(methods, place),
        "by_series": _by_series(evaluation, methods),
        "comparisons": _comparisons(evaluation, titles, places),
        "crops": shown,
        "cross": _cross(evaluation.get("cross_camera"), titles),
        "series": [_series_row(one) for one in evaluation.get("series", ())],
        "command": evaluation.get("command", ""),
    }


def _in_order(evaluation: Json) -> list[Json]:
    """The methods, best first; those that the order doesn't name come last."""
    order = {name: k for k, name in enumerate(evaluation.get("order", ()))}
    return sorted(evaluation["methods"], key=lambda m: order.get(m["name"], len(order)))


def _heads(evaluation: Json, methods: Sequence[Json]) -> list[Method]:
    places = {method["name"]: k for k, method in enumerate(methods, 1)}
    titles = {method["name"]: method["title"] for method in methods}
    tied: dict[str, set[str]] = {name: {name} for name in places}
    for group in evaluation.get("ties", ()):
        known = {name for name in group if name in places}
        for name in known:
            tied[name] |= known
    heads = []
    for method in methods:
        alike = sorted(tied[method["name"]], key=places.__getitem__)
        low, high = places[alike[0]], places[alike[-1]]
        heads.append(
            Method(
                title=method["title"],
                kind=_KINDS.get(method.get("kind", ""), ""),
                source=method.get("source") or "",
                setting=method.get("setting") or "",
                ranks=str(low) if low == high else f"{low}–{high}",
                ties=tuple(titles[name] for name in alike if name != method["name"]),
                best=low == 1 and method.get("kind") != CAMERA,
                baseline=method.get("kind") == CAMERA,
            )
        )
    return heads


def _columns(methods: Sequence[Json], places: Sequence[str]) -> Iterator[Column]:
    """Those that have a figure."""
    for place in places:
        found = [m.get("places", {}).get(place) or {} for m in methods]
        yield _interval_column("Gain", place, [f.get("gain_db") for f in found], signed=True)
        yield _interval_column("uPSNR", place, [f.get("upsnr_db") for f in found], signed=False)
    main = [m.get("places", {}).get(places[0]) or {} for m in methods] if places else []
    plain = (
        ("PSNR to truth", "dB", [f.get("true_psnr_db") for f in main], 2, "descending"),
        ("SSIM", "to truth", [f.get("ssim") for f in main], 4, "descending"),
        ("PSNR to mean", "biased, dB", [f.get("psnr_to_mean_db") for f in main], 2, "descending"),
        ("its bias", "dB", [f.get("psnr_bias_db") for f in main], 2, "ascending"),
        (
            "Less flicker",
            "dB, still parts",
            [m.get("flicker_db") for m in methods],
            1,
            "descending",
        ),
        ("Time", "ms per frame", [m.get("ms_per_frame") for m in methods], 1, "ascending"),
        ("Parameters", "", [m.get("parameters") for m in methods], 0, "ascending"),
        ("Trained", "minutes", [m.get("minutes_trained") for m in methods], 1, "ascending"),
    )
    for title, note, values, digits, first in plain:
        if any(_known(value) for value in values):
            cells = tuple(Cell(_plain(v, digits), value=v) for v in values)
            yield Column(title, note, cells, first)
    yield from _removed(methods)


def _removed(methods: Sequence[Json]) -> Iterator[Column]:
    """What was removed: sorted by how unlike noise it is."""
    white = [m.get("whiteness") or {} for m in methods]
    if any(_known(one.get("removed")) for one in white):
        cells = []
        for one in white:
            own, noise = one.get("removed"), one.get("noise")
            unlike = abs(own - noise) if _known(own) and _known(noise) else None
            note = f"noise: {_plain(noise, 2)}" if _known(noise) else ""
            cells.append(Cell(_plain(own, 2), note, unlike))
        yield Column("Correlation", "of what was removed", tuple(cells), "ascending")
    detail = [m.get("structure") for m in methods]
    if any(_known(one) for one in detail):
        cells = [Cell(_plain(v, 3), value=abs(v) if _known(v) else None) for v in detail]
        yield Column("Detail", "in what was removed", tuple(cells), "ascending")


def _interval_column(
    title: str, place: str, values: Sequence[Json | None], *, signed: bool
) -> Column:
    ends = [float(v[k]) for v in values if v for k in ("low", "high") if _known(v.get(k))]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    low, high = (min(low, 0.0), max(high, 0.0)) if signed else (low, high)
    span = max(high - low, 1e-6)
    cells = []
    for value in values:
        if not value or not _known(value.get("value")):
            cells.append(Cell("–"))
            continue
        bar = None
        if _known(value.get("low")) and _known(value.get("high")):
            bar = tuple(100 * (value[k] - low) / span for k in ("low", "value", "high"))
        text = _signed(value["value"]) if signed else _plain(value["value"], 2)
        cells.append(Cell(text, _ends(value, signed), value["value"], bar))
    note = f"dB, {place} places" if place == "unseen" else f"dB, {place} scenes"
    return Column(title, note, tuple(cells), zero=-100 * low / span if signed else None)


def _split(methods: Sequence[Json], place: str) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """The gain by the kind of place: titles of the kinds, and each method's cells."""
    found = [
        (m["title"], (m.get("places", {}).get(place) or {}).get("split") or {})
        for m in methods
        if m.get("kind") != CAMERA
    ]
    kinds = [kind for kind in _SPLIT if any(kind in split for _, split in found)]
    rows = [(title, [_gain_cell(split.get(kind)) for kind in kinds]) for title, split in found]
    return [_SPLIT[kind] for kind in kinds], rows


def _by_series(
    evaluation: Json, methods: Sequence[Json]
) -> tuple[list[Json], list[tuple[str, list[Cell]]]]:
    """The gain in each series: the series, and each method's cells."""
    series = [
        one
        for one in evaluation.get("series", ())
        if any(one["name"] in (m.get("series") or {}) for m in methods)
    ]
    rows = [
        (m["title"], [_gain_cell((m.get("series") or {}).get(one["name"])) for one in series])
        for m in methods
        if m.get("kind") != CAMERA
    ]
    return series, rows


def _gain_cell(figures: Json | None) -> Cell:
    gain = (figures or {}).get("gain_db")
    if not gain or not _known(gain.get("value")):
        return Cell("–")
    return Cell(_signed(gain["value"]), _ends(gain, signed=True), gain["value"])


def _gains(methods: Sequence[Json]) -> dict[tuple[str, str], str]:
    """Each method's gain in each series, to stand beside its pictures."""
    cells = {
        (m["name"], series): _gain_cell(figures)
        for m in methods
        if m.get("kind") != CAMERA
        for series, figures in (m.get("series") or {}).items()
    }
    return {key: f"{cell.text}\u00a0dB" for key, cell in cells.items() if cell.value is not None}


def _comparisons(
    evaluation: Json, titles: Mapping[str, str], places: Sequence[str]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """By place: each as its mood and a sentence."""
    found: dict[str, list[tuple[str, str]]] = {place: [] for place in places}
    for one in evaluation.get("comparisons", ()):
        a, b = (titles.get(one[key], one[key]) for key in ("a", "b"))
        found.setdefault(one.get("place", ""), []).append(sentence(a, b, one))
    return [(_PLACES.get(place, place), told) for place, told in found.items() if told]


def sentence(a: str, b: str, comparison: Json) -> tuple[str, str]:
    """Which of two is better, by how much, or that nobody can tell; with its mood, "good" or "tie".

    Args:
        a: One method.
        b: The other.
        comparison: As in the evaluation: ``difference_db`` is by how many dB the first is better, ``over_scenes_db``
            how that differs from scene to scene, ``verdict`` "better", "worse" or "tie".
    """
    difference, over = comparison["difference_db"], comparison.get("over_scenes_db")
    low, value, high = (difference[key] for key in ("low", "value", "high"))
    verdict = comparison.get("verdict") or ("better" if low > 0 else "worse" if high < 0 else "tie")
    scenes = f"; from scene to scene {_ends(over, signed=True)}" if over else ""
    if verdict == "tie":
        ends = f"{_signed(value)} dB ({_ends(difference, signed=True)}{scenes})"
        return "tie", f"{a} and {b} can't be told apart: {ends}."
    if verdict == "worse":
        a, b, low, value, high = b, a, -high, -value, -low
        scenes = f"; from scene to scene {_ends(_negative(over), signed=True)}" if over else ""
    ends = f"{low:.2f} … {high:.2f}{scenes}"
    return "good", f"{a} beats {b} by {value:.2f} dB ({ends})."


def _negative(interval: Json) -> Json:
    return {key: -interval[other] for key, other in (("low", "high"), ("high", "low"))}


def _lead(evaluation: Json, methods: Sequence[Json], place: str) -> Iterator[str]:
    """What came of it, in a sentence or two."""
    best = next((m for m in methods if m.get("kind") != CAMERA), None)
    if best is None:
        return
    gain = (best.get("places", {}).get(place) or {}).get("gain_db")
    if gain:
        yield (
            f"{best['title']} is best {_PLACES[place]}: {_signed(gain['value'])} dB of uPSNR over the camera's "
            f"own frames ({_ends(gain, signed=True)})."
        )
    ties = _heads(evaluation, methods)[methods.index(best)].ties
    if ties:
        yield f"It can't be told apart from {_listed(ties)}."


def _cross(cross: Json | None, titles: Mapping[str, str]) -> dict[str, Any] | None:
    """Networks of one camera on the other's frames, beside the other's own."""
    if not cross:
        return None
    rows = [
        (
            titles.get(row["name"], row.get("title", row["name"])),
            [_gain_cell({"gain_db": row.get(key)}) for key in ("own_gain_db", "cross_gain_db")],
            _gain_cell({"gain_db": row.get("difference_db")}),
        )
        for row in cross.get("methods", ())
    ]
    return {"camera": cross.get("camera", ""), "other": cross.get("other", ""), "rows": rows}


def _series_row(one: Json) -> list[str]:
    noise = one.get("noise_levels")
    levels = noise if isinstance(noise, (list, tuple)) else [noise]
    size = one.get("size")
    size = "×".join(map(str, size)) if isinstance(size, (list, tuple)) else size
    return [
        one["name"],
        one.get("group") or "",
        str(one.get("frames", "–")),
        "learned from" if one.get("seen") else "unseen",
        str(size or "–"),
        _plain(one.get("mean_level"), 0),
        ", ".join(_plain(level, 2) for level in levels),
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _known(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _plain(value: float | None, digits: int) -> str:
    if not _known(value):
        return "–"
    return f"{value:,.0f}".replace(",", " ") if digits == 0 else pages.counted_number(value, digits)


def _signed(value: float) -> str:
    return pages.signed_decibel(value).removesuffix(" dB")


def _ends(value: Json, signed: bool) -> str:
    if not _known(value.get("low")) or not _known(value.get("high")):
        return ""
    low, high = (
        _signed(value[key]) if signed else _plain(value[key], 2) for key in ("low", "high")
    )
    return f"{low} … {high}"

"""The crops of a comparison as pictures in its page, so encoded that the page stays small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rtdenoise import pages
from rtdenoise.arrays import Bytes

_BUDGET = 6_500_000  # bytes for all of them
_QUALITIES = (None, 92, 85, 75)  # of JPEG; None is PNG
_PARTS = (
    ("uncertainty", "Uncertainty", "how far the eight views lie apart"),
    ("low", "Low frequencies", "what the network is shown first"),
    ("high", "High frequencies", "and the rest"),
)


@dataclass(frozen=True)
class Crop:
    """One window of one series: what each method made of it, what it removed, and what else there is to see."""

    title: str
    methods: tuple[pages.View, ...]
    removed: tuple[pages.View, ...]
    parts: tuple[pages.View, ...]
    ratio: str
    gain: float | None
    """How many times stronger the differences are shown."""


@dataclass(frozen=True)
class Crops:
    """What is shown; ``left_out`` counts windows that would make the page too large, ``lossy`` that JPEG was needed."""

    scenes: tuple[Crop, ...]
    left_out: int
    lossy: bool


@dataclass(frozen=True)
class _Picture:
    title: str
    note: str
    pixels: Bytes

    def view(self, quality: int | None) -> pages.View:
        return pages.View(self.title, pages.encoded(self.pixels, quality), self.note)


@dataclass(frozen=True)
class _Window:
    title: str
    gain: float | None
    rows: tuple[list[_Picture], list[_Picture], list[_Picture]]

    def crop(self, quality: int | None) -> Crop:
        # What was removed is noise, which takes many bytes, and is looked at for edges in it.
        lower = quality and quality - 15
        qualities = (quality, lower, lower)
        views = [
            tuple(picture.view(best) for picture in row)
            for row, best in zip(self.rows, qualities, strict=True)
        ]
        height, width = next(p.pixels.shape[:2] for row in self.rows for p in row)
        ratio = f"{width} / {height}"
        return Crop(self.title, views[0], views[1], views[2], ratio, self.gain)


def crops(
    given: Iterable[Mapping[str, Any]],
    folder: Path,
    titles: Mapping[str, str],
    notes: Mapping[tuple[str, str], str],
) -> Crops:
    """Reads the crops' PNGs and encodes them; what is no longer there is left out.

    Args:
        given: ``crops`` of an evaluation.
        folder: Where the files are.
        titles: Of the methods by name, best first.
        notes: What stands beside a method's title in a series, by the names of both.
    """
    found = [_window(one, folder, titles, notes) for one in given]
    windows = [window for window in found if any(window.rows)]
    shown: tuple[Crop, ...] = ()
    for quality in _QUALITIES:
        shown = tuple(window.crop(quality) for window in windows)
        if sum(map(_bytes, shown)) <= _BUDGET:
            return Crops(shown, 0, quality is not None)
    while len(shown) > 1 and sum(map(_bytes, shown)) > _BUDGET:
        shown = shown[:-1]
    return Crops(shown, len(windows) - len(shown), bool(windows))


def _bytes(crop: Crop) -> int:
    return sum(len(view.source) for view in (*crop.methods, *crop.removed, *crop.parts))


def _window(
    one: Mapping[str, Any],
    folder: Path,
    titles: Mapping[str, str],
    notes: Mapping[tuple[str, str], str],
) -> _Window:
    def read(name: Any, title: str, note: str = "") -> list[_Picture]:
        # Its name alone: a file of figures that came from elsewhere shows nothing from outside the folder.
        path = folder / Path(str(name)).name
        if not name or not path.is_file():
            return []
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            return []
        return [_Picture(title, note, np.asarray(pixels[..., ::-1], np.uint8))]

    made, removed = one.get("methods") or {}, one.get("removed") or {}
    names = [*titles, *(name for name in made if name not in titles)]
    # The truth and the camera's own frame first: all others are seen beside them.
    first = [name for name in names if name == "camera"]
    names = [*first, *(name for name in names if name not in first)]
    methods = read(one.get("truth"), "Truth", "the camera never sees it")
    methods += read(one.get("mean"), "Mean of the series", "nearly free of noise")
    for name in names:
        note = notes.get((name, str(one.get("series"))), "")
        methods += read(made.get(name), titles.get(name, name), note)
    differences = [p for name in names for p in read(removed.get(name), titles.get(name, name))]
    parts = [p for key, title, note in _PARTS for p in read(one.get(key), title, note)]
    title = str(one.get("title") or one.get("series") or "")
    return _Window(title, one.get("removed_gain"), (methods, differences, parts))

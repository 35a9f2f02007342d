"""How a method is judged on a still series: on its last frames, on the pixels that stand still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtdenoise.arrays import Mask
from rtdenoise.frames import Planes

from ..metrics import Interval
from ..outcome import split_to_json
from ..paper.dataset import held_frame_count
from ..still_errors import Judged, PlaceFigures, Series, StillErrors, planes_of

Clean = Callable[[Iterable[Planes]], Iterator[Planes]]

_NOISY = "noisy"


@dataclass(frozen=True)
class Figures:
    """One method in one place: PSNR of luma to the mean, and uPSNR by class ("all", "flat", …, "chroma")."""

    split: dict[str, PlaceFigures]
    psnr_db: float

    @property
    def upsnr_db(self) -> Interval:
        """Of all its pixels."""
        return self.split["all"].after_db

    @property
    def gain_db(self) -> Interval:
        """Over the camera's own frames."""
        return self.split["all"].gain_db


@dataclass(frozen=True)
class Row:
    """One method of the table; ``places`` maps "still" and, where it is smaller, "unseen" to figures."""

    method: str
    setting: str
    places: dict[str, Figures]
    ms_per_frame: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        places = {
            name: {
                "upsnr_db": asdict_interval(figures.upsnr_db),
                "gain_db": asdict_interval(figures.gain_db),
                "psnr_db": figures.psnr_db,
                "split": split_to_json(figures.split),
            }
            for name, figures in self.places.items()
        }
        head = {"method": self.method, "setting": self.setting}
        return {**head, "places": places, "ms_per_frame": round(self.ms_per_frame, 2)}


def asdict_interval(interval: Interval) -> dict[str, float]:
    """An interval as plain values."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


class Judge:
    """Judges methods on one still series.

    The series' last frames are those that no training sees (:func:`calibrate.paper.dataset.held_frame_count`). The
    first of these are cleaned; the references come after them, so that none is among what a method that looks back (or
    ahead, within what it was given) has seen.

    Args:
        frames: The series in order.
        places: Masks (H, W) of the pixels to judge, by name; "still" are all that stand still.
        judged: How many frames are cleaned and judged.
    """

    def __init__(self, frames: Sequence[Planes], places: Mapping[str, Mask], judged: int) -> None:
        self._chosen = Judged.of(len(frames), judged, len(frames) - held_frame_count(len(frames)))
        self._frames, self._places = frames, places
        planes = [planes_of(frame) for frame in frames]
        self._errors = StillErrors(planes, self._chosen, places, places["still"])
        self._errors.add(_NOISY, [planes[k] for k in self._chosen.frames])
        self.judged = len(self._chosen.frames)

    def row(self, method: str, setting: str, clean: Clean, history: bool) -> Row:
        """Runs a method and judges it.

        Args:
            method: Its name.
            setting: Its setting, for people.
            clean: Takes frames in order and gives as many back.
            history: Give it all frames of the series up to the judged ones, not these alone.
        """
        start = 0 if history else self._chosen.frames[0]
        given = self._frames[start : self._chosen.frames[-1] + 1]
        begin = time.perf_counter()
        cleaned = [planes.copy() for planes in clean(given)]
        spent_ms = 1e3 * (time.perf_counter() - begin) / len(given)
        self._errors.add(method, [planes_of(planes) for planes in cleaned[-self.judged :]])
        return Row(method, setting, {n: self._figures(method, n) for n in self._places}, spent_ms)

    def _figures(self, method: str, place: str) -> Figures:
        series = Series([self._errors])
        return Figures(series.figures(method, _NOISY, place), series.psnr_db(method, place))

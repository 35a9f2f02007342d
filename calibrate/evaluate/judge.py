"""How a method is judged on a still series: on its last frames, on the pixels that stand still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.frames import Planes, rgb_tensor

from ..dataset import held_frame_count
from ..metrics import Interval, psnr_db, upsnr_db, upsnr_gain_db

Clean = Callable[[Iterable[Planes]], Iterator[Planes]]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Figures:
    """One method in one place. All in dB, each uPSNR with its 95 % interval."""

    upsnr_db: Interval
    gain_db: Interval
    psnr_db: float


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

    The series' last frames are those that no training sees (:func:`calibrate.dataset.held_frame_count`). The first of
    these are cleaned; the references a, b, c are drawn from those after them, so that no reference is among what a
    method that looks back (or ahead, within what it was given) has seen.

    Args:
        frames: The series in order.
        places: Masks (H, W) of the pixels to judge, by name.
        judged: How many frames are cleaned and judged.
        triples: How many draws of a, b, c per frame.
    """

    def __init__(
        self, frames: Sequence[Planes], places: dict[str, Mask], judged: int, triples: int = 4
    ) -> None:
        held = held_frame_count(len(frames))
        first = len(frames) - held
        judged = max(1, min(judged, held - 3))
        self._frames = frames
        self._places = places
        self._judged = range(first, first + judged)
        references = [_rgb(planes) for planes in frames[first + judged :]]
        random = np.random.default_rng(0)
        draws = [random.permutation(len(references))[:3] for _ in range(judged * triples)]
        self._abc = [np.stack([references[draw[n]] for draw in draws]) for n in range(3)]
        self._triples = triples
        self.judged = judged
        self._noisy = self._repeated([_rgb(frames[i]) for i in self._judged])
        total = np.zeros(self._noisy.shape[1:], np.float64)
        for planes in frames:
            total += _rgb(planes)
        self._targets = self._repeated(
            [
                ((total - _rgb(frames[i])) / (len(frames) - 1)).astype(np.float32)
                for i in self._judged
            ]
        )

    def _repeated(self, pictures: list[Floats]) -> Floats:
        return np.repeat(np.stack(pictures), self._triples, axis=0)

    def row(self, method: str, setting: str, clean: Clean, history: bool) -> Row:
        """Runs a method and judges it.

        Args:
            method: Its name.
            setting: Its setting, for people.
            clean: Takes frames in order and gives as many back.
            history: Give it all frames of the series up to the judged ones, not these alone.
        """
        start = 0 if history else self._judged.start
        given = self._frames[start : self._judged.stop]
        begin = time.perf_counter()
        cleaned = [planes.copy() for planes in clean(given)]
        spent_ms = 1e3 * (time.perf_counter() - begin) / len(given)
        output = self._repeated([_rgb(p) for p in cleaned[-len(self._judged) :]])
        places = {name: self._figures(output, mask) for name, mask in self._places.items()}
        return Row(method, setting, places, spent_ms)

    def _figures(self, output: Floats, mask: Mask) -> Figures:
        a, b, c = self._abc
        return Figures(
            upsnr_db(output, a, b, c, mask),
            upsnr_gain_db(output, self._noisy, a, b, c, mask),
            psnr_db(output, self._targets, mask),
        )


def _rgb(planes: Planes) -> Floats:
    """(3, H, W) in [0, 1], clipped as a screen does."""
    clipped: Floats = rgb_tensor(planes).clamp(0, 1).numpy()
    return clipped

"""What methods are compared on: still series, which of them are learned from, and the part of each that is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from capture.blocks import block_means, brightness
from capture.clip import Clip, Series
from rtdenoise.arrays import Doubles, Floats, Mask
from rtdenoise.console import Ticker
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes, rgb_tensor

from ..paper.dataset import (
    TEST_SHARE,
    VALIDATION_SHARE,
    Region,
    Split,
    StillSeries,
    held_frame_count,
    scene_numbers,
)
from ..sources import FEWEST_FRAMES, rgb_bytes
from ..still_errors import Judged
from .learned import Window
from .windows import choose_window

_LOOKED_AT = 8  # frames from which a window is chosen
_REFERENCES = 4  # behind the frame on which settings are chosen
_HISTORY = 32  # a filter has seen enough after about a second
LEAST_SCENES = 3
"""From so many scenes on, whole scenes are held out; with fewer, strips at the right."""


@dataclass(frozen=True)
class Recorded:
    """A still series of a clip; ``group`` says with what others it belongs, ``held`` that nothing may learn from it."""

    name: str
    group: str
    clip: Clip
    series: Series
    held: bool = False


@dataclass(frozen=True)
class Place:
    """Frames of one series, and the window in which they are judged.

    ``count`` of the series' frames are looked at in all; ``seen`` tells whether methods have learned from the scene
    (never from the judged frames); ``shown`` whether it is among the pictures.
    """

    recorded: Recorded
    count: int
    judged: Judged
    window: Window
    seen: bool
    shown: bool = False

    @property
    def name(self) -> str:
        """Of the series."""
        return self.recorded.name

    @property
    def references(self) -> range:
        """The frames that the results are compared with: after all that are cleaned, so no method has seen them."""
        return self.judged.references(self.judged.frames[-1], self.count)

    @property
    def cleaned(self) -> tuple[int, ...]:
        """The frames to clean: those that are judged, and where that is one, the next, to see whether it flickers."""
        last = self.judged.frames[-1]
        alone = len(self.judged.frames) == 1 and self.shown
        return (*self.judged.frames, last + 1) if alone else self.judged.frames

    def planes(self, first: int = 0) -> Iterator[Planes]:
        """The frames from number ``first`` of the series on."""
        clip, series = self.recorded.clip, self.recorded.series
        part = replace(series, first=series.first + first, count=self.count - first)
        yield from clip.read(part)

    def history(self) -> Iterator[Planes]:
        """What a method that looks back is given: up to a second before the judged frames, and these."""
        first = max(0, self.judged.frames[0] - _HISTORY)
        last = self.cleaned[-1]
        for k, planes in enumerate(self.planes(first), start=first):
            if k > last:
                return
            yield planes

    def footage(self) -> Footage:
        """The frames in memory."""
        return Footage(self)


class Footage:
    """A place's frames, as results are judged by them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        mask = place.recorded.clip.static_mask(place.recorded.series)
        window = place.window
        self.mask: Mask = mask[window.inside]
        means, total = [], np.zeros((3, window.height, window.width), np.float64)
        kept = {*place.cleaned, *place.references}
        self._frames: dict[int, Floats] = {}
        lumas: list[Floats] = []
        for k, planes in enumerate(place.planes()):
            means.append(block_means(planes.y))
            whole = rgb_tensor(planes).clamp_(0, 1).numpy()
            frame = np.ascontiguousarray(whole[(slice(None), *window.inside)])
            lumas.append(luma(frame).astype(np.float16) if place.count > 60 else luma(frame))
            total += frame
            if k in kept:
                self._frames[k] = frame
        stacked = np.stack(means)
        covered = block_means(mask.astype(np.float32)) > 0.99
        self.gains: Doubles = brightness(stacked, covered)
        self.mean: Floats = (total / place.count).astype(np.float32)
        self._lumas = lumas
        steps = [
            np.square(np.asarray(b, np.float32) - a)[self.mask].mean() for a, b in pairwise(lumas)
        ]
        self.noise_variance = float(np.median(steps)) / 2 if self.mask.any() else 0.0

    def frame(self, k: int) -> Floats:
        """Frame ``k`` in the window, (3, h, w) in [0, 1]."""
        return self._frames[k]

    @cached_property
    def references(self) -> Floats:
        """(M, K, 3, h, w): of each judged frame its references, at its brightness."""
        return np.stack(
            [
                np.stack(
                    [
                        self._frames[r] * np.float32(self.gains[k] / self.gains[r])
                        for r in self.place.references
                    ]
                )
                for k in self.place.judged.frames
            ]
        )

    def mean_of_others(self, k: int) -> Floats:
        """Mean luma of all frames but ``k``, at its brightness, (h, w) in [0, 1]."""
        total = np.zeros(self.mask.shape, np.float64)
        for j, frame in enumerate(self._lumas):
            if j != k:
                total += frame * (self.gains[k] / self.gains[j])
        return (total / (len(self._lumas) - 1)).astype(np.float32)


def luma(rgb: Floats) -> Floats:
    """BT.601 luma of (…, 3, h, w): (…, h, w)."""
    found: Floats = (
        0.299 * rgb[..., 0, :, :] + 0.587 * rgb[..., 1, :, :] + 0.114 * rgb[..., 2, :, :]
    )
    return found


def chroma(rgb: Floats) -> Floats:
    """BT.601 colour differences of (…, 3, h, w): (…, 2, h, w)."""
    y = luma(rgb)
    found: Floats = np.stack(
        [0.564 * (rgb[..., 2, :, :] - y), 0.713 * (rgb[..., 0, :, :] - y)], axis=-3
    )
    return found


@dataclass(frozen=True)
class Material:
    """``places`` are judged; ``tuning`` are frames and places on which settings are chosen, none of them judged."""

    recorded: tuple[Recorded, ...]
    places: tuple[Place, ...]
    tuning: tuple[Place, ...]
    split: Split
    by_scene: bool
    limit: int

    def training(self, ticker: Ticker | None = None) -> list[StillSeries]:
        """The frames that may be learned from, in the order of the split's regions."""
        found = []
        for place in self._learned:
            count = place.count - held_frame_count(place.count)
            clip, series = place.recorded.clip, place.recorded.series
            mode = clip.mode
            frames = np.empty((count, 3, mode.height, mode.width), np.uint8)
            for i, planes in enumerate(clip.read(series, count)):
                frames[i] = rgb_bytes(planes)
                if ticker is not None:
                    ticker.advance()
            found.append(StillSeries(frames, clip.static_mask(series), place.name))
        return found

    @property
    def _learned(self) -> list[Place]:
        return [place for place in self.places if place.seen or not self.by_scene]


def gather(recorded: Sequence[Recorded], judged: int, side: int, limit: int) -> Material:
    """Decides what is learned from, what is judged, and where.

    Where series show three scenes or more, or where some are marked as held, whole scenes are judged that nothing
    learns from; in the others the last frames are judged, which nothing learns from either. With fewer scenes all is
    judged in a strip at the right that nothing learns from.

    Args:
        recorded: The series.
        judged: How many frames of each are judged.
        side: Of the window, in pixels.
        limit: How many frames of each series are looked at, at most.

    Raises:
        ClipError: no series is long enough, or nothing stands still.
    """
    fit = [one for one in recorded if one.series.count >= FEWEST_FRAMES]
    if not fit:
        raise ClipError(
            f"No accepted series has {FEWEST_FRAMES} frames or more.",
            "Record a longer still scene with rtdenoise capture.",
        )
    means = [_mean_luma(one) for one in fit]
    if not any(one.held for one in fit):
        numbers = scene_numbers(mean[::4, ::4] for mean in means)
        if len(set(numbers)) >= LEAST_SCENES:
            fit = [
                replace(one, held=number == max(numbers))
                for one, number in zip(fit, numbers, strict=True)
            ]
    by_scene = any(one.held for one in fit)
    places, tuning = [], []
    training: list[Region] = []
    validation: list[Region] = []
    for one, mean in zip(fit, means, strict=True):
        place, tuned = _place(one, mean, by_scene, judged, side, limit)
        places.append(place)
        if one.held:
            continue
        count = place.count - held_frame_count(place.count)
        width = one.clip.mode.width
        border = round(width * (1 - VALIDATION_SHARE))
        number = len(training)
        training.append(Region(number, 0, count, 0, border))
        validation.append(Region(number, 0, count, border, width))
        if tuned is not None:
            tuning.append(tuned)
    split = Split(tuple(training), tuple(validation), (), by_scene)
    if not by_scene:
        split = _strips(fit, places)
    shown = {next((p.name for p in places if p.seen == seen), "") for seen in (True, False)}
    final = tuple(replace(place, shown=place.name in shown) for place in places)
    return Material(tuple(fit), final, tuple(tuning), split, by_scene, limit)


def _strips(fit: Sequence[Recorded], places: Sequence[Place]) -> Split:
    """Where there are few scenes: what is learned from ends before the strips at the right."""
    training, validation, test = [], [], []
    for number, (one, place) in enumerate(zip(fit, places, strict=True)):
        count = place.count - held_frame_count(place.count)
        first, second, width = _borders(one.clip.mode.width)
        training.append(Region(number, 0, count, 0, first))
        validation.append(Region(number, 0, count, first, second))
        test.append(Region(number, count, place.count, second, width))
    return Split(tuple(training), tuple(validation), tuple(test), by_scene=False)


def _borders(width: int) -> tuple[int, int, int]:
    """Where the strips begin that choose the best state and that judge it, and where the picture ends."""
    return (
        round(width * (1 - TEST_SHARE - VALIDATION_SHARE)),
        round(width * (1 - TEST_SHARE)),
        width,
    )


def _place(
    one: Recorded, mean: Floats, by_scene: bool, judged: int, side: int, limit: int
) -> tuple[Place, Place | None]:
    """Where and on which frames a series is judged, and where settings are chosen."""
    count = min(one.series.count, limit)
    held = count - held_frame_count(count)
    mask = one.clip.static_mask(one.series)
    width = one.clip.mode.width
    if one.held:
        columns = (0, width)
    elif by_scene:
        columns = (0, round(width * (1 - VALIDATION_SHARE)))
    else:
        columns = _borders(width)[1:]
    window = choose_window(mean, mask, columns, side)
    place = Place(
        one, count, Judged.of(count, judged, held), window, seen=by_scene and not one.held
    )
    own = columns if by_scene else (0, _borders(width)[0])
    if held < 1 + _REFERENCES:
        return place, None
    early = Judged((held - 1 - _REFERENCES,), 1)
    return place, Place(one, held, early, choose_window(mean, mask, own, min(side, 256)), seen=True)


def _mean_luma(one: Recorded) -> Floats:
    frames = [planes.y for planes in one.clip.read(one.series, _LOOKED_AT)]
    return np.asarray(np.mean(frames, axis=0), np.float32)

"""The error that methods leave in a still series, without a clean picture, and where: flat, textured, at edges.

Luma is judged, as the eye does. References are frames that come later than what a method saw, and not soon after: in
some cameras the noise of neighbouring frames is alike. They are brought to the brightness of the frame that is judged,
since lamps on mains and automatic exposure change it by some percent from frame to frame, which is no noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.blocks import block_means, brightness
from capture.mask import gradient
from rtdenoise.arrays import Doubles, Mask
from rtdenoise.frames import Planes

from .metrics import BLOCK, Interval, block_sums, gain_of_sums, umse_map, upsnr_of_sums

Array = NDArray[Any]
Yuv = tuple[Array, Array, Array]

GAP = 7
"""So many frames lie between a judged frame and its first reference, where the series is long enough."""

_REFERENCES = 9  # at most, per judged frame
_FEW = 4  # references, where the series is long enough
_LATEST = 32  # a filter has seen enough after about a second
_FLAT, _EDGE = 1.0, 8.0  # levels per pixel of the mean picture
_LEVELS = (16, 235)  # beyond them, levels are cut off
_ENOUGH = 300  # pixels of a class

CLASSES = ("flat", "textured", "edge")
CHROMA = "chroma"


@dataclass(frozen=True)
class Judged:
    """Which frames of a series are judged, and how far behind each its references begin."""

    frames: tuple[int, ...]
    gap: int

    @classmethod
    def of(cls, count: int, most: int, first: int | None = None) -> Judged:
        """Chooses up to ``most`` frames of ``count``, a second after the beginning where there are as many.

        Args:
            count: At least 5.
            most: How many to judge.
            first: The first frame that may be judged or serve as a reference; None: any.

        Raises:
            ValueError: there are not three references for one frame.
        """
        if first is None:
            gap = min(GAP, max((count - _FEW) // 2, 1))
            last = min(count - gap - _FEW, _LATEST)
            first = 1
        else:
            gap = min(GAP, max(count - first - _FEW - most + 1, 1))
            last = count - gap - _FEW
        last = max(last, first)
        if count - last - gap < 3:
            raise ValueError(f"{count} frames from {first} on leave no three references")
        return cls(tuple(range(max(first, last - most + 1), last + 1)), gap)

    def references(self, frame: int, count: int) -> range:
        """The references of a judged frame, of a series of ``count`` frames."""
        return range(frame + self.gap, min(count, frame + self.gap + _REFERENCES))


def classes(mask: Mask, mean: Array) -> dict[str, Mask]:
    """The still pixels: "all", and of them "flat", "textured" and "edge", where these are enough.

    Args:
        mask: Which stand still, (H, W).
        mean: The mean picture, luma in bytes.
    """
    steep = gradient(mean.astype(np.float32))
    within = mask & (mean >= _LEVELS[0]) & (mean <= _LEVELS[1])
    mask = within if within.sum() >= _ENOUGH else mask
    parts = {
        "flat": mask & (steep < _FLAT),
        "textured": mask & (steep >= _FLAT) & (steep <= _EDGE),
        "edge": mask & (steep > _EDGE),
    }
    return {"all": mask, **{name: part for name, part in parts.items() if part.sum() >= _ENOUGH}}


def planes_of(frame: Planes) -> Yuv:
    """A frame's planes, as they are judged."""
    return frame.y, frame.u, frame.v


def planes_of_rgb(rgb: Array) -> Yuv:
    """Luma and chroma (BT.601) of (3, H, W) in [0, 1], in levels of 255."""
    red, green, blue = (255 * plane.astype(np.float32) for plane in rgb)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, 0.564 * (blue - luma) + 128, 0.713 * (red - luma) + 128


@dataclass(frozen=True)
class PlaceFigures:
    """One place: its share of the picture, uPSNR of luma before and after, and the gain, in dB."""

    share: float
    before_db: Interval
    after_db: Interval
    gain_db: Interval


class StillErrors:
    """Errors of what methods make of the judged frames of one series.

    Args:
        frames: The series.
        judged: Which of the frames are judged.
        masks: Which luma pixels are judged, (H, W), by name.
        still: Which of them stand still.
    """

    def __init__(
        self, frames: Sequence[Yuv], judged: Judged, masks: Mapping[str, Mask], still: Mask
    ) -> None:
        self._frames, self.judged = frames, judged
        means = np.stack([block_means(frame[0]) for frame in frames])
        covered = cv2.resize(
            block_means(still.astype(np.float32)), means.shape[:0:-1], interpolation=cv2.INTER_AREA
        )
        self._gains = brightness(means, covered > 0.99)
        total = np.zeros(still.shape, np.float32)
        for frame, gain in zip(frames, self._gains, strict=True):
            total += frame[0] * np.float32(1 / gain)
        self._total = total
        self.places = {name: classes(mask, total / len(frames)) for name, mask in masks.items()}
        self._maps: dict[str, dict[str, Doubles]] = {}

    def add(self, method: str, outputs: Sequence[Yuv]) -> None:
        """Judges what a method made of the judged frames."""
        luma: list[Doubles] = []
        chroma: list[Doubles] = []
        to_mean: list[Doubles] = []
        count = len(self._frames)
        for k, output in zip(self.judged.frames, outputs, strict=True):
            references = self.judged.references(k, count)
            luma.append(umse_map(_levels(output[0]), self._at_brightness(k, references)))
            gain = np.float32(self._gains[k])
            others = (self._total * gain - self._frames[k][0]) / np.float32(count - 1)
            to_mean.append(np.square((output[0] - others) / 255, dtype=np.float64))
            for plane in (1, 2):
                if output[plane].size:
                    later = (_levels(self._frames[r][plane]) for r in references)
                    chroma.append(umse_map(_levels(output[plane]), later))
        self._maps[method] = {"luma": _mean(luma), "to_mean": _mean(to_mean)}
        if chroma:
            self._maps[method][CHROMA] = _mean(chroma)

    def _at_brightness(self, frame: int, references: range) -> Iterator[Array]:
        for r in references:
            yield _levels(self._frames[r][0], self._gains[frame] / self._gains[r])

    def sums(self, method: str, mask: str, place: str) -> tuple[Doubles, Doubles] | None:
        """Block sums of the method's uMSE in a place; None where there is no such place."""
        maps, places = self._maps[method], self.places[mask]
        if place == CHROMA and CHROMA in maps:
            shape = maps[CHROMA].shape
            every = cv2.resize(
                places["all"].astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA
            )
            return block_sums(maps[CHROMA], every > 0.999, BLOCK)
        return block_sums(maps["luma"], places[place], BLOCK) if place in places else None

    def to_mean(self, method: str, mask: str) -> tuple[float, int]:
        """The summed squared error against the mean of the other frames, and how many pixels."""
        every = self.places[mask]["all"]
        return float(self._maps[method]["to_mean"][every].sum()), int(every.sum())


def _levels(plane: Array, gain: float = 1.0) -> Array:
    return plane * np.float32(gain / 255)


def _mean(maps: Sequence[Doubles]) -> Doubles:
    return np.asarray(np.mean(maps, axis=0), np.float64)


class Series:
    """Errors of several series together."""

    def __init__(self, parts: Sequence[StillErrors]) -> None:
        self._parts = parts

    def _sums(self, method: str, mask: str, place: str) -> tuple[Doubles, Doubles] | None:
        found = [part.sums(method, mask, place) for part in self._parts]
        held = [sums for sums in found if sums is not None and len(sums[0])]
        if not held:
            return None
        sums, counts = (np.concatenate(arrays) for arrays in zip(*held, strict=True))
        return sums, counts

    def over(self, method: str, other: str, mask: str) -> Interval:
        """By how many dB of uPSNR of luma one method is better than another."""
        ours, theirs = self._sums(method, mask, "all"), self._sums(other, mask, "all")
        assert ours is not None
        assert theirs is not None
        return gain_of_sums(theirs[0], ours[0])

    def figures(self, method: str, noisy: str, mask: str) -> dict[str, PlaceFigures]:
        """The method beside the camera's own frames: "all", the classes and "chroma", where there is enough."""
        pixels = sum(part.places[mask]["all"].size for part in self._parts)
        found: dict[str, PlaceFigures] = {}
        for place in ("all", *CLASSES, CHROMA):
            before, after = (self._sums(name, mask, place) for name in (noisy, method))
            if before is None or after is None:
                continue
            if place == CHROMA and not before[0].any():  # grey, in a format with colour
                continue
            held = sum(
                int(p.places[mask][place].sum()) for p in self._parts if place in p.places[mask]
            )
            found[place] = PlaceFigures(
                held / pixels,
                upsnr_of_sums(before),
                upsnr_of_sums(after),
                gain_of_sums(before[0], after[0]),
            )
        return found

    def psnr_db(self, method: str, mask: str) -> float:
        """PSNR of luma against the mean of the other frames."""
        errors, counts = zip(*(part.to_mean(method, mask) for part in self._parts), strict=True)
        error = sum(errors) / max(sum(counts), 1)
        return float(10 * np.log10(1 / error)) if error > 0 else float("inf")

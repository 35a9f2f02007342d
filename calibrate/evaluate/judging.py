"""Figures of what methods made of the judged frames: without a clean picture, and with it where one is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from kornia.metrics import ssim

from rtdenoise.arrays import Floats, Mask

from ..metrics import Interval
from ..still_errors import CHROMA, CLASSES, classes
from ..upsnr import PairSums, decibel, difference_db, pair_sums, upsnr
from .kept import Cleaned
from .material import Footage, Place, chroma, luma
from .removed import Removed, removed
from .truth import truth

_SSIM_WINDOW = 11


@dataclass
class Result:
    """One method on one series: sums of squared errors over the judged pixels, which can be added up."""

    parts: dict[str, PairSums]  # by kind of place: "all", "flat", …, "chroma"
    to_mean: float  # mean squared error against the mean of the other frames
    expected_to_mean: float  # what the noise of that mean adds to it
    to_truth: float | None
    ssim: float | None
    step: float | None  # mean square of the change from one cleaned frame to the next
    removed: Removed
    ms_per_frame: float
    pixels: int = 0


@dataclass
class JudgedPlace:
    """A place with its frames in memory, and what is judged where."""

    footage: Footage
    truth: Floats | None
    parts: dict[str, Mask]
    means: dict[int, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place) -> JudgedPlace:
        """Reads the frames."""
        footage = place.footage()
        parts = classes(footage.mask, 255 * luma(footage.mean))
        means = {k: footage.mean_of_others(k) for k in place.judged.frames}
        return cls(footage, truth(place), parts, means)

    @property
    def place(self) -> Place:
        """Which series, frames and window."""
        return self.footage.place

    def noisy(self) -> Cleaned:
        """The camera's own frames, as a result."""
        frames = [self.footage.frame(k) for k in self.place.cleaned]
        return Cleaned(np.stack(frames), 0.0)

    def judge(self, cleaned: Cleaned) -> Result:
        """Judges what a method made of the frames."""
        footage, place = self.footage, self.place
        count = len(place.judged.frames)
        outputs = cleaned.frames[:count]
        y = luma(outputs)
        references = luma(footage.references)[:, :, None]
        parts = {name: pair_sums(y[:, None], references, mask) for name, mask in self.parts.items()}
        colours = chroma(footage.references)
        if colours.any():
            parts[CHROMA] = pair_sums(chroma(outputs), colours, self.parts["all"])
        every = self.parts["all"]
        others = np.stack([self.means[k] for k in place.judged.frames])
        to_mean = float(np.square(y - others, dtype=np.float64)[:, every].mean())
        to_truth = similar = None
        if self.truth is not None:
            clean = luma(self.truth)
            to_truth = float(np.square(y - clean, dtype=np.float64)[:, every].mean())
            similar = _ssim(y, clean, every)
        last = place.judged.frames[count - 1]
        noise = luma(footage.frame(place.references[-1])) - luma(footage.frame(place.references[0]))
        return Result(
            parts=parts,
            to_mean=to_mean,
            expected_to_mean=footage.noise_variance / (place.count - 1),
            to_truth=to_truth,
            ssim=similar,
            step=_step(luma(cleaned.frames), every),
            removed=removed(luma(footage.frame(last)), y[-1], noise, others[-1], every),
            ms_per_frame=cleaned.ms_per_frame,
            pixels=int(every.sum()) * count,
        )


def _step(frames: Floats, mask: Mask) -> float | None:
    if len(frames) < 2:
        return None
    return float(np.square(np.diff(frames, axis=0), dtype=np.float64)[:, mask].mean())


def _ssim(outputs: Floats, clean: Floats, mask: Mask) -> float:
    """SSIM of luma (Wang et al., 2004), mean over the pixels that count."""
    one, other = (torch.from_numpy(np.ascontiguousarray(x))[:, None] for x in (outputs, clean))
    found = ssim(one, other, window_size=_SSIM_WINDOW).numpy()[:, 0]  # (M, h, w)
    return float(found[:, mask].mean())


def figures(results: Sequence[Result], noisy: Sequence[Result]) -> dict[str, Any]:
    """Figures of several series together, beside those of the camera's own frames; by pixels, not by series."""
    ours = [result.parts["all"] for result in results]
    before = [result.parts["all"] for result in noisy]
    whole = upsnr(ours)
    error = _mean(results, [part.error() for part in ours])
    to_mean = _mean(results, [result.to_mean for result in results])
    truths = [result.to_truth for result in results]
    true = None if None in truths else _mean(results, truths)
    expected = error + _mean(results, [result.expected_to_mean for result in results])
    similar = [result.ssim for result in results]
    found: dict[str, Any] = {
        "upsnr_db": interval(whole),
        "gain_db": interval(difference_db(ours, before)),
        "psnr_to_mean_db": rounded(decibel(to_mean)),
        "psnr_bias_db": rounded(
            decibel(to_mean) - decibel(true)
            if true is not None
            else decibel(expected) - decibel(error)
        ),
        "true_psnr_db": None if true is None else rounded(decibel(true)),
        "ssim": None if None in similar else rounded(_mean(results, similar), 5),
        "split": {},
    }
    pixels = sum(result.pixels for result in results)
    for kind in (*CLASSES, CHROMA):
        pairs = [
            (a.parts[kind], b.parts[kind])
            for a, b in zip(results, noisy, strict=True)
            if kind in a.parts
        ]
        if pairs:
            mine, theirs = (list(parts) for parts in zip(*pairs, strict=True))
            found["split"][kind] = {
                "share": rounded(
                    sum(part.values for part in mine) / pixels / (1 + (kind == CHROMA))
                ),
                "upsnr_db": interval(upsnr(mine)),
                "gain_db": interval(difference_db(mine, theirs)),
            }
    return found


def over_time(results: Sequence[Result], noisy: Sequence[Result]) -> float | None:
    """By how many dB still parts flicker less than the camera's own frames."""
    pairs = [
        (a, b)
        for a, b in zip(results, noisy, strict=True)
        if a.step is not None and b.step is not None
    ]
    if not pairs:
        return None
    ours, theirs = (
        sum((one.step or 0.0) * one.pixels for one in side) for side in zip(*pairs, strict=True)
    )
    return rounded(decibel(ours / max(theirs, 1e-30)))


def likeness(results: Sequence[Result]) -> dict[str, Any]:
    """How like noise that is which was removed: whiteness and structure, each a mean over series."""
    lag1, noise_lag1, detail = (
        rounded(float(np.mean([getattr(result.removed, name) for result in results])))
        for name in ("lag1", "noise_lag1", "detail")
    )
    return {"whiteness": {"removed": lag1, "noise": noise_lag1}, "structure": detail}


def _mean(results: Sequence[Result], values: Sequence[Any]) -> float:
    weights = np.array([result.pixels for result in results], float)
    return float(np.dot(weights, np.array(values, float)) / weights.sum())


def interval(value: Interval) -> dict[str, float]:
    """An interval as plain values."""
    return {"value": rounded(value.value), "low": rounded(value.low), "high": rounded(value.high)}


def rounded(value: float, digits: int = 4) -> float:
    """As it is written into files."""
    return round(float(value), digits)

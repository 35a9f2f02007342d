"""Cleans a clip of the simulated camera and compares each frame with what the camera saw without noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rtdenoise.denoisers import Denoiser
from rtdenoise.frames import Planes, convert

from ..metrics import psnr_db

Truth = Callable[[int], Planes]
Mask = Callable[[int], NDArray[np.bool_]]

START_FRAMES = 30
"""Frames after which a recursive denoiser has settled; gains are stated after these."""


@dataclass(frozen=True)
class Moment:
    """One frame of the comparison, all 4:2:0: what came, what was made of it, what was true."""

    index: int
    noisy: Planes
    clean: Planes
    truth: Planes
    subject: NDArray[np.bool_]


@dataclass
class Comparison:
    """Luma PSNR in dB of each frame against the truth, before and after, and where the subject moves."""

    noisy_db: list[float] = field(default_factory=list)
    clean_db: list[float] = field(default_factory=list)
    subject_noisy_db: list[float] = field(default_factory=list)
    subject_clean_db: list[float] = field(default_factory=list)
    last: Moment | None = None

    def settled(self) -> dict[str, float]:
        """Means of the figures after the first ``START_FRAMES`` frames (or the last half of a short clip)."""
        skip = min(START_FRAMES, len(self.noisy_db) // 2)
        figures = {
            "noisy_db": self.noisy_db,
            "clean_db": self.clean_db,
            "subject_noisy_db": self.subject_noisy_db,
            "subject_clean_db": self.subject_clean_db,
        }
        means = {name: _mean(values[skip:]) for name, values in figures.items()}
        means["gain_db"] = means["clean_db"] - means["noisy_db"]
        means["subject_gain_db"] = means["subject_clean_db"] - means["subject_noisy_db"]
        return means


def _mean(values: list[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else float("nan")


def compare(
    frames: Iterable[Planes],
    denoiser: Denoiser,
    truth: Truth,
    subject_mask: Mask,
    tick: Callable[[], None] = lambda: None,
) -> Comparison:
    """Cleans ``frames`` one after the other, each compared with ``truth`` of its index (luma)."""
    result = Comparison()
    for index, frame in enumerate(frames):
        noisy = convert(frame, "420", frame.format.full_range)
        clean = denoiser(noisy)
        true = convert(truth(index), "420", frame.format.full_range)
        subject = subject_mask(index)
        result.noisy_db.append(psnr_db(noisy.y, true.y))
        result.clean_db.append(psnr_db(clean.y, true.y))
        there = bool(subject.any())
        for values, planes in ((result.subject_noisy_db, noisy), (result.subject_clean_db, clean)):
            values.append(psnr_db(planes.y, true.y, subject) if there else math.nan)
        result.last = Moment(index, noisy.copy(), clean.copy(), true, subject)
        tick()
    return result

"""Methods that learn, side by side: what each is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from calibrate.paper.dataset import Split, StillSeries
from rtdenoise.arrays import Floats


@dataclass(frozen=True)
class Training:
    """What a learned method may learn from."""

    series: Sequence[StillSeries]
    split: Split
    minutes: float
    folder: Path | None
    device: torch.device
    frames: int
    seed: int = 0


@dataclass(frozen=True)
class Window:
    """A part of a frame."""

    top: int
    left: int
    height: int
    width: int


class Cleaner(Protocol):
    """Cleans the window of a frame: (3, H, W) in [0, 1] → (3, h, w)."""

    parameters: int

    def __call__(self, frame: Floats, window: Window) -> Floats:
        """Cleans it."""


class LearnedMethod(Protocol):
    """One method."""

    name: str
    title: str
    source: str
    views: bool

    def train(
        self, training: Training, tick: Callable[[float], None], say: Callable[[str], None]
    ) -> Cleaner:
        """Learns."""


LEARNED: dict[str, LearnedMethod] = {}

"""What a learned method is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from rtdenoise.arrays import Floats

from ...paper.dataset import Split, StillSeries
from ...paper.windows import Window

Tick = Callable[[float], None]
"""Told after each piece of work how many seconds it took."""
Say = Callable[[str], None]
"""Told in one sentence what is worth knowing."""


@dataclass(frozen=True)
class Training:
    """What a method may learn from, and for how long.

    Only ``split.training`` is learned from; ``split.validation`` chooses the best state. ``minutes`` are of work,
    over all runs; the state is kept in ``folder`` (None keeps none), and a training that was stopped goes on from it.
    ``frames`` are all that will be cleaned: Deep Image Prior, which learns on these alone, divides its minutes among
    them. ``steps`` is a number of steps in place of a time (per frame, for Deep Image Prior): the same result every
    time.
    """

    series: Sequence[StillSeries]
    split: Split
    minutes: float
    folder: Path | None
    device: torch.device
    frames: int
    seed: int = 0
    steps: int | None = None


class Cleaner(Protocol):
    """Cleans frames one by one.

    ``parameters`` is how many numbers were learned. ``single`` is the same method without the mean over eight views,
    from the same training; None where there is no such mean.
    """

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""

    @property
    def single(self) -> Cleaner | None:
        """The same without the mean over eight views."""

    def __call__(self, frame: Floats, window: Window) -> Floats:
        """Cleans a window of a frame.

        Args:
            frame: (3, H, W), R'G'B' in [0, 1].
            window: What is wanted of it. What lies around it is looked at, too.

        Returns:
            (3, h, w).
        """


class Train(Protocol):
    """Trains a method."""

    def __call__(self, training: Training, tick: Tick, say: Say) -> Cleaner:
        """Trains for what is left of the time.

        Raises:
            StorageError: the state can't be kept.
        """


@dataclass(frozen=True)
class LearnedMethod:
    """A method: what the command calls it, what people call it, whose it is; ``views``: it has an eight-fold mean."""

    name: str
    title: str
    source: str
    views: bool
    train: Train

"""What opens progress bars, so that calibration knows nothing of terminals."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from rtdenoise.console import Ticker

from .trainer import Judgement


class Progress(Protocol):
    """Opens a progress bar; :func:`rtdenoise.console.progress` is one."""

    def __call__(
        self, label: str, total: float | None, unit: str = "frames"
    ) -> AbstractContextManager[Ticker]:
        """Opens it; leaving the block closes it."""


def note(judgement: Judgement | None) -> str:
    """What is said beside the bar of a training."""
    return f"{judgement.gain_db:+.2f} dB so far" if judgement else ""

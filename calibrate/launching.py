"""Starts the training that a command describes: in this process alone, or as one of those that ``torchrun`` started."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from rtdenoise.console import Ticker, counted
from rtdenoise.console import progress as bars
from rtdenoise.console import say as say_line
from rtdenoise.errors import ClipError, RtdenoiseError
from rtdenoise.networks.device import pick_device
from rtdenoise.version import __version__

from .distributed import Group
from .joining import joined, let_first_speak, own_device, speaks
from .progress import Progress

T = TypeVar("T")
Say = Callable[[str], None]


def launch(
    device: str,
    settings: Callable[[], Mapping[str, Any]],
    train: Callable[[torch.device, Progress, Say, Group], T],
) -> T:
    """Runs a training; of several processes only the first shows how it goes.

    Args:
        device: What ``--device`` says.
        settings: Gives by name, in JSON's types, what must be the same in all processes.
        train: The training, given its device, what shows progress and what says something, and all processes.

    Raises:
        click.ClickException: the training can't be made; it says why.
        SystemExit: it was stopped.
    """
    progress: Progress = bars if speaks() else _Unseen()
    say: Say = say_line if speaks() else _unsaid
    try:
        own = own_device(pick_device(device))
        with joined(own, lambda: {"rtdenoise": __version__, **settings()}) as group:
            return train(own, progress, say, group)
    except RtdenoiseError as error:
        let_first_speak()
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        say("Stopped. Run the same command again to go on.")
        sys.exit(1)


def conclude(text: str) -> None:
    """Says a training's result, in one of its processes."""
    if speaks():
        say_line(text)


def contents(paths: Sequence[Path]) -> str:
    """What files of processes are compared by, since each machine may keep them elsewhere: their number and bytes.

    Raises:
        ClipError: one of them can't be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            message = f"{path} can't be read: {error.strerror}."
            raise ClipError(message, "Choose other files.") from error
    return f"{counted(len(paths), 'file')} (SHA-256 {digest.hexdigest()[:12]}…)"


class _Unseen:
    """Progress that nobody looks at."""

    def __call__(
        self, label: str, total: float | None, unit: str = "frames"
    ) -> AbstractContextManager[Ticker]:
        return nullcontext(Ticker())


def _unsaid(_: str) -> None:
    pass

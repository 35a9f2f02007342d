"""What ``torchrun`` starts in :mod:`tests.calibrate.live.test_distributed`: small trainings as a command makes them.

    python -m torch.distributed.run --standalone --nproc-per-node 2 -m tests.calibrate.live.processes WHAT FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from calibrate.distributed import Group
from calibrate.launching import conclude, launch
from calibrate.live import base_training, training
from calibrate.live.base_training import Job, train_base
from calibrate.live.training import LiveRecipe, LiveTrainer
from calibrate.paper import base_training as paper
from calibrate.paper import simulated
from calibrate.progress import Progress
from calibrate.synthesis import PhotoClips
from rtdenoise.networks.card import Card
from rtdenoise.networks.live import SIZES, LiveSize

TINY = LiveSize(gate=2, context=2, energy=3, wide=2, filters=2)
# Two chunks of two frames are a clip: the state is kept after every second step, and something moves in a clip.
RECIPE = LiveRecipe(
    steps=8, batch=4, crop=64, chunk=2, judge_every=0.5, warm_up=2, average_from=0.3, average=0.5
)
PAPER = replace(
    paper.base_recipe(1.0), steps=2, batch=2, crop=16, judged_pixels=400, half=False, judge_every=0
)
LOST_AT = 5


def live_job(folder: Path, batch: int = 4) -> Job:
    recipe = replace(RECIPE, batch=batch)
    out = folder / "live.safetensors"
    return Job((), "tiny", out, clips=4, held_out=3, side=64, frames=4, recipe=recipe)


def paper_job(folder: Path) -> paper.Job:
    out = folder / "paper.safetensors"
    return paper.Job((), out, scenes=2, held_out=1, side=64, frames=4, recipe=PAPER)


def make_small() -> None:
    """Takes fewer pictures and a smaller network than a user would."""
    base_training.PhotoClips = partial(PhotoClips, procedural=1)  # type: ignore[assignment,misc,attr-defined]
    simulated.PhotoClips = partial(PhotoClips, procedural=1)  # type: ignore[assignment,misc,attr-defined]
    SIZES["tiny"] = TINY
    training._SAVE_EVERY_S = 0.0


def average_by_hand(group: Group) -> None:
    """Weights of which only some processes, or none, have a gradient."""
    everywhere, here, nowhere = (nn.Parameter(torch.zeros(2, 3)) for _ in range(3))
    everywhere.grad = torch.full((2, 3), float(group.rank))
    if group.rank == 1:
        here.grad = torch.ones(3, 2).T
    group.average([everywhere, here, nowhere])
    assert everywhere.grad is not None
    assert here.grad is not None
    assert everywhere.grad.eq(0.5).all()
    assert here.grad.eq(0.5).all()
    assert nowhere.grad is None
    values = torch.arange(3.0)[: 3 * group.rank]  # none in the first process
    assert group.mean(values) == 1
    assert group.fetch(lambda: b"" if group.first else None) == b""
    assert group.fetch(lambda: None) is None


def train_all(
    folder: Path, device: torch.device, progress: Progress, say: Callable[[str], None], group: Group
) -> Card:
    average_by_hand(group)
    paper.train_base(paper_job(folder), device, progress, say, group)
    return train_base(live_job(folder), device, progress, say, group)


def interrupted(what: str) -> None:
    """Loses the second process in the middle of the training, or has torchrun end it."""
    step = LiveTrainer._step
    first_try = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"

    def disturbed(trainer: LiveTrainer) -> float:
        if trainer._state.step == LOST_AT and os.environ["RANK"] == "1" and first_try:
            if what == "lost":
                os.kill(os.getpid(), signal.SIGKILL)
            os.kill(os.getppid(), signal.SIGTERM if what == "ended" else signal.SIGINT)
        if what != "lost" and trainer._state.step == RECIPE.steps:
            raise AssertionError("nobody ended it")
        return step(trainer)

    LiveTrainer._step = disturbed  # type: ignore[method-assign]


def main(what: str, folder: Path) -> None:
    make_small()
    job = live_job(folder, batch=3 if what == "uneven" else 4)
    settings = job.settings
    train: Callable[..., Card] = partial(train_base, job)
    if what == "whole":
        train = partial(train_all, folder)
    elif what == "differing":
        settings = {**settings, "learning_rate": 0.003 + int(os.environ["RANK"])}
    else:
        interrupted(what)
    launch("cpu", settings, train)
    conclude("All is done.")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

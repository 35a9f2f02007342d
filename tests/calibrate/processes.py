"""What ``torchrun`` starts in :mod:`tests.calibrate.test_distributed`: small trainings as a command makes them.

python -m torch.distributed.run --standalone --nproc-per-node 2 -m tests.calibrate.processes WHAT FOLDER
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
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

# Two chunks of two frames are a clip: the state is kept after every second step, and something moves in a clip.
RECIPE = LiveRecipe(
    steps=8, batch=4, crop=64, chunk=2, judge_every=0.5, warm_up=2, average_from=0.3, average=0.5
)
PAPER = replace(
    paper.base_recipe(1.0), steps=2, batch=2, crop=16, judged_pixels=400, half=False, judge_every=0
)
LOST_AT, ENDED_AT = 3, 6  # steps


def live_job(folder: Path) -> Job:
    out = folder / "live.safetensors"
    return Job((), "nano", out, clips=4, held_out=3, side=64, frames=4, recipe=RECIPE)


def paper_job(folder: Path) -> paper.Job:
    out = folder / "paper.safetensors"
    return paper.Job((), out, scenes=1, held_out=1, side=64, frames=4, recipe=PAPER)


def make_small(change: Callable[[object, str, object], None] = setattr) -> None:
    """Draws fewer pictures than usual, and keeps the state after every clip."""
    for module in (base_training, simulated):
        change(module, "PhotoClips", partial(PhotoClips, procedural=1))
    change(training, "_SAVE_EVERY_S", 0.0)


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


def train_live(
    folder: Path, device: torch.device, progress: Progress, say: Callable[[str], None], group: Group
) -> Card:
    return train_base(live_job(folder), device, progress, say, group)


def train_all(
    folder: Path, device: torch.device, progress: Progress, say: Callable[[str], None], group: Group
) -> Card:
    average_by_hand(group)
    paper.train_base(paper_job(folder), device, progress, say, group)
    return train_live(folder, device, progress, say, group)


def disturb() -> None:
    """Loses the second process in the middle of the training; once it goes on, torchrun is told to end it."""
    step = LiveTrainer._step
    second, tries = os.environ["RANK"] == "1", os.environ["TORCHELASTIC_RESTART_COUNT"]

    def disturbed(trainer: LiveTrainer) -> float:
        if second and (tries, trainer._state.step) == ("0", LOST_AT):
            os.kill(os.getpid(), signal.SIGKILL)
        if second and (tries, trainer._state.step) == ("1", ENDED_AT - 1):
            os.kill(os.getppid(), signal.SIGTERM)
            while not trainer._group._stop.asked:  # type: ignore[attr-defined]
                time.sleep(0.01)
        assert trainer._state.step < ENDED_AT, "nobody ended it"
        return step(trainer)

    LiveTrainer._step = disturbed  # type: ignore[assignment,method-assign]


@click.command()
@click.argument("what", type=click.Choice(["whole", "disturbed", "differing"]))
@click.argument("folder", type=click.Path(path_type=Path))
def main(what: str, folder: Path) -> None:
    make_small()
    job = live_job(folder)
    if what == "disturbed":
        disturb()
    if what == "differing":
        recipe = replace(RECIPE, learning_rate=0.003 + int(os.environ["RANK"]))
        job = replace(job, recipe=recipe)
    launch("cpu", job.settings, partial(train_all if what == "whole" else train_live, folder))
    conclude("All is done.")


if __name__ == "__main__":
    main()

"""Trains a base network with several numbers of processes, and puts how fast each was and what it learned side by side.

Each number of processes gets the same batch, shares it out, and makes as many steps, from the same clips and the same
start. So what is learned has to be the same, but for rounding, which grows as training goes on. How fast a step is
says what the other processes bring: on a GPU each, or on a machine with cores to spare.

    python -m benchmarks.training.scaling --processes 1,2 --steps 200
    python -m benchmarks.training.scaling --processes 1,2,4 --device cuda --batch 32
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import fill, table
from calibrate.distributed import Group
from calibrate.launching import launch
from calibrate.live.base_training import Job
from calibrate.live.batches import Pool, prepare
from calibrate.live.training import LiveRecipe, LiveTrained, LiveTrainer
from calibrate.progress import Progress, note
from rtdenoise.files import write_json
from rtdenoise.networks.live import SIZES, LiveNetwork

_LOOKS, _JUDGED = 8, 4


@dataclass(frozen=True)
class Run:
    """What one number of processes reached: judgements as ``step``, ``training_loss`` and ``gain_db``."""

    processes: int
    steps_per_s: float
    history: list[dict[str, float]]


def _train(
    job: Job, device: torch.device, progress: Progress, say: Callable[[str], None], group: Group
) -> tuple[LiveTrained, Group]:
    seed = job.recipe.seed
    torch.manual_seed(seed)
    network = LiveNetwork(SIZES[job.size]).to(device)
    judged = prepare(job.source(seed + 1, device).batch(job.held_out), network)
    pool = Pool(prepare(job.source(seed + 2, device).batch(job.clips), network))
    trainer = LiveTrainer(network, pool, judged, job.recipe, say=say, group=group)
    with progress(f"Training with {group.size}", job.recipe.steps, "steps") as ticker:
        return trainer.run(lambda _, found: ticker.advance(1, note(found))), group


def _work(options: argparse.Namespace) -> None:
    """One of the processes."""
    recipe = LiveRecipe(steps=options.steps, batch=options.batch, judge_every=1 / _LOOKS)
    job = Job((), options.size, Path(), options.clips, held_out=_JUDGED, recipe=recipe)
    trained, group = launch(options.device, job.settings, partial(_train, job))
    if group.first:
        history = [asdict(judgement) for judgement in trained.history]
        run = Run(group.size, trained.steps / trained.elapsed_s, history)
        write_json(options.result, asdict(run))


def _run(processes: int, words: list[str]) -> Run:
    with tempfile.TemporaryDirectory(prefix="rtdenoise-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(processes), "-m", "benchmarks.training.scaling"]
        subprocess.run([*command, *words, "--result", str(result)], check=True)
        return Run(**json.loads(result.read_text()))


def _tables(runs: list[Run]) -> dict[str, str]:
    """Speed, and loss and gain after as many steps."""
    rates = [[run.processes, f"{run.steps_per_s:.2f}"] for run in runs]
    head = ["step"]
    head += [f"loss, {run.processes}" for run in runs] + [
        f"gain in dB, {run.processes}" for run in runs
    ]
    lines: list[list[Any]] = []
    for judgements in zip(*(run.history for run in runs), strict=True):
        losses = [f"{judgement['training_loss']:.4f}" for judgement in judgements]
        gains = [f"{judgement['gain_db']:+.3f}" for judgement in judgements]
        lines.append([int(judgements[0]["step"]), *losses, *gains])
    return {
        "processes-rate": table(["processes", "steps/s"], rates),
        "processes-loss": table(head, lines),
    }


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--processes", type=_numbers, default=[1, 2], help="such as 1,2,4")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8, help="clips of a step, over all processes")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--page", type=Path, help="page whose tables are filled in")
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.result is not None:
        _work(options)
        return
    words = [
        f"--{name}={vars(options)[name]}" for name in ("steps", "batch", "clips", "size", "device")
    ]
    tables = _tables([_run(processes, words) for processes in options.processes])
    for body in tables.values():
        print(body, end="\n\n")
    if options.page is not None:
        fill(options.page, {"processes-loss": tables["processes-loss"]})


if __name__ == "__main__":
    main()

"""Trains the paper's network on many simulated scenes and cameras: ``python -m calibrate.paper.base_training``.

One scene's series teaches a network of half a million weights that scene by heart. This one learns, by the same
leave-one-out targets (eq. 8), from hundreds of still scenes, each seen by another random camera. Procedural pictures
and free photographs are the scenes::

    python -m calibrate.paper.base_training --photos photographs/usr/share/backgrounds --minutes 120 \\
        --out paper.safetensors

On several GPUs or machines ``torchrun`` starts it, with ``-m`` in place of ``python -m``. None is shipped:
``docs/base-networks.md`` says what one reached, and where it does harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import torch

from rtdenoise.errors import NetworkError
from rtdenoise.networks.card import Card, load_network, save_network
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.options import device_option

from ..checkpoint import forget
from ..distributed import ALONE, Group
from ..launching import conclude, contents, launch
from ..progress import Progress, note
from ..synthesis import photographs
from .dataset import Region, Split, StillSeries
from .simulated import SimulatedSeries
from .training import Recipe, Trainer

_OTHER_SEED = 1_000_000  # of the scenes that nothing is learned from


def base_recipe(minutes: float, learning_rate: float = 1e-3, seed: int = 0) -> Recipe:
    """How to train on many scenes: none is seen often enough to be learned by heart, so nothing pulls back."""
    return Recipe(
        minutes=minutes,
        learning_rate=learning_rate,
        pull=0.0,
        patience=1_000_000,
        average=0.998,
        judged_frames=1,
        judged_pixels=240_000,
        seed=seed,
    )


@dataclass(frozen=True)
class Job:
    """What to learn from: ``scenes`` series of ``frames`` frames with ``side`` pixels; judged on ``held_out`` others.

    ``start`` is a network to go on from; None: the exact identity.
    """

    photos: tuple[Path, ...]
    out: Path
    scenes: int = 400
    held_out: int = 16
    side: int = 336
    frames: int = 8
    start: Path | None = None
    recipe: Recipe = field(default_factory=lambda: base_recipe(60.0))

    @property
    def folder(self) -> Path:
        """What a training that was stopped goes on from."""
        return self.out.parent / f".{self.out.stem}-training"

    def settings(self) -> dict[str, Any]:
        """What must be the same in all processes of a training, in JSON's types."""
        files = {"photographs": self.photos, "start": () if self.start is None else (self.start,)}
        return {
            "scenes": self.scenes,
            "held_out": self.held_out,
            "side": self.side,
            "frames": self.frames,
            **asdict(self.recipe),
            **{name: contents(paths) for name, paths in files.items()},
        }

    def series(self, count: int, seed: int, label: str, progress: Progress) -> list[StillSeries]:
        """Makes ``count`` series."""
        source = SimulatedSeries(self.photos, self.side, self.frames, seed)
        made = []
        with progress(label, count, "scenes") as ticker:
            for _ in range(count):
                made.append(source.next())
                ticker.advance()
        return made


def train_base(
    job: Job,
    device: torch.device,
    progress: Progress,
    say: Callable[[str], None],
    group: Group = ALONE,
) -> Card:
    """Trains, and saves the network; a training that was stopped goes on.

    Of several processes each calls it, and makes all scenes.

    Returns:
        The card of the file, with the gain on scenes and cameras that it has not seen.

    Raises:
        ClipError: a photograph can't be read.
        LostProcessError: one of several processes is gone.
        NetworkError: the network to start from is damaged, or another kind.
        RtdenoiseError: the batch can't be divided among the processes.
        StorageError: the file can't be written.
    """
    recipe = job.recipe
    start = None if job.start is None else _start(job.start)
    held = job.series(job.held_out, recipe.seed + _OTHER_SEED, "Scenes to judge with", progress)
    learned = job.series(job.scenes, recipe.seed + 1, "Scenes to learn from", progress)
    series = [*learned, *held]
    regions = [Region(i, 0, job.frames, 0, job.side) for i in range(len(series))]
    split = Split(tuple(regions[: job.scenes]), tuple(regions[job.scenes :]), (), by_scene=True)
    trainer = Trainer(series, split, recipe, device, job.folder, say, start=start, group=group)
    with progress("Training", recipe.minutes * 60, "s") as ticker:
        ticker.advance(trainer.elapsed_s)
        trained = trainer.run(lambda seconds, judgement: ticker.advance(seconds, note(judgement)))
    card = Card(
        kind="paper",
        data={
            "photographs": [path.name for path in job.photos],
            "scenes": job.scenes,
            "steps": trained.steps,
            "seconds": round(trained.elapsed_s, 1),
            "seed": recipe.seed,
            "started_from": "" if job.start is None else job.start.name,
        },
        figures={"validation_scenes": job.held_out, "gain_db": round(trained.gain_db, 3)},
    )
    if group.first:
        save_network(job.out, trained.network, card)
        forget(job.folder)
    return card


def _start(path: Path) -> PaperNetwork:
    network, _ = load_network(path)
    if not isinstance(network, PaperNetwork):
        raise NetworkError(f"{path} holds another network than the paper's.", "Name one of its.")
    return network


@click.command()
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with free photographs; without it all pictures are procedural.",
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True
)
@click.option(
    "--scenes",
    type=click.IntRange(1),
    default=400,
    show_default=True,
    help="To learn from; 3 MB each.",
)
@click.option(
    "--batch",
    type=click.IntRange(1),
    help="Crops in each step, which several processes share out among themselves. "
    "Default: 1 on a CPU, 8 on a GPU.",
)
@click.option("--rate", type=float, default=1e-3, show_default=True, help="The learning rate.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A network of the paper's to go on from, rather than from the identity.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@device_option
def main(
    photos: Path | None,
    minutes: float,
    scenes: int,
    batch: int | None,
    rate: float,
    seed: int,
    start: Path | None,
    out: Path,
    device: str,
) -> None:
    """Train the paper's network on many simulated scenes and write it to a file.

    A training that is stopped goes on when the same command is run again.
    """
    found = () if photos is None else tuple(photographs(photos))
    recipe = replace(base_recipe(minutes, rate, seed), batch=batch)
    job = Job(found, out, scenes, start=start, recipe=recipe)
    card = launch(device, job.settings, lambda *given: train_base(job, *given))
    conclude(f"{out}: {card.figures['gain_db']:+.2f} dB in scenes that it has not seen.")


if __name__ == "__main__":
    main()

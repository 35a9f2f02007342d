"""Trains a base network, which comes with the package and suits any camera: ``python -m calibrate.live.base_training``.

It learns from clips that move, seen by random simulated cameras (:mod:`calibrate.synthesis`). Their pictures are
procedural ones and free photographs. The shipped networks saw those of Debian's package lomiri-wallpapers-16.04, each
under CC0, CC-BY or CC-BY-SA; ``docs/base-networks.md`` names their authors. Nothing is downloaded here::

    apt-get download lomiri-wallpapers-16.04
    dpkg -x lomiri-wallpapers-16.04_*.deb photographs
    python -m calibrate.live.base_training --photos photographs/usr/share/backgrounds --size nano --minutes 60 \\
        --out rtdenoise/networks/base/nano.safetensors

Files with "analogpattern", "umang" or "life" in their names are left out. On several GPUs or machines ``torchrun``
starts it, with ``-m`` in place of ``python -m``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import torch

from rtdenoise.errors import NetworkError
from rtdenoise.networks.card import Card, load_network, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.options import device_option

from ..checkpoint import forget
from ..distributed import ALONE, Group
from ..launching import conclude, contents, launch
from ..progress import Progress, note
from ..synthesis import PEOPLE, PhotoClips, photographs
from .batches import Pool, PreparedClip, prepare
from .between import between
from .training import LiveRecipe, LiveTrained, LiveTrainer
from .unroll import Gain, evaluate

_AT_ONCE = 8  # clips that are made together
_OTHER_SEED = 1_000_000  # of the clips that nothing is learned from


@dataclass(frozen=True)
class Job:
    """What to train, on what: ``clips`` of ``frames`` frames with ``side`` pixels, judged on ``held_out`` others.

    ``start`` is the file of a network of this size to go on from; None: from nothing. What is saved then lies ``share``
    of the way from that network to where the training ended.
    """

    photos: tuple[Path, ...]
    size: str
    out: Path
    clips: int = 480
    held_out: int = 32
    side: int = 192
    frames: int = 40
    start: Path | None = None
    share: float = 1.0
    recipe: LiveRecipe = field(default_factory=LiveRecipe)

    @property
    def folder(self) -> Path:
        """What a training that was stopped goes on from."""
        return self.out.parent / f".{self.out.stem}-training"

    def settings(self) -> dict[str, Any]:
        """What must be the same in all processes of a training, in JSON's types."""
        files = {"photographs": self.photos, "start": () if self.start is None else (self.start,)}
        return {
            "size": self.size,
            "clips": self.clips,
            "held_out": self.held_out,
            "side": self.side,
            "frames": self.frames,
            "share": self.share,
            **asdict(self.recipe),
            **{name: contents(paths) for name, paths in files.items()},
        }

    def source(self, seed: int, device: torch.device) -> PhotoClips:
        """Makes clips."""
        size = (self.side, self.side)
        return PhotoClips(self.photos, size, self.frames, seed, device, mix=PEOPLE)


def train_base(
    job: Job,
    device: torch.device,
    progress: Progress,
    say: Callable[[str], None],
    group: Group = ALONE,
) -> Card:
    """Trains a base network and saves it; a training that was stopped goes on.

    Of several processes each calls it. All make all clips, from the same seeds, so that what a batch holds doesn't
    hang on their number.

    Returns:
        The card of the file, with the network's gain on other scenes and cameras than it learned from.

    Raises:
        ClipError: a photograph can't be read.
        LostProcessError: one of several processes is gone.
        NetworkError: the network to start from is damaged or of another size.
        RtdenoiseError: the batch can't be divided among the processes.
        StorageError: the file can't be written.
    """
    recipe = job.recipe
    group.check_batch(recipe.batch)  # before clips are made for minutes
    start = _start(job).to(device)
    network = copy.deepcopy(start)
    pool = Pool()
    held = job.source(recipe.seed + _OTHER_SEED, device)
    judged = _clips(held, job.held_out, network, "Making clips to judge with", progress)
    names = ",".join(path.name for path in job.photos)
    mark = f"{job.size} {job.side} {job.frames} {job.clips} {job.start} {names}"
    trainer = LiveTrainer(
        network, pool, judged, recipe, folder=job.folder, mark=mark, say=say, group=group
    )
    # A training that goes on sees other clips than before. One that torchrun starts again sees the same: it ends where
    # it would have ended, had no process been lost.
    seen = 0 if group.launched else trainer.resumed_from
    source = job.source(recipe.seed + 1 + seen, device)
    pool.add(_clips(source, job.clips, network, "Making clips", progress))
    with progress(f"Training {job.size}", recipe.minutes * 60, "s") as ticker:
        ticker.advance(trainer.elapsed_s)
        trained = trainer.run(lambda seconds, judgement: ticker.advance(seconds, note(judgement)))
    network = between(start, trained.network, job.share)
    gain = evaluate(network, judged, searched=recipe.searched, group=group)
    card = _card(job, trained, gain)
    if group.first:
        save_network(job.out, network.eval(), card)
        forget(job.folder)
    return card


def _start(job: Job) -> LiveNetwork:
    """The network to start from."""
    if job.start is not None:
        network, _ = load_network(job.start)
        if not isinstance(network, LiveNetwork) or network.size != SIZES[job.size]:
            raise NetworkError(
                f"{job.start} holds no network of the size {job.size}.", "Choose its own --size."
            )
        return network
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.recipe.seed)
        return LiveNetwork(SIZES[job.size])


def _clips(
    source: PhotoClips, count: int, network: LiveNetwork, label: str, progress: Progress
) -> list[PreparedClip]:
    made: list[PreparedClip] = []
    with progress(label, count, "clips") as ticker:
        while len(made) < count:
            batch = source.batch(min(_AT_ONCE, count - len(made)))
            made += prepare(batch, network)
            ticker.advance(len(batch))
    return made


def _card(job: Job, trained: LiveTrained, gain: Gain) -> Card:
    return Card(
        kind=job.size,
        data={
            "photographs": [path.name for path in job.photos],
            "clips": job.clips,
            "steps": trained.steps,
            "seconds": round(trained.elapsed_s, 1),
            "seed": job.recipe.seed,
            "batch": job.recipe.batch,
            "vectors": "searched" if job.recipe.searched else "found beforehand",
            "started_from": "" if job.start is None else job.start.name,
            "share": job.share,
        },
        figures={
            "validation_clips": job.held_out,
            "whole_gain_db": round(gain.whole_db, 3),
            "moving_gain_db": round(gain.moving_db, 3),
        },
    )


@click.command()
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with free photographs; without it all pictures are procedural.",
)
@click.option("--size", type=click.Choice(list(SIZES)), default="nano", show_default=True)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True
)
@click.option("--clips", type=click.IntRange(1), default=480, show_default=True)
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Clips in each step, which several processes share out among themselves.",
)
@click.option("--rate", type=float, default=3e-3, show_default=True, help="The learning rate.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A network of this size to go on from, rather than from nothing; take a smaller --rate.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="With --start: how far to go from that network to where the training ends.",
)
@click.option(
    "--vectors",
    type=click.Choice(["beforehand", "searched"]),
    default="beforehand",
    show_default=True,
    help="What moves is found beforehand, or searched in the state, as in a call, for twice the time.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@device_option
def main(
    photos: Path | None,
    size: str,
    minutes: float,
    clips: int,
    batch: int,
    rate: float,
    seed: int,
    start: Path | None,
    share: float,
    vectors: str,
    out: Path,
    device: str,
) -> None:
    """Train a base network of one size and write it to a file.

    A training that is stopped goes on when the same command is run again. A clip takes about 6 MB.

    \b
      torchrun --nproc-per-node 4 -m calibrate.live.base_training … --batch 32

    trains on four GPUs of this machine.
    """
    if start is None and share < 1:
        raise click.UsageError("--share says how far to go from the network of --start.")
    searched = vectors == "searched"
    recipe = LiveRecipe(
        minutes=minutes, learning_rate=rate, batch=batch, seed=seed, searched=searched
    )
    found = () if photos is None else tuple(photographs(photos))
    job = Job(found, size, out, clips, start=start, share=share, recipe=recipe)
    figures = launch(device, job.settings, lambda *given: train_base(job, *given)).figures
    conclude(
        f"{out}: {figures['whole_gain_db']:+.2f} dB in clips that it has not seen, "
        f"{figures['moving_gain_db']:+.2f} dB where something moves."
    )


if __name__ == "__main__":
    main()

"""Calibrates one camera: noise model, network, and how much better the picture becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rtdenoise.arrays import Mask
from rtdenoise.console import Ticker
from rtdenoise.console import progress as bars
from rtdenoise.console import say as say_line
from rtdenoise.denoisers.choice import fitting_size
from rtdenoise.errors import ClipError
from rtdenoise.machine import Machine
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.device import pick_device
from rtdenoise.networks.live import SIZES
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.noise import NoiseModel

from .checkpoint import forget
from .live.finetune import FineTuned, fine_tune
from .noise.measure import measure
from .noise.other_gains import with_other_gains
from .outcome import Outcome
from .paper.dataset import split_series
from .paper.training import Recipe, Trainer
from .progress import Progress, note
from .quality import judge_paper, judge_recursive
from .sources import Source, planes_of_series, rgb_series

MINUTES, PAPER_MINUTES = 5.0, 10.0
"""How long to train by default: a live network, which starts from a base network, and the paper's."""

_TIME_LAG = 0.15  # correlation between frames above which figures without a clean picture are not to be trusted


def calibrate(
    source: Source,
    *,
    network: str | None = None,
    minutes: float | None = None,
    device: str = "auto",
    progress: Progress = bars,
    say: Callable[[str], None] = say_line,
    machine: Machine | None = None,
) -> Outcome:
    """Measures the noise, trains where the network is one that learns, and judges the result.

    Noise model and network are saved in the profile. A training that was stopped goes on.

    Args:
        source: What to calibrate with.
        network: "recursive" (needs the noise model only), a size of the live networks, which is fine-tuned, or "paper".
            None: the live network that suits this machine; "recursive" where there is none, or where the series
            are too short or too small to learn from.
        minutes: How long to train; None: 5 for a live network, 10 for the paper's.
        device: Where to train: "auto", "cpu", "cuda", "mps" or "xpu".
        progress: Opens progress bars.
        say: Told in a sentence what is worth knowing.
        machine: What was measured on this machine, to choose by; None: nothing.

    Raises:
        ClipError: the series are too short.
        NetworkError: the device isn't there.
        StorageError: the profile can't be written.
    """
    chosen = pick_device(device)
    clip, profile = source.clip, source.profile
    with progress("Measuring the noise", sum(s.count for s in clip.accepted)) as ticker:
        noise = measure(_counted(source, ticker), clip.camera.id, str(clip.mode))
    noise = with_other_gains(source, noise)
    profile.remember(clip.camera)
    noise.save(profile.noise_path)
    remarks = list(_warnings(noise))
    if noise.others:
        also = "1 other clip" if len(noise.others) == 1 else f"{len(noise.others)} other clips"
        remarks.append(
            f"The noise of {also} of this camera, filmed at other gains, is kept as well: while it runs, the "
            "nearest counts."
        )
    named = network
    if network is None:
        network, why = fitting_size(chosen, clip.mode, machine) or (
            "recursive",
            "no other is shipped",
        )
        say(f"Making {network} ready, {why}.")
    if network in SIZES:
        try:
            tuned = fine_tune(
                source,
                noise,
                size=network,
                minutes=minutes or MINUTES,
                device=chosen,
                progress=progress,
                say=say,
            )
            return _kept(source, noise, network, tuned, remarks)
        except ClipError as error:
            if named is not None:
                raise
            remarks.append(f"No network was fine-tuned. {error.message}")
            network = "recursive"
    if network == "recursive":
        quality, example = judge_recursive(source, noise)
        return Outcome(source, network, None, noise, quality, example, None, False, tuple(remarks))
    minutes = minutes or PAPER_MINUTES
    with progress("Reading the series", sum(s.count for s in clip.accepted)) as ticker:
        series = rgb_series(clip, ticker)
    split = split_series(series)
    folder = profile.training_folder(network)
    trainer = Trainer(series, split, Recipe(minutes=minutes), chosen, folder, say)
    with progress("Training", minutes * 60, "s") as ticker:
        ticker.advance(trainer.elapsed_s)
        trained = trainer.run(lambda seconds, j: ticker.advance(seconds, note(j)))
    if trained.elapsed_s < 0.95 * minutes * 60:
        remarks.append(
            f"Training stopped after {trained.elapsed_s / 60:.1f} minutes: nothing more was gained in places that "
            "it does not learn from. Filming more scenes would help."
        )
    result = trained.network
    say("Judging the network where it has not learned, in eight views …")
    quality, example = judge_paper(result, series, split, chosen)
    kept_identity = not trained.improved
    if kept_identity:
        remarks.append(
            "No state of the network beat its input, so it changes nothing: more scenes or minutes may help."
        )
    elif quality.gain_db.value < 0:
        remarks.append(
            "The network did worse than its input where it was judged last "
            f"({quality.gain_db.value:+.2f} dB), so it was replaced by one that changes nothing."
        )
        kept_identity, result = True, PaperNetwork()
        quality, example = judge_paper(result, series, split, chosen)
    path = profile.network_path(network)
    outcome = Outcome(
        source, network, path, noise, quality, example, trained, kept_identity, tuple(remarks)
    )
    data = {
        "series": len(series),
        "training_frames": sum(r.last - r.first for r in split.training),
        "held_out": "scenes" if split.by_scene else "strips",
        "steps": trained.steps,
        "seconds": round(trained.elapsed_s, 1),
    }
    save_network(path, result, _card(outcome, "paper", data, {"identity": kept_identity}))
    forget(folder)
    return outcome


def _kept(
    source: Source, noise: NoiseModel, size: str, tuned: FineTuned, remarks: list[str]
) -> Outcome:
    """Saves what came of fine-tuning, and then forgets the training."""
    path = source.profile.network_path(size)
    if tuned.quality.verdict == "worse":
        remarks.append(
            "The picture became worse where it was judged: this camera may need no cleaning. "
            "Try --strength, or --network none."
        )
    outcome = Outcome(
        source=source,
        network=size,
        network_path=path,
        noise=noise,
        quality=tuned.quality,
        example=tuned.example,
        trained=tuned.trained,
        kept_identity=False,
        remarks=tuple(remarks),
        fine_tuning=tuned.tuning,
    )
    data = {
        "series": len(source.clip.accepted),
        "held_out": tuned.places,
        "fine_tuned": tuned.tuning.kept,
        "share": tuned.tuning.share if tuned.tuning.kept else 0.0,
        "steps": tuned.trained.steps,
        "seconds": round(tuned.trained.elapsed_s, 1),
    }
    figures = {"fine_tuning": outcome.to_json()["fine_tuning"]}
    save_network(path, tuned.network, _card(outcome, size, data, figures))
    forget(source.profile.training_folder(size))
    return outcome


def _counted(source: Source, ticker: Ticker) -> Iterator[tuple[list[Any], Mask]]:
    for planes, mask in planes_of_series(source.clip):
        ticker.advance(len(planes))
        yield planes, mask


def _warnings(noise: NoiseModel) -> Iterator[str]:
    lag = noise.y.temporal_correlation[:1]
    if lag and lag[0] > _TIME_LAG:
        yield (
            f"The noise of neighbouring frames is alike (correlation {lag[0]:.2f}), so the figures "
            "below flatter every method: this camera cleans its own picture over time."
        )


def _card(outcome: Outcome, kind: str, data: dict[str, Any], more: dict[str, Any]) -> Card:
    """What is written into the network's file: for which camera it is, from what data, with what figures."""
    clip, facts = outcome.source.clip, outcome.to_json()
    figures = {k: v for k, v in facts.items() if k.startswith(("psnr", "upsnr"))}
    return Card(
        kind=kind,
        camera_id=clip.camera.id,
        camera_name=clip.camera.name,
        mode=clip.mode.to_json(),
        data={"clip": clip.path.name, **data},
        figures={**figures, "verdict": facts["verdict"], **more},
    )

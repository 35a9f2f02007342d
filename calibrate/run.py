"""Calibrates one camera: noise model, network, and how much better the picture becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rtdenoise.console import Ticker
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.device import pick_device
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.noise import NoiseModel

from .checkpoint import forget
from .dataset import Split, StillSeries, split_series
from .noise_measure import measure
from .quality import Example, Quality, judge_paper, judge_recursive
from .sources import Source, planes_of_series, rgb_series
from .training import Judgement, Recipe, Trained, Trainer

Mask = NDArray[np.bool_]

_TIME_LAG = 0.15  # correlation between frames above which figures without a clean picture are not to be trusted


class Progress(Protocol):
    """Opens a progress bar; :func:`rtdenoise.console.progress` is one."""

    def __call__(
        self, label: str, total: float | None, unit: str = "frames"
    ) -> AbstractContextManager[Ticker]:
        """Opens it; leaving the block closes it."""


@dataclass(frozen=True)
class Outcome:
    """What came of a calibration."""

    source: Source
    network: str
    network_path: Path | None
    noise: NoiseModel
    quality: Quality
    example: Example
    trained: Trained | None
    kept_identity: bool
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values, for ``--json`` and report.json."""
        clip, quality = self.source.clip, self.quality
        intervals = {
            name: dict(zip(("value", "low", "high"), (_finite(x) for x in value), strict=True))
            for name, value in (
                ("upsnr_before_db", quality.upsnr_before_db),
                ("upsnr_after_db", quality.upsnr_after_db),
                ("upsnr_gain_db", quality.gain_db),
            )
        }
        training = None
        if self.trained is not None:
            training = {
                "steps": self.trained.steps,
                "seconds": round(self.trained.elapsed_s, 1),
                "resumed_from_step": self.trained.resumed_from,
                "validation_gain_db": round(self.trained.gain_db, 4),
                "history": [asdict(j) for j in self.trained.history],
            }
        return {
            "camera": asdict(clip.camera),
            "mode": clip.mode.to_json(),
            "clip": str(clip.path),
            "series": [series.to_json() for series in clip.accepted],
            "noise_model": str(self.source.profile.noise_path),
            "noise": _noise_facts(self.noise),
            "network": self.network,
            "network_path": str(self.network_path) if self.network_path else None,
            "kept_identity": self.kept_identity,
            "psnr_before_db": _finite(quality.psnr_before_db),
            "psnr_after_db": _finite(quality.psnr_after_db),
            **intervals,
            "verdict": quality.verdict,
            "judged_on": quality.places,
            "remarks": list(self.remarks),
            "training": training,
        }


def _finite(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def _noise_facts(model: NoiseModel) -> dict[str, Any]:
    def facts(plane: Any) -> dict[str, Any]:
        table = plane.curve.table()
        return {
            "std_at_64": round(float(table[64]) ** 0.5, 3),
            "std_at_128": round(float(table[128]) ** 0.5, 3),
            "std_at_192": round(float(table[192]) ** 0.5, 3),
            "row_correlation": plane.row_correlation[:1],
            "column_correlation": plane.column_correlation[:1],
            "temporal_correlation": plane.temporal_correlation[:1],
            "fixed_pattern_std": _finite(plane.fixed_pattern_std),
        }

    return {"y": facts(model.y), "u": facts(model.u), "v": facts(model.v)}


def calibrate(
    source: Source,
    *,
    network: str,
    minutes: float,
    device: str,
    progress: Progress,
    say: Callable[[str], None],
) -> Outcome:
    """Measures the noise, trains where the network is one that learns, and judges the result.

    Noise model and network are saved in the profile. A training that was stopped goes on.

    Args:
        source: What to calibrate with.
        network: "recursive" (needs the noise model only) or "paper".
        minutes: How long to train.
        device: Where to train: "auto", "cpu", "cuda", "mps" or "xpu".
        progress: Opens progress bars.
        say: Told in a sentence what is worth knowing.

    Raises:
        ClipError: the series are too short.
        NetworkError: the device isn't there.
        StorageError: the profile can't be written.
    """
    chosen = pick_device(device)
    clip, profile = source.clip, source.profile
    with progress("Measuring the noise", sum(s.count for s in clip.accepted)) as ticker:
        noise = measure(_counted(source, ticker), clip.camera.id, str(clip.mode))
    profile.remember(clip.camera)
    noise.save(profile.noise_path)
    remarks = list(_warnings(noise))
    if network == "recursive":
        quality, example = judge_recursive(source, noise)
        return Outcome(source, network, None, noise, quality, example, None, False, tuple(remarks))
    with progress("Reading the series", sum(s.count for s in clip.accepted)) as ticker:
        series = rgb_series(clip, ticker)
    split = split_series(series)
    folder = profile.training_folder(network)
    trainer = Trainer(series, split, Recipe(minutes=minutes), chosen, folder, say)
    with progress("Training", minutes * 60, "s") as ticker:
        ticker.advance(trainer.elapsed_s)
        trained = trainer.run(lambda seconds, j: ticker.advance(seconds, _note(j)))
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
    save_network(path, result, _card(outcome, series, split))
    forget(folder)
    return outcome


def _note(judgement: Judgement | None) -> str:
    return f"{judgement.gain_db:+.2f} dB so far" if judgement else ""


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


def _card(outcome: Outcome, series: list[StillSeries], split: Split) -> Card:
    clip, facts = outcome.source.clip, outcome.to_json()
    figures = {k: v for k, v in facts.items() if k.startswith(("psnr", "upsnr"))}
    training = facts["training"] or {}
    return Card(
        kind="paper",
        camera_id=clip.camera.id,
        camera_name=clip.camera.name,
        mode=clip.mode.to_json(),
        data={
            "clip": clip.path.name,
            "series": len(series),
            "training_frames": sum(r.last - r.first for r in split.training),
            "held_out": "scenes" if split.by_scene else "strips",
            "steps": training.get("steps"),
            "seconds": training.get("seconds"),
        },
        figures={**figures, "verdict": facts["verdict"], "identity": outcome.kept_identity},
    )

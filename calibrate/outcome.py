"""What came of a calibration, and what it is as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtdenoise.noise import NoiseModel

from .live.finetune_judging import FineTuning
from .live.training import LiveTrained
from .live.unroll import Gain
from .metrics import Interval
from .paper.training import Trained
from .quality import Example, Quality
from .sources import Source
from .still_errors import PlaceFigures


@dataclass(frozen=True)
class Outcome:
    """What came of a calibration."""

    source: Source
    network: str
    network_path: Path | None
    noise: NoiseModel
    quality: Quality
    example: Example
    trained: Trained | LiveTrained | None
    kept_identity: bool
    remarks: tuple[str, ...]
    fine_tuning: FineTuning | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values, for ``--json`` and report.json."""
        clip, quality = self.source.clip, self.quality
        intervals = {
            "upsnr_before_db": _interval(quality.upsnr_before_db),
            "upsnr_after_db": _interval(quality.upsnr_after_db),
            "upsnr_gain_db": _interval(quality.gain_db),
        }
        training = None
        if self.trained is not None:
            training = {
                "steps": self.trained.steps,
                "seconds": round(self.trained.elapsed_s, 1),
                "resumed_from_step": self.trained.resumed_from,
                "validation_gain_db": _finite(self.trained.gain_db),
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
            "split": split_to_json(quality.split),
            "whole_picture": split_to_json(quality.whole),
            "verdict": quality.verdict,
            "judged_on": quality.places,
            "remarks": list(self.remarks),
            "training": training,
            "fine_tuning": None if self.fine_tuning is None else _fine_tuning(self.fine_tuning),
        }


def _fine_tuning(found: FineTuning) -> dict[str, Any]:
    def motion(gain: Gain) -> dict[str, float | None]:
        return {"whole_db": _finite(gain.whole_db), "moving_db": _finite(gain.moving_db)}

    return {
        "kept": "fine-tuned" if found.kept else "base",
        "share": found.share,
        "base_upsnr_db": _interval(found.base.upsnr_after_db),
        "tuned_upsnr_db": _interval(found.tuned.upsnr_after_db),
        "base_split": split_to_json(found.base.split),
        "tuned_split": split_to_json(found.tuned.split),
        "base_whole_picture": split_to_json(found.base.whole),
        "tuned_whole_picture": split_to_json(found.tuned.whole),
        "upsnr_over_base_db": _interval(found.real_db),
        "motion_gain_of_base": motion(found.base_motion),
        "motion_gain_of_tuned": motion(found.tuned_motion),
    }


def split_to_json(places: Mapping[str, PlaceFigures]) -> dict[str, Any]:
    """Figures by place as plain values."""
    return {
        name: {
            "share": round(figures.share, 4),
            "upsnr_before_db": _interval(figures.before_db),
            "upsnr_after_db": _interval(figures.after_db),
            "gain_db": _interval(figures.gain_db),
        }
        for name, figures in places.items()
    }


def _interval(value: Interval) -> dict[str, float | None]:
    return {name: _finite(x) for name, x in zip(("value", "low", "high"), value, strict=True)}


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

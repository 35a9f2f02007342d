"""The paper's network for the benchmark: trained for a given time on the frames that the noise is measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from calibrate.paper.dataset import StillSeries, split_series
from calibrate.paper.training import Recipe, Trainer
from calibrate.sources import rgb_bytes
from rtdenoise.networks.card import Card, read_card, save_network

from ..live.clips import BenchClip, unpacked


def paper_path(clip: BenchClip) -> Path:
    """The file of the network that was trained for a clip's camera, in the clip's folder."""
    return clip.folder / "paper.safetensors"


def trained_paper(clip: BenchClip, minutes: float) -> tuple[Path, float]:
    """The network's file and for how many seconds it was trained; trains it where the folder has none yet.

    It learns from 20 frames of another scene that stands still, by the same sensor with as much noise: those that
    the noise model comes from.
    """
    path = paper_path(clip)
    if not path.exists():
        data = np.load(clip.folder / "calibration.npy", mmap_mode="r")
        frames = np.stack([rgb_bytes(unpacked(np.asarray(f), clip.format, 0.0)) for f in data])
        series = [StillSeries(frames, np.ones(frames.shape[2:], bool))]
        split = split_series(series)
        trained = Trainer(series, split, Recipe(minutes=minutes), torch.device("cpu")).run()
        facts = {"steps": trained.steps, "seconds": round(trained.elapsed_s, 1)}
        save_network(path, trained.network, Card("paper", data=facts))
    return path, float(read_card(path).data.get("seconds", 0.0))

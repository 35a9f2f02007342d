"""Runs one of our denoisers over a benchmark clip, as the live loop would, and judges it."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import rtdenoise.networks
from rtdenoise.denoisers.base import Denoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import Planes
from rtdenoise.networks.card import load_network
from rtdenoise.noise import NoiseModel

from .clips import GROWTH, BenchClip
from .peers import Figures, judge, mean_figures

Make = Callable[[NoiseModel | None], Denoiser]


@dataclass(frozen=True)
class Growth:
    """How much noise is gone from what stands still, at one frame.

    ``truth_db`` is by how much the error against the truth shrank. The truth has no fixed pattern and no JPEG,
    which no causal filter can take out, so this figure has a ceiling. ``mean_db`` is by how much the error
    against the mean of very many frames shrank: the noise that changes from frame to frame.
    """

    frame: int
    truth_db: float
    mean_db: float


@dataclass(frozen=True)
class Run:
    """What one of our methods did in one clip."""

    method: str
    model: str
    clip: str
    figures: Figures
    growth: tuple[Growth, ...]
    ms: float


def _path(name: str) -> Path:
    """The file of a network: a shipped size, or a path."""
    path = Path(name)
    if path.suffix == ".safetensors":
        return path
    return Path(rtdenoise.networks.__file__).parent / "base" / f"{name}.safetensors"


def kilo_macs(name: str) -> float | None:
    """Thousands of multiplications with addition per luma pixel; None for what is no network."""
    if name == "recursive":
        return None
    network, _ = load_network(_path(name))
    counted: float = importlib.import_module("rtdenoise.networks.live").macs_per_pixel(network.size)
    return counted / 1e3


def maker(name: str, device: str = "auto") -> Make:
    """What makes a denoiser: "recursive", the name of a shipped size, or the path of a network's file."""
    if name == "recursive":
        return RecursiveDenoiser
    network, _ = load_network(_path(name))
    live = importlib.import_module("rtdenoise.denoisers.live_network")

    def make(model: NoiseModel | None) -> Denoiser:
        denoiser: Denoiser = live.LiveNetworkDenoiser(network, model, device=device)
        return denoiser

    return make


def run(
    name: str, make: Make, clip: BenchClip, judged: tuple[int, ...], own_estimate: bool
) -> tuple[Run, Planes]:
    """Cleans the clip from its first frame on; also the result for the middle judged frame."""
    denoiser = make(None if own_estimate else clip.model)
    figures, growth, times = [], [], []
    shown: Planes | None = None
    for index in range(max(*judged, *GROWTH) + 1):
        planes = clip.frame(index).copy()  # read from the disk before the clock starts
        start = time.perf_counter()
        result = denoiser(planes)
        times.append(1e3 * (time.perf_counter() - start))
        if index in judged:
            figures.append(judge(result, clip, index))
        if index in GROWTH:
            growth.append(_growth(result, clip, index))
        if index == judged[len(judged) // 2]:
            shown = result.copy()
    assert shown is not None
    model = "own estimate" if own_estimate else "measured"
    ms = float(np.median(times[5:]))
    return Run(name, model, clip.name, mean_figures(figures), tuple(growth), ms), shown


def _growth(result: Planes, clip: BenchClip, index: int) -> Growth:
    still, noisy, truth = clip.quiet, clip.frame(index), clip.truth(index)
    first, second = clip.means

    def against_truth(y: NDArray[np.uint8]) -> float:
        return float(np.square(y[still].astype(np.float32) - truth.y[still]).mean())

    def against_mean(y: NDArray[np.uint8]) -> float:
        # The noise of two independent means cancels in the product: no need for very many frames.
        values = y[still].astype(np.float32)
        return float(((values - first[still]) * (values - second[still])).mean(dtype=np.float64))

    def decibel(measure: Callable[[NDArray[np.uint8]], float]) -> float:
        return float(10 * np.log10(measure(noisy.y) / max(measure(result.y), 1e-6)))

    return Growth(index, decibel(against_truth), decibel(against_mean))

"""Compares what runs live networks on this CPU: the same network on the same frames, in turns, in one process.

    python -m benchmarks.speed.engines [network.safetensors] [--threads 1] [--rounds 3]

CPU time is that of the whole process, so that other programs disturb it least; ratios are of its lower quartiles. The
last column is what an engine's shortcuts cost: luma PSNR against the truth, less PyTorch's, mean of the frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from calibrate.metrics import psnr_db
from rtdenoise.cameras.simulated.camera import open_simulated
from rtdenoise.denoisers import live_network
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.engines.base import Engine
from rtdenoise.engines.native_engine import NativeEngine
from rtdenoise.engines.native_library import KINDS, native_library
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.frames import Planes, convert
from rtdenoise.networks.card import load_network
from rtdenoise.networks.live import SIZES, LiveNetwork

_SCENES = {
    "desk, still": ":desk?motion=still",
    "desk, high noise, subject moving": ":desk?motion=subject&noise=high",
    "room, subject moving": ":room?motion=subject",
}
_FRAMES, _WARM_UP = 12, 4

MakeEngine = Callable[[LiveNetwork, tuple[int, int], torch.device, int | None], Engine]


def _torch_engine(
    network: LiveNetwork, grid: tuple[int, int], device: torch.device, _threads: int | None
) -> Engine:
    return TorchEngine(network, grid, device)


def _compiled_engine(
    lanes: int,
    network: LiveNetwork,
    grid: tuple[int, int],
    _device: torch.device,
    threads: int | None,
) -> Engine:
    return NativeEngine(network, grid, threads or 1, lanes)


def _engines() -> dict[str, MakeEngine]:
    """All that run here, PyTorch first."""
    found: dict[str, MakeEngine] = {"PyTorch": _torch_engine}
    for lanes, kind in reversed(KINDS.items()):
        library = native_library(lanes)
        if library is not None and library.rtdenoise_lanes() == lanes:
            found[f"compiled, {kind}"] = partial(_compiled_engine, lanes)
    return found


def _started(
    path: Path | None, engine: MakeEngine, threads: int, frames: list[Planes]
) -> LiveNetworkDenoiser:
    """A denoiser that has its engine and has settled."""
    torch.manual_seed(0)
    network = load_network(path)[0] if path else LiveNetwork(SIZES["nano"])
    assert isinstance(network, LiveNetwork)
    live_network.make_engine = engine  # type: ignore[attr-defined, assignment]
    denoiser = LiveNetworkDenoiser(network, None, "cpu", threads=threads)
    for planes in frames[:_WARM_UP]:
        denoiser(planes)
    return denoiser


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("network", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    for title, scene in _SCENES.items():
        camera = open_simulated(scene)
        frames = [convert(camera.noisy(i), "420", True) for i in range(_FRAMES)]
        truths = [camera.truth(i).y for i in range(_FRAMES)]
        denoisers = {
            name: _started(options.network, engine, options.threads, frames)
            for name, engine in _engines().items()
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in denoisers}
        quality: dict[str, list[float]] = {name: [] for name in denoisers}
        for round_ in range(options.rounds):
            for index, planes in enumerate(frames):
                for name, denoiser in denoisers.items():
                    cpu, wall = time.process_time(), time.perf_counter()
                    clean = denoiser(planes)
                    taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
                    if round_ == 0 and index >= _WARM_UP:
                        quality[name].append(psnr_db(clean.y, truths[index]))
        reference = np.quantile(taken["PyTorch"], 0.25, axis=0)
        for name, values in taken.items():
            cpu_s, wall_s = np.quantile(values, 0.25, axis=0)
            ratio = cpu_s / reference[0]
            less = np.mean(quality[name]) - np.mean(quality["PyTorch"])
            print(
                f"{title:34} {name:17} CPU {1e3 * cpu_s:6.1f} ms  wall {1e3 * wall_s:6.1f} ms  "
                f"ratio {ratio:.2f}  {less:+.3f} dB"
            )


if __name__ == "__main__":
    main()

"""Compares what runs live networks on this CPU: the same network on the same frames, in turns, in one process.

    python -m benchmarks.engines [network.safetensors] [--threads 1] [--rounds 3]

CPU time is that of the whole process, so that other programs disturb it least; ratios are of its lower quartiles.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from rtdenoise.cameras.simulated.camera import open_simulated
from rtdenoise.denoisers import live_network
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.engines import make_engine
from rtdenoise.engines.base import Engine
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.frames import Planes, convert
from rtdenoise.networks.card import load_network
from rtdenoise.networks.live import SIZES, LiveNetwork

_SCENES = {"desk, still": ":desk?motion=still", "room, subject moving": ":room?motion=subject"}
_FRAMES, _WARM_UP = 12, 4


def _torch_engine(
    network: LiveNetwork, grid: tuple[int, int], device: torch.device, _threads: int | None
) -> Engine:
    return TorchEngine(network, grid, device)


def _started(
    path: Path | None, engine: object, threads: int, frames: list[Planes]
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
        denoisers = {
            name: _started(options.network, engine, options.threads, frames)
            for name, engine in (("PyTorch", _torch_engine), ("OpenVINO", make_engine))
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in denoisers}
        for _ in range(options.rounds):
            for planes in frames:
                for name, denoiser in denoisers.items():
                    cpu, wall = time.process_time(), time.perf_counter()
                    denoiser(planes)
                    taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
        first = None
        for name, values in taken.items():
            cpu_ms, wall_ms = 1e3 * np.quantile(values, 0.25, axis=0)
            first = first or cpu_ms
            ratio = cpu_ms / first
            print(
                f"{title:22} {name:9} CPU {cpu_ms:6.1f} ms  wall {wall_ms:6.1f} ms  ratio {ratio:.2f}"
            )


if __name__ == "__main__":
    main()

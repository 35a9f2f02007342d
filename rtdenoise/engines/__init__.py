"""Engines run live networks: compiled code on a CPU, PyTorch on accelerators; see docs/speed.md for why."""

from __future__ import annotations

import torch

from ..cores import available_cores
from ..networks.live import LiveNetwork
from . import native_engine
from .base import Engine as Engine

_MOST_THREADS = 4


def default_threads() -> int:
    """Cores for cleaning: all but one, which is the call's, but two where there are two, and no more than four.

    They sleep between frames. One core alone can't clean 30 frames of 1920 × 1080 in a second.
    """
    cores = available_cores()
    return min(max(cores - 1, 2), cores, _MOST_THREADS)


def make_engine(
    network: LiveNetwork, grid: tuple[int, int], device: torch.device, threads: int | None = None
) -> Engine:
    """The quickest engine for a network.

    Args:
        network: The network.
        grid: Blocks of a frame, (h, w), multiples of four.
        device: Where it runs.
        threads: How many cores it may take on a CPU; None for :func:`default_threads`.
    """
    if device.type == "cpu":
        threads = threads or default_threads()
        if native_engine.fits(network):
            return native_engine.NativeEngine(network, grid, threads)
        torch.set_num_threads(threads)
    from .torch_engine import TorchEngine

    return TorchEngine(network, grid, device)

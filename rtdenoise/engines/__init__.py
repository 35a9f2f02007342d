"""Engines run live networks: compiled code on a CPU, PyTorch on accelerators; see docs/speed.md for why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cores import available_cores
from ..networks.weights import LiveWeights
from . import native_engine
from .base import Engine as Engine

if TYPE_CHECKING:
    import torch

    from ..networks.live import LiveNetwork

_MOST_THREADS = 4


def default_threads() -> int:
    """Cores for cleaning: all but one, which is the call's, but two where there are two, and no more than four.

    They sleep between frames. One core alone can't clean 30 frames of 1920 × 1080 in a second.
    """
    cores = available_cores()
    return min(max(cores - 1, 2), cores, _MOST_THREADS)


def make_engine(
    network: LiveNetwork | LiveWeights,
    grid: tuple[int, int],
    device: torch.device | str,
    threads: int | None = None,
) -> Engine:
    """The quickest engine for a network. Where that is the compiled one, PyTorch isn't imported.

    Args:
        network: The network.
        grid: Blocks of a frame, (h, w), multiples of four.
        device: Where it runs, or the name of that kind of device.
        threads: How many cores it may take on a CPU; None for :func:`default_threads`.
    """
    on_cpu = str(device) == "cpu"
    threads = threads or default_threads()
    if on_cpu and native_engine.fits(network):
        return native_engine.NativeEngine(network, grid, threads)
    if on_cpu:
        import torch

        torch.set_num_threads(threads)
    from .torch_engine import TorchEngine

    return TorchEngine(network, grid, device)

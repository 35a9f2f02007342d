"""Everything that quality and speed are measured of: ours by engine, the paper's network, and the peers.

A method is known by its name, so that it can be handed to another process.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from calibrate.peers import Clean
from rtdenoise.denoisers import Denoiser
from rtdenoise.frames import Planes
from rtdenoise.noise import NoiseModel

from ..live.peers import PEERS, TunablePeer
from .peers import EXTRA_PEERS, missing

NANO, RECURSIVE, PAPER = "nano", "recursive", "the paper's network"
PYTORCH = "nano, PyTorch"
"""The same network without compiled code."""


@dataclass(frozen=True)
class Method:
    """A way of cleaning; ``peer`` is None for ours.

    ``ahead`` is how many frames it waits for: each adds 33 ms to a call's delay.
    """

    name: str
    peer: TunablePeer | None = None

    @property
    def ours(self) -> bool:
        """Whether it is part of rtdenoise (the paper's network isn't ours, though the code is)."""
        return self.peer is None and self.name != PAPER

    @property
    def ahead(self) -> int:
        """See the class."""
        return self.peer.after if self.peer else 0


def _registry() -> dict[str, Method]:
    ours = [Method(name) for name in (NANO, PYTORCH, RECURSIVE, PAPER)]
    theirs = [Method(peer.name, peer) for peer in (*EXTRA_PEERS, *PEERS)]
    return {method.name: method for method in (*ours, *theirs)}


METHODS = _registry()
"""All methods by name, in the order in which tables have them."""


def unavailable(name: str) -> str:
    """Why a method can't be run here, in half a sentence; empty where it can."""
    if name == PYTORCH and "PyTorch" in default_engine().name:
        return "it is what nano runs on by default"
    return missing(name)


def default_engine() -> Any:
    """What runs nano on this CPU by default."""
    engines = importlib.import_module("rtdenoise.engines")
    network = importlib.import_module("rtdenoise.networks.shipped").load_base(NANO).eval()
    torch = importlib.import_module("torch")
    return engines.make_engine(network, (8, 8), torch.device("cpu"))


def denoiser_of(name: str, model: NoiseModel | None) -> Denoiser:
    """One of our denoisers, on the CPU."""
    if name == PYTORCH:
        engine = importlib.import_module("rtdenoise.engines.torch_engine").TorchEngine
        # Each method has a process of its own, so nothing else is affected.
        live: Any = importlib.import_module("rtdenoise.denoisers.live_network")
        live.make_engine = lambda network, grid, device, _threads: engine(network, grid, device)
        name = NANO
    from ..live.ours import maker  # imports torch, which peers' processes do without

    return maker(name, "cpu")(model)


def streaming(denoiser: Denoiser) -> Clean:
    """A denoiser as the live loop uses it: it copies what comes out, for the writer may still be busy."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        for planes in frames:
            result = denoiser(planes)
            yield result.copy()

    return clean


def cleaner(name: str, strength: float, model: Path | None) -> Clean:
    """What cleans a stream, set up as in use: ours with a noise model's file, peers with a strength.

    In the live loop OpenCV has one thread, for the stages run side by side; peers take what they like.
    """
    method = METHODS[name]
    if method.peer is not None:
        return method.peer.clean(strength)
    cv2.setNumThreads(1)
    return streaming(denoiser_of(name, None if model is None else NoiseModel.load(model)))

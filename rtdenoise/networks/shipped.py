"""The base networks that come with the package: trained on many simulated cameras, they suit any camera at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch

from ..cameras.base import Mode
from ..errors import NetworkError
from ..machine import SPARE, Machine
from .card import load_network
from .device import hardware_name
from .live import SIZES, LiveNetwork

FOLDER = Path(__file__).parent / "base"


def base_network_path(size: str) -> Path:
    """The file of the base network of that size, whether or not it is there."""
    return FOLDER / f"{size}.safetensors"


def shipped_sizes() -> list[str]:
    """The sizes of which there is a base network, the smallest first."""
    return [size for size in SIZES if base_network_path(size).is_file()]


def fitting_size(
    device: torch.device, mode: Mode | None = None, known: Machine | None = None
) -> tuple[str, str] | None:
    """The size that suits a device, and why.

    Of those that were measured the largest that leaves a third to spare at the camera's rate; where nothing was, the
    smallest on a CPU and the largest elsewhere.

    Args:
        device: Where the network is to run in a call.
        mode: The camera's; None: not known.
        known: What was measured on this machine; None: nothing.

    Returns:
        The size and half a sentence; None where no network is shipped.
    """
    sizes = shipped_sizes()
    if not sizes:
        return None
    if mode is not None and known is not None:
        hardware, frame = hardware_name(device), (mode.width, mode.height)
        timings = {size: known.find(size, device.type, hardware, frame) for size in sizes}
        rate = f"{float(mode.rate_fps):g} frames/s at {mode.width}×{mode.height}"
        for size in reversed(sizes):
            timing = timings[size]
            if timing is not None and timing.frame_ms <= SPARE * 1e3 / float(mode.rate_fps):
                return size, f"the largest that holds {rate} here with a third to spare"
        if any(timings.values()):
            return sizes[0], f"the smallest: none was measured to hold {rate} with a third to spare"
    if device.type == "cpu":
        return sizes[0], "the smallest: this CPU was not measured (rtdenoise bench does)"
    return sizes[-1], f"the largest: this {device.type} device was not measured (rtdenoise bench)"


def load_base(size: str) -> LiveNetwork:
    """The base network of that size, on the CPU.

    Raises:
        NetworkError: it isn't shipped, or its file is damaged.
    """
    path = base_network_path(size)
    if not path.is_file():
        there = ", ".join(shipped_sizes())
        hint = f"Choose one of: {there}." if there else "Choose --network recursive."
        raise NetworkError(f"No base network of the size {size} comes with this version.", hint)
    return cast(LiveNetwork, load_network(path)[0])

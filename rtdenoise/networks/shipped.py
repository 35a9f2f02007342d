"""The base networks that come with the package: trained on many simulated cameras, they suit any camera at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NetworkError
from .card import load_weights
from .weights import SIZES

if TYPE_CHECKING:
    from .live import LiveNetwork

FOLDER = Path(__file__).parent / "base"


def base_network_path(size: str) -> Path:
    """The file of the base network of that size, whether or not it is there."""
    return FOLDER / f"{size}.safetensors"


def shipped_sizes() -> list[str]:
    """The sizes of which there is a base network, the smallest first."""
    return [size for size in SIZES if base_network_path(size).is_file()]


def load_base(size: str) -> LiveNetwork:
    """The base network of that size, on the CPU, for PyTorch.

    Raises:
        NetworkError: it isn't shipped, or its file is damaged.
    """
    path = base_network_path(size)
    if not path.is_file():
        there = ", ".join(shipped_sizes())
        hint = f"Choose one of: {there}." if there else "Choose --network recursive."
        raise NetworkError(f"No base network of the size {size} comes with this version.", hint)
    from .live import as_module

    return as_module(load_weights(path)[0])

"""The weights of a live network as plain arrays: all that the compiled engine needs. Light to import.

PyTorch's own form of the same network is :class:`rtdenoise.networks.live.LiveNetwork`, for training and for the engine
that runs with it; importing PyTorch takes a second or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..noise.dct import COEFFICIENTS
from .constants import GATE_INPUTS, GATES

if TYPE_CHECKING:
    from .live import LiveNetwork


@dataclass(frozen=True)
class LiveSize:
    """How large a live network is.

    Attributes:
        gate: channels of the gate on the grid of blocks.
        context: channels of the gate on grids of half and a quarter of the size.
        energy: channels of a shrinkage stage on the grid of blocks; it looks at the coefficients' energies.
        wide: channels of the same stage on the grid of half the size.
        filters: how many learned filters a stage has beside the DCT's coefficients.
        stages: how many times the coefficients are shrunk, each time with another network.
    """

    gate: int
    context: int
    energy: int
    wide: int
    filters: int
    stages: int = 1


SIZES = {
    "nano": LiveSize(gate=8, context=16, energy=12, wide=12, filters=10),
    "small": LiveSize(gate=16, context=32, energy=32, wide=48, filters=36, stages=2),
    "base": LiveSize(gate=24, context=48, energy=48, wide=64, filters=56, stages=3),
    "large": LiveSize(gate=32, context=64, energy=80, wide=96, filters=96, stages=5),
}
"""The sizes by name."""


@dataclass(frozen=True)
class Convolution:
    """A layer.

    Attributes:
        name: Before ``.weight`` and ``.bias`` in a file.
        outputs: Channels that it gives.
        inputs: Channels that it sees.
        side: of its square kernel, in blocks.
    """

    name: str
    outputs: int
    inputs: int
    side: int = 3

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of its arrays, by their names."""
        weight = (self.outputs, self.inputs, self.side, self.side)
        return {f"{self.name}.weight": weight, f"{self.name}.bias": (self.outputs,)}


def convolutions(size: LiveSize) -> list[Convolution]:
    """The layers of a network of that size, in the order in which the compiled code takes them."""
    near, far = size.gate, size.context
    layers = [
        Convolution("gate.near", near, GATE_INPUTS),
        Convolution("gate.down", far, near),
        Convolution("gate.middle", far, far),
        Convolution("gate.further", far, far),
        Convolution("gate.furthest", far, far),
        Convolution("gate.up", near, far, 1),
        Convolution("gate.last", GATES, near),
    ]
    for stage in range(size.stages):
        seen = COEFFICIENTS * (2 if stage else 1)
        into = f"shrink.{stage}"
        layers += [
            Convolution(f"{into}.see", size.energy, seen + GATES + 1, 1),
            Convolution(f"{into}.near", size.energy, size.energy),
            Convolution(f"{into}.wide", size.wide, size.energy),
            Convolution(f"{into}.up", size.energy, size.wide, 1),
            Convolution(f"{into}.say", COEFFICIENTS + size.filters, size.energy, 1),
            Convolution(f"{into}.into", size.filters, seen),
            Convolution(f"{into}.out", COEFFICIENTS, size.filters),
        ]
    return layers


def shapes(size: LiveSize) -> dict[str, tuple[int, ...]]:
    """The shapes of all weights of a network of that size, by their names in a file."""
    return {name: shape for layer in convolutions(size) for name, shape in layer.shapes.items()}


@dataclass(frozen=True)
class LiveWeights:
    """A live network's weights.

    Attributes:
        size: How large it is.
        arrays: The weights, float32, of the names and shapes that :func:`shapes` tells.
    """

    size: LiveSize
    arrays: Mapping[str, Floats]

    @classmethod
    def of(cls, network: LiveWeights | LiveNetwork) -> LiveWeights:
        """The weights of a network as they are now; weights are given back themselves."""
        if isinstance(network, LiveWeights):
            return network
        # A copy where it lies on a device or has another precision; else its own memory.
        state = {k: v.detach().cpu().float().numpy() for k, v in network.state_dict().items()}
        return cls(network.size, state)


def upgraded(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Weights of before the noise at each place was known: networks that don't look at it."""
    found = dict(arrays)
    near = found.get("gate.near.weight")
    if near is not None and near.ndim == 4 and near.shape[1] == GATE_INPUTS - 3:
        found["gate.near.weight"] = np.pad(near, ((0, 0), (0, 3), (0, 0), (0, 0)))
        for name, weight in arrays.items():
            if name.endswith(".see.weight") and weight.ndim == 4:
                at = COEFFICIENTS + GATES
                nothing = np.zeros_like(weight[:, :1])
                found[name] = np.concatenate([weight[:, :at], nothing, weight[:, at:]], 1)
    return found

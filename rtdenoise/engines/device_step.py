"""A frame's way through a live network on a device, from bytes to bytes, in tensors that never move.

Tables, matrices and states are overwritten in place, never replaced: a captured graph stays valid when the noise
changes. There are two states, and a step reads one and writes the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..arrays import Floats
from ..networks.constants import FIRST_RESIDUAL
from ..networks.live import GATES, LiveNetwork, State
from ..networks.local_noise import GROUPS, shares
from ..noise.dct import BLOCK, COEFFICIENTS, MEANS, PLANE_SLICES, SIDES, transform
from ..noise.normalised import Normalised
from .mixed_network import MixedNetwork

_LEVELS, _PLACES = 256, 1 << 16
_PLANE_OF = np.searchsorted(MEANS[1:], np.arange(COEFFICIENTS), side="right")


class DeviceStep:
    """Tensors and arithmetic of an engine on one device.

    Attributes:
        inputs: The frame's planes, one after the other, (24 · h · w,), bytes.
        outputs: The clean ones.
        coefficients: of the frame in units of noise, (1, 24, h, w).
        states: Two; their coefficients too are channels last.
        band_std: of the noise in each coefficient, (24,).

    Args:
        network: The network; it is left as it is.
        grid: Blocks, (h, w), multiples of four.
        device: Where it runs.
        dtype: Precision of the convolutions.
    """

    def __init__(
        self, network: LiveNetwork, grid: tuple[int, int], device: torch.device, dtype: torch.dtype
    ) -> None:
        h, w = self.grid = grid
        self._device = device
        self._network = MixedNetwork(network, grid, device, dtype)
        self.inputs = torch.zeros(h * w * COEFFICIENTS, dtype=torch.uint8, device=device)
        self.outputs = torch.zeros_like(self.inputs)
        self.coefficients = self._blocks(COEFFICIENTS)
        self.states = [
            State(
                *(self._blocks(COEFFICIENTS), self._blocks(GATES), self._blocks(GATES)),
                *(
                    self._blocks(len(GROUPS)),
                    self._blocks(3),
                    torch.zeros(1, 1, 1, 1, device=device),
                ),
            )
            for _ in range(2)
        ]
        self.band_std = torch.ones(COEFFICIENTS, device=device)
        # The planes' tables behind each other, so that one look-up serves all. Products of matrices must be
        # float32, which is PyTorch's default: TF32 would keep ten bits of values of several hundred.
        self._units = torch.zeros(3 * _LEVELS, device=device)
        self._bytes = torch.zeros(3 * _PLACES, dtype=torch.uint8, device=device)
        self._starts = torch.arange(3, dtype=torch.int32, device=device) * _LEVELS
        self._least = torch.from_numpy(_PLANE_OF * np.float32(_PLACES)).float().to(device)
        self._most = self._least + (_PLACES - 1)
        self._there, self._back, self._to_places = (
            torch.zeros(COEFFICIENTS, COEFFICIENTS, device=device) for _ in range(3)
        )
        self._levels = torch.zeros(h, w, COEFFICIENTS, dtype=torch.int32, device=device)

    @property
    def share(self) -> Tensor:
        """Of a pixel's variance in each coefficient, (1, 24, 1, 1)."""
        return shares(self.band_std).view(1, COEFFICIENTS, 1, 1)

    def _blocks(self, channels: int) -> Tensor:
        """(1, channels, h, w), channels last."""
        return torch.zeros(1, *self.grid, channels, device=self._device).permute(0, 3, 1, 2)

    def load(self, normalised: Normalised, band_std: Floats) -> None:
        """Takes another noise."""
        scales, tables = zip(*(normalised.table(i) for i in range(3)), strict=True)
        back = np.linalg.inv(transform()).T * band_std[:, None]
        for tensor, values in (
            (self._units, np.concatenate(normalised.forward)),
            (self._bytes, np.concatenate(tables)),
            (self.band_std, band_std),
            (self._there, transform().T / band_std),
            (self._back, back),
            (self._to_places, back * np.array(scales, np.float32)[_PLANE_OF]),
        ):
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))

    # ------------------------------------------------------------------ what graphs hold

    def analyse(self) -> None:
        """From ``inputs`` to ``coefficients``."""
        planes = _as_blocks(self.inputs, self.grid)
        parts = _parts(self._levels)
        for start, plane, part in zip(torch.split(self._starts, 1), planes, parts, strict=True):
            torch.add(plane, start, out=part)
        units = torch.index_select(self._units, 0, self._levels.view(-1))
        torch.mm(units.view(-1, COEFFICIENTS), self._there, out=_flat(self.coefficients))

    def step(self, turn: int) -> None:
        """From ``coefficients`` and the state ``turn`` to ``outputs`` and the other state."""
        clean = self._network(
            self.coefficients, self.states[turn], self.states[1 - turn], self.share
        )
        places = torch.addmm(self._least, _flat(clean), self._to_places)
        places = places.round_().clamp_(self._least, self._most).to(torch.int32)
        found = torch.index_select(self._bytes, 0, places.view(-1)).view(*self.grid, COEFFICIENTS)
        planes = _as_blocks(self.outputs, self.grid)
        for plane, part in zip(planes, _parts(found), strict=True):
            plane.copy_(part)

    # ------------------------------------------------------------------ between graphs

    def start(self, turn: int) -> None:
        """Makes the state ``turn`` one that has seen nothing."""
        state = self.states[turn]
        state.coefficients.copy_(self.coefficients)
        state.residual.fill_(FIRST_RESIDUAL)
        state.difference_mean.zero_()
        state.strength.fill_(1)
        state.white.zero_()
        state.frames.zero_()

    def means(self, coefficients: Tensor, out: Tensor) -> None:
        """The blocks' means of coefficients in units of a pixel's noise, to ``out``, (3, h, w)."""
        for grid, coefficient in zip(out, MEANS, strict=True):
            torch.mul(coefficients[0, coefficient], self.band_std[coefficient], out=grid)

    def joined(self, coefficients: Tensor) -> tuple[Tensor, ...]:
        """Coefficients, (1, 24, rows, columns), as planes in units of a pixel's noise, (1, 1, …)."""
        rows, columns = coefficients.shape[-2:]
        blocks = (_flat(coefficients) @ self._back).view(rows, columns, COEFFICIENTS)
        return tuple(
            part.reshape(1, 1, rows * side, columns * side)
            for side, part in zip(SIDES, _parts(blocks), strict=True)
        )

    def split(self, planes: Sequence[Tensor]) -> Tensor:
        """The inverse of :meth:`joined`."""
        rows, columns = (n // BLOCK for n in planes[0].shape[-2:])
        blocks = [
            plane.view(rows, side, columns, side).permute(0, 2, 1, 3).flatten(2)
            for side, plane in zip(SIDES, planes, strict=True)
        ]
        flat = torch.cat(blocks, 2).view(-1, COEFFICIENTS) @ self._there
        return flat.view(1, rows, columns, COEFFICIENTS).permute(0, 3, 1, 2)


def _flat(coefficients: Tensor) -> Tensor:
    """Coefficients that are channels last as a matrix, (blocks, 24)."""
    return coefficients.permute(0, 2, 3, 1).reshape(-1, coefficients.shape[1])


def _parts(blocks: Tensor) -> list[Tensor]:
    """What each plane has in blocks (h, w, 24), in the plane's order: (h, side, w, side)."""
    return [
        blocks[..., place].view(*blocks.shape[:2], side, side).permute(0, 2, 1, 3)
        for side, place in zip(SIDES, PLANE_SLICES, strict=True)
    ]


def _as_blocks(planes: Tensor, grid: tuple[int, int]) -> list[Tensor]:
    """Planes that lie one after the other, each as (h, side, w, side)."""
    h, w = grid
    sizes = [h * w * side * side for side in SIDES]
    parts = torch.split(planes, sizes)
    return [plane.view(h, side, w, side) for side, plane in zip(SIDES, parts, strict=True)]

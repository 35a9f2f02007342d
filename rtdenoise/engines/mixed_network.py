"""A live network's step for accelerators: convolutions in half precision around a state that stays in float32.

The recurrent state must not be rounded. Its coefficients reach several hundred units of noise, and a settled average
moves by a fiftieth of a unit per frame: float16 can't tell 300 from 300.1, bfloat16 not from 301. So the average, its
difference to the frame, the gains and the clean coefficients are float32. Detail is clamped to 24 units of the noise
that is left, and goes through the network in half precision.

The arithmetic is that of :class:`rtdenoise.networks.live.LiveNetwork` otherwise, with the new state written where the
caller wants it, and without tensors made on the host, which a CUDA graph could not hold.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks import live
from ..networks.constants import DIFFERENCE_RATE, LEAST_RESIDUAL, MOST_COEFFICIENT
from ..networks.live import GATES, LiveNetwork, State
from ..networks.local_noise import GROUPS, Excess, excess, learn, per_coefficient

_BLUR = np.array([1, 4, 6, 4, 1]) / 16
_COARSER = 4  # how much coarser the pyramid's second level is


class MixedNetwork(nn.Module):
    """The step of a copy of a network.

    Args:
        network: The network; it is left as it is.
        grid: Blocks, (h, w), multiples of four.
        device: Where it runs.
        dtype: Precision of the convolutions.
    """

    def __init__(
        self, network: LiveNetwork, grid: tuple[int, int], device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__()
        own = copy.deepcopy(network).eval().requires_grad_(False)
        self.dtype = dtype
        self.gate, self.shrink = own.gate, own.shrink
        self.rows, self.columns = (torch.from_numpy(smoothing(n)).to(device) for n in grid)
        every = torch.eye(GATES, device=device)[:, :, None, None]
        self.spread = live._for_coefficients(every)[:, :, 0, 0]  # (3, 24)
        groups = torch.eye(len(GROUPS), device=device)[:, :, None, None]
        self.group_spread = per_coefficient(groups)[:, :, 0, 0]  # (6, 24)
        self.to(device)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                part.to(dtype)
                part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                part.register_forward_pre_hook(self._convolved)

    def _convolved(self, _part: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        return (inputs[0].to(dtype=self.dtype, memory_format=torch.channels_last),)

    def forward(self, coefficients: Tensor, old: State, new: State, share: Tensor) -> Tensor:
        """Cleans the next frame.

        Args:
            coefficients: of the frame, in units of noise, (1, 24, h, w), float32.
            old: what the earlier frames left.
            new: where the new state is written, in other memory.
            share: of a pixel's variance in each coefficient, (1, 24, 1, 1).

        Returns:
            The clean coefficients in units of noise, (1, 24, h, w), float32.
        """
        difference = coefficients - old.coefficients
        local = excess(old.noise, old.coefficients, share)
        unit = self._per_coefficient(local.ratio).sqrt()
        scaled = difference / unit
        changes = live._means(scaled).clamp(-MOST_COEFFICIENT, MOST_COEFFICIENT)
        difference_mean = torch.lerp(old.difference_mean, changes, DIFFERENCE_RATE)
        bias = self.gate(
            scaled, old.residual, difference_mean, self._for_coefficients(old.residual), local
        )
        noise = old.residual + bias
        least = live.least_gain(difference, old.residual, local)
        gain = torch.maximum(noise / (noise + 1), least, out=new.residual)
        learned = learn(old.noise, difference, old.residual, gain)
        for part, value in zip(new.noise, learned, strict=True):
            part.copy_(value)
        torch.addcmul(
            old.coefficients, self._for_coefficients(gain), difference, out=new.coefficients
        )
        torch.mul(difference_mean, 1 - gain[:, :1], out=new.difference_mean)
        return self._clean(new.coefficients, gain, unit, local)

    def _clean(self, average: Tensor, gain: Tensor, unit: Tensor, local: Excess) -> Tensor:
        residual = gain.clamp(min=LEAST_RESIDUAL).sqrt()
        noise = self._for_coefficients(residual) * unit
        detail = (self._without_coarse(average) / noise).clamp(-MOST_COEFFICIENT, MOST_COEFFICIENT)
        seen = torch.cat([residual, live.strength_seen(local)], 1)
        detail, seen = detail.to(self.dtype), seen.to(self.dtype)
        signal = detail
        for stage in self.shrink:
            signal = stage(detail, signal, seen)
        return average - (detail - signal) * noise

    def _for_coefficients(self, gates: Tensor) -> Tensor:
        """What is told per gate for each coefficient, (1, 24, h, w), channels last; a product with ones is exact."""
        spread = gates.permute(0, 2, 3, 1) @ self.spread
        return spread.permute(0, 3, 1, 2)

    def _per_coefficient(self, groups: Tensor) -> Tensor:
        """What is told per group of coefficients for each of them, (1, 24, h, w), channels last."""
        return (groups.permute(0, 2, 3, 1) @ self.group_spread).permute(0, 3, 1, 2)

    def _without_coarse(self, coefficients: Tensor) -> Tensor:
        """The coefficients, the blocks' means less their Gaussian pyramid's second level."""
        means = live._means(coefficients)
        y, u, v = torch.split(means - self.rows @ means @ self.columns.T, 1, 1)
        return torch.cat(
            [y, coefficients[:, 1:16], u, coefficients[:, 17:20], v, coefficients[:, 21:]], 1
        )


def smoothing(count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What going two levels up a Gaussian pyramid and back does to a row of so many blocks, (count, count).

    Pyramid and linear interpolation are separable, so that two small products do what blurs, halvings and an
    interpolation do, edges included; a multiple of four.
    """
    down = _halving(count // 2) @ _halving(count)
    small = torch.eye(count // _COARSER, dtype=torch.float64)[None]
    up = functional.interpolate(small, size=count, mode="linear", align_corners=False)[0].T.numpy()
    return np.asarray(up @ down, np.float32)


def _halving(count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Blurs a row of so many blocks, its ends repeated, and takes means of two, (count / 2, count)."""
    blur = np.zeros((count, count))
    for offset, weight in enumerate(_BLUR, start=-2):
        places = np.clip(np.arange(count) + offset, 0, count - 1)
        np.add.at(blur, (np.arange(count), places), weight)
    return np.asarray((blur[::2] + blur[1::2]) / 2)

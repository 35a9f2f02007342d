"""The search for movement in training, as in a call: in the state that the network itself has made, with its errors.

What :mod:`.following` finds beforehand comes from a picture that is nearly clean, and by a simpler search. In a call
the vectors are those of :class:`rtdenoise.alignment.tracking.Tracker`: off by a fraction of a pixel, late where
something starts, wrong where it turns quickly. A network that learns with these learns how far a moved state can be
trusted.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rtdenoise.alignment.brightness import SCALED_TOP
from rtdenoise.alignment.motion import strength
from rtdenoise.alignment.tracking import Tracker
from rtdenoise.arrays import Bytes
from rtdenoise.engines.native_kernels import quickest_kernels
from rtdenoise.networks.live import LiveNetwork, State
from rtdenoise.networks.local_noise import excess, shares
from rtdenoise.noise.dct import BLOCK

from .batches import Material


class Searches:
    """One search for each clip of a batch, from its first frame on.

    Args:
        count: Clips, B.
        grid: Their blocks, (rows, columns).
    """

    def __init__(self, count: int, grid: tuple[int, int]) -> None:
        kernels = quickest_kernels()
        self._trackers = [Tracker(grid, BLOCK, kernels=kernels) for _ in range(count)]
        self._last: list[Bytes] = []

    @classmethod
    def of(cls, material: Material) -> Searches:
        """Those of pieces of clips."""
        rows, columns = material.noisy.shape[-2:]
        return cls(len(material.cut), (int(rows), int(columns)))

    @torch.no_grad()
    def flow(self, state: State, coefficients: Tensor, material: Material, t: int) -> Tensor:
        """Where each block was in the frame before, (B, 2, h, w) in blocks; 0 where nothing moves.

        Args:
            state: What the earlier frames left, at the new frame's brightness.
            coefficients: of the new frame, in units of noise, (B, 24, h, w).
            material: The frames.
            t: Which of them is the new one.
        """
        flow = np.zeros((len(coefficients), 2, *coefficients.shape[-2:]), np.float32)
        if not self._last:
            return torch.from_numpy(flow).to(coefficients.device)
        unit = material.band_std[:, 0] * (SCALED_TOP / material.top)[:, None, None]
        old, new = (part[:, 0] * unit for part in (state.coefficients, coefficients))
        ratio = excess(state.noise, state.coefficients, shares(material.band_std)).ratio[:, 0]
        variance = unit.square() * (1 + state.residual[:, 0].clamp(max=1)) * ratio
        grids = [part.cpu().numpy() for part in (old, new - old, variance)]
        frames, cut = material.luma_bytes[:, t].cpu().numpy(), material.cut[:, t].tolist()
        for index, tracker in enumerate(self._trackers):
            if cut[index]:
                tracker.reset()
                continue
            before, difference, noise = (part[index] for part in grids)
            strong = strength(difference, noise)
            pixels = (self._last[index], frames[index])
            movement = tracker.find(before, difference, noise, strong, pixels)
            if movement is not None:
                flow[index] = movement.flow.transpose(2, 0, 1)
        return torch.from_numpy(flow).to(coefficients.device)

    @torch.no_grad()
    def keep(self, network: LiveNetwork, clean: Tensor, material: Material) -> None:
        """Keeps the clean frame, whose luma the next search looks at; coefficients as the network gives them."""
        y, _, _ = network.join(clean * material.band_std)
        steps = material.byte_of.shape[1] - 1
        places = y[:, 0] * (steps / material.top)[:, None, None]
        places = places.round().clamp(0, steps).long().flatten(1)
        luma = material.byte_of.gather(1, places).view_as(y[:, 0])
        self._last = list(luma.cpu().numpy())

"""The engine for accelerators, and for CPUs where nothing quicker is installed: PyTorch as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..bands import BANDS, CELL, MEANS
from ..denoisers.motion import Movement
from ..denoisers.stabilised import Stabilised
from ..frames import Bytes
from ..networks.device import half_dtype
from ..networks.live import LiveNetwork, State
from .base import WARP_LOSS, Floats


class TorchEngine:
    """Runs a live network with PyTorch; see :class:`rtdenoise.engines.base.Engine`.

    Args:
        network: The network; it is moved to the device and its precision.
        grid: Cells, (h, w), multiples of four.
        device: Where it runs.
    """

    def __init__(self, network: LiveNetwork, grid: tuple[int, int], device: torch.device) -> None:
        self._device = device
        self._dtype = half_dtype(device) or torch.float32
        self._network = network.to(device, self._dtype).eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        h, w = grid
        shapes = [(CELL * h, CELL * w)] + [(CELL // 2 * h, CELL // 2 * w)] * 2
        self._units = [np.empty(s, np.float32) for s in shapes]
        self._outputs = [[np.empty(s, np.uint8) for s in shapes] for _ in range(2)]
        self._work = [np.empty(s, np.float32) for s in shapes]
        self._turn = 0
        self._bands: torch.Tensor
        self._state: State | None = None
        self._stabilised: Stabilised | None = None
        self._deviations = np.ones(BANDS, np.float32)
        self._per_band = self._tensor(self._deviations)[None, :, None, None]

    @property
    def name(self) -> str:
        """What runs it, and how."""
        return f"PyTorch, {str(self._dtype).removeprefix('torch.')}, {self._device}"

    @property
    def fresh(self) -> bool:
        """Whether nothing is kept of earlier frames."""
        return self._state is None

    @property
    def _kept(self) -> State:
        assert self._state is not None
        return self._state

    @torch.inference_mode()
    def set_noise(self, stabilised: Stabilised, deviations: Floats) -> None:
        """Takes another noise; what is kept is put into its units."""
        before, was = self._stabilised, self._per_band
        self._stabilised, self._deviations = stabilised, deviations
        self._per_band = self._tensor(deviations)[None, :, None, None]
        if self._state is None or before is None:
            return
        if before is stabilised:
            bands = self._state.bands * (was / self._per_band)
        else:
            planes = self._network.join(self._state.bands * was)
            y, u, v = (
                self._tensor(before.as_in(stabilised, i, _array(p[0, 0])))[None, None]
                for i, p in enumerate(planes)
            )
            bands = self._network.split(y, u, v) / self._per_band
        self._state = self._state._replace(bands=bands)

    def _tensor(self, values: Floats) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device, self._dtype)

    # ------------------------------------------------------------------ a frame

    @torch.inference_mode()
    def see(self, planes: Sequence[Bytes]) -> None:
        """Takes in the next frame."""
        assert self._stabilised is not None
        units = []
        for index, plane in enumerate(planes):
            self._stabilised.units(index, plane, self._units[index])
            units.append(self._tensor(self._units[index])[None, None])
        y, u, v = units
        self._bands = self._network.split(y, u, v) / self._per_band

    def means(self) -> Floats:
        """The cells' means of the frame."""
        return self._means(self._bands)

    def kept_means(self) -> Floats:
        """The cells' means of what is kept."""
        return self._means(self._kept.bands)

    @torch.inference_mode()
    def _means(self, bands: torch.Tensor) -> Floats:
        return _array((bands * self._per_band)[0, list(MEANS)])

    def left(self) -> Floats:
        """The variance of the noise left in the cells' kept luma."""
        return _array(self._kept.left[0, 0])

    def forget(self) -> None:
        """Forgets all earlier frames."""
        self._state = None

    @torch.inference_mode()
    def step(self) -> tuple[Bytes, Bytes, Bytes]:
        """Cleans the frame that was seen."""
        assert self._stabilised is not None
        if self._state is None:
            self._state = self._network.start(self._bands)
        clean, self._state = self._network(self._bands, self._state)
        self._turn ^= 1
        y, u, v = self._outputs[self._turn]
        for index, plane in enumerate(self._network.join(clean * self._per_band)):
            self._stabilised.byte_values(index, _array(plane[0, 0]), (y, u, v)[index])
        return y, u, v

    # ------------------------------------------------------------------ following

    @torch.inference_mode()
    def rescale(self, index: int, slope: float, offset: float) -> None:
        """Lets what is kept of a plane follow a change of light."""
        first, last = (*MEANS, BANDS)[index : index + 2]
        bands = self._kept.bands
        bands[:, first:last] *= 1 + slope
        bands[:, first] += offset / float(self._deviations[first])

    @torch.inference_mode()
    def scale_rows(self, factors: Floats) -> None:
        """Multiplies the kept luma of each row of cells."""
        self._kept.bands[:, : MEANS[1]] *= self._tensor(factors)[:, None]

    @torch.inference_mode()
    def follow(self, movement: Movement) -> None:
        """Moves what is kept along."""
        box, state = _around(movement), self._kept
        inside = state.bands[:, :, box[0], box[1]]
        planes = self._network.join(inside * self._per_band)
        for index, (plane, work) in enumerate(zip(planes, self._work, strict=True)):
            size = CELL if index == 0 else CELL // 2
            place = tuple(slice(s.start * size, s.stop * size) for s in box)
            whole = self._units[index]  # the frame's own values aren't needed any more
            whole[place] = _array(plane[0, 0])
            movement.warp_plane(whole, (size, size), work)
            planes[index][0, 0] = self._tensor(whole[place])
        bands = self._network.split(*planes) / self._per_band
        moved = torch.from_numpy(movement.moved).to(self._device)[None, None]
        state.bands[:, :, box[0], box[1]] = torch.where(moved[..., box[0], box[1]], bands, inside)
        left = np.stack([movement.warp_grid(p) for p in _array(state.left[0])])
        left += np.float32(WARP_LOSS) * movement.moved
        self._state = State(state.bands, self._tensor(left)[None], state.slow * ~moved)


def _array(values: torch.Tensor) -> Floats:
    return np.asarray(values.float().cpu().numpy())


def _around(movement: Movement) -> tuple[slice, slice]:
    """Cells that the movement's windows reach, and where they come from."""
    reach = int(np.ceil(np.abs(movement.flow).max())) + 2
    rows, columns = movement.moved.shape
    windows = movement.windows
    top, left = min(w.top for w in windows) - reach, min(w.left for w in windows) - reach
    bottom = max(w.bottom for w in windows) + reach
    right = max(w.right for w in windows) + reach
    return slice(max(top, 0), min(bottom, rows)), slice(max(left, 0), min(right, columns))

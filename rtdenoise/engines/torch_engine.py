"""The engine for accelerators, and for CPUs where nothing quicker is installed: PyTorch.

Bytes go to the device and bytes come back. On CUDA a step is one graph, two of them in turn for the two states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from ..alignment.motion import WARP_LOSS, Movement
from ..arrays import Bytes, Floats
from ..errors import NetworkError
from ..networks.device import half_dtype
from ..networks.live import LiveNetwork, State, as_module
from ..networks.local_noise import excess
from ..networks.weights import LiveWeights
from ..noise import NoiseCurve, NoiseModel, PlaneNoise
from ..noise.dct import COEFFICIENTS, MEANS, PLANE_SLICES, SIDES
from ..noise.normalised import Normalised
from .base import MEASURED_FRAMES, unit_changes
from .cuda_graphs import Capture, Recorded, Work, cuda_capture, record
from .device_step import DeviceStep
from .device_warp import bounding_slices, place_to_warp, warped
from .host_buffers import HostBuffers

# Graphs and the plain way may use other algorithms: so many bytes may differ by more than so much.
_APART, _SHARE = 2, 1e-3


class TorchEngine:
    """Runs a live network with PyTorch; see :class:`rtdenoise.engines.base.Engine`.

    Means and residual stay valid until the next frame is analysed.

    Args:
        network: The network; it is left as it is.
        grid: Blocks, (h, w), multiples of four.
        device: Where it runs.
        dtype: Precision of the convolutions; None: half precision where the device is good at it.
        capture: How steps are captured as graphs; None: CUDA graphs on CUDA, else not at all.
        graphs: Whether to capture them.

    Raises:
        NetworkError: the device's memory is too small; so do all methods that work on it.
    """

    def __init__(
        self,
        network: LiveNetwork | LiveWeights,
        grid: tuple[int, int],
        device: torch.device | str,
        dtype: torch.dtype | None = None,
        *,
        capture: Capture | None = None,
        graphs: bool = True,
    ) -> None:
        self._device = device = torch.device(device)
        self._dtype = dtype or half_dtype(device) or torch.float32
        # All work is queued on one stream, which isn't the default one: that can't be captured.
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            # The network may just have been written.
            self._stream.wait_stream(torch.cuda.current_stream(device))
            capture = capture or cuda_capture
        h, w = grid
        self._shapes = [(side * h, side * w) for side in SIDES]
        self._turn = 0
        self._fresh = True
        self._normalised: Normalised | None = None
        self._band_std = np.ones(COEFFICIENTS, np.float32)
        with self._working():
            self._step = DeviceStep(as_module(network), grid, device, self._dtype)
            # Means of the frame and of the state, the residual noise variance of luma, and how strong noise is there.
            self._grids = torch.zeros(2 * len(MEANS) + 2, h, w, device=device)
            self._up, self._down = HostBuffers(self._step.inputs), HostBuffers(self._step.outputs)
            self._down_grids = HostBuffers(self._grids)
            self._host_grids: Floats | None = None
            self._recorded = Recorded(self._works(), False)
            if capture is not None and graphs:
                self._record(capture)

    def _works(self) -> list[Work]:
        step = self._step
        return [lambda: step.step(0), lambda: step.step(1), step.analyse]

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Queues what is done in it on the engine's stream."""
        try:
            with torch.inference_mode(), torch.cuda.stream(self._stream):
                yield
        except torch.OutOfMemoryError as error:
            raise NetworkError(
                f"The memory of {self._device} is too small for the network.",
                "Close other programs that use it, or choose --device cpu.",
            ) from error

    @property
    def name(self) -> str:
        """What runs it, and how."""
        how = ", graphs" if self._recorded.captured else ""
        return f"PyTorch, {str(self._dtype).removeprefix('torch.')}, {self._device}{how}"

    @property
    def no_graphs(self) -> str:
        """Why steps weren't captured where that was tried; else empty."""
        return self._recorded.reason

    @property
    def fresh(self) -> bool:
        """Whether nothing is kept of earlier frames."""
        return self._fresh

    @property
    def _state(self) -> State:
        return self._step.states[self._turn]

    # ------------------------------------------------------------------ setting up

    def _record(self, capture: Capture) -> None:
        """Captures the steps, and tries them on a picture of noise."""
        plain = PlaneNoise(NoiseCurve((0.0, 255.0), (16.0, 16.0)))
        self._step.load(
            Normalised(NoiseModel(plain, plain, plain, chroma="420")),
            np.ones(COEFFICIENTS, np.float32),
        )
        random = np.random.default_rng(0)
        self._up.send([random.integers(0, 256, s, dtype=np.uint8) for s in self._shapes])
        works = self._works()
        expected: list[Bytes] = []

        def agree(replays: Sequence[Work]) -> bool:
            expected.extend(self._tried(works))
            found = self._tried(replays)
            apart = np.abs(np.subtract(expected, found, dtype=np.int16))
            return bool(np.mean(apart > _APART) < _SHARE)

        self._recorded = record(works, agree, capture)

    def _tried(self, works: Sequence[Work]) -> list[Bytes]:
        """What two steps give, one from each state."""
        results = []
        self._step.coefficients.zero_()
        works[2]()
        self._step.start(0)
        for work in works[:2]:
            self._step.outputs.zero_()
            work()
            results.append(self._down.fetch().copy())
        return results

    def set_noise(self, normalised: Normalised, band_std: Floats) -> None:
        """Takes another noise; the state is put into its units."""
        before, was = self._normalised, self._band_std
        self._normalised, self._band_std = normalised, band_std.copy()
        if before is not None and not self._fresh:
            self._rescale_strength(unit_changes(before, was, normalised, band_std))
        with self._working():
            self._host_grids = None
            if self._fresh or before is None:
                self._step.load(normalised, band_std)
                return
            coefficients = self._state.coefficients
            if before is normalised:
                self._step.load(normalised, band_std)
                coefficients *= self._tensor(was / band_std)[:, None, None]
                return
            # Seldom enough for a way over the host.
            planes = [
                self._tensor(before.as_in(normalised, i, _array(plane[0, 0])))[None, None]
                for i, plane in enumerate(self._step.joined(coefficients))
            ]
            self._step.load(normalised, band_std)
            coefficients.copy_(self._step.split(planes))

    def _rescale_strength(self, factors: Floats) -> None:
        """Puts what was learned of the noise at each place into other units, (6,) times the variance."""
        with self._working():
            self._state.strength.mul_(self._tensor(factors)[:, None, None])
            self._state.white[:, :1] *= float(factors[0])
            self._state.white[:, 1:2] *= float(factors[0]) ** 0.5

    def _tensor(self, values: Floats) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self._device)

    # ------------------------------------------------------------------ a frame

    def analyse(self, planes: Sequence[Bytes]) -> None:
        """Takes in the next frame."""
        with self._working():
            self._host_grids = None
            self._up.send(planes)
            self._recorded.works[2]()

    def step(self) -> tuple[Bytes, Bytes, Bytes]:
        """Cleans the analysed frame."""
        with self._working():
            if self._fresh:
                self._step.start(self._turn)
                self._fresh = False
            self._recorded.works[self._turn]()
            self._turn ^= 1
            self._host_grids = None
            flat = self._down.fetch()
        parts = np.split(flat, np.cumsum([h * w for h, w in self._shapes[:2]]))
        y, u, v = (p.reshape(shape) for p, shape in zip(parts, self._shapes, strict=True))
        return y, u, v

    def reset(self) -> None:
        """Forgets all earlier frames."""
        self._fresh = True

    # ------------------------------------------------------------------ what is known on the host

    def means(self) -> Floats:
        """The blocks' means of the frame."""
        return self._fetched()[: len(MEANS)]

    def state_means(self) -> Floats:
        """The blocks' luma and chroma means of the state."""
        return self._fetched()[len(MEANS) : 2 * len(MEANS)]

    def residual(self) -> Floats:
        """The residual noise variance of the state's luma means."""
        return np.asarray(self._fetched()[-2], np.float32)

    def excess(self) -> Floats:
        """The variance of the noise in the blocks' luma means over the model's."""
        return np.asarray(self._fetched()[-1], np.float32)

    def _fetched(self) -> Floats:
        """All grids with one copy: who asks for one of them will ask for all."""
        fetched = self._host_grids
        if fetched is None:
            with self._working():
                self._step.means(self._step.coefficients, self._grids[: len(MEANS)])
                state = self._state
                self._step.means(state.coefficients, self._grids[len(MEANS) : 2 * len(MEANS)])
                self._grids[-2].copy_(state.residual[0, 0])
                self._grids[-1].copy_(
                    excess(state.noise, state.coefficients, self._step.share).ratio[0, 0]
                )
                fetched = self._host_grids = np.asarray(self._down_grids.fetch(), np.float32)
        return fetched

    # ------------------------------------------------------------------ following

    def set_local_noise(self, strength: Floats) -> None:
        """Takes what was measured beforehand of the noise at each place."""
        with self._working():
            self._host_grids = None
            self._state.strength.copy_(self._tensor(strength)[None])
            self._state.frames.fill_(MEASURED_FRAMES)

    def rescale(self, index: int, slope: float, offset: float) -> None:
        """Lets a plane of the state follow a brightness change."""
        place = PLANE_SLICES[index]
        with self._working():
            self._host_grids = None
            coefficients = self._state.coefficients
            coefficients[:, place] *= 1 + slope
            coefficients[:, place.start] += offset / float(self._band_std[place.start])

    def scale_rows(self, factors: Floats) -> None:
        """Multiplies the state's luma, each row of blocks by its factor."""
        with self._working():
            self._host_grids = None
            self._state.coefficients[:, PLANE_SLICES[0]] *= self._tensor(factors)[:, None]

    def warp(self, movement: Movement) -> None:
        """Moves the state along with the picture."""
        box, state = bounding_slices(movement), self._state
        place = place_to_warp(self._device)
        with self._working():
            self._host_grids = None
            flow = torch.from_numpy(movement.flow[box]).to(place).permute(2, 0, 1)[None]
            moved = torch.from_numpy(movement.moved[box]).to(self._device)
            coefficients, residual, difference_mean, strength, white = (
                part[:, :, box[0], box[1]] for part in state[:-1]
            )
            planes = [
                warped(plane.to(place), flow, plane.shape[-1] // moved.shape[1]).to(self._device)
                for plane in self._step.joined(coefficients)
            ]
            coefficients.copy_(torch.where(moved, self._step.split(planes), coefficients))
            product = white[:, :1]
            for part, loss in ((residual, WARP_LOSS), (strength, 0.0), (product, 0.0)):
                there = warped(part.to(place), flow, 1).to(self._device) + loss
                part.copy_(torch.where(moved, there, part))
            difference_mean.mul_(~moved)


def _array(values: torch.Tensor) -> Floats:
    return np.asarray(values.cpu().numpy())

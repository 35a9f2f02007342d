"""A live network as a denoiser: frame after frame, with the camera's own noise as its yardstick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..alignment.brightness import SCALED_TOP, follow_brightness
from ..alignment.motion import strength
from ..alignment.tracking import Tracker
from ..arrays import Bytes, Floats
from ..engines import Engine, default_threads, make_engine
from ..engines.native_engine import NativeEngine
from ..engines.native_kernels import quickest_kernels
from ..frames import Planes, convert
from ..frames.planes import padded
from ..networks.device import pick_kind
from ..networks.memory import keep_freed_memory
from ..networks.weights import LiveWeights
from ..noise import NoiseModel
from ..noise.dct import BLOCK
from ..noise.normalised import Normalised, band_std_of
from ..noise.structure import structure_of
from .streaming import StreamDenoiser

if TYPE_CHECKING:
    from ..networks.live import LiveNetwork

_GRID = 4  # blocks: what the network's strides need to fit
# A cut: in so large a share of the blocks the mean squared difference of 3 × 3 is so many times the noise's.
_CUT, _CUT_SHARE = 25.0, 0.6


class LiveNetworkDenoiser(StreamDenoiser):
    """Cleans a stream with a live network, causally.

    The recurrent state follows brightness changes and what moves, as in the recursive filter, before each step.

    Args:
        network: A live network, or its weights, for which PyTorch isn't imported where compiled code runs them.
        model: The camera's noise, whose scale is followed where the camera's gain has changed. None: it is estimated
            from the stream, which takes two frames for a start and a second to settle.
        device: "auto", "cpu", "cuda", "mps" or "xpu".
        name: What ``--network`` calls it.
        threads: How many cores it may take on a CPU; None: all but one, at most four.

    Raises:
        NetworkError: the device isn't there.
    """

    def __init__(
        self,
        network: LiveNetwork | LiveWeights,
        model: NoiseModel | None,
        device: str = "auto",
        *,
        name: str = "live",
        threads: int | None = None,
    ) -> None:
        super().__init__(model)
        keep_freed_memory()
        self._name = name
        self.follows = True
        """Whether what moves is followed; if not, it is cleaned anew in each place, for about half of the time."""
        self.spatial = True
        """Whether what the average over time leaves is cleaned in space, too; compiled code can leave it out."""
        self._device = pick_kind(device)
        if not isinstance(network, LiveWeights):
            network.eval().requires_grad_(False)
        self._network = network
        self._threads = threads
        self._engine: Engine | None = None
        self._grid = (0, 0)
        self._normalised: Normalised
        self._band_std: Floats

    @property
    def name(self) -> str:
        """The network's name."""
        return self._name

    @property
    def engine_name(self) -> str:
        """What runs it, and how; empty before the first frame."""
        return "" if self._engine is None else self._engine.name

    def reset(self) -> None:
        """Forgets all earlier frames, and with them an estimate of the noise."""
        super().reset()
        if self._engine is not None:
            self._engine.reset()

    def _worked_on(self, planes: Planes) -> Planes:
        return convert(planes, "420", planes.format.full_range)

    def _clean(self, planes: Planes, worked_on: Planes, model: NoiseModel) -> Planes:
        engine = self._running
        whole = self._whole(worked_on)
        engine.analyse(whole)
        if not engine.fresh:
            self._align(engine, whole[0])
        fresh = engine.fresh
        if isinstance(engine, NativeEngine):
            engine.spatial = self.spatial
        y, u, v = engine.step()
        if fresh and model.structure is not None:
            engine.set_local_noise(model.structure.ratio(self._structure(whole[0])))
        (rows, columns), (chroma_rows, chroma_columns) = worked_on.y.shape, worked_on.u.shape
        result = Planes(
            y[:rows, :columns],
            u[:chroma_rows, :chroma_columns],
            v[:chroma_rows, :chroma_columns],
            worked_on.format,
            worked_on.time_s,
        )
        return result if worked_on is planes else _back(result, planes)

    # ------------------------------------------------------------------ setting up

    def _set_up(self, planes: Planes) -> None:
        layout = planes.format
        step = BLOCK * _GRID
        rows, columns = (-(-n // step) * step for n in (layout.height, layout.width))
        shapes = [(rows, columns), (rows // 2, columns // 2), (rows // 2, columns // 2)]
        self._inputs = [np.empty(s, np.uint8) for s in shapes]
        grid = (rows // BLOCK, columns // BLOCK)
        kernels = quickest_kernels(self._threads or default_threads())
        self._tracker = Tracker(grid, BLOCK, kernels=kernels)
        if self._engine is None or grid != self._grid:
            self._engine = make_engine(self._network, grid, self._device, self._threads)
            self._grid = grid
        if self._noise.model is not None:
            self._set_noise(self._noise.model)

    @property
    def _running(self) -> Engine:
        assert self._engine is not None
        return self._engine

    def _set_noise(self, model: NoiseModel) -> None:
        """Takes another noise; the state is put into its units."""
        model = model.for_chroma("420")
        self._normalised = Normalised(model)
        # Scales at which the blocks' means fit into bytes.
        self._scales = np.array([SCALED_TOP / f[-1] for f in self._normalised.forward], np.float32)
        self._band_std = band_std_of(model)
        self._running.set_noise(self._normalised, self._band_std)

    def _whole(self, planes: Planes) -> list[Bytes]:
        """Planes as large as the grid's blocks, their edges repeated."""
        sources = (planes.y, planes.u, planes.v)
        return [padded(s, room) for s, room in zip(sources, self._inputs, strict=True)]

    def _structure(self, y: Bytes) -> Floats:
        """The structure of the blocks of a whole frame's luma, (h, w), in bytes, its noise taken off."""
        assert self._noise.model is not None
        levels = y.astype(np.float32)
        size = (self._grid[1], self._grid[0])
        mean, square = (
            np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32)
            for a in (levels, levels * levels)
        )
        detail = 1 - float(self._band_std[0]) ** 2
        noise = self._noise.model.y.curve.variance(mean) * np.float32(detail)
        return structure_of(square - mean * mean - noise)

    # ------------------------------------------------------------------ following

    def _align(self, engine: Engine, luma: Bytes) -> None:
        """Lets the state follow brightness changes and what moves; starts anew at a cut."""
        # In the blocks' means most of the noise is gone.
        scales = self._scales[:, None, None]
        new, old = engine.means() * scales, engine.state_means() * scales
        residual = engine.residual()
        changes = follow_brightness(old, new, self._scales)
        for index, found in enumerate(changes.planes):
            if found is not None:
                engine.rescale(index, found[0], found[1] / float(self._scales[index]))
        if changes.rows is not None:
            engine.scale_rows(1 + changes.rows)
        difference = new[0] - old[0]
        unit = (self._band_std[0] * self._scales[0]) ** 2
        unit = unit * (1 + np.minimum(residual, 1)) * engine.excess()
        strong = strength(difference, unit)
        if float(np.mean(strong > _CUT)) > _CUT_SHARE:
            engine.reset()
            self._tracker.reset()
            return
        if not self.follows:
            return
        assert self._last is not None
        pixels = (self._last.y, luma)
        movement = self._tracker.find(old[0], difference, unit, strong, pixels)
        if movement is not None:
            engine.warp(movement)


def _back(clean: Planes, source: Planes) -> Planes:
    """Clean 4:2:0 planes in the sub-sampling of the source; grey has no chroma to clean."""
    if source.format.chroma == "gray":
        return Planes(clean.y, source.u, source.v, source.format, source.time_s)
    return convert(clean, source.format.chroma, source.format.full_range)

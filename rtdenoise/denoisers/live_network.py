"""A live network as a denoiser: frame after frame, with the camera's own noise as its yardstick."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..alignment.brightness import follow_light
from ..alignment.motion import Motion
from ..arrays import Bytes, Floats
from ..engines import Engine, make_engine
from ..frames import PlaneFormat, Planes, convert
from ..networks.device import pick_device
from ..networks.live import LiveNetwork
from ..networks.memory import keep_freed_memory
from ..noise import NoiseModel
from ..noise.dct import CELL
from ..noise.normalised import Stabilised, band_deviations
from ..noise.running import RunningNoise
from ..noise.structure import around
from .repeats import Repeats

_GRID = 4  # cells: what the network's strides need to fit
_BRIGHT = 250.0  # what the brightest level becomes where bytes are wanted
# Mean squared differences of 3 × 3 cells, in units of noise, above which something may have moved, and surely has:
# of noise alone 4 % are above the first. And a cut: so many cells with so large a difference.
_MOVED, _SURELY_MOVED = 2.0, 8.0
_CUT, _CUT_SHARE = 25.0, 0.6


class LiveNetworkDenoiser:
    """Cleans a stream with a live network, causally.

    What the network has kept of earlier frames follows changes of light and what moves, as in the recursive filter,
    before each step.

    Args:
        network: A live network.
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
        network: LiveNetwork,
        model: NoiseModel | None,
        device: str = "auto",
        *,
        name: str = "live",
        threads: int | None = None,
    ) -> None:
        keep_freed_memory()
        self._name = name
        self._device = pick_device(device)
        self._network = network.eval().requires_grad_(False)
        self._threads = threads
        self._engine: Engine | None = None
        self._grid = (0, 0)
        self._noise = RunningNoise(model)
        self._repeats = Repeats()
        self._last: Planes | None = None
        self._format: PlaneFormat | None = None
        self._stabilised: Stabilised
        self._deviations: Floats

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
        self._format = None
        if self._engine is not None:
            self._engine.forget()
        self._noise.reset()
        self._repeats.reset()
        self._last = None

    def __call__(self, planes: Planes) -> Planes:
        """Cleans the next frame; see :class:`rtdenoise.denoisers.base.Denoiser`."""
        small = convert(planes, "420", planes.format.full_range)
        if planes.format != self._format:
            self.reset()
            self._format = planes.format
            self._set_up(small.format)
        if self._repeats.is_repeat(planes) and self._last is not None:
            return replace(self._last, time_s=planes.time_s)
        changed = self._noise.update(small)
        if changed is not None:
            self._set_noise(changed)
        if self._noise.model is None:
            self._last = planes.copy()
            return self._last
        engine = self._running
        whole = self._whole(small)
        engine.see(whole)
        if not engine.fresh:
            self._align(engine)
        fresh = engine.fresh
        y, u, v = engine.step()
        structure = self._noise.model.structure
        if fresh and structure is not None:
            engine.believe(structure.ratio(self._structure(whole[0])))
        (rows, columns), (chroma_rows, chroma_columns) = small.y.shape, small.u.shape
        result = Planes(
            y[:rows, :columns],
            u[:chroma_rows, :chroma_columns],
            v[:chroma_rows, :chroma_columns],
            small.format,
            small.time_s,
        )
        self._last = result if small is planes else _back(result, planes)
        return self._last

    # ------------------------------------------------------------------ setting up

    def _set_up(self, layout: PlaneFormat) -> None:
        step = CELL * _GRID
        rows, columns = (-(-n // step) * step for n in (layout.height, layout.width))
        shapes = [(rows, columns), (rows // 2, columns // 2), (rows // 2, columns // 2)]
        self._inputs = [np.empty(s, np.uint8) for s in shapes]
        grid = (rows // CELL, columns // CELL)
        self._motion = Motion(grid, sparse=True)
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
        """Takes another noise; what was kept of earlier frames is put into its units."""
        model = model.for_chroma("420")
        self._stabilised = Stabilised(model)
        # Scales at which the cells' means fit into bytes.
        self._scales = np.array([_BRIGHT / f[-1] for f in self._stabilised.forward], np.float32)
        self._deviations = band_deviations(model)
        self._running.set_noise(self._stabilised, self._deviations)

    def _whole(self, planes: Planes) -> list[Bytes]:
        """Planes as large as the grid's cells, their edges repeated."""
        whole = []
        for source, larger in zip((planes.y, planes.u, planes.v), self._inputs, strict=True):
            below, right = larger.shape[0] - source.shape[0], larger.shape[1] - source.shape[1]
            if below or right:
                cv2.copyMakeBorder(source, 0, below, 0, right, cv2.BORDER_REPLICATE, dst=larger)
            whole.append(larger if below or right else source)
        return whole

    def _structure(self, y: Bytes) -> Floats:
        """The structure of the cells of a whole frame's luma, (h, w), in bytes, its noise taken off."""
        assert self._noise.model is not None
        levels = y.astype(np.float32)
        size = (self._grid[1], self._grid[0])
        mean, square = (
            np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32)
            for a in (levels, levels * levels)
        )
        detail = 1 - float(self._deviations[0]) ** 2
        noise = self._noise.model.y.curve.variance(mean) * np.float32(detail)
        return np.sqrt(around(square - mean * mean - noise))

    # ------------------------------------------------------------------ following

    def _align(self, engine: Engine) -> None:
        """Lets what is kept follow changes of light and what moves; forgets it at a cut."""
        # In the cells' means most of the noise is gone.
        scales = self._scales[:, None, None]
        new, old = engine.means() * scales, engine.kept_means() * scales
        left = engine.left()
        changes = follow_light(old, new, self._scales)
        for index, found in enumerate(changes.planes):
            if found is not None:
                engine.rescale(index, found[0], found[1] / float(self._scales[index]))
        if changes.rows is not None:
            engine.scale_rows(1 + changes.rows)
        difference = new[0] - old[0]
        unit = (self._deviations[0] * self._scales[0]) ** 2
        unit = unit * (1 + np.minimum(left, 1)) * engine.excess()
        z = cv2.blur(difference * difference / unit, (3, 3))
        if float(np.mean(z > _CUT)) > _CUT_SHARE:
            engine.forget()
            return
        movement = self._motion.find(old[0], difference, z > _MOVED, z > _SURELY_MOVED)
        if movement is not None:
            engine.follow(movement)


def _back(clean: Planes, source: Planes) -> Planes:
    """Clean 4:2:0 planes in the sub-sampling of the source; grey has no chroma to clean."""
    if source.format.chroma == "gray":
        return Planes(clean.y, source.u, source.v, source.format, source.time_s)
    return convert(clean, source.format.chroma, source.format.full_range)

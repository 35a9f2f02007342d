"""A live network as a denoiser: frame after frame, with the camera's own noise as its yardstick."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ..bands import CELL, MEANS
from ..frames import PlaneFormat, Planes, convert
from ..networks.device import half_dtype, pick_device
from ..networks.live import LiveNetwork, State
from ..networks.memory import keep_freed_memory
from ..noise import NoiseModel
from ..noise_estimate import NoiseEstimator
from .band_estimate import BandEstimator
from .light import bands_of_light, change_of_light
from .motion import Motion, Movement
from .stabilised import LEAST_BAND, Stabilised, band_deviations

Floats = NDArray[np.float32]

_GRID = 4  # cells: what the network's strides need to fit
_BRIGHT = 250.0  # what the brightest level becomes where bytes are wanted
# Mean squared differences of 3 × 3 cells, in units of noise, above which something may have moved; and a cut: so
# many cells with so large a difference.
_MOVED = 2.0
_CUT, _CUT_SHARE = 25.0, 0.6
# Estimates of the noise that differ by less, on average over these levels, are the same.
_SAME, _LEVELS = 0.07, np.arange(32.0, 225.0, 16.0)
_WARP_LOSS = 0.02  # noise that a movement followed adds, in units of a frame's


class LiveNetworkDenoiser:
    """Cleans a stream with a live network, causally.

    What the network has kept of earlier frames follows changes of light and what moves, as in the recursive filter,
    before each step.

    Args:
        network: A live network.
        model: The camera's noise. None: it is estimated from the stream, which takes two frames for a start and a
            second to settle.
        device: "auto", "cpu", "cuda", "mps" or "xpu".
        name: What ``--network`` calls it.

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
    ) -> None:
        keep_freed_memory()
        self._name = name
        self._device = pick_device(device)
        self._dtype = half_dtype(self._device) or torch.float32
        self._network = network.to(self._device, self._dtype).eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._given = model
        self._model = model
        self._estimator = NoiseEstimator() if model is None else None
        self._bands_estimator = BandEstimator()
        self._estimated: Floats | None = None
        self._format: PlaneFormat | None = None
        self._stabilised: Stabilised
        self._state: State | None = None
        self._turn = 0

    @property
    def name(self) -> str:
        """The network's name."""
        return self._name

    def reset(self) -> None:
        """Forgets all earlier frames, and with them an estimate of the noise."""
        self._format, self._state = None, None
        self._model = self._given
        self._bands_estimator.reset()
        self._estimated = None
        if self._estimator is not None:
            self._estimator.reset()

    @torch.inference_mode()
    def __call__(self, planes: Planes) -> Planes:
        """Cleans the next frame; see :class:`rtdenoise.denoisers.base.Denoiser`."""
        small = convert(planes, "420", planes.format.full_range)
        if planes.format != self._format:
            self.reset()
            self._format = planes.format
            self._set_up(small.format)
        self._estimate(small)
        if self._model is None:
            return planes.copy()
        bands = self._bands(small)
        if self._state is None:
            self._state = self._network.start(bands)
        else:
            self._align(bands, self._state)
        clean, self._state = self._network(bands, self._state)
        result = self._planes(clean, small)
        return result if small is planes else _back(result, planes)

    # ------------------------------------------------------------------ setting up

    def _set_up(self, layout: PlaneFormat) -> None:
        step = CELL * _GRID
        rows, columns = (-(-n // step) * step for n in (layout.height, layout.width))
        self._shapes = [(rows, columns), (rows // 2, columns // 2), (rows // 2, columns // 2)]
        self._inputs = [np.empty(s, np.uint8) for s in self._shapes]
        self._units = [np.empty(s, np.float32) for s in self._shapes]
        self._outputs = [[np.empty(s, np.uint8) for s in self._shapes] for _ in range(2)]
        self._work = [np.empty(s, np.float32) for s in self._shapes]
        self._motion = Motion((rows // CELL, columns // CELL))
        self._state = None
        if self._model is not None:
            self._set_noise(self._model)

    def _set_noise(self, model: NoiseModel, deviations: Floats | None = None) -> None:
        """Takes another noise; what was kept of earlier frames is put into its units."""
        before = None if self._state is None else (self._stabilised, self._per_band)
        model = model.for_chroma("420")
        self._stabilised = Stabilised(model)
        self._set_deviations(band_deviations(model) if deviations is None else deviations)
        # Scales at which the cells' means fit into bytes.
        self._scales = [_BRIGHT / float(f[-1]) for f in self._stabilised.forward]
        if before is None or self._state is None:
            return
        was, per_band = before
        planes = self._network.join(self._state.bands * per_band)
        y, u, v = (
            self._tensor(was.as_in(self._stabilised, i, _array(p[0, 0])))[None, None]
            for i, p in enumerate(planes)
        )
        bands = self._network.split(y, u, v) / self._per_band
        self._state = self._state._replace(bands=bands)

    def _set_deviations(self, deviations: Floats) -> None:
        self._deviations = np.maximum(deviations, np.float32(LEAST_BAND))
        self._per_band = self._tensor(self._deviations)[None, :, None, None]

    def _tensor(self, values: Floats) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device, self._dtype)

    def _estimate(self, planes: Planes) -> None:
        """Keeps the estimate of the noise up to date, as far as it wasn't given."""
        if self._estimator is not None and self._estimator.update(planes):
            model = self._estimator.model()
            if model is not None and (self._model is None or _differs(model, self._model)):
                self._model = model
                self._set_noise(model, self._estimated)
        if self._model is None or self._model.bands:
            return
        found = self._bands_estimator.update(planes, self._stabilised)
        if found is not None:
            self._estimated = found
            before = self._per_band
            self._set_deviations(found)
            if self._state is not None:
                bands = self._state.bands * (before / self._per_band)
                self._state = self._state._replace(bands=bands)

    # ------------------------------------------------------------------ a frame

    def _bands(self, planes: Planes) -> torch.Tensor:
        """The frame's bands in units of noise, (1, 24, h, w)."""
        units = []
        for index, source in enumerate((planes.y, planes.u, planes.v)):
            whole = self._inputs[index]
            below, right = whole.shape[0] - source.shape[0], whole.shape[1] - source.shape[1]
            if below or right:
                cv2.copyMakeBorder(source, 0, below, 0, right, cv2.BORDER_REPLICATE, dst=whole)
                source = whole
            self._stabilised.units(index, source, self._units[index])
            units.append(self._tensor(self._units[index])[None, None])
        y, u, v = units
        return self._network.split(y, u, v) / self._per_band

    def _planes(self, clean: torch.Tensor, source: Planes) -> Planes:
        """Bands in units of noise as planes of bytes."""
        self._turn ^= 1
        outputs = self._outputs[self._turn]
        rows, columns = source.format.height, source.format.width
        cut = []
        for index, plane in enumerate(self._network.join(clean * self._per_band)):
            values = _array(plane[0, 0])
            self._stabilised.byte_values(index, values, outputs[index])
            shape = source.y.shape if index == 0 else source.u.shape
            cut.append(outputs[index][: shape[0], : shape[1]])
        assert cut[0].shape == (rows, columns)
        return Planes(cut[0], cut[1], cut[2], source.format, source.time_s)

    # ------------------------------------------------------------------ following

    def _align(self, bands: torch.Tensor, state: State) -> None:
        """Lets the state follow changes of light and what moves; forgets it at a cut."""
        # In the cells' means most of the noise is gone.
        new, old = ([self._mean(b, k) for k in range(len(MEANS))] for b in (bands, state.bands))
        left = _array(state.left[0, 0])
        unit = [(self._deviations[m] * s) ** 2 for m, s in zip(MEANS, self._scales, strict=True)]
        for index in range(len(MEANS)):
            variance = np.full(left.shape, unit[index], np.float32)
            found = change_of_light(old[index], new[index] - old[index], variance)
            if found is not None:
                self._rescale(state, index, *found)
                old[index] = old[index] * np.float32(1 + found[0]) + np.float32(found[1])
            if index == 0:
                rows = bands_of_light(old[0], new[0] - old[0], variance)
                if rows is not None:
                    factor = self._tensor(1 + rows)[:, None]
                    state.bands[:, :16] *= factor
                    old[0] = old[0] * (1 + rows)[:, None]
        difference = new[0] - old[0]
        z = cv2.blur(difference * difference / (unit[0] * (1 + np.minimum(left, 1))), (3, 3))
        if float(np.mean(z > _CUT)) > _CUT_SHARE:
            self._state = self._network.start(bands)
            return
        movement = self._motion.find(old[0], difference, np.asarray(z > _MOVED))
        if movement is not None:
            self._state = self._follow(state, movement)

    def _mean(self, bands: torch.Tensor, index: int) -> Floats:
        """The cells' means of a plane, (h, w), at the scale of bytes."""
        band = MEANS[index]
        scale = float(self._deviations[band]) * self._scales[index]
        return _array(bands[0, band] * scale)

    def _rescale(self, state: State, index: int, slope: float, offset: float) -> None:
        first, last = ((0, 16), (16, 20), (20, 24))[index]
        state.bands[:, first:last] *= 1 + slope
        band = MEANS[index]
        state.bands[:, band] += offset / (float(self._deviations[band]) * self._scales[index])

    def _follow(self, state: State, movement: Movement) -> State:
        """The state, moved along where something moved."""
        box = _around(movement)
        inside = state.bands[:, :, box[0], box[1]]
        deviations = self._per_band
        planes = self._network.join(inside * deviations)
        for index, (plane, work) in enumerate(zip(planes, self._work, strict=True)):
            size = CELL if index == 0 else CELL // 2
            place = tuple(slice(s.start * size, s.stop * size) for s in box)
            whole = self._units[index]  # the frame's own values aren't needed any more
            whole[place] = _array(plane[0, 0])
            movement.warp_plane(whole, (size, size), work)
            planes[index][0, 0] = self._tensor(whole[place])
        bands = self._network.split(*planes) / deviations
        moved = torch.from_numpy(movement.moved).to(self._device)[None, None]
        bands = torch.where(moved[..., box[0], box[1]], bands, inside)
        state.bands[:, :, box[0], box[1]] = bands
        left = np.stack([movement.warp_grid(p) for p in _array(state.left[0])])
        left += np.float32(_WARP_LOSS) * movement.moved
        return State(state.bands, self._tensor(left)[None], state.slow * ~moved)


def _differs(model: NoiseModel, other: NoiseModel) -> bool:
    """Whether the noise is another one: by more than estimates of the same noise scatter."""
    one, two = (np.sqrt(m.y.curve.variance(_LEVELS)) for m in (model, other))
    return bool(np.mean(np.abs(one - two)) > _SAME * np.mean(two))


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


def _back(clean: Planes, source: Planes) -> Planes:
    """Clean 4:2:0 planes in the sub-sampling of the source; grey has no chroma to clean."""
    if source.format.chroma == "gray":
        return Planes(clean.y, source.u, source.v, source.format, source.time_s)
    return convert(clean, source.format.chroma, source.format.full_range)

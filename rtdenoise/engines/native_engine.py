"""The engine for CPUs: the whole step as compiled code that goes over the frame a few rows at a time."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..alignment.motion import WARP_LOSS, Movement
from ..arrays import Bytes, Floats
from ..networks import constants
from ..networks.constants import GATES
from ..networks.weights import LiveWeights, convolutions
from ..noise.dct import COEFFICIENTS, MEANS, PLANE_SLICES, SIDES
from ..noise.normalised import Normalised
from .base import MEASURED_FRAMES, unit_changes
from .native_library import KINDS, Constants, native_library

if TYPE_CHECKING:
    from ..networks.live import LiveNetwork

_MOST_STAGES, _WIDEST = 8, 192
_VECTOR = 16  # blocks that the compiled code may write at once


def fits(network: LiveNetwork | LiveWeights) -> bool:
    """Whether the compiled code knows networks of this size, and is there."""
    widest = max(layer.outputs for layer in convolutions(network.size))
    size_fits = network.size.stages <= _MOST_STAGES and widest <= _WIDEST
    return size_fits and native_library() is not None


class NativeEngine:
    """Runs a live network on the CPU; see :class:`rtdenoise.engines.base.Engine`.

    Args:
        network: The network, for which :func:`fits` is true.
        grid: Blocks, (h, w), multiples of four.
        threads: How many cores it may take.
        most_lanes: How many numbers its vectors may have.
    """

    def __init__(
        self,
        network: LiveNetwork | LiveWeights,
        grid: tuple[int, int],
        threads: int,
        most_lanes: int = _VECTOR,
    ) -> None:
        library = native_library(most_lanes)
        assert library is not None
        self._library = library
        self._threads = threads
        self._grid = h, w = grid
        self._engine = _new(library, network, grid, threads)
        weakref.finalize(self, library.rtdenoise_free, self._engine)
        self._coefficients = self._view(0, COEFFICIENTS)
        self._residual = self._view(1, GATES)
        self._difference_mean = self._view(2, GATES)
        # Means of the frame and of the state, and luma's residual noise variance; the last two until the state changes.
        self._means = np.zeros((2 * GATES + 1, h, w), np.float32)
        self._current = False
        self._outputs = [[_plane(h, w, side) for side in SIDES] for _ in range(2)]
        self._work = [np.zeros((side * h, side * w), np.float32) for side in SIDES]
        self.spatial = True
        """Whether a step cleans in space, too, what the average over time leaves: two thirds of its work."""
        self._turn = 0
        self._fresh = True
        self._normalised: Normalised | None = None
        self._band_std = np.ones(COEFFICIENTS, np.float32)

    def _view(self, which: int, channels: int) -> Floats:
        """A view of what the compiled code keeps, (h, blocks of columns, channels, columns)."""
        at = self._library.rtdenoise_state(self._engine, which)
        shape = (self._grid[0], -(-self._grid[1] // _VECTOR), channels, _VECTOR)
        memory = (ctypes.c_float * int(np.prod(shape))).from_address(at)
        return np.ctypeslib.as_array(memory).reshape(shape)

    def _whole(self, state: Floats, channel: int) -> Floats:
        """A channel of the state, (h, w)."""
        return state[:, :, channel].reshape(len(state), -1)[:, : self._grid[1]]

    @property
    def name(self) -> str:
        """What runs it, and how."""
        kind = KINDS[self._library.rtdenoise_lanes()]
        return f"compiled, {kind}, {self._threads} thread{'s' if self._threads > 1 else ''}"

    @property
    def fresh(self) -> bool:
        """Whether nothing is kept of earlier frames."""
        return self._fresh

    # ------------------------------------------------------------------ noise

    def set_noise(self, normalised: Normalised, band_std: Floats) -> None:
        """Takes another noise; the state is put into its units."""
        self._current = False
        before, was = self._normalised, self._band_std
        self._normalised, self._band_std = normalised, band_std.copy()
        if self._fresh or before is None:
            self._tell(normalised)
            return
        if before is not normalised:
            self._library.rtdenoise_join(self._engine, *self._planes())
            for index, plane in enumerate(self._work):
                plane[:] = before.as_in(normalised, index, plane)
            self._tell(normalised)
            self._library.rtdenoise_split(self._engine, *self._planes())
        else:
            self._coefficients *= (was / self._band_std)[:, None]
            self._tell(normalised)
        self._renew(unit_changes(before, was, normalised, self._band_std))

    def _renew(self, factors: Floats) -> None:
        """Puts the noise at each place into other units, ``factors`` (6,) of the variance, as the state already is."""
        self._library.rtdenoise_rescale_noise(self._engine, _at(factors))

    def _tell(self, normalised: Normalised) -> None:
        forward = np.ascontiguousarray(normalised.forward, np.float32)
        tables = [normalised.table(index) for index in range(3)]
        scales = np.array([scale for scale, _ in tables], np.float32)
        self._library.rtdenoise_set_noise(
            self._engine,
            _at(forward),
            _at(self._band_std),
            _at(scales),
            _pointers([table for _, table in tables]),
        )

    # ------------------------------------------------------------------ a frame

    def analyse(self, planes: Sequence[Bytes]) -> None:
        """Takes in the next frame."""
        self._analysed = [p if p.strides[1] == 1 else np.ascontiguousarray(p) for p in planes]
        self._library.rtdenoise_analyse(
            self._engine, _pointers(self._analysed), _strides(self._analysed), _at(self._means)
        )
        self._current = True

    def means(self) -> Floats:
        """The blocks' means of the frame."""
        return self._means[:GATES]

    def state_means(self) -> Floats:
        """The blocks' luma and chroma means of the state."""
        if self._current:
            return self._means[GATES : 2 * GATES]
        return np.stack(
            [
                self._whole(self._coefficients, coefficient) * self._band_std[coefficient]
                for coefficient in MEANS
            ]
        )

    def residual(self) -> Floats:
        """The residual noise variance of the state's luma means."""
        return self._means[2 * GATES] if self._current else self._whole(self._residual, 0)

    def excess(self) -> Floats:
        """The variance of the noise in the blocks' luma means over the model's."""
        found = np.empty(self._grid, np.float32)
        self._library.rtdenoise_excess(self._engine, _at(found))
        return found

    def set_local_noise(self, strength: Floats) -> None:
        """Takes what was measured beforehand of the noise at each place."""
        values = np.ascontiguousarray(strength, np.float32)
        self._library.rtdenoise_set_local_noise(self._engine, _at(values), MEASURED_FRAMES)

    def reset(self) -> None:
        """Forgets all earlier frames."""
        self._current = False
        self._fresh = True

    def step(self) -> tuple[Bytes, Bytes, Bytes]:
        """Cleans the analysed frame."""
        self._current = False
        if self._fresh:
            self._library.rtdenoise_reset(self._engine)
            self._fresh = False
        self._turn ^= 1
        y, u, v = self._outputs[self._turn]
        self._library.rtdenoise_step(
            self._engine, _pointers([y, u, v]), _strides([y, u, v]), self.spatial
        )
        return y, u, v

    # ------------------------------------------------------------------ following

    def rescale(self, index: int, slope: float, offset: float) -> None:
        """Lets a plane of the state follow a brightness change."""
        self._current = False
        self._coefficients[:, :, PLANE_SLICES[index]] *= np.float32(1 + slope)
        mean = MEANS[index]
        self._coefficients[:, :, mean] += np.float32(offset / self._band_std[mean])

    def scale_rows(self, factors: Floats) -> None:
        """Multiplies the state's luma, each row of blocks by its factor."""
        self._current = False
        self._coefficients[:, :, PLANE_SLICES[0]] *= factors.astype(np.float32)[:, None, None, None]

    def warp(self, movement: Movement) -> None:
        """Moves the state along with the picture."""
        self._current = False
        reach = int(np.ceil(np.abs(movement.flow).max())) + 2
        self._library.rtdenoise_warp(
            self._engine,
            _at(movement.flow),
            _at(movement.moved),
            reach,
            WARP_LOSS,
            *self._planes(),
        )

    def _planes(self) -> tuple[Any, Any]:
        """Room for the state as pixels."""
        return _pointers(self._work), _strides(self._work, 4)


def _new(
    library: ctypes.CDLL, network: LiveNetwork | LiveWeights, grid: tuple[int, int], threads: int
) -> ctypes.c_void_p:
    arrays = LiveWeights.of(network).arrays
    layers = convolutions(network.size)
    weights = [_array(arrays[f"{layer.name}.weight"]) for layer in layers]
    biases = [_array(arrays[f"{layer.name}.bias"]) for layer in layers]
    shapes = np.array([(*w.shape[:2], w.shape[2] * w.shape[3]) for w in weights], np.int32)
    numbers = _constants()
    engine = library.rtdenoise_new(
        *grid,
        threads,
        network.size.stages,
        _at(shapes),
        _pointers(weights),
        _pointers(biases),
        ctypes.byref(numbers),
    )
    if not engine:
        raise MemoryError(f"There is no memory for frames of {grid[1]} × {grid[0]} blocks.")
    return ctypes.c_void_p(engine)


def _constants() -> Constants:
    return Constants(
        least_bias=constants.LEAST_BIAS,
        least_residual=constants.LEAST_RESIDUAL,
        difference_mean_rate=constants.DIFFERENCE_RATE,
        first_residual=constants.FIRST_RESIDUAL,
        most_coefficient=constants.MOST_COEFFICIENT,
        most_change=constants.MOST_CHANGE,
        most_lag=constants.MOST_LAG,
        model_frames=constants.MODEL_FRAMES,
        least_rate=constants.LEAST_RATE,
        most_rise=constants.MOST_RISE,
        rise_more=constants.RISE_MORE,
        cut_after=constants.CUT_AFTER,
        largest=constants.LARGEST,
        white=constants.WHITE,
        fine=constants.FINE,
        part=constants.PART,
        room=constants.ROOM,
        tiny=constants.TINY,
    )


def _array(values: Floats) -> Floats:
    return np.ascontiguousarray(values, np.float32)


def _plane(h: int, w: int, side: int) -> Bytes:
    """Room for a plane of bytes, as wide as whole vectors."""
    wide = -(-w // _VECTOR) * _VECTOR
    return np.zeros((side * h, side * wide), np.uint8)[:, : side * w]


def _at(array: NDArray[Any]) -> int:
    return array.ctypes.data


def _pointers(arrays: Sequence[NDArray[Any]]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))


def _strides(arrays: Sequence[NDArray[Any]], of: int = 1) -> ctypes.Array[ctypes.c_ssize_t]:
    return (ctypes.c_ssize_t * len(arrays))(*(a.strides[0] // of for a in arrays))

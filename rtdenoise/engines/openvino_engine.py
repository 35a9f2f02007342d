"""The engine for CPUs: the whole step is one OpenVINO graph, and planes come and go as cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from ..bands import BANDS, CELL, MEANS, transform
from ..denoisers.motion import Movement
from ..denoisers.stabilised import Stabilised
from ..denoisers.windows import Window
from ..frames import Bytes
from ..networks import live
from ..networks.live import GATES, LiveNetwork
from .base import WARP_LOSS, Floats
from .cells import PLANE_SLICES, from_cells, to_cells
from .openvino_graph import ORDER, live_graph
from .signal_stack import same_signal_stack

_SIDES = (CELL, CELL // 2, CELL // 2)
# From a cell's pixels to the bands in the graph's order, and back.
_THERE = transform()[ORDER]
_BACK = np.ascontiguousarray(np.linalg.inv(transform())[:, ORDER])
_PLANE_OF = np.searchsorted(MEANS[1:], ORDER, side="right")
_OF_PLANE = np.array([plane == _PLANE_OF for plane in range(3)])  # (3, 24)


@dataclass
class _Kept:
    """What is kept of earlier frames, (h, w, channels); ``means`` (3, h, w) are those of ``bands``."""

    bands: Floats
    left: Floats
    slow: Floats
    means: Floats


class OpenvinoEngine:
    """Runs a live network on the CPU; see :class:`rtdenoise.engines.base.Engine`.

    Args:
        network: The network.
        grid: Cells, (h, w), multiples of four.
        threads: How many cores it may take.
    """

    def __init__(self, network: LiveNetwork, grid: tuple[int, int], threads: int) -> None:
        h, w = grid
        self._grid = grid
        self._threads = threads
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
        }
        with same_signal_stack():
            compiled = ov.Core().compile_model(live_graph(network, grid), "CPU", settings)
        shapes = [(CELL * h, CELL * w)] + [(CELL // 2 * h, CELL // 2 * w)] * 2
        self._bytes = np.empty((h, w, BANDS), np.uint8)
        self._cells = np.empty((h, w, BANDS), np.float32)
        self._out = np.empty((h, w, BANDS), np.float32)
        self._places = np.empty((h, w, BANDS), np.uint16)
        self._plane_places = [np.empty(s, np.uint16) for s in shapes]
        self._outputs = [[np.empty(s, np.uint8) for s in shapes] for _ in range(2)]
        self._work = [[np.empty(s, np.float32) for s in shapes] for _ in range(2)]
        self._unit = np.empty((1, BANDS, 1, 1), np.float32)
        self._scale = np.empty((1, BANDS, 1, 1), np.float32)
        bands, gates = (h, w, BANDS), (h, w, GATES)
        self._states = [
            _Kept(*(np.zeros(s, np.float32) for s in (bands, gates, gates, (GATES, h, w))))
            for _ in range(2)
        ]
        self._requests = [self._request(compiled, turn) for turn in range(2)]
        self._turn = 0
        self._fresh = True
        self._stabilised: Stabilised | None = None
        self._deviations = np.ones(BANDS, np.float32)

    def _request(self, compiled: ov.CompiledModel, turn: int) -> ov.InferRequest:
        """One that reads one state and writes the other."""
        request = compiled.create_infer_request()
        old, new = self._states[turn], self._states[1 - turn]
        tensors = {
            "cells": self._cells[None],
            "state": old.bands[None],
            "left": old.left[None],
            "slow": old.slow[None],
            "unit": self._unit,
            "scale": self._scale,
            "out": self._out[None],
            "new_state": new.bands[None],
            "new_left": new.left[None],
            "new_slow": new.slow[None],
            "means": new.means[None],
        }
        for name, array in tensors.items():
            request.set_tensor(name, ov.Tensor(array, shared_memory=True))
        return request

    @property
    def name(self) -> str:
        """What runs it, and how."""
        return f"OpenVINO, float32, {self._threads} thread{'s' if self._threads > 1 else ''}"

    @property
    def fresh(self) -> bool:
        """Whether nothing is kept of earlier frames."""
        return self._fresh

    @property
    def _kept(self) -> _Kept:
        return self._states[self._turn]

    # ------------------------------------------------------------------ noise

    def set_noise(self, stabilised: Stabilised, deviations: Floats) -> None:
        """Takes another noise; what is kept is put into its units."""
        before, was = self._stabilised, self._deviations
        self._stabilised, self._deviations = stabilised, deviations[ORDER]
        if not self._fresh and before is not None:
            kept = self._kept
            if before is not stabilised:
                cells = self._join(kept.bands * was)
                for index, place in enumerate(PLANE_SLICES):
                    part = np.ascontiguousarray(cells[..., place])
                    flat = part.reshape(len(part), -1)
                    cells[..., place] = before.as_in(stabilised, index, flat).reshape(part.shape)
                kept.bands[:] = self._split(cells) / self._deviations
            else:
                kept.bands *= was / self._deviations
            kept.means[:] = kept.bands[..., :GATES].transpose(2, 0, 1)
        forward = np.empty((1, 256, BANDS), np.float32)
        self._tables, scales = [], []
        for index, place in enumerate(PLANE_SLICES):
            forward[..., place] = stabilised.forward[index][None, :, None]
            scale, table = stabilised.table(index)
            scales.append(scale)
            self._tables.append(table)
        self._forward = forward
        self._unit[0, :, 0, 0] = 1 / self._deviations
        self._scale[0, :, 0, 0] = self._deviations * np.array(scales, np.float32)[_PLANE_OF]

    # ------------------------------------------------------------------ a frame

    def see(self, planes: Sequence[Bytes]) -> None:
        """Takes in the next frame."""
        to_cells(planes, self._bytes)
        cv2.LUT(self._bytes, self._forward, dst=self._cells)

    def means(self) -> Floats:
        """The cells' means of the frame."""
        means = _THERE[:GATES] @ self._cells.reshape(-1, BANDS).T
        return np.asarray(means.reshape(GATES, *self._grid))

    def kept_means(self) -> Floats:
        """The cells' means of what is kept."""
        return self._kept.means * self._deviations[:GATES, None, None]

    def left(self) -> Floats:
        """The variance of the noise left in the cells' kept luma."""
        return np.ascontiguousarray(self._kept.left[..., 0])

    def forget(self) -> None:
        """Forgets all earlier frames."""
        self._fresh = True

    def step(self) -> tuple[Bytes, Bytes, Bytes]:
        """Cleans the frame that was seen."""
        if self._fresh:
            kept = self._kept
            kept.bands[:] = self._split(self._cells) / self._deviations
            kept.left[:] = live._FIRST
            kept.slow[:] = 0
            self._fresh = False
        self._requests[self._turn].infer()
        self._turn ^= 1
        out = self._out.reshape(self._grid[0], -1)
        places = self._places.reshape(self._grid[0], -1)
        cv2.addWeighted(out, 1, out, 0, 0, dst=places, dtype=cv2.CV_16U)  # rounds, and stops at 0
        from_cells(self._places, self._plane_places)
        y, u, v = self._outputs[self._turn]
        for table, plane, result in zip(self._tables, self._plane_places, (y, u, v), strict=True):
            _look_up(table, plane, result)
        return y, u, v

    @staticmethod
    def _split(cells: Floats) -> Floats:
        return np.asarray((cells.reshape(-1, BANDS) @ _THERE.T).reshape(cells.shape))

    @staticmethod
    def _join(bands: Floats) -> Floats:
        return np.asarray((bands.reshape(-1, BANDS) @ _BACK.T).reshape(bands.shape))

    # ------------------------------------------------------------------ following

    def rescale(self, index: int, slope: float, offset: float) -> None:
        """Lets what is kept of a plane follow a change of light."""
        factors = np.where(_OF_PLANE[index], np.float32(1 + slope), np.float32(1))
        bands = self._kept.bands
        bands *= factors
        bands[..., index] += np.float32(offset / self._deviations[index])

    def scale_rows(self, factors: Floats) -> None:
        """Multiplies the kept luma of each row of cells."""
        bands = self._kept.bands
        bands *= np.where(_OF_PLANE[0], factors[:, None], np.float32(1))[:, None]

    def follow(self, movement: Movement) -> None:
        """Moves what is kept along."""
        kept, deviations = self._kept, self._deviations
        values, work = self._work
        reach = int(np.ceil(np.abs(movement.flow).max())) + 2
        for window in movement.windows:
            place = window.grown(reach, self._grid)
            cells = self._join(kept.bands[place.of((1, 1))] * deviations)
            from_cells(cells, _parts(values, place))
        for side, plane, space in zip(_SIDES, values, work, strict=True):
            movement.warp_plane(plane, (side, side), space)
        for window in movement.windows:
            at = window.of((1, 1))
            inside = kept.bands[at]
            cells = np.empty(inside.shape, np.float32)
            to_cells(_parts(values, window), cells)
            moved = movement.moved[at]
            inside[moved] = (cells[moved] @ _THERE.T) / deviations
        where: Any = movement.base + movement.flow
        nothing: Any = (
            None  # OpenCV's stubs ask for a second map, which one with two channels replaces
        )
        kept.left[:] = cv2.remap(
            kept.left, where, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        kept.left[movement.moved] += np.float32(WARP_LOSS)
        kept.slow[movement.moved] = 0


def _parts(planes: Sequence[Floats], window: Window) -> list[Floats]:
    """A window of cells in planes."""
    return [plane[window.of((side, side))] for side, plane in zip(_SIDES, planes, strict=True)]


def _look_up(table: Bytes, places: NDArray[np.uint16], out: Bytes) -> None:
    if _WIDE_TABLES:
        cv2.LUT(places, table, dst=out)
    else:
        np.take(table, places, out=out, mode="clip")


def _has_wide_tables() -> bool:
    """Whether this OpenCV looks up 16-bit places."""
    try:
        cv2.LUT(np.zeros((1, 1), np.uint16), np.zeros(1 << 16, np.uint8))
    except cv2.error:
        return False
    return True


_WIDE_TABLES = _has_wide_tables()

"""The recursive filter: averages over time what stays, driven by the measured noise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np

from ...alignment.brightness import brightness_change, row_banding
from ...alignment.motion import Movement, strength
from ...alignment.tracking import Tracker
from ...arrays import Bytes, Floats, Mask
from ...engines.native_kernels import quickest_kernels
from ...frames import PlaneFormat, Planes
from ...frames.planes import padded
from ...noise import PLANES, NoiseModel
from ..streaming import StreamDenoiser
from .plane import PlaneFilter

# Luma pixels along each side of a grid block: in pictures of this width and above, and in smaller
# ones.
_WIDE = 1200
_BLOCK_WIDE, _BLOCK = 8, 4
# Chroma is noisier and seen less sharply than luma: a change in luma alone counts only in part.
_LUMA_FOR_CHROMA = 0.25
T = TypeVar("T")
# Below this bias, luma stands still.
_STILL = 0.1
# A cut: so much of the picture changed by several times its noise.
_CUT_BIAS, _CUT_SHARE = 4.0, 0.6


class RecursiveDenoiser(StreamDenoiser):
    """Averages over time what stays, follows what moves, and cleans the rest in space.

    Each frame, on a grid of 8×8 or 4×4 pixels: compare the frame with the average so far; let the
    average follow a brightness change, and what moves; where the difference is still larger than the
    known noise explains, give the new frame more weight (:mod:`.gain`); blend; and take out of
    the result what noise the average must still hold (:mod:`.shrinkage`).

    Args:
        model: The camera's noise, whose scale is followed where the camera's gain has changed. None: it
            is estimated from the stream, which takes two frames for a start and a second to settle.
        threads: Clean chroma in a second thread, beside luma, where frames are large enough for it to pay.
    """

    name = "recursive"

    def __init__(self, model: NoiseModel | None = None, *, threads: bool = True) -> None:
        super().__init__(model)
        self._filters: list[PlaneFilter] = []
        self._turn = 0
        self._threads = threads
        self._second: ThreadPoolExecutor | None = None

    def _clean(self, planes: Planes, worked_on: Planes, model: NoiseModel) -> Planes:
        sources = [planes.y] if planes.format.chroma == "gray" else [planes.y, planes.u, planes.v]
        if not self._filters:
            self._make_filters(planes.format, model, sources)
        whole = [padded(s, room) for s, room in zip(sources, self._inputs, strict=True)]
        if not self._started:
            self._start(whole)
        self._turn ^= 1
        outputs = self._outputs[self._turn]
        biases, still = self._biases(whole)
        self._each(
            lambda i: self._filters[i].update(whole[i], biases[i], still if i else None, outputs[i])
        )
        cut = [out[: s.shape[0], : s.shape[1]] for out, s in zip(outputs, sources, strict=True)]
        u, v = cut[1:] if len(cut) == 3 else (planes.u, planes.v)
        return Planes(cut[0], u, v, planes.format, planes.time_s)

    def _set_up(self, planes: Planes) -> None:
        self._filters = []  # made once the noise is known

    def _set_noise(self, model: NoiseModel) -> None:
        for filter_, name in zip(self._filters, PLANES, strict=False):
            filter_.set_noise(model.plane(name))

    def _make_filters(self, format_: PlaneFormat, model: NoiseModel, sources: list[Bytes]) -> None:
        """Makes filters and buffers for a format. Planes are padded to whole blocks."""
        model = model.for_chroma(format_.chroma)
        block = _BLOCK_WIDE if format_.width >= _WIDE else _BLOCK
        grid = (-(-format_.height // block), -(-format_.width // block))
        rows = block // 2 if format_.chroma == "420" else block
        columns = block if format_.chroma == "444" else block // 2
        scales = [(block, block), (rows, columns), (rows, columns)][: len(sources)]
        shapes = [(grid[0] * scale[0], grid[1] * scale[1]) for scale in scales]
        self._filters = [
            PlaneFilter(model.plane(name), shape, grid, fine=name == "y")
            for name, shape in zip(PLANES, shapes, strict=False)
        ]
        # A large frame is worth a second thread; the work is in OpenCV, which runs beside Python.
        worth = self._threads and len(sources) == 3 and format_.width >= _WIDE
        if worth and self._second is None:
            self._second = ThreadPoolExecutor(1, "chroma")
        self._tracker = Tracker(grid, block, finest_scale=0, kernels=quickest_kernels())
        self._inputs = [np.empty(shape, np.uint8) for shape in shapes]
        self._outputs = [[np.empty(shape, np.uint8) for shape in shapes] for _ in range(2)]
        self._started = False

    def _start(self, sources: list[Bytes]) -> None:
        for filter_, source in zip(self._filters, sources, strict=True):
            filter_.start(source)
        self._started = True

    def _biases(self, sources: list[Bytes]) -> tuple[list[Floats], Mask]:
        """Compares the frame with the averages, which follow what they can; the bias that remains, per plane."""
        self._each(lambda i: self._look(self._filters[i], sources[i]))
        luma = self._filters[0]
        seen = luma.temporal_gain
        rows = row_banding(seen.old, seen.difference, seen.variance)
        if rows is not None:
            luma.rescale_rows(rows)
            luma.look(sources[0])
        self._follow(sources)
        biases = self._each(lambda i: self._filters[i].bias())
        if float(np.mean(biases[0] > _CUT_BIAS)) > _CUT_SHARE:
            self._start(sources)
            self._tracker.reset()
            for filter_, source in zip(self._filters, sources, strict=True):
                filter_.look(source)
        still = biases[0] < _STILL
        if len(biases) == 3:
            both = np.maximum(biases[1], biases[2])
            chroma = np.maximum(both, np.float32(_LUMA_FOR_CHROMA) * biases[0])
            biases = [np.maximum(biases[0], both), chroma, chroma]
        return biases, still

    @staticmethod
    def _look(filter_: PlaneFilter, source: Bytes) -> None:
        filter_.look(source)
        temporal_gain = filter_.temporal_gain
        light = brightness_change(
            temporal_gain.old, temporal_gain.difference, temporal_gain.variance
        )
        if light is not None:
            filter_.rescale(*light)
            filter_.look(source)

    def _follow(self, sources: list[Bytes]) -> Movement | None:
        luma = self._filters[0].temporal_gain
        if self._last is None:
            return None
        pixels = (self._last.y, sources[0])
        variance = luma.difference_variance()
        strong = strength(luma.difference, variance)
        movement = self._tracker.find(luma.old, luma.difference, variance, strong, pixels)
        if movement is not None:
            found = movement

            def follow(index: int) -> None:
                self._filters[index].warp(found)
                self._filters[index].look_again(sources[index], found.rectangles)

            self._each(follow)
        return movement

    def _each(self, work: Callable[[int], T]) -> list[T]:
        """``work`` of every plane's index; chroma in a second thread, beside luma."""
        count = len(self._filters)
        if self._second is None:
            return [work(index) for index in range(count)]
        chroma = self._second.submit(lambda: [work(index) for index in range(1, count)])
        try:
            luma = work(0)
        finally:
            wait([chroma])
        return [luma, *chroma.result()]

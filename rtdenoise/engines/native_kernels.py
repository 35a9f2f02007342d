"""The arithmetic of the search for movement, as compiled code."""

from __future__ import annotations

import ctypes
import weakref

import numpy as np
from numpy.typing import NDArray

from ..alignment import kernels
from ..alignment.kernels import Creeping, Kernels, Windows
from ..arrays import Bytes, Floats, Mask
from .native_library import native_library

_SUMS = 9
_COUNTED = 5

_REFINE = np.array([kernels.FITS, kernels.PRIOR, kernels.STRAIGHT, kernels.MOST_STEP], np.float32)
_CREEP = np.array(
    [
        *(kernels.CREEP_MOST, kernels.CREEP_MEMORY, kernels.CREEP_SCALE, kernels.CREEP_TEXTURE),
        kernels.CREEP_LEAST,
    ],
    np.float32,
)
_WEIGH = np.array([kernels.EXPLAINS, kernels.BETTER, kernels.CORE, kernels.SLOW_COUNTS], np.float32)
_BELIEVE = np.array(
    [
        *(kernels.MEMORY, kernels.MOST_ADDED, kernels.MOST, kernels.MOVES),
        *(kernels.SHARED, 1 - kernels.SHARED, kernels.SLOW_ADDS, 1 / kernels.SLOW_FULL),
    ],
    np.float32,
)


def quickest_kernels(threads: int = 1) -> Kernels:
    """Compiled code; NumPy and OpenCV where there is none.

    Args:
        threads: How many cores it may take.
    """
    library = native_library()
    return Kernels() if library is None else _NativeKernels(library, threads)


class _NativeKernels(Kernels):
    def __init__(self, library: ctypes.CDLL, threads: int) -> None:
        self._library = library
        self._threads = ctypes.c_void_p(library.rtdenoise_start_threads(threads))
        _check(bool(self._threads))
        weakref.finalize(self, library.rtdenoise_stop_threads, self._threads)
        self._spread = _windows(sum(kernels.SPREAD_WINDOWS, ()))

    def halved(self, picture: Bytes) -> Floats:
        rows, columns = (n // kernels.HALF for n in picture.shape)
        small = np.empty((rows, columns), np.float32)
        self._library.rtdenoise_halve(
            self._threads, *_strided(picture), rows, columns, small.ctypes.data
        )
        return small

    def samples(self, picture: Bytes, x: Floats, y: Floats) -> Floats:
        x, y = _whole(x), _whole(y)
        found = np.empty_like(x)
        self._library.rtdenoise_samples(
            *(*_strided(picture), *picture.shape, x.ctypes.data, y.ctypes.data, x.size),
            found.ctypes.data,
        )
        return found

    def slopes(
        self,
        last: Floats,
        frame: Floats,
        flow: Floats,
        corner: tuple[float, float],
        wanted: Mask | None = None,
    ) -> Floats:
        sums = np.empty((_SUMS, *flow.shape[:2]), np.float32)
        self._slopes(last, frame, flow, corner, wanted, sums)
        return sums

    def errors(
        self, last: Floats, frame: Floats, flow: Floats, corner: tuple[float, float], wanted: Mask
    ) -> Floats:
        means = np.empty(flow.shape[:2], np.float32)
        self._slopes(last, frame, flow, corner, wanted, means)
        return means

    def _slopes(
        self,
        last: Floats,
        frame: Floats,
        flow: Floats,
        corner: tuple[float, float],
        wanted: Mask | None,
        sums: Floats,
    ) -> None:
        """Writes all sums, or, where there is room for one only, the errors."""
        rows, columns = flow.shape[:2]
        flow = _whole(flow)
        cells = np.ones((rows, columns), np.bool_) if wanted is None else wanted
        cells = np.ascontiguousarray(cells)
        _check(
            self._library.rtdenoise_slopes(
                *(self._threads, *_strided(last), *last.shape, *_strided(frame), flow.ctypes.data),
                *(cells.ctypes.data, rows, columns, *corner, sums.ndim == 2, sums.ctypes.data),
            )
        )

    def take_off_level(self, sums: Floats) -> None:
        place = sums.ctypes.data
        _check(
            self._library.rtdenoise_take_off_level(
                self._threads, place, *sums.shape[1:], kernels.LEVEL
            )
        )

    def refine(
        self, sums: Floats, weights: Floats, flow: Floats, noise: float, windows: Windows
    ) -> Floats:
        rows, columns = weights.shape
        widths, shares = _windows(windows)
        flow, weights = _whole(flow), _whole(weights)
        counted = np.empty((_COUNTED, rows, columns), np.float32)
        refined = np.empty_like(flow)
        _check(
            self._library.rtdenoise_refine(
                *(
                    self._threads,
                    sums.ctypes.data,
                    weights.ctypes.data,
                    flow.ctypes.data,
                    rows,
                    columns,
                    noise,
                ),
                *(widths.ctypes.data, shares.ctypes.data, len(widths), _REFINE.ctypes.data),
                *(counted.ctypes.data, refined.ctypes.data),
            )
        )
        return refined

    def rest(self, old: Floats, new: Floats, flow: Floats, corner: tuple[int, int]) -> Floats:
        if flow.strides[1:] != (2 * flow.itemsize, flow.itemsize):
            flow = _whole(flow)
        means = np.empty(new.shape, np.float32)
        _check(
            self._library.rtdenoise_rest(
                *(self._threads, *_strided(old), *old.shape, *_strided(new), *_strided(flow)),
                *(*new.shape, *corner, means.ctypes.data),
            )
        )
        return means

    def weigh(
        self,
        change: Floats,
        noise: Floats,
        after: Floats,
        moving: Mask,
        flow: Floats,
        creeping: Creeping | None,
    ) -> tuple[Floats, Floats | None]:
        before, weights = np.empty_like(after), np.empty_like(after)
        assert flow.flags.c_contiguous
        any_counts = self._library.rtdenoise_weigh(
            *(
                self._threads,
                *_strided(change),
                *_strided(noise),
                after.ctypes.data,
                *_strided(moving),
            ),
            *(*_slow(creeping), *after.shape, _WEIGH.ctypes.data, flow.ctypes.data),
            *(before.ctypes.data, weights.ctypes.data),
        )
        _check(any_counts >= 0)
        return before, weights if any_counts else None

    def believe(
        self,
        along: Floats,
        before: Floats,
        after: Floats,
        noise: Floats,
        creeping: Creeping | None,
    ) -> tuple[Floats, Mask]:
        belief, moves = np.empty_like(along), np.empty(along.shape, np.bool_)
        _check(
            self._library.rtdenoise_believe(
                *(
                    self._threads,
                    along.ctypes.data,
                    before.ctypes.data,
                    after.ctypes.data,
                    *_strided(noise),
                ),
                *(*_slow(creeping), *along.shape, _BELIEVE.ctypes.data),
                *(belief.ctypes.data, moves.ctypes.data),
            )
        )
        return belief, moves

    def spread(self, flow: Floats, weights: Floats) -> Floats:
        flow, weights = _whole(flow), _whole(weights)
        means = np.empty_like(flow)
        widths, shares = self._spread
        _check(
            self._library.rtdenoise_spread(
                *(self._threads, flow.ctypes.data, weights.ctypes.data, *weights.shape),
                *(widths.ctypes.data, shares.ctypes.data, len(widths) // 2, kernels.TINY),
                means.ctypes.data,
            )
        )
        return means

    def creep(
        self, old: Floats, difference: Floats, variance: Floats, sums: Floats
    ) -> tuple[Mask, Floats, Floats] | None:
        old, difference, variance = _whole(old), _whole(difference), _whole(variance)
        shape = sums.shape[1:]
        moves = np.empty(shape, np.bool_)
        sure, flow = np.empty(shape, np.float32), np.empty((*shape, 2), np.float32)
        found = self._library.rtdenoise_creep(
            *(
                self._threads,
                old.ctypes.data,
                difference.ctypes.data,
                variance.ctypes.data,
                *old.shape,
            ),
            *(_CREEP.ctypes.data, kernels.CREEP_LEVEL, sums.ctypes.data, sure.ctypes.data),
            *(flow.ctypes.data, moves.ctypes.data),
        )
        _check(found >= 0)
        return (moves, sure, flow) if found else None


def _slow(creeping: Creeping | None) -> tuple[int | None, ...]:
    """Where it lies."""
    if creeping is None:
        return (None, 0, None, 0, None, 0)
    return (*_strided(creeping.moved), *_strided(creeping.sure), *_strided(creeping.flow))


def _strided(plane: Floats | Bytes | Mask) -> tuple[int, int]:
    """Where it is, and from row to row, in its own numbers."""
    return plane.ctypes.data, plane.strides[0] // plane.itemsize


def _whole(values: Floats) -> Floats:
    """Without room between the rows."""
    return np.ascontiguousarray(values, np.float32)


def _windows(windows: Windows) -> tuple[NDArray[np.int32], Floats]:
    widths, shares = zip(*windows, strict=True)
    return np.array(widths, np.int32), np.array(shares, np.float32)


def _check(done: int) -> None:
    if not done:
        raise MemoryError("There is no memory for what finding movement needs.")

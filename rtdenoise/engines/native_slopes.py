"""The sums that vectors are refined by, as compiled code."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from ..alignment.refinement import Slopes, slopes
from ..arrays import Floats
from .native_library import native_library

_SUMS = 9
_WORTH_A_THREAD = 3000  # cells


def quickest_slopes(threads: int = 1) -> Slopes:
    """Compiled code that computes :func:`rtdenoise.alignment.refinement.slopes`; that itself where there is none.

    Args:
        threads: How many cores it may take.
    """
    return slopes if native_library() is None else _NativeSlopes(threads)


class _NativeSlopes:
    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def __call__(
        self, last: Floats, frame: Floats, flow: Floats, corner: tuple[float, float]
    ) -> Floats:
        library = native_library()
        assert library is not None
        rows, columns = flow.shape[:2]
        sums = np.empty((_SUMS, rows, columns), np.float32)

        def compute(part: tuple[int, int]) -> None:
            done = library.rtdenoise_slopes(
                *(last.ctypes.data, last.strides[0] // last.itemsize, *last.shape),
                *(frame.ctypes.data, frame.strides[0] // frame.itemsize),
                *(flow.ctypes.data, rows, columns, *part, *corner, sums.ctypes.data),
            )
            if not done:
                raise MemoryError("There is no memory for a row of vectors.")

        parts = list(self._parts(rows, columns))
        if len(parts) == 1:
            compute(parts[0])
        else:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads - 1, "slopes")
            others = [self._pool.submit(compute, part) for part in parts[1:]]
            compute(parts[0])
            for other in others:
                other.result()
        return sums

    def _parts(self, rows: int, columns: int) -> Iterator[tuple[int, int]]:
        """Which rows each thread takes."""
        count = max(min(self._threads, rows * columns // _WORTH_A_THREAD), 1)
        yield from pairwise(round(rows * i / count) for i in range(count + 1))

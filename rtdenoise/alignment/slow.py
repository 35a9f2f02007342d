"""Notices movement that is too slow to be seen from one frame to the next.

Where something moves by a third of a pixel, the frame's difference is far below the noise in every block. But it goes
along with the picture's slopes, in every frame alike: what noise alone can't do.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import Floats
from .kernels import CREEP_SUMS, HALF, Creeping, Kernels


class SlowMovement:
    """Collects what frames say about slow movement, at all places of a grid.

    Args:
        kernels: Compute it.
    """

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels
        self._sums: Floats | None = None

    def reset(self) -> None:
        """Forgets all frames."""
        self._sums = None

    def update(self, old: Floats, difference: Floats, variance: Floats) -> Creeping | None:
        """Takes in a frame.

        The test doesn't ask how strong the noise is, or whether it is white: the blocks of a window tell by how much
        they differ from one another (White, 1980: the sandwich estimator).

        Args:
            old: The state's block means, (rows, columns), in bytes.
            difference: The new frame's less those.
            variance: Of the noise in the difference, in squared bytes, (rows, columns).

        Returns:
            What moves; None where nothing does.
        """
        rows, columns = old.shape
        if rows % HALF or columns % HALF:
            old, difference, variance = (_even(plane) for plane in (old, difference, variance))
        if self._sums is None:
            shape = (old.shape[0] // HALF, old.shape[1] // HALF)
            self._sums = np.zeros((CREEP_SUMS, *shape), np.float32)
        found = self._kernels.creep(old, difference, variance, self._sums)
        if found is None:
            return None
        moves, sure, flow = found
        shape = old.shape[::-1]
        near, here = cv2.INTER_NEAREST, (slice(0, rows), slice(0, columns))
        return Creeping(
            np.asarray(cv2.resize(moves.view(np.uint8), shape, interpolation=near)[here] > 0),
            np.asarray(cv2.resize(sure, shape, interpolation=near)[here], np.float32),
            np.asarray(cv2.resize(flow, shape)[here], np.float32),
        )


def _even(plane: Floats) -> Floats:
    """With even numbers of rows and columns."""
    below, right = (-n % HALF for n in plane.shape)
    return np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE))

"""Notices movement that is too slow to be seen from one frame to the next.

Where something moves by a third of a pixel, the frame's difference is far below the noise in every block. But it goes
along with the picture's slopes, in every frame alike: what noise alone can't do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Floats, Mask
from .motion import lengths

_COARSER = 2  # blocks along those that windows are made of
_WINDOW = (4, 4)
_BLOCKS = _COARSER**2 * _WINDOW[0] * _WINDOW[1]
_LEVEL = (13, 13)  # over which a change of brightness is told
_MEMORY = 0.7  # what counts from frame to frame
_SURE = 60.0  # chi-squared with two degrees of freedom, above which something moves
_MOST = 2.0  # standard deviations of noise
_LEAST = 0.015  # blocks that it must have moved by
_TEXTURE = 0.05  # squared levels per squared block: what holds vectors where there is less
_SLOPE = np.array([[-0.5, 0, 0.5]], np.float32)


@dataclass(frozen=True)
class Creeping:
    """What moves slowly.

    ``moved`` tells where, (rows, columns); ``sure`` how sure that is, in multiples of what is needed; ``flow`` where it
    was, less where it is, in blocks as (x, y), (rows, columns, 2).
    """

    moved: Mask
    sure: Floats
    flow: Floats


class SlowMovement:
    """Collects what frames say about slow movement, at all places of a grid."""

    def __init__(self) -> None:
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
        across = cv2.filter2D(old, -1, _SLOPE, borderType=cv2.BORDER_REPLICATE)
        down = cv2.filter2D(old, -1, _SLOPE.T, borderType=cv2.BORDER_REPLICATE)
        rows, columns = old.shape
        size = (-(-columns // _COARSER), -(-rows // _COARSER))
        level = cv2.blur(cv2.resize(difference, size, interpolation=cv2.INTER_AREA), _LEVEL)
        rest = difference - cv2.resize(level, (columns, rows))
        # What is far above the noise is no slow movement, and would be remembered for too long.
        most = np.float32(_MOST) * np.sqrt(variance)
        rest = np.clip(rest, -most, most)
        x, y = across * rest, down * rest
        products = (x, y, across * across, across * down, down * down, x * x, x * y, y * y)
        sums = np.empty((len(products), *size[::-1]), np.float32)
        for product, place in zip(products, sums, strict=True):
            coarse = cv2.resize(product, size, interpolation=cv2.INTER_AREA)
            cv2.blur(coarse, _WINDOW, dst=place)
        if self._sums is not None:
            sums[:5] += np.float32(_MEMORY) * self._sums[:5]
            sums[5:] += np.float32(_MEMORY**2) * self._sums[5:]
        self._sums = sums
        x, y, xx, xy, yy, vxx, vxy, vyy = sums
        held = np.float32(1e-3) * (vxx + vyy) + np.float32(1e-6)
        vxx, vyy = vxx + held, vyy + held
        chi = (vyy * x * x - 2 * vxy * x * y + vxx * y * y) / (vxx * vyy - vxy * vxy)
        sure = chi * np.float32(_BLOCKS / _SURE)
        held = np.float32(1e-2) * (xx + yy) + np.float32(_TEXTURE)
        xx, yy = xx + held, yy + held
        scale = 1 / (xx * yy - xy * xy)
        flow = np.stack([(yy * x - xy * y) * scale, (xx * y - xy * x) * scale], 2)
        moves = (sure > 1) & (lengths(flow) > _LEAST)
        if not moves.any():
            return None
        shape = (columns, rows)
        near = cv2.INTER_NEAREST
        return Creeping(
            np.asarray(np.asarray(cv2.resize(moves.view(np.uint8), shape, interpolation=near)) > 0),
            np.asarray(cv2.resize(sure, shape, interpolation=near), np.float32),
            np.asarray(cv2.resize(flow, shape), np.float32),
        )

"""What processors of real webcams do to luma: they smooth what is flat, sharpen across edges and smooth along them.

So noise is faint and blotchy where the picture is flat and strong at edges, where it is white in time and nearly white
across the edge. What counts as an edge is read from the scene's own light rather than from the noisy picture: the
filters are then linear in the noise, so that the mean of many frames comes out where the truth is, but for the
sharpening's limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from ...arrays import Floats

_START, _FULL = 3.0, 8.0  # rise in levels per pixel at which an edge begins, and at which it is one
_LEAST = 1e-3
# What a blur along one axis takes away, of about one pixel: its detail.
_FINE = np.array([[-0.06, -0.24, 0.6, -0.24, -0.06]], np.float32)


@dataclass(frozen=True)
class EdgeProcessing:
    """Strength of the filters that go by edges.

    ``smoothing`` is the blur of flat places, a standard deviation in pixels; ``sharpening`` how many times the detail
    across an edge is added; ``along`` which part of the detail along it is taken away (1 leaves a blur of about a
    pixel). Sharpening changes no pixel by more than ``limit`` levels.
    """

    smoothing: float
    sharpening: float
    along: float
    limit: float


@dataclass(frozen=True)
class Structure:
    """Where the edges of a picture are, and how they lie: planes (H, W).

    ``weight`` is 0 in flat places and 1 at edges; ``across_rows`` of it counts for edges whose detail lies along the
    rows (upright ones), ``across_columns`` for the others. The two sum up to ``weight``.
    """

    weight: Floats
    across_rows: Floats
    across_columns: Floats


def structure(light: Floats) -> Structure:
    """The structure of a frame's noise-free light, an RGGB mosaic (H, W) in parts of full scale."""
    rows, columns = light.shape
    green = np.maximum(light[0::2, 1::2] + light[1::2, 0::2], 0) / 2
    levels = np.minimum(255 * np.sqrt(green), 255).astype(np.float32)  # roughly the tone curve
    # Half the size: a step of the small picture is two pixels.
    x, y = (
        cast("Floats", cv2.Sobel(levels, cv2.CV_32F, dx, 1 - dx, scale=1 / 16)) for dx in (1, 0)
    )
    power_x, power_y = (cast("Floats", cv2.GaussianBlur(p * p, (3, 3), 0.8)) for p in (x, y))
    power = power_x + power_y
    weight = np.clip((np.sqrt(power) - _START) / (_FULL - _START), 0, 1)
    share = power_x / np.maximum(power, _LEAST)
    whole, upright = (
        cast("Floats", cv2.resize(p, (columns, rows), interpolation=cv2.INTER_LINEAR))
        for p in (weight, weight * share)
    )
    return Structure(whole, upright, whole - upright)


class EdgeFilter:
    """Applies the filters to luma planes of one size. Not for two threads at once: it keeps its buffers.

    Args:
        rows: Of the plane.
        columns: Of the plane.
        processing: Strength of the filters.
    """

    def __init__(self, rows: int, columns: int, processing: EdgeProcessing) -> None:
        self._processing = processing
        self._smooth, self._detail, self._sum = (
            np.empty((rows, columns), np.float32) for _ in range(3)
        )
        self._of: Structure | None = None
        self._gains: tuple[Floats, Floats] | None = None

    def __call__(self, luma: Floats, found: Structure | None) -> Floats:
        """The filtered plane, in the filter's own buffer.

        Args:
            luma: (H, W) in levels.
            found: The picture's edges; None for one that is flat everywhere.
        """
        size = 2 * round(2.5 * self._processing.smoothing) + 1
        cv2.GaussianBlur(luma, (size, size), self._processing.smoothing, dst=self._smooth)
        if found is None:
            return self._smooth
        total, detail, limit = self._sum, self._detail, self._processing.limit
        rows_gain, columns_gain = self._gains_of(found)
        cv2.filter2D(luma, cv2.CV_32F, _FINE, dst=total)
        total *= rows_gain
        cv2.filter2D(luma, cv2.CV_32F, _FINE.T, dst=detail)
        detail *= columns_gain
        total += detail
        np.clip(total, -limit, limit, out=total)
        np.subtract(luma, self._smooth, out=detail)
        detail *= found.weight
        total += detail
        total += self._smooth
        return total

    def _gains_of(self, found: Structure) -> tuple[Floats, Floats]:
        """What is added of the detail along rows and down columns, (H, W) each."""
        if self._gains is None or self._of is not found:  # a still scene keeps its structure
            sharp, along = self._processing.sharpening, self._processing.along
            upright, lying = found.across_rows, found.across_columns
            self._gains = (sharp * upright - along * lying, sharp * lying - along * upright)
            self._of = found
        return self._gains

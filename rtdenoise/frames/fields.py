"""The two fields of an interlaced frame: its even and its odd lines, taken at different times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import Bytes
from .planes import Planes


def has_fields(planes: Planes) -> bool:
    """Whether the fields of such a frame have lines of luma and chroma that belong together."""
    return planes.format.height % (4 if planes.format.chroma == "420" else 2) == 0


def split_fields(planes: Planes) -> Planes:
    """The same frame with its even lines in the upper half and its odd ones below: two pictures without combs."""
    return _each(planes, lambda plane: np.concatenate([plane[0::2], plane[1::2]]))


def woven_fields(planes: Planes) -> Planes:
    """The inverse of :func:`split_fields`."""

    def weave(plane: Bytes) -> Bytes:
        frame = np.empty_like(plane, order="C")
        half = plane.shape[0] // 2
        frame[0::2], frame[1::2] = plane[:half], plane[half:]
        return frame

    return _each(planes, weave)


def _each(planes: Planes, change: Callable[[Bytes], Bytes]) -> Planes:
    y, u, v = (change(plane) if plane.size else plane for plane in (planes.y, planes.u, planes.v))
    return Planes(y, u, v, planes.format, planes.time_s)

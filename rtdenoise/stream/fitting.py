"""A frame of another size, brought to the format that the sink keeps: scaled as a whole, with black bars beside it."""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import Bytes
from ..frames import Chroma, PlaneFormat, Planes, convert
from ..frames.planes import empty_planes

_BLACK = {True: 0, False: 16}  # luma by full range
_GREY = 128


def fit(planes: Planes, layout: PlaneFormat) -> Planes:
    """A frame in another format: its range, matrix, sub-sampling and size.

    The picture keeps its proportions: what it doesn't fill is black. A frame in that format is given back itself.

    Args:
        planes: The frame.
        layout: What is wanted.
    """
    if planes.format == layout:
        return planes
    chroma: Chroma = layout.chroma
    planes = convert(planes, chroma, layout.full_range, layout.matrix)
    source = planes.format
    if (source.width, source.height) == (layout.width, layout.height):
        return planes
    scale = min(layout.width / source.width, layout.height / source.height)
    # Even sizes and places, so that chroma lies where luma does.
    width, height = (
        max(2, min(room, 2 * round(n * scale / 2)))
        for n, room in ((source.width, layout.width), (source.height, layout.height))
    )
    left, top = (
        (room - n) // 4 * 2 for n, room in ((width, layout.width), (height, layout.height))
    )
    result = empty_planes(layout, planes.time_s)
    result.y[:] = _BLACK[layout.full_range]
    _put(planes.y, result.y, left, top, width, height)
    if chroma != "gray":
        across, down = (
            -(-n // m)
            for n, m in zip((layout.width, layout.height), result.u.shape[::-1], strict=True)
        )
        for plane, room in ((planes.u, result.u), (planes.v, result.v)):
            room[:] = _GREY
            _put(
                plane,
                room,
                left // across,
                top // down,
                -(-width // across),
                -(-height // down),
            )
    return result


def _put(plane: Bytes, room: Bytes, left: int, top: int, width: int, height: int) -> None:
    smaller = width < plane.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    target = room[top : top + height, left : left + width]
    scaled = cv2.resize(np.ascontiguousarray(plane), target.shape[::-1], interpolation=way)
    target[:] = scaled

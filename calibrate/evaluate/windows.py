"""Which part of a series' picture is judged: one window, since some methods take seconds for it, the same for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Floats, Mask
from rtdenoise.frames import PlaneFormat, Planes

from ..still_errors import CLASSES, classes
from .learned import Window

_STEP = 16  # pixels between the windows that are looked at


def choose_window(mean: Floats, mask: Mask, columns: tuple[int, int], side: int) -> Window:
    """The window with the most still pixels, evenly of flat, textured and edge ones.

    It is chosen by the mean picture alone, so no method's result has a say in it.

    Args:
        mean: Mean luma of frames that aren't judged, (H, W) in bytes.
        mask: The still pixels, (H, W).
        columns: The first and the last (exclusive) that it may hold.
        side: Of the window in pixels, at most.
    """
    columns = -(-columns[0] // 2) * 2, columns[1]  # chroma begins at even pixels
    height = min(side, mask.shape[0]) // 2 * 2
    width = min(side, columns[1] - columns[0]) // 2 * 2
    parts = classes(mask, mean)
    score: NDArray[np.float64] | float = 0.0
    for name in CLASSES:
        if name in parts:
            score = score + np.sqrt(_sums(parts[name], height, width, columns))
    found = np.atleast_2d(score + 1e-3 * _sums(mask, height, width, columns))
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    return Window(int(row) * _STEP, columns[0] + int(column) * _STEP, height, width)


def _sums(mask: Mask, height: int, width: int, columns: tuple[int, int]) -> NDArray[np.float64]:
    """How many pixels each window holds, one every :data:`_STEP` pixels down and across."""
    part = mask[:, columns[0] : columns[1]]
    total = np.zeros((part.shape[0] + 1, part.shape[1] + 1))
    total[1:, 1:] = part.cumsum(0).cumsum(1)
    bottom, right = total[height:], slice(width, None)
    top, left = total[: total.shape[0] - height], slice(None, total.shape[1] - width)
    found = bottom[:, right] - bottom[:, left] - top[:, right] + top[:, left]
    return np.asarray(found[::_STEP, ::_STEP])


def around(window: Window, margin: int, shape: tuple[int, int]) -> Window:
    """The window with ``margin`` pixels more on each side, within a picture of ``shape``, at even pixels."""
    top = max(window.top - margin, 0) // 2 * 2
    left = max(window.left - margin, 0) // 2 * 2
    bottom = min(window.top + window.height + margin, shape[0] // 2 * 2)
    right = min(window.left + window.width + margin, shape[1] // 2 * 2)
    return Window(top, left, bottom - top, right - left)


def cut(planes: Planes, window: Window) -> Planes:
    """The part of a frame in a window that begins at even pixels and has an even size, with memory of its own."""
    layout = planes.format
    part = PlaneFormat(window.width, window.height, layout.chroma, layout.full_range, layout.matrix)
    rows, columns = window.inside
    y = planes.y[rows, columns].copy()
    if not planes.u.size:
        return Planes(y, planes.u, planes.v, part, planes.time_s)
    down = 2 if layout.chroma == "420" else 1
    across = 1 if layout.chroma == "444" else 2
    rows = slice(window.top // down, (window.top + window.height) // down)
    columns = slice(window.left // across, (window.left + window.width) // across)
    u, v = (plane[rows, columns].copy() for plane in (planes.u, planes.v))
    return Planes(y, u, v, part, planes.time_s)

"""Pictures as arrays of their samples, grey or R'G'B', with transparency or without, of 8 bits or of 16."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ..arrays import Bytes
from .colour import convert
from .orientation import UPRIGHT, Orientation, turned
from .planes import Planes
from .pyav import (
    MATRIX_CODES,
    assumed_matrix,
    frame_from_planes,
    in_format,
    planes_from_frame,
    rgb_frame,
)

Samples = NDArray[Any]  # of 8 or of 16 bits, without sign
_FULL = 2  # AVColorRange
# What as many samples a pixel are called.
_NAMES = {1: "gray", 2: "ya8", 3: "rgb24", 4: "rgba"}
_DEEP_NAMES = {1: "gray16be", 2: "ya16be", 3: "rgb48be", 4: "rgba64be"}
_WIDER = 257  # levels of 65535 in one of 255


def samples_of(frame: VideoFrame, deep: bool) -> Samples:
    """The samples of a frame of any pixel format: (rows, columns, 1…4), grey or R'G'B', transparency last.

    Args:
        frame: The frame; where it is Y'CbCr, its matrix and range are looked at.
        deep: Whether 16 bits a sample are wanted, else 8.
    """
    pixels = frame.format
    colours = [c for c in pixels.components if not c.is_alpha]
    rgb = pixels.is_rgb or pixels.has_palette
    transparent = pixels.has_palette or len(colours) < len(pixels.components)
    name = (_DEEP_NAMES if deep else _NAMES)[
        (1 if len(colours) == 1 and not rgb else 3) + transparent
    ]
    if name != pixels.name:
        matrix = frame.colorspace
        if matrix not in MATRIX_CODES.values():
            matrix = MATRIX_CODES[assumed_matrix(frame.width, frame.height)]
        span = _FULL if rgb or len(colours) == 1 else frame.color_range
        frame = in_format(frame, name, matrix, span, _FULL)
    return np.array(_view(frame), np.uint16 if deep else np.uint8)


def frame_of(samples: Samples) -> VideoFrame:
    """A frame with a copy of samples as :func:`samples_of` gives them."""
    rows, columns, count = samples.shape
    deep = samples.dtype != np.uint8
    frame = VideoFrame(columns, rows, (_DEEP_NAMES if deep else _NAMES)[count])
    _view(frame)[:] = samples
    return frame


def turned_frame(frame: VideoFrame, way: Orientation) -> VideoFrame:
    """A frame of any pixel format the right way up, of as many bits or more; itself where it is."""
    if way == UPRIGHT:
        return frame
    pixels = frame.format
    deep = max(c.bits for c in pixels.components) > 8
    if deep or pixels.is_rgb or pixels.has_palette:
        return frame_of(way.turn(samples_of(frame, deep)))
    return frame_from_planes(turned(planes_from_frame(frame), way))


def colours_of(planes: Planes) -> Bytes:
    """Planes as (rows, columns, 1 or 3) bytes: grey in full range, or R'G'B'."""
    if planes.format.chroma == "gray":
        return convert(planes, "gray", True).y[..., None]
    return np.asarray(rgb_frame(planes).to_ndarray(), np.uint8)


def changed_like(samples: Samples, noisy: Planes, clean: Planes) -> Samples:
    """Samples of 16 bits, changed by as much as the 8-bit picture was: what was left alone keeps all of its bits."""
    change = colours_of(clean).astype(np.int32) - colours_of(noisy)
    result = samples.astype(np.int32)
    result[..., : change.shape[-1]] += change * _WIDER
    return np.clip(result, 0, 65535).astype(np.uint16)


def _view(frame: VideoFrame) -> Samples:
    """(rows, columns, samples) of a packed frame; the view keeps the frame alive."""
    components = len(frame.format.components)
    kind = np.dtype(">u2") if frame.format.name in _DEEP_NAMES.values() else np.dtype(np.uint8)
    plane = frame.planes[0]
    strides = (plane.line_size, components * kind.itemsize, kind.itemsize)
    shape = (frame.height, frame.width, components)
    view: Samples = np.ndarray(shape, kind, memoryview(plane), strides=strides)
    return view

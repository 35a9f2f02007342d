"""Decoder frames as planes, and back: the one place that knows pixel formats and line sizes.

Beside it: what planes are (:mod:`rtdenoise.frames.planes`), and ranges, matrices, sub-sampling and tensors
(:mod:`rtdenoise.frames.colour`).
"""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from ..arrays import Bytes
from ..errors import ClipError
from .colour import convert
from .packed import planes_from_packed
from .planes import NO_CHROMA, Chroma, Matrix, PlaneFormat, Planes

_PLANAR: dict[str, Chroma] = {
    "yuv420p": "420",
    "yuvj420p": "420",
    "yuva420p": "420",
    "yuv422p": "422",
    "yuvj422p": "422",
    "yuva422p": "422",
    "yuv444p": "444",
    "yuvj444p": "444",
    "yuva444p": "444",
    "gray": "gray",
}
# Where u lies among two interleaved chroma bytes, and where y, u, v lie among four packed bytes.
_SEMI_PLANAR: dict[str, tuple[Chroma, int]] = {
    "nv12": ("420", 0),
    "nv21": ("420", 1),
    "nv16": ("422", 0),
    "nv24": ("444", 0),
    "nv42": ("444", 1),
}
# Where red, green and blue lie among how many packed bytes.
_RGB = {
    "rgb24": (3, (0, 1, 2)),
    "bgr24": (3, (2, 1, 0)),
    "rgb0": (4, (0, 1, 2)),
    "rgba": (4, (0, 1, 2)),
    "bgr0": (4, (2, 1, 0)),
    "bgra": (4, (2, 1, 0)),
    "0rgb": (4, (1, 2, 3)),
    "argb": (4, (1, 2, 3)),
    "0bgr": (4, (3, 2, 1)),
    "abgr": (4, (3, 2, 1)),
}
_PACKED = {"yuyv422": (0, 1, 3), "yvyu422": (0, 3, 1), "uyvy422": (1, 0, 2)}
_FRAME_FORMAT = {"420": "yuv420p", "422": "yuv422p", "444": "yuv444p", "gray": "gray"}
_LIMITED, _FULL = 1, 2  # AVColorRange
MATRIX_CODES: dict[Matrix, int] = {"bt601": 5, "bt709": 1, "bt2020": 9, "smpte240m": 7}
"""AVColorSpace's number of each matrix, which is that of ITU-T H.273."""
_MATRICES: dict[int, Matrix] = {1: "bt709", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
# libswscale's flags by their numbers: PyAV has names for all of them only as of 18, which Python 3.10 can't have.
BILINEAR, LANCZOS, ACCURATE_RND = 0x2, 0x200, 0x40000
_FULL_CHR_H_INT, _FULL_CHR_H_INP = 0x2000, 0x4000
_SWS_FLAGS = BILINEAR | ACCURATE_RND | _FULL_CHR_H_INT | _FULL_CHR_H_INP


def assumed_matrix(width: int, height: int) -> Matrix:
    """What players take a recording for that doesn't say its matrix: BT.709 in HD, else BT.601."""
    return "bt709" if width >= 1280 or height > 576 else "bt601"


def planes_from_frame(frame: VideoFrame) -> Planes:
    """The planes of a decoded frame, without a copy where its layout is planar.

    4:2:0, 4:2:2, 4:4:4 and grey of 8 bits are taken as they are, interleaved layouts are taken apart, and
    everything else (more than 8 bits, palettes) goes through libswscale; alpha is dropped. RGB becomes
    full-range BT.601 4:4:4. A frame that doesn't say its matrix is BT.601; one that doesn't say its range is
    limited, except for the ``yuvj`` formats and grey.

    Raises:
        ClipError: libswscale can't read the frame's pixel format.
    """
    name = frame.format.name
    time_s = float(frame.time) if frame.pts is not None and frame.time_base else 0.0
    if name in _RGB:
        samples, places = _RGB[name]
        packed = _view(frame, 0, frame.height, frame.width, samples)
        return planes_from_packed(packed, places, time_s)
    full = name.startswith("yuvj") or frame.color_range == _FULL
    full = full or (name.startswith("gray") and frame.color_range != _LIMITED)
    matrix = _MATRICES.get(frame.colorspace, "bt601")
    width, height = frame.width, frame.height
    chroma = _PLANAR.get(name)
    if name in _SEMI_PLANAR:
        chroma = _SEMI_PLANAR[name][0]
    elif name in _PACKED:
        chroma = "422"
    if chroma is None:
        return replace(planes_from_frame(simplify(frame, full)), time_s=time_s)

    layout = PlaneFormat(width, height, chroma, full, matrix)
    rows, columns = layout.chroma_shape
    if name in _PLANAR:
        y = _view(frame, 0, height, width)
        if chroma == "gray":
            return Planes(y, NO_CHROMA, NO_CHROMA, layout, time_s, frame)
        u, v = _view(frame, 1, rows, columns), _view(frame, 2, rows, columns)
        return Planes(y, u, v, layout, time_s, frame)
    if name in _SEMI_PLANAR:
        first = _SEMI_PLANAR[name][1]
        both = _view(frame, 1, rows, columns, 2)
        u, v = _channel(both, first), _channel(both, 1 - first)
        return Planes(_view(frame, 0, height, width), u, v, layout, time_s, frame)
    at_y, at_u, at_v = _PACKED[name]
    packed = _view(frame, 0, rows, columns, 4)
    y = _channel(_view(frame, 0, height, columns * 2, 2), at_y)[:, :width]
    return Planes(y, _channel(packed, at_u), _channel(packed, at_v), layout, time_s)


def _view(frame: VideoFrame, index: int, rows: int, columns: int, samples: int = 1) -> Bytes:
    """(rows, columns[, samples]) bytes of one plane; the view keeps the frame alive."""
    plane = frame.planes[index]
    line = plane.line_size
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    strides = (abs(line), 1) if samples == 1 else (abs(line), samples, 1)
    view: Bytes = np.ndarray(shape, np.uint8, memoryview(plane), strides=strides)
    if line < 0:  # stored from the bottom up; the buffer begins with the last row
        return np.ascontiguousarray(view[::-1])
    return view


def _channel(interleaved: Bytes, index: int) -> Bytes:
    """One channel of (rows, columns, samples), contiguous."""
    return np.asarray(cv2.extractChannel(interleaved, index), np.uint8)


class _Scaler(threading.local):
    """libswscale with its tables kept from frame to frame, one for each thread."""

    def __init__(self) -> None:
        self.reformatter = VideoReformatter()


scaler = _Scaler()


def in_format(
    frame: VideoFrame, name: str, matrix: int, span: int, span_after: int | None = None
) -> VideoFrame:
    """A frame in another pixel format, of its own size and matrix.

    Args:
        frame: The frame.
        name: FFmpeg's name of the format.
        matrix: AVColorSpace's number of its matrix, whatever the frame says.
        span: AVColorRange's number of its range.
        span_after: Likewise of the range that is wanted; None: the same.

    Raises:
        OSError, ValueError: libswscale doesn't know the format.
    """
    return scaler.reformatter.reformat(
        frame,
        format=name,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=span,
        dst_color_range=span if span_after is None else span_after,
        interpolation=_SWS_FLAGS,
    )


def simplify(frame: VideoFrame, full_range: bool) -> VideoFrame:
    """Any frame in 8 bits as planar YCbCr, grey or ``rgb24``, through libswscale.

    Sub-sampling, range and matrix are kept.

    Raises:
        ClipError: libswscale doesn't know the pixel format.
    """
    source = frame.format
    colours = [c for c in source.components if not c.is_alpha]
    rgb = source.is_rgb or source.has_palette
    target = "yuv444p"
    if rgb:
        target = "rgb24"
    elif len(colours) == 1:
        target = "gray"
    else:
        halves = (source.chroma_width(64) < 64, source.chroma_height(64) < 64)
        target = {(True, True): "yuv420p", (True, False): "yuv422p"}.get(halves, target)
    matrix = MATRIX_CODES[_MATRICES.get(frame.colorspace, "bt601")]
    color_range = _FULL if rgb or full_range else _LIMITED
    try:
        result = in_format(frame, target, matrix, color_range)
    except (OSError, ValueError) as error:
        raise ClipError(
            f"Frames in the pixel format {source.name} can't be read.",
            "Convert the clip to yuv420p first.",
        ) from error
    result.color_range, result.colorspace = color_range, matrix
    return result


def frame_from_planes(planes: Planes) -> VideoFrame:
    """A ``VideoFrame`` with a copy of the planes, with its colour range and matrix set.

    Its pts is ``time_s`` in microseconds.
    """
    layout = planes.format
    frame = VideoFrame(layout.width, layout.height, _FRAME_FORMAT[layout.chroma])
    arrays = (planes.y,) if layout.chroma == "gray" else (planes.y, planes.u, planes.v)
    for index, array in enumerate(arrays):
        _view(frame, index, *array.shape)[:] = array
    frame.color_range = _FULL if layout.full_range else _LIMITED
    frame.colorspace = MATRIX_CODES[layout.matrix]
    frame.time_base = Fraction(1, 1_000_000)
    frame.pts = round(planes.time_s * 1_000_000)
    return frame


def rgb_frame(planes: Planes) -> VideoFrame:
    """The picture as an ``rgb24`` frame, through libswscale."""
    frame = frame_from_planes(planes)
    gray = planes.format.chroma == "gray"
    if gray and not planes.format.full_range:  # libswscale takes all grey for full-range
        frame = frame_from_planes(convert(planes, "444", True))
    color_range = _FULL if gray or planes.format.full_range else _LIMITED
    result = in_format(frame, "rgb24", frame.colorspace, color_range, _FULL)
    result.pts, result.time_base = frame.pts, frame.time_base
    return result

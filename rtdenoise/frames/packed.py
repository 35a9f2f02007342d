"""NumPy arrays as planes and back: packed R'G'B' pictures, as OpenCV and Pillow have them, and bare planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from ..arrays import Bytes
from .colour import bytes_from_rgb, convert, rgb_from_bytes
from .planes import NO_CHROMA, Chroma, Matrix, PlaneFormat, Planes

Order = Literal["rgb", "bgr"]
_PLACES = {"rgb": (0, 1, 2), "bgr": (2, 1, 0)}  # of red, green and blue


def planes_from_array(picture: Bytes, order: Order, time_s: float = 0.0) -> Planes:
    """The planes of a packed R'G'B' picture: full-range BT.601 4:4:4, rounded.

    Args:
        picture: (H, W, 3) uint8, bytes from 0 to 255; it is copied.
        order: "bgr" for what OpenCV reads, "rgb" for Pillow and most others.
        time_s: When the frame was taken, in seconds from an arbitrary start.

    Raises:
        ValueError: ``picture`` has another shape or type, or ``order`` is unknown.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"picture has the shape {picture.shape}, expected (H, W, 3)")
    _check_bytes("picture", picture)
    return planes_from_packed(picture, _places(order), time_s)


def array_from_planes(planes: Planes, order: Order) -> Bytes:
    """A frame as a packed R'G'B' picture: (H, W, 3) uint8, contiguous, with memory of its own.

    The inverse of :func:`planes_from_array`, to a level or two. Any sub-sampling, range and matrix will do; grey gives
    three equal channels.

    Raises:
        ValueError: ``order`` is unknown.
    """
    places = _places(order)
    whole = convert(planes, "444", planes.format.full_range)
    turn = rgb_from_bytes(whole.format)[list(places)]
    # As floats: of bytes OpenCV takes products with ten bits, a tenth of a level too bright.
    samples = cv2.merge([whole.y, whole.u, whole.v]).astype(np.float32)
    picture = np.asarray(cv2.transform(samples, turn))
    return np.clip(np.rint(picture, out=picture), 0, 255, out=picture).astype(np.uint8)


def planes_from_yuv(
    y: Bytes,
    u: Bytes | None = None,
    v: Bytes | None = None,
    *,
    full_range: bool,
    matrix: Matrix = "bt601",
    time_s: float = 0.0,
) -> Planes:
    """A frame of bare planes; its sub-sampling (4:2:0, 4:2:2, 4:4:4 or grey) follows from their shapes.

    The arrays are not copied where their rows are contiguous.

    Args:
        y: (H, W) uint8: luma.
        u: (rows, columns) uint8: Cb; None for grey. Odd sizes are halved upwards.
        v: The same for Cr.
        full_range: Whether bytes go from 0 to 255 (webcams, JPEG), or luma from 16 to 235 and chroma to 240 (video).
        matrix: "bt601" (webcams, JPEG, small video) or "bt709" (HD video).
        time_s: When the frame was taken, in seconds from an arbitrary start.

    Raises:
        ValueError: the shapes fit no sub-sampling, or the arrays are not bytes.
    """
    u, v = (NO_CHROMA if plane is None else plane for plane in (u, v))
    for name, plane in (("y", y), ("u", u), ("v", v)):
        _check_bytes(name, plane)
    if y.ndim != 2 or not y.size:
        raise ValueError(f"y has the shape {y.shape}, expected (H, W)")
    subsamplings: tuple[Chroma, ...] = ("gray", "420", "422", "444")
    for chroma in subsamplings:
        layout = PlaneFormat(y.shape[1], y.shape[0], chroma, full_range, matrix)
        if u.shape == v.shape == layout.chroma_shape:
            return Planes(
                _with_whole_rows(y), _with_whole_rows(u), _with_whole_rows(v), layout, time_s
            )
    raise ValueError(f"u {u.shape} and v {v.shape} fit no sub-sampling of y {y.shape}")


def planes_from_packed(packed: Bytes, places: Sequence[int], time_s: float) -> Planes:
    """Packed R'G'B' as full-range BT.601 4:4:4, rounded (libswscale rounds chroma down, half a level on average).

    Args:
        packed: (H, W, samples) bytes.
        places: Where red, green and blue lie among the samples.
        time_s: When the frame was taken.
    """
    height, width, samples = packed.shape
    layout = PlaneFormat(width, height, "444", True, "bt601")
    turn = np.zeros((3, samples + 1))
    turn[:, [*places, samples]] = bytes_from_rgb(layout)
    y, u, v = (np.asarray(plane, np.uint8) for plane in cv2.split(cv2.transform(packed, turn)))
    return Planes(y, u, v, layout, time_s)


def _places(order: str) -> tuple[int, int, int]:
    if order not in _PLACES:
        raise ValueError(f"order is {order!r}, expected 'rgb' or 'bgr'")
    return _PLACES[order]


def _check_bytes(name: str, array: Bytes) -> None:
    if array.dtype != np.uint8:
        raise ValueError(f"{name} is {array.dtype}, expected uint8")


def _with_whole_rows(plane: Bytes) -> Bytes:
    """The plane, copied where its rows are not contiguous or lie from the bottom up."""
    whole = plane.size == 0 or (plane.strides[1] == 1 and plane.strides[0] >= plane.shape[1])
    return plane if whole else np.ascontiguousarray(plane)

"""Frames: ``VideoFrame`` or array ↔ byte planes ↔ tensors; nothing else knows strides, ranges and matrices.

* ``planes``   a frame as planes of bytes (``Planes``), and what it is made of (``PlaneFormat``)
* ``pyav``     to and from PyAV's ``VideoFrame``
* ``packed``   to and from NumPy arrays: R'G'B' pictures (H, W, 3), and bare planes
* ``fitting``  other sizes, and mirrored pictures
* ``colour``   ranges, matrices, chroma sub-sampling, and RGB tensors
"""

from ..arrays import Bytes
from .colour import convert, planes_from_rgb, rgb_tensor
from .fitting import fitted, mirrored
from .packed import array_from_planes, planes_from_array, planes_from_yuv
from .planes import Chroma, Matrix, PlaneFormat, Planes, black_planes, empty_planes
from .pyav import frame_from_planes, planes_from_frame, rgb_frame

__all__ = [
    "Bytes",
    "Chroma",
    "Matrix",
    "PlaneFormat",
    "Planes",
    "array_from_planes",
    "black_planes",
    "convert",
    "empty_planes",
    "fitted",
    "frame_from_planes",
    "mirrored",
    "planes_from_array",
    "planes_from_frame",
    "planes_from_rgb",
    "planes_from_yuv",
    "rgb_frame",
    "rgb_tensor",
]

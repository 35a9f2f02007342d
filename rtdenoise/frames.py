"""Frames as planes and tensors, and back: the one place that knows strides, ranges and matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Bytes = NDArray[np.uint8]
Chroma = Literal["420", "422", "444", "gray"]
Matrix = Literal["bt601", "bt709"]


@dataclass(frozen=True)
class PlaneFormat:
    """What the bytes of a frame mean.

    ``width`` and ``height`` are luma pixels; ``chroma`` is the sub-sampling; ``full_range`` tells 0–255 from
    16–235/240; ``matrix`` is the YCbCr matrix.
    """

    width: int
    height: int
    chroma: Chroma
    full_range: bool
    matrix: Matrix

    @property
    def chroma_shape(self) -> tuple[int, int]:
        """(rows, columns) of each chroma plane; (0, 0) for grey."""
        if self.chroma == "gray":
            return (0, 0)
        rows = (self.height + 1) // 2 if self.chroma == "420" else self.height
        columns = self.width if self.chroma == "444" else (self.width + 1) // 2
        return (rows, columns)


@dataclass(frozen=True)
class Planes:
    """One frame: three byte planes and what they mean.

    ``y`` is (height, width), ``u`` and ``v`` are ``format.chroma_shape``; all uint8, rows contiguous (a row
    stride wider than the row is allowed, so that a decoder's buffer is used as it is). ``time_s`` is when
    the frame was taken, in seconds from an arbitrary start. ``owner`` keeps a decoder's buffer alive.
    """

    y: Bytes
    u: Bytes
    v: Bytes
    format: PlaneFormat
    time_s: float
    owner: object = None

    def copy(self) -> Planes:
        """A frame with memory of its own, contiguous."""
        return Planes(self.y.copy(), self.u.copy(), self.v.copy(), self.format, self.time_s)


def planes_from_frame(frame: VideoFrame) -> Planes:
    """The planes of a decoded frame, without a copy where its layout is planar."""
    raise NotImplementedError


def frame_from_planes(planes: Planes) -> VideoFrame:
    """A ``VideoFrame`` with a copy of the planes, with its colour range and matrix set."""
    raise NotImplementedError


def convert(planes: Planes, chroma: Chroma, full_range: bool) -> Planes:
    """The same picture with another chroma sub-sampling or range; ``planes`` itself where nothing changes."""
    raise NotImplementedError


def rgb_tensor(planes: Planes, device: torch.device | str = "cpu") -> torch.Tensor:
    """The frame as R'G'B': (3, H, W) float32, nominally in [0, 1], not clipped."""
    raise NotImplementedError


def planes_from_rgb(rgb: torch.Tensor, format: PlaneFormat, time_s: float) -> Planes:
    """The inverse of :func:`rgb_tensor`: (3, H, W) floats to byte planes of ``format``, rounded and clipped."""
    raise NotImplementedError

"""What a frame is inside rtdenoise: three byte planes, and what their bytes mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from ..arrays import Bytes

Chroma = Literal["420", "422", "444", "gray"]
Matrix = Literal["bt601", "bt709", "bt2020", "smpte240m"]

NO_CHROMA: Bytes = np.empty((0, 0), np.uint8)


@dataclass(frozen=True)
class PlaneFormat:
    """What the bytes of a frame mean.

    ``width`` and ``height`` are luma pixels; ``chroma`` is the sub-sampling; ``full_range`` tells 0–255 from
    16–235/240; ``matrix`` is the YCbCr matrix.

    Raises:
        ValueError: there are no such pictures.
    """

    width: int
    height: int
    chroma: Chroma
    full_range: bool
    matrix: Matrix

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a picture of {self.width}×{self.height} pixels has none")
        for value, known in ((self.chroma, get_args(Chroma)), (self.matrix, get_args(Matrix))):
            if value not in known:
                raise ValueError(f"{value!r} is none of {', '.join(known)}")

    def __str__(self) -> str:
        return f"{self.width}×{self.height} {self.chroma}"

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

    Raises:
        ValueError: a plane isn't what ``format`` says.
    """

    y: Bytes
    u: Bytes
    v: Bytes
    format: PlaneFormat
    time_s: float
    owner: object = None

    def __post_init__(self) -> None:
        luma, chroma = (self.format.height, self.format.width), self.format.chroma_shape
        for name, plane, shape in (
            ("y", self.y, luma),
            ("u", self.u, chroma),
            ("v", self.v, chroma),
        ):
            if plane.shape != shape or plane.dtype != np.uint8:
                raise ValueError(f"{name} is {plane.dtype} {plane.shape}, expected uint8 {shape}")

    def copy(self) -> Planes:
        """A frame with memory of its own, contiguous."""
        return Planes(self.y.copy(), self.u.copy(), self.v.copy(), self.format, self.time_s)


def padded(plane: Bytes, room: Bytes) -> Bytes:
    """A plane as large as ``room``, its last row and column repeated, written there; the plane itself where it is."""
    below, right = room.shape[0] - plane.shape[0], room.shape[1] - plane.shape[1]
    if not below and not right:
        return plane
    cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE, dst=room)
    return room


def empty_planes(layout: PlaneFormat, time_s: float = 0.0) -> Planes:
    """Planes with memory of their own and undefined content, to be written into."""
    shape = layout.chroma_shape
    y = np.empty((layout.height, layout.width), np.uint8)
    return Planes(y, np.empty(shape, np.uint8), np.empty(shape, np.uint8), layout, time_s)


def black_planes(layout: PlaneFormat, time_s: float = 0.0) -> Planes:
    """A black picture."""
    black = empty_planes(layout, time_s)
    black.y[:] = 0 if layout.full_range else 16
    black.u[:], black.v[:] = 128, 128
    return black

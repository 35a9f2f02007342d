"""Which way is up: a picture that was stored lying on its side, upside down or mirrored, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .colour import convert
from .planes import PlaneFormat, Planes

_Sample = TypeVar("_Sample", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """What is done to a stored picture before it is shown: rows and columns exchanged, then mirrored.

    ``flip_x`` exchanges left and right, ``flip_y`` top and bottom, of what comes out of ``transposed``.
    """

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_exif(cls, number: int) -> Orientation:
        """That of EXIF's tag 274, 1…8; any other number is upright."""
        return _EXIF.get(number, UPRIGHT)

    @classmethod
    def from_rotation(cls, degrees: float) -> Orientation:
        """A turn against the clock, to the next quarter."""
        return {1: _EXIF[8], 2: _EXIF[3], 3: _EXIF[6]}.get(round(degrees / 90) % 4, UPRIGHT)

    @classmethod
    def from_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """That of a display matrix (a, b, u, c, d, v, …); one that is no turn by quarters counts as upright."""
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if not a and not d and b and c:
            return cls(True, c < 0, b < 0)
        if not b and not c and a and d:
            return cls(False, a < 0, d < 0)
        return UPRIGHT

    def inverse(self) -> Orientation:
        """What turns the shown picture back into the stored one."""
        if self.transposed:
            return Orientation(True, self.flip_y, self.flip_x)
        return self

    def then(self, other: Orientation) -> Orientation:
        """This one, and after it another one, in one."""
        across, down = (
            (self.flip_y, self.flip_x) if other.transposed else (self.flip_x, self.flip_y)
        )
        return Orientation(
            self.transposed != other.transposed, across != other.flip_x, down != other.flip_y
        )

    def turn(self, plane: NDArray[_Sample]) -> NDArray[_Sample]:
        """A plane (rows, columns), or a picture (rows, columns, samples), the right way up, contiguous."""
        if self.transposed:
            plane = plane.swapaxes(0, 1)
        if self.flip_x:
            plane = plane[:, ::-1]
        if self.flip_y:
            plane = plane[::-1]
        return np.ascontiguousarray(plane)


UPRIGHT = Orientation()
_EXIF = {
    1: UPRIGHT,
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}


def turned_format(layout: PlaneFormat, way: Orientation) -> PlaneFormat:
    """What :func:`turned` makes of frames of ``layout``."""
    if not way.transposed:
        return layout
    # Half the columns would become half the rows, which is no layout that encoders know.
    chroma = "444" if layout.chroma == "422" else layout.chroma
    return PlaneFormat(layout.height, layout.width, chroma, layout.full_range, layout.matrix)


def turned(planes: Planes, way: Orientation) -> Planes:
    """A frame the right way up; the frame itself where it is."""
    if way == UPRIGHT:
        return planes
    layout = turned_format(planes.format, way)
    if layout.chroma != planes.format.chroma:
        planes = convert(planes, layout.chroma, layout.full_range)
    y, u, v = (way.turn(plane) for plane in (planes.y, planes.u, planes.v))
    return Planes(y, u, v, layout, planes.time_s)

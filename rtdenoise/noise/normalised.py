"""Planes in units of their noise, and back: bytes through a camera's variance-stabilising transforms."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes, Floats
from ..frames import Planes
from .dct import BLOCK, split
from .fields import field
from .model import PLANES, NoiseModel
from .vst import stabilisers

_STEPS = 1 << 14
_FIELD = 256  # pixels along each side of the noise that is sent through the transform
# A camera's JPEG can leave a coefficient without any noise, which must not become infinitely telling.
LEAST_BAND_STD = 0.02


class Normalised:
    """The transforms of one camera's three planes.

    Attributes:
        forward: per plane, the value of each byte in units of noise, (256,), rising from 0.

    Args:
        model: The camera's noise; chroma as in the frames.
    """

    def __init__(self, model: NoiseModel) -> None:
        self.forward: list[Floats] = []
        self._levels: list[Floats] = []
        for stabiliser in stabilisers(model):
            high = float(stabiliser.forward[-1])
            self.forward.append(stabiliser.forward)
            self._levels.append(stabiliser.inverse_table(0.0, high, _STEPS))
        self._bytes = [np.rint(levels).astype(np.uint8) for levels in self._levels]

    def units(self, index: int, plane: Bytes, out: Floats) -> None:
        """The bytes of plane 0, 1 or 2 in units of noise, to ``out``."""
        cv2.LUT(plane, self.forward[index], dst=out)

    def byte_values(self, index: int, plane: Floats, out: Bytes) -> None:
        """The way back, by the exact unbiased inverse, rounded, to ``out``."""
        np.take(self._bytes[index], self._places(index, plane), out=out, mode="clip")

    def table(self, index: int) -> tuple[float, Bytes]:
        """The way back for a plane, (scale, table): ``table[round(scale · value)]`` is the byte.

        The table has 65536 places, so that none needs to be checked.
        """
        levels = self._bytes[index]
        table = np.concatenate([levels, np.full((1 << 16) - _STEPS, levels[-1], np.uint8)])
        return (_STEPS - 1) / float(self.forward[index][-1]), table

    def as_in(self, other: Normalised, index: int, plane: Floats) -> Floats:
        """Values of a plane after these transforms as they would be after ``other``."""
        levels = self._levels[index]
        table = np.interp(levels, np.arange(256), other.forward[index]).astype(np.float32)
        return np.asarray(np.take(table, self._places(index, plane), mode="clip"))

    def _places(self, index: int, plane: Floats) -> NDArray[np.uint16]:
        scale = (_STEPS - 1) / float(self.forward[index][-1])
        places = cv2.addWeighted(plane, scale, plane, 0, 0, dtype=cv2.CV_16U)
        return np.asarray(places, np.uint16)


def band_std_of(model: NoiseModel) -> Floats:
    """The standard deviation of the noise in each coefficient, in units of a pixel's noise, (24,).

    As measured in flat places, where the model has it; else as noise with the correlation of each plane would have it.

    Args:
        model: The camera's noise, chroma 4:2:0.
    """
    band_std = np.asarray(model.band_std, np.float32)
    if not model.band_std:
        sizes = (_FIELD, _FIELD // 2, _FIELD // 2)
        y, u, v = (
            field(model.plane(name), (size, size), seed)
            for seed, (name, size) in enumerate(zip(PLANES, sizes, strict=True))
        )
        band_std = np.sqrt(np.mean(np.square(split(y, u, v)), axis=(1, 2)))
    return np.asarray(np.maximum(band_std, LEAST_BAND_STD), np.float32)


def frame_coefficients(normalised: Normalised, planes: Planes) -> Floats:
    """The coefficients of a 4:2:0 frame in units of a pixel's noise, (24, H // 4, W // 4); odd edges are left out."""
    rows, columns = planes.y.shape[0] // BLOCK * BLOCK, planes.y.shape[1] // BLOCK * BLOCK
    units = []
    for index, plane in enumerate((planes.y, planes.u, planes.v)):
        n = 1 if index == 0 else 2
        inside = np.ascontiguousarray(plane[: rows // n, : columns // n])
        out = np.empty(inside.shape, np.float32)
        normalised.units(index, inside, out)
        units.append(out)
    return split(*units)

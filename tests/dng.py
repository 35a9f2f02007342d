"""Raw files for tests: uncompressed Bayer DNGs (Adobe's DNG specification 1.4) of a scene whose colours are known."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLACK, WHITE = 256, 4095  # levels of the sensor, 12 bits
NEUTRAL = (0.5, 1.0, 0.625)  # what the sensor gives for white, by colour
# Linear sRGB of CIE XYZ (IEC 61966-2-1); a sensor with just these colours, less sensitive to red and blue.
_SRGB_OF_XYZ = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_PRECISION = 10_000
_D65 = 21


def mosaic(scene: Floats, noise: float = 0.0, seed: int = 0) -> NDArray[np.uint16]:
    """What an RGGB sensor gives for a scene: (rows, columns) in its levels.

    Args:
        scene: (rows, columns, 3), linear sRGB from 0 to 1.
        noise: Standard deviation of the photons' at white, in the sensor's levels.
        seed: Of the noise.
    """
    seen = scene * np.array(NEUTRAL)
    bayer = seen[..., 1].copy()
    bayer[0::2, 0::2], bayer[1::2, 1::2] = seen[0::2, 0::2, 0], seen[1::2, 1::2, 2]
    levels = BLACK + bayer * (WHITE - BLACK)
    levels += noise * np.sqrt(bayer) * np.random.default_rng(seed).standard_normal(levels.shape)
    return np.asarray(levels.round().clip(0, WHITE), np.uint16)


def srgb(linear: Floats) -> Floats:
    """Levels of 255 of linear sRGB, by IEC 61966-2-1."""
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(curved * 255)


def write_dng(path: Path, levels: NDArray[np.uint16], orientation: int = 1) -> Path:
    """Writes a DNG of one strip; ``orientation`` is EXIF's, 1 to 8."""
    rows, columns = levels.shape
    matrix = (np.diag(NEUTRAL) @ _SRGB_OF_XYZ).ravel()
    entries: list[tuple[int, int, int, bytes]] = [
        (254, _LONG, 1, struct.pack("<I", 0)),  # NewSubfileType: the picture itself
        (256, _LONG, 1, struct.pack("<I", columns)),
        (257, _LONG, 1, struct.pack("<I", rows)),
        (258, _SHORT, 1, struct.pack("<H", 16)),
        (259, _SHORT, 1, struct.pack("<H", 1)),  # uncompressed
        (262, _SHORT, 1, struct.pack("<H", 32803)),  # a colour filter array
        (271, _ASCII, 5, b"None\0"),
        (272, _ASCII, 5, b"Test\0"),
        (273, _LONG, 1, b""),  # where the strip is: filled in below
        (274, _SHORT, 1, struct.pack("<H", orientation)),
        (277, _SHORT, 1, struct.pack("<H", 1)),
        (278, _LONG, 1, struct.pack("<I", rows)),
        (279, _LONG, 1, struct.pack("<I", levels.nbytes)),
        (33421, _SHORT, 2, struct.pack("<HH", 2, 2)),  # CFARepeatPatternDim
        (33422, _BYTE, 4, bytes([0, 1, 1, 2])),  # CFAPattern: RGGB
        (50706, _BYTE, 4, bytes([1, 4, 0, 0])),  # DNGVersion
        (50707, _BYTE, 4, bytes([1, 1, 0, 0])),  # DNGBackwardVersion
        (50708, _ASCII, 10, b"None Test\0"),  # UniqueCameraModel
        (50714, _SHORT, 1, struct.pack("<H", BLACK)),
        (50717, _SHORT, 1, struct.pack("<H", WHITE)),
        (50721, _SRATIONAL, 9, _fractions(matrix, "<2i")),  # ColorMatrix1
        (50728, _RATIONAL, 3, _fractions(np.array(NEUTRAL), "<2I")),  # AsShotNeutral
        (50778, _SHORT, 1, struct.pack("<H", _D65)),  # CalibrationIlluminant1
    ]
    after = 8 + 2 + 12 * len(entries) + 4
    strip = after + sum(len(data) + len(data) % 2 for *_, data in entries if len(data) > 4)
    directory, beyond = struct.pack("<H", len(entries)), b""
    for tag, kind, count, data in entries:
        if tag == 273:
            data = struct.pack("<I", strip)
        if len(data) > 4:
            place = struct.pack("<I", after + len(beyond))
            beyond += data + b"\0" * (len(data) % 2)
            data = place
        directory += struct.pack("<HHI4s", tag, kind, count, data)
    head = struct.pack("<2sHI", b"II", 42, 8)
    path.write_bytes(head + directory + bytes(4) + beyond + levels.astype("<u2").tobytes())
    return path


def _fractions(values: Floats, form: str) -> bytes:
    return b"".join(struct.pack(form, round(v * _PRECISION), _PRECISION) for v in values)

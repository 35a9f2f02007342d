"""The simulated camera's processor: from the raw mosaic to the Y'CbCr 4:2:2 picture that it sends.

Demosaic, white balance and colour matrix, tone curve, noise reduction, sharpening: the usual steps of a
webcam. They turn white noise into what webcams deliver: smooth in luma, blotchy in chroma.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ...frames import Bytes, PlaneFormat, Planes
from .sensor import BLACK, COLOUR_MATRIX, SPAN, WHITE_BALANCE, Words

_TONE_BLACK = 13107.0  # room for values below black, so that filters average them without a bias
_TONE_SPAN = 65535.0 - _TONE_BLACK
_TO_BYTES = 255.0 / _TONE_SPAN


@dataclass(frozen=True)
class Processing:
    """Strength of the processor's filters; lengths are standard deviations in pixels of the plane."""

    luma_blur: float = 0.85
    sharpening: float = 0.35
    sharpening_radius: float = 1.6
    chroma_blur: float = 1.2
    chroma_blotch: float = 4.0
    chroma_blotch_share: float = 0.6

    @property
    def reach(self) -> int:
        """How far, in luma pixels, a pixel's light spreads at most (chroma columns are two wide)."""
        return 2 * _aperture(self.chroma_blotch) + 4


def develop(raw: Words, format: PlaneFormat, time_s: float, processing: Processing) -> Planes:
    """The picture of a raw frame.

    Args:
        raw: RGGB mosaic, (H, W), black at ``BLACK``.
        format: Full-range BT.601 4:2:2, of the mosaic's size.
        time_s: When the frame was taken.
        processing: Strength of the filters.
    """
    colours = cv2.demosaicing(raw, cv2.COLOR_BayerRGGB2RGB)  # bilinear
    colours = cv2.transform(colours, _colour_transform())
    toned = _lookup(colours, _tone_table())
    luma, red, blue = cv2.split(cv2.cvtColor(toned, cv2.COLOR_RGB2YCrCb))
    return Planes(
        _luma(luma, processing), _chroma(blue, processing), _chroma(red, processing), format, time_s
    )


def _luma(luma: Words, processing: Processing) -> Bytes:
    smooth = _blur(luma.astype(np.float32), processing.luma_blur)
    wide = _blur(smooth, processing.sharpening_radius)
    amount = processing.sharpening
    sharp: Bytes = cv2.addWeighted(
        smooth,
        (1 + amount) * _TO_BYTES,
        wide,
        -amount * _TO_BYTES,
        -_TONE_BLACK * _TO_BYTES,
        dtype=cv2.CV_8U,
    )
    return sharp


def _chroma(chroma: Words, processing: Processing) -> Bytes:
    height, width = chroma.shape
    half = cv2.resize(chroma.astype(np.float32), (width // 2, height), interpolation=cv2.INTER_AREA)
    fine = _blur(half, processing.chroma_blur)
    coarse = _blur(half, processing.chroma_blotch)
    share = processing.chroma_blotch_share
    mixed: Bytes = cv2.addWeighted(
        fine,
        (1 - share) * _TO_BYTES,
        coarse,
        share * _TO_BYTES,
        128 - 32768 * _TO_BYTES,
        dtype=cv2.CV_8U,
    )
    return mixed


def _aperture(sigma: float) -> int:
    return 2 * round(2.5 * sigma) + 1


def _blur(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    size = _aperture(sigma)
    blurred: NDArray[np.float32] = cv2.GaussianBlur(plane, (size, size), sigma)
    return blurred


@cache
def _colour_transform() -> NDArray[np.float32]:
    """White balance and colour matrix as one, black kept where it is: (3, 4)."""
    matrix = COLOUR_MATRIX * WHITE_BALANCE[None, :]
    offset = BLACK - matrix @ np.full(3, BLACK, np.float32)
    return np.hstack([matrix, offset[:, None]]).astype(np.float32)


@cache
def _tone_table() -> Words:
    """The BT.709 curve for all raw values; below black its straight part goes on."""
    linear = (np.arange(65536) - BLACK) / SPAN
    toned = np.where(
        linear < 0.018, 4.5 * linear, 1.099 * np.maximum(linear, 0.018) ** 0.45 - 0.099
    )
    return np.clip(np.round(_TONE_BLACK + toned * _TONE_SPAN), 0, 65535).astype(np.uint16)


def _lookup(values: Words, table: Words) -> Words:
    """Table look-up of 16-bit values; OpenCV does it itself since 4.12."""
    if _OPENCV_LOOKS_UP_WORDS:
        found: Words = cv2.LUT(values, table)
        return found
    return table[values]


def _opencv_looks_up_words() -> bool:
    try:
        cv2.LUT(np.zeros((1, 1), np.uint16), np.zeros(65536, np.uint16))
    except cv2.error:
        return False
    return True


_OPENCV_LOOKS_UP_WORDS = _opencv_looks_up_words()

"""The simulated camera's processor: from the raw mosaic to the Y'CbCr 4:2:2 picture that it sends.

Demosaic, white balance and colour matrix, tone curve, noise reduction, sharpening: the usual steps of a
webcam. They turn white noise into what webcams deliver: smooth in luma, blotchy in chroma.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import cv2
import numpy as np

from ...arrays import Bytes, Floats
from ...frames import PlaneFormat, Planes
from .edges import EdgeFilter, EdgeProcessing, Structure
from .sensor import BLACK, COLOUR_MATRIX, SPAN, WHITE_BALANCE, Words

_TONE_BLACK = 13107.0  # room for values below black, so that filters average them without a bias
_TONE_SPAN = 65535.0 - _TONE_BLACK
_TO_BYTES = 255.0 / _TONE_SPAN
_BLACK = -_TONE_BLACK * _TO_BYTES


@dataclass(frozen=True)
class Processing:
    """Strength of the processor's filters.

    ``blur`` is the noise reduction of all colours, in linear light; ``sharpening`` and ``sharpening_radius`` an
    unsharp mask of the luma; ``chroma_blur`` and, coarser, ``chroma_blotch`` the noise reduction of the colour
    differences, mixed by ``chroma_blotch_share``. Lengths are standard deviations in luma pixels. ``edges`` are
    filters of the luma that go by edges, in place of the unsharp mask; None where all places are treated alike.
    """

    blur: float = 0.85
    sharpening: float = 0.35
    sharpening_radius: float = 1.6
    chroma_blur: float = 2.0
    chroma_blotch: float = 6.0
    chroma_blotch_share: float = 0.6
    edges: EdgeProcessing | None = None

    @property
    def reach(self) -> int:
        """How far, in luma pixels, a pixel's light spreads at most."""
        return round(3 * self.chroma_blotch) + 8


PROCESSINGS = {
    "none": Processing(),
    "mild": Processing(blur=0.65, edges=EdgeProcessing(1.5, 3.0, 0.5, 24.0)),
    "strong": Processing(
        blur=0.4,
        chroma_blur=2.5,
        chroma_blotch=8.0,
        edges=EdgeProcessing(3.5, 8.0, 1.0, 56.0),
    ),
}
"""By name, as in the camera's option ``processing``."""


class Processor:
    """Turns raw frames of one size into pictures. Not for two threads at once: it keeps its buffers.

    Args:
        layout: Full-range BT.601 4:2:2, of the mosaic's size.
        processing: Strength of the filters.
    """

    def __init__(self, layout: PlaneFormat, processing: Processing) -> None:
        self._layout, self._processing = layout, processing
        # Fresh memory for each of these steps would take longer than the steps themselves.
        shape = (layout.height, layout.width, 3)
        self._words = [np.empty(shape, np.uint16) for _ in range(2)]
        self._floats = [np.empty(shape, np.float32) for _ in range(2)]
        self._edges: EdgeFilter | None = None
        if processing.edges is not None:
            self._edges = EdgeFilter(layout.height, layout.width, processing.edges)

    def develop(self, raw: Words, time_s: float, structure: Structure | None = None) -> Planes:
        """The picture of a raw frame, with memory of its own.

        Args:
            raw: RGGB mosaic, (H, W), black at ``BLACK``.
            time_s: When the frame was taken.
            structure: Where the picture's edges are, for a processor that goes by them; None where all is flat.
        """
        words, other = self._words
        linear, smooth = self._floats
        cv2.demosaicing(raw, cv2.COLOR_BayerRGGB2RGB, dst=words)  # bilinear
        # Noise reduction comes before the tone curve: the mean of a curved function is not the function
        # of the mean, and strong noise would darken the picture.
        np.copyto(linear, words)
        _blur(linear, self._processing.blur, smooth)
        cv2.transform(smooth, _colour_transform(), dst=linear)
        cv2.addWeighted(linear, 1, linear, 0, 0, dst=words, dtype=cv2.CV_16U)
        _lookup(words, _tone_table(), other)
        cv2.cvtColor(other, cv2.COLOR_RGB2YCrCb, dst=words)
        luma, red, blue = cv2.split(words)
        if self._edges is None:
            y = _luma(cast("Words", luma), self._processing)
        else:
            plain = cv2.addWeighted(luma, _TO_BYTES, luma, 0, _BLACK, dtype=cv2.CV_32F)
            filtered = self._edges(cast("Floats", plain), structure)
            y = cast("Bytes", cv2.addWeighted(filtered, 1, filtered, 0, 0, dtype=cv2.CV_8U))
        u, v = (_chroma(cast("Words", plane), self._processing) for plane in (blue, red))
        return Planes(y, u, v, self._layout, time_s)


def _luma(luma: Words, processing: Processing) -> Bytes:
    """Sharpens: (H, W) words to bytes."""
    fine = cast("Floats", luma.astype(np.float32))
    wide = _blur(fine, processing.sharpening_radius)
    amount = processing.sharpening
    sharp = cv2.addWeighted(
        fine, (1 + amount) * _TO_BYTES, wide, -amount * _TO_BYTES, _BLACK, dtype=cv2.CV_8U
    )
    return cast("Bytes", sharp)


def _chroma(chroma: Words, processing: Processing) -> Bytes:
    """Smooths and halves the columns: (H, W) words to (H, W/2) bytes."""
    height, width = chroma.shape
    # On a grid of half the size, the same blur costs a quarter and more.
    half = cv2.resize(chroma, (width // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    halved = cast("Floats", half.astype(np.float32))
    fine = _blur(halved, processing.chroma_blur / 2)
    small = cv2.resize(halved, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    coarse = _blur(cast("Floats", small), processing.chroma_blotch / 4)
    wide = cv2.resize(coarse, half.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = processing.chroma_blotch_share
    middle = 128 - 32768 * _TO_BYTES
    mixed = cv2.addWeighted(
        fine, (1 - share) * _TO_BYTES, wide, share * _TO_BYTES, middle, dtype=cv2.CV_32F
    )
    full = cv2.resize(mixed, (width // 2, height), interpolation=cv2.INTER_LINEAR)
    return cast("Bytes", cv2.addWeighted(full, 1, full, 0, 0, dtype=cv2.CV_8U))


def _blur(plane: Floats, sigma: float, out: Floats | None = None) -> Floats:
    size = 2 * round(2.5 * sigma) + 1
    return cast("Floats", cv2.GaussianBlur(plane, (size, size), sigma, dst=out))


@cache
def _colour_transform() -> Floats:
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


def _lookup(values: Words, table: Words, out: Words) -> None:
    """Table look-up of 16-bit values; OpenCV does it itself since 4.12."""
    if _OPENCV_LOOKS_UP_WORDS:
        cv2.LUT(values, table, dst=out)
    else:
        np.take(table, values, out=out)


def _opencv_looks_up_words() -> bool:
    try:
        cv2.LUT(np.zeros((1, 1), np.uint16), np.zeros(65536, np.uint16))
    except cv2.error:
        return False
    return True


_OPENCV_LOOKS_UP_WORDS = _opencv_looks_up_words()

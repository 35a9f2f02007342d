"""What a method took away: is it noise, or also the picture?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rtdenoise.arrays import Floats, Mask

_DETAIL = 2.0  # pixels: detail is what a Gaussian of this width takes away


@dataclass(frozen=True)
class Removed:
    """How like noise the removed luma is.

    ``lag1`` is its correlation with the neighbouring pixel, mean of across and down, and ``noise_lag1`` that of the
    camera's own noise: what is nearer to 1 than the noise removes broad patches, what is nearer to 0 removes the fine
    grain only. ``detail`` is its correlation with the detail of the mean of the other frames: 0 where noise alone was
    removed, above 0 where the picture became softer, below where it became sharper.
    """

    lag1: float
    noise_lag1: float
    detail: float


def removed(noisy: Floats, cleaned: Floats, noise: Floats, mean: Floats, mask: Mask) -> Removed:
    """Looks at what was removed.

    Args:
        noisy: Luma of the camera's frame, (h, w).
        cleaned: Luma of the result.
        noise: The difference of two frames of the camera, or any other picture of its noise.
        mean: The mean of frames other than this one, for its detail.
        mask: The pixels that count.
    """
    difference = noisy - cleaned
    detail = mean - cv2.GaussianBlur(mean, (0, 0), _DETAIL)
    return Removed(
        _lag1(difference, mask), _lag1(noise, mask), _correlation(difference, detail, mask)
    )


def _lag1(picture: Floats, mask: Mask) -> float:
    across = _correlation(picture[:, 1:], picture[:, :-1], mask[:, 1:] & mask[:, :-1])
    down = _correlation(picture[1:], picture[:-1], mask[1:] & mask[:-1])
    return (across + down) / 2


def _correlation(a: Floats, b: Floats, mask: Mask) -> float:
    """Of two pictures; 0 where one of them is even."""
    if not mask.any():
        return 0.0
    x, y = (picture[mask].astype(np.float64) for picture in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-12 else 0.0

"""Where a picture is neither crushed nor blown out: there it tells a camera's noise."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from rtdenoise.arrays import Mask
from rtdenoise.frames import Planes
from rtdenoise.noise.running import BRIGHTEST, DARKEST

_LEAST = 0.02  # of the still pixels; where fewer are exposed, all have to do


def exposed(frames: Sequence[Planes], mask: Mask) -> Mask:
    """Which luma pixels are neither crushed nor blown out, (H, W); all where fewer than 2 % of the still ones are.

    Args:
        frames: of one series.
        mask: Which luma pixels are still, (H, W).
    """
    mean = np.zeros(mask.shape, np.float32)
    for planes in frames:
        cv2.accumulate(planes.y, mean)
    mean /= len(frames)
    # Of full range. Beyond, the bends of tone curves and clipping leave little of luma's noise and less of chroma's.
    low, high = DARKEST, BRIGHTEST
    if not frames[0].format.full_range:
        low, high = (16 + level * 219 / 255 for level in (low, high))
    found = (mean > low) & (mean < high)
    if not mask.any() or float(found[mask].mean()) < _LEAST:
        return np.ones_like(mask)
    return np.asarray(found)

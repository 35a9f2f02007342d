"""By how much noise makes a camera's picture darker in the mean.

The sensor's noise comes before the tone curve, which is steep in the dark and flat in the light: noise takes away more
than it adds, and the mean of many frames is darker than the scene, by about ½ |g″|/g′² σ² for a curve g; at high
noise that is one or two levels. No number of frames of one camera shows it. A base network has learned it in part,
from simulated cameras whose truth is known, and clips made of a camera's own series must not make it forget.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles
from rtdenoise.noise import NoiseCurve

from .camera import LUMA
from .tone import BT709

# Red, green and blue have noise of their own, of which luma is a weighted mean: its variance is smaller than theirs by
# the sum of the squared weights, and each of them has met the tone curve with all of its own.
_OF_CHANNEL = 1 / sum(weight**2 for weight in LUMA)
# Standard deviations of the noise that are looked at, and at how many places.
_REACH, _STEPS = 4.0, 81
_FINE = 1 << 14


def darkening(curve: NoiseCurve) -> NDArray[np.float32]:
    """By how many bytes the mean of luma lies below each true level, (256,).

    Supposes that all noise comes from the sensor and that the camera's tone curve is BT.709's. On thirty random
    simulated cameras (BT.709, sRGB and other curves, sharpened or not) what is left of the difference in brightness is
    three quarters in the median: the right sign and size, and no more.

    Args:
        curve: the variance of luma in frames of full range.
    """
    light = np.linspace(-0.5, 1.5, _FINE)
    toned = _toned(light)
    levels = np.arange(256) / 255
    inside = light <= 1  # beyond it is nothing but white
    at = np.interp(levels, toned[inside], light[inside])
    slope = np.interp(at, light, np.gradient(toned, light))
    deviation = np.sqrt(curve.table() * _OF_CHANNEL) / 255 / np.maximum(slope, 1e-3)
    places = np.linspace(-_REACH, _REACH, _STEPS)
    weights = np.exp(-0.5 * places**2)
    around = _toned(at[:, None] + deviation[:, None] * places)
    mean = around @ (weights / weights.sum())
    return np.asarray(255 * (levels - mean), np.float32)


def _toned(light: Doubles) -> Doubles:
    return np.asarray(BT709(torch.from_numpy(light)).numpy())

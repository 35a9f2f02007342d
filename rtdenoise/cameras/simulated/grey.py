"""The simulated camera's noise on even grey: what a measured noise model is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...frames import PlaneFormat, Planes, planes_from_frame
from ...noise import NoiseCurve
from .jpeg import JpegDecoder, JpegEncoder
from .processor import Processing, Processor
from .sensor import Sensor, SensorParameters, mosaic, respond

_PATCH = 96  # pixels, a multiple of JPEG's blocks
_BORDER = 16  # filters reach past the edge there
_BRIGHTEST = 0.8  # linear; above it noise would be cut off at white


@dataclass(frozen=True)
class GreyNoise:
    """Noise on even greys: mean luma levels, and the variance of each plane there, in bytes and squared bytes."""

    levels: tuple[float, ...]
    y: tuple[float, ...]
    u: tuple[float, ...]
    v: tuple[float, ...]

    def curve(self) -> NoiseCurve:
        """The luma noise as a curve over levels."""
        return NoiseCurve(self.levels, self.y)


def measure_grey(
    parameters: SensorParameters,
    processing: Processing,
    quantiser: int | None,
    steps: int,
    frames: int,
) -> GreyNoise:
    """Renders even patches with a sensor that has no fixed pattern and measures them.

    Args:
        parameters: The sensor.
        processing: The processor's filters.
        quantiser: JPEG's quantiser; None leaves JPEG out.
        steps: How many greys.
        frames: How many patches per grey.
    """
    layout = PlaneFormat(_PATCH, _PATCH, "422", full_range=True, matrix="bt601")
    sensor = Sensor(parameters, _PATCH, _PATCH, pattern_seed=None)
    processor = Processor(layout, processing)
    encoder = JpegEncoder(_PATCH, _PATCH, Fraction(30), quantiser) if quantiser else None
    decoder = JpegDecoder()
    rows: list[tuple[float, float, float, float]] = []
    for step in range(steps):
        grey = _BRIGHTEST * ((step + 0.5) / steps) ** 2.2
        light = mosaic(respond(np.full((_PATCH, _PATCH, 3), grey, np.float32)))
        patches: list[Planes] = []
        for index in range(frames):
            planes = processor.develop(sensor.expose(light, (0x6E, step, index)), 0.0)
            if encoder is not None:
                (frame,) = decoder.decode(encoder.encode(planes, index))
                planes = planes_from_frame(frame).copy()
            patches.append(planes)
        y, u, v = (
            np.stack([getattr(p, name)[_BORDER:-_BORDER, _BORDER:-_BORDER] for p in patches])
            for name in "yuv"
        )
        rows.append((float(y.mean()), float(y.var()), float(u.var()), float(v.var())))
    levels, variances_y, variances_u, variances_v = zip(*rows, strict=True)
    return GreyNoise(levels, variances_y, variances_u, variances_v)

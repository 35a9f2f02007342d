"""Draws cameras at random: a wide range that holds the simulated camera's defaults and what real cameras do.

What real cameras do is measured in docs/real-cameras.md.
"""

from __future__ import annotations

import numpy as np

from rtdenoise.arrays import Doubles
from rtdenoise.cameras.simulated.sensor import SensorParameters

from .camera import CameraParameters
from .operators import smooth_steps
from .plane_camera import EdgeNoise, PlaneParameters
from .processing import Processing
from .tone import BT709, SRGB, tone_of

_PROCESSED = 0.65  # share of the cameras that look at edges
_KEEN = 0.7  # … of these that sharpen what was not blurred before
_RECURSIVE = 0.35  # … whose noise is carried on from frame to frame
_CARRIED = (0.05, 0.42)
_UNEVEN = 0.7  # … of those known by their noise that have more of it at edges
_STRONG, _SHARPENS, _TREMBLES = 0.6, 0.75, 0.25  # … of those that look at edges


def random_temporal(random: np.random.Generator) -> float:
    """By how much a camera's own temporal filter makes the noise of neighbouring frames alike."""
    return random.uniform(*_CARRIED) if random.random() < _RECURSIVE else 0.0


def random_processing(random: np.random.Generator) -> Processing:
    """Draws a processor: half of them of any strength, half of them strong, as those of small computers are."""
    trembling = spread(random, 0.01, 0.1) if random.random() < _TREMBLES else 0.0
    if random.random() < _STRONG:
        return Processing(
            smoothing=random.uniform(0.9, 1),
            width=random.uniform(0.9, 1.9),
            along=spread(random, 0.4, 1.1),
            half=spread(random, 1.5, 6),
            sharpening=spread(random, 1.5, 14),
            radius=random.uniform(0.7, 1.5),
            limit=spread(random, 20, 120),
            trembling=trembling,
        )
    return Processing(
        smoothing=random.uniform(0.3, 1),
        width=random.uniform(0.8, 1.6),
        along=spread(random, 0.4, 1.2),
        half=spread(random, 2, 12),
        sharpening=spread(random, 0.3, 5) if random.random() < _SHARPENS else 0.0,
        radius=random.uniform(0.8, 2),
        limit=spread(random, 6, 60),
        trembling=trembling,
    )


def random_edge_noise(random: np.random.Generator) -> EdgeNoise:
    """Draws how much noise there is at edges: from hardly more to as much as cameras have, see ``EdgeNoise``."""
    return EdgeNoise(spread(random, 1.5, 1500), spread(random, 2, 8), spread(random, 0.3, 1.2))


def spread(random: np.random.Generator, low: float, high: float) -> float:
    """A number that is evenly spread over the logarithm."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def random_parameters(random: np.random.Generator) -> CameraParameters:
    """Draws a camera from a wide range that holds the simulated camera's defaults."""
    processing = random_processing(random) if random.random() < _PROCESSED else None
    # What smooths walls by itself needs no blur before; its chroma is often blotchy. Nobody sharpens the strongest
    # noise.
    keen = processing is not None and random.random() < _KEEN
    gain = spread(random, 2, 40 if keen else 150)
    some = random.uniform
    sensor = SensorParameters(
        gain,
        read_noise=some(1, 4),
        prnu=some(0, 0.012),
        dark=some(0, 1),
        column=some(0, 0.3),
        row=some(0, 0.5),
    )
    tones = (BT709, BT709, SRGB, tone_of(some(0.38, 0.6), some(0.03, 0.12)))
    kind = random.random()
    quantiser = int(random.integers(2, 9)) if kind < 0.5 else None
    quality = int(random.integers(70, 97)) if 0.5 <= kind < 0.75 else None
    return CameraParameters(
        sensor,
        blur=some(0, 0.5) if keen else some(0, 1.3),
        sharpening=some(0, 0.8),
        sharpening_radius=some(1, 2.2),
        chroma_blur=some(0.5, 3),
        chroma_blotch=some(3, 16) if keen else some(3, 9),
        chroma_blotch_share=some(0.5, 1) if keen else some(0, 0.8),
        tone=tones[int(random.integers(len(tones)))],
        white_balance=(some(1.2, 2.2), some(1.3, 2.5)),
        colourfulness=some(0, 1.3),
        quantiser=quantiser,
        quality=quality,
        chroma="422" if random.random() < 0.6 else "420",
        processing=processing,
        temporal=random_temporal(random),
    )


def random_plane_parameters(random: np.random.Generator) -> PlaneParameters:
    """Draws a noise model: smooth curves, weak to strong correlation, sometimes in time."""
    some = random.uniform
    luma = np.exp(some(np.log(0.6), np.log(12)))
    curves: list[Doubles] = []
    for scale in (luma, luma * np.exp(some(-1.4, 0.2)), luma * np.exp(some(-1.4, 0.2))):
        knots = random.normal(0, 0.5 if not curves else 0.25, 5)
        bends = smooth_steps(256, 5) @ knots
        curves.append(np.clip(scale * np.exp(bends), 0.15, 20))
    # Widths of 0.45 … 1.25 pixels give correlations of 0.3 … 0.85 between neighbours.
    width = some(0.45, 1.25) if random.random() < 0.7 else some(0, 0.5)
    widths = width * np.exp(random.normal(0, 0.15, (3, 2)))
    widths[1:] = np.maximum(widths[1:], some(0, 1.5))
    jpeg = random.random()
    return PlaneParameters(
        np.stack(curves),
        widths,
        some(2, 5),
        some(0, 0.7) if random.random() < 0.6 else 0.0,
        random_temporal(random),
        luma * some(0, 0.15) if random.random() < 0.3 else 0.0,
        random_edge_noise(random) if random.random() < _UNEVEN else None,
        int(random.integers(2, 9)) if jpeg < 0.25 else None,
        int(random.integers(70, 97)) if 0.25 <= jpeg < 0.4 else None,
    )

from dataclasses import replace

import numpy as np
import pytest

from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS, split
from rtdenoise.noise.fields import field
from rtdenoise.noise.normalised import (
    LEAST_BAND_STD,
    Normalised,
    band_std_of,
    frame_coefficients,
)

WIDTH, HEIGHT = 256, 192
LAYOUT = PlaneFormat(WIDTH, HEIGHT, "420", True, "bt601")
LUMA = PlaneNoise(NoiseCurve((0.0, 128.0, 255.0), (4.0, 16.0, 25.0)), (0.6, 0.2), (0.6, 0.2))
CHROMA = PlaneNoise(NoiseCurve((128.0,), (6.0,)), (0.8, 0.5, 0.2), (0.8, 0.5, 0.2))
MODEL = NoiseModel(LUMA, CHROMA, CHROMA, chroma="420")


def frame(seed: int, moving: bool = False) -> Planes:
    """A ramp with the model's noise; a bright square that jumps about where ``moving``."""
    ramp = np.tile(np.linspace(30, 220, WIDTH, dtype=np.float32), (HEIGHT, 1))
    if moving:
        ramp[40:100, 20 + 9 * seed : 80 + 9 * seed] = 240
    y = ramp + np.sqrt(LUMA.curve.variance(ramp)) * field(LUMA, ramp.shape, 3 * seed)
    small = (HEIGHT // 2, WIDTH // 2)
    u, v = (128 + np.sqrt(6) * field(CHROMA, small, 3 * seed + k) for k in (1, 2))
    planes = [np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in (y, u, v)]
    return Planes(planes[0], planes[1], planes[2], LAYOUT, seed / 30)


def test_there_and_back_is_the_same_byte_where_there_is_little_noise() -> None:
    quiet = PlaneNoise(NoiseCurve((0.0, 255.0), (0.3, 0.5)))
    normalised = Normalised(NoiseModel(quiet, quiet, quiet))
    plane = np.arange(3, 250, dtype=np.uint8)[None].repeat(2, 0)
    units, back = np.empty(plane.shape, np.float32), np.empty(plane.shape, np.uint8)
    normalised.units(0, plane, units)
    normalised.byte_values(0, units, back)
    assert np.abs(back.astype(int) - plane).max() <= 1


def test_other_units_are_those_of_the_other_transforms() -> None:
    plane_noise = PlaneNoise(NoiseCurve((0.0, 255.0), (50.0, 20.0)))
    louder = NoiseModel(plane_noise, plane_noise, plane_noise)
    one, two = Normalised(MODEL), Normalised(louder)
    plane = np.arange(10, 245, dtype=np.uint8)[None].repeat(2, 0)
    a, b = np.empty(plane.shape, np.float32), np.empty(plane.shape, np.float32)
    one.units(0, plane, a)
    two.units(0, plane, b)
    # The inverse is the unbiased one, which is not quite that of the forward table.
    assert one.as_in(two, 0, a) == pytest.approx(b, abs=0.25)


def test_band_std_follows_from_the_correlation_and_give_way_to_measured_ones() -> None:
    white = PlaneNoise(NoiseCurve((128.0,), (4.0,)))
    flat = band_std_of(NoiseModel(white, white, white, chroma="420"))
    assert flat[:16] == pytest.approx(np.full(16, 1 / 4), rel=0.05)
    assert flat[16:] == pytest.approx(np.full(8, 1 / 2), rel=0.05)
    smooth = band_std_of(MODEL)
    assert smooth[0] > 1.5 * flat[0]
    assert smooth[15] < 0.5 * flat[15]
    measured = NoiseModel(
        LUMA, CHROMA, CHROMA, chroma="420", band_std=(0.5, *[0.0] * (COEFFICIENTS - 1))
    )
    assert band_std_of(measured) == pytest.approx([0.5, *[LEAST_BAND_STD] * (COEFFICIENTS - 1)])


def test_frame_coefficients_leave_odd_edges_out() -> None:
    whole = frame(3)
    layout = replace(LAYOUT, width=LAYOUT.width - 2, height=LAYOUT.height - 2)
    odd = Planes(whole.y[:-2, :-2], whole.u[:-1, :-1], whole.v[:-1, :-1], layout, 0.0)
    coefficients = frame_coefficients(Normalised(MODEL), odd)
    assert coefficients.shape == (COEFFICIENTS, HEIGHT // 4 - 1, WIDTH // 4 - 1)
    assert split(whole.y, whole.u, whole.v).shape == (COEFFICIENTS, HEIGHT // 4, WIDTH // 4)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from capture.shift import ShiftMeter

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]


def moved(picture: Floats, right: float, down: float) -> Floats:
    """A picture shifted exactly, by the Fourier transform (it wraps around)."""
    spectrum = np.fft.fft2(picture)
    y = np.fft.fftfreq(picture.shape[0])[:, None]
    x = np.fft.fftfreq(picture.shape[1])[None, :]
    phase = np.exp(-2j * np.pi * (x * right + y * down))
    return np.asarray(np.fft.ifft2(spectrum * phase).real, np.float32)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.7), (1.5, 0.0), (-4.0, 2.5)])
@pytest.mark.parametrize("std", [1.0, 8.0])
def test_shift_is_found_below_a_pixel_though_a_part_moves_by_itself(
    scene: Floats, noisy: Noisy, shift: tuple[float, float], std: float
) -> None:
    mean = noisy(scene, 20, std).astype(np.float32).mean(0)
    frame = noisy(moved(scene, *shift), 1, std, seed=1)[0]
    generator = np.random.default_rng(3)
    frame[40:90, 60:110] = generator.integers(0, 255, (50, 50))  # 9 % of the picture
    assert ShiftMeter(mean)(frame) == pytest.approx(shift, abs=0.06)


def with_person(picture: Floats, left: int) -> Floats:
    """The picture with a large textured thing before it: a third of it."""
    generator = np.random.default_rng(8)
    texture = np.kron(generator.uniform(20, 230, (20, 14)), np.ones((6, 6))).astype(np.float32)
    result = picture.copy()
    result[24:144, left : left + 84] = texture
    return result


def test_a_large_part_that_moves_is_no_shift(scene: Floats, noisy: Noisy) -> None:
    places = [30, 34, 38, 44, 50, 58]
    pictures = [with_person(scene, left) for left in places]
    frames = noisy(pictures, len(pictures), 2.0)
    meter = ShiftMeter(frames.astype(np.float32).mean(0))
    assert max(np.hypot(*meter(frame)) for frame in frames) < 0.2


def test_a_camera_that_moves_with_a_person_in_view_is_found(scene: Floats, noisy: Noisy) -> None:
    mean = noisy(with_person(scene, 40), 20, 2.0).astype(np.float32).mean(0)
    frame = noisy(with_person(moved(scene, 4.0, 1.0), 55), 1, 2.0)[0]
    assert np.hypot(*ShiftMeter(mean)(frame)) > 2


def test_brightness_is_no_shift(scene: Floats, noisy: Noisy) -> None:
    mean = noisy(scene, 20, 2.0).astype(np.float32).mean(0)
    assert ShiftMeter(mean)(noisy(scene + 6, 1, 2.0)[0]) == pytest.approx((0, 0), abs=0.03)


def test_large_pictures_are_measured_in_their_own_pixels() -> None:
    generator = np.random.default_rng(0)
    coarse = generator.uniform(40, 200, (36, 64)).astype(np.float32)
    picture = np.kron(coarse, np.ones((20, 20), np.float32))  # 720×1280
    frame = np.roll(picture, 3, axis=1)
    assert ShiftMeter(picture)(frame) == pytest.approx((3, 0), abs=0.2)


def test_a_blank_wall_shows_no_shift(noisy: Noisy) -> None:
    frames = noisy(np.full((120, 160), 128, np.float32), 20, 4.0)
    meter = ShiftMeter(frames.astype(np.float32).mean(0))
    assert max(np.hypot(*meter(frame)) for frame in frames[:6]) < 0.5
    exact = np.full((120, 160), 90, np.float32)
    assert ShiftMeter(exact)(exact) == (0, 0)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.frames import Bytes, PlaneFormat, Planes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise_estimate import NoiseEstimator
from rtdenoise.noise_fields import field

Floats = NDArray[np.float32]
SHAPE = (240, 320)
ROW, COLUMN = (0.7, 0.35, 0.1), (0.5, 0.1)
UNIT = PlaneNoise(NoiseCurve((0.0,), (1.0,)), ROW, COLUMN)


def true_variance(level: Floats) -> Floats:
    return 3 + 0.1 * level


def ramp(shape: tuple[int, int], start: float = 30, stop: float = 220) -> Floats:
    return np.tile(np.linspace(start, stop, shape[1], dtype=np.float32), (shape[0], 1))


def noisy(clean: Floats, seed: int) -> Bytes:
    noise = field(UNIT, (clean.shape[0], clean.shape[1]), seed) * np.sqrt(true_variance(clean))
    return np.asarray(np.clip(np.rint(clean + noise), 0, 255), np.uint8)


def frame(y: Bytes) -> Planes:
    empty = np.zeros((0, 0), np.uint8)
    return Planes(y, empty, empty, PlaneFormat(y.shape[1], y.shape[0], "gray", True, "bt601"), 0)


def run(frames: list[Bytes]) -> NoiseModel:
    estimator = NoiseEstimator()
    for y in frames:
        estimator.update(frame(y))
    model = estimator.model()
    assert model is not None
    return model


def test_says_nothing_before_the_second_frame() -> None:
    estimator = NoiseEstimator()
    assert estimator.model() is None
    assert not estimator.update(frame(noisy(ramp(SHAPE), 0)))
    assert estimator.model() is None
    assert estimator.update(frame(noisy(ramp(SHAPE), 1)))
    assert estimator.model() is not None


def test_curve_and_correlation_of_a_still_scene() -> None:
    model = run([noisy(ramp(SHAPE), index) for index in range(20)])
    levels = np.array([50, 100, 150, 200], np.float32)
    # Rounding adds 1/12.
    expected = true_variance(levels) + 1 / 12
    np.testing.assert_allclose(model.y.curve.variance(levels), expected, rtol=0.15)
    np.testing.assert_allclose(model.y.row_correlation[:3], ROW, atol=0.05)
    np.testing.assert_allclose(model.y.column_correlation[:2], COLUMN, atol=0.05)


def test_motion_in_a_third_of_the_picture_does_not_count() -> None:
    rng = np.random.default_rng(5)
    frames = []
    for index in range(20):
        clean = ramp(SHAPE)
        clean[80:160] = np.roll(rng.uniform(40, 210, (80, 320)), 7 * index, axis=1)
        frames.append(noisy(clean, index))
    levels = np.array([60, 120, 190], np.float32)
    found = run(frames).y.curve.variance(levels)
    np.testing.assert_allclose(found, true_variance(levels), rtol=0.3)


def test_a_change_of_light_does_not_count() -> None:
    model = run([noisy(ramp(SHAPE) + 2.0 * (index % 2), index) for index in range(12)])
    levels = np.array([60, 120, 190], np.float32)
    np.testing.assert_allclose(model.y.curve.variance(levels), true_variance(levels), rtol=0.2)


def test_a_clean_picture_has_no_noise() -> None:
    clean = np.asarray(ramp(SHAPE), np.uint8)
    moving = [np.roll(clean, index, axis=0) for index in range(8)]
    estimator = NoiseEstimator()
    for y in moving:
        estimator.update(frame(y))
    model = estimator.model()
    assert model is None or float(model.y.curve.table().max()) < 0.1


def test_repeated_frames_do_not_count() -> None:
    frames = [noisy(ramp(SHAPE), index) for index in range(10)]
    repeated = [y for index, y in enumerate(frames) for _ in range(2 if index % 2 else 1)]
    levels = np.array([60, 120, 190], np.float32)
    found = run(repeated).y.curve.variance(levels)
    np.testing.assert_allclose(found, true_variance(levels), rtol=0.2)


def test_tiny_pictures_give_no_model() -> None:
    estimator = NoiseEstimator()
    for index in range(4):
        assert not estimator.update(frame(noisy(ramp((12, 20)), index)))
    assert estimator.model() is None


def test_reset_and_another_size_start_again() -> None:
    estimator = NoiseEstimator()
    for index in range(4):
        estimator.update(frame(noisy(ramp(SHAPE), index)))
    estimator.reset()
    assert estimator.model() is None
    for index in range(4):
        estimator.update(frame(noisy(ramp(SHAPE), index)))
    estimator.update(frame(noisy(ramp((120, 160)), 9)))
    assert estimator.model() is None


FOOTAGE = Path(__file__).resolve().parents[2] / "../shared/data"


@pytest.mark.skipif(not FOOTAGE.exists(), reason="the real footage isn't here")
@pytest.mark.parametrize(("name", "least", "most"), [("parking", 1.5, 5.0), ("ceiling", 0.3, 1.5)])
def test_real_cameras(name: str, least: float, most: float) -> None:
    import av

    from rtdenoise.frames import planes_from_frame

    estimator = NoiseEstimator()
    with av.open(str(FOOTAGE / f"{name}.mkv")) as clip:
        for _, decoded in zip(range(20), clip.decode(video=0), strict=False):
            estimator.update(planes_from_frame(decoded).copy())
    model = estimator.model()
    assert model is not None
    std = float(np.sqrt(np.median(model.y.curve.variances)))
    assert least < std < most

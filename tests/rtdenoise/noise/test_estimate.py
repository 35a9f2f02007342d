from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.frames import Bytes, PlaneFormat, Planes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import PLANE_SLICES, split
from rtdenoise.noise.estimate import NoiseEstimator
from rtdenoise.noise.fields import field

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


def test_a_brightness_change_does_not_count() -> None:
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


def test_every_frame_twice_is_as_good_as_once() -> None:
    frames = [noisy(ramp(SHAPE), index) for index in range(10)]
    levels = np.array([60, 120, 190], np.float32)
    for times in (2, 3):
        found = run([y for y in frames for _ in range(times)]).y.curve.variance(levels)
        np.testing.assert_allclose(found, true_variance(levels), rtol=0.2)


@pytest.mark.parametrize("level", [0, 120])
def test_a_part_without_noise_does_not_count(level: int) -> None:
    frames = [noisy(ramp(SHAPE), index) for index in range(12)]
    for y in frames:
        y[:160] = level  # bars, or a slide of a level that the noisy part has too
    levels = np.array([60, 120, 190], np.float32)
    np.testing.assert_allclose(
        run(frames).y.curve.variance(levels), true_variance(levels), rtol=0.3
    )


def test_a_fade_from_the_dark_does_not_count() -> None:
    estimator = NoiseEstimator()
    for index in range(40):
        estimator.update(frame(noisy(ramp(SHAPE) * min(1.0, 0.2 + 0.06 * index), index)))
        if index in (4, 8, 12):
            model = estimator.model()
            assert model is not None
            dark = np.array([30, 60], np.float32)
            assert np.all(model.y.curve.variance(dark) < 1.4 * true_variance(dark))
    model = estimator.model()
    assert model is not None
    levels = np.array([60, 120, 190], np.float32)
    np.testing.assert_allclose(model.y.curve.variance(levels), true_variance(levels), rtol=0.25)


def test_where_everything_moves_no_estimate_is_trusted_nor_above_what_single_frames_show() -> None:
    texture = np.asarray(field(UNIT, (480, 640), 7) * 30, np.float32)
    texture[:, :320] = 0  # a smooth half
    estimator = NoiseEstimator()
    for index in range(30):
        moved = np.roll(texture, (5 * index, 11 * index), (0, 1))[: SHAPE[0], : SHAPE[1]]
        estimator.update(frame(noisy(np.maximum(ramp(SHAPE) + moved, 10), index)))
        model = estimator.model()
        if model is not None:
            levels = np.array([60, 120, 190], np.float32)
            assert np.all(model.y.curve.variance(levels) < 3.2 * true_variance(levels))


def test_noise_at_edges_is_not_that_of_flat_places() -> None:
    clean = ramp(SHAPE)
    edges = np.arange(SHAPE[1]) % 48 == 0
    clean[:, edges] += 60
    strength = np.where(edges, 8.0, 1.0)  # times the deviation of even places
    frames = []
    for index in range(20):
        noise = field(UNIT, SHAPE, index) * np.sqrt(true_variance(clean)) * strength
        frames.append(np.asarray(np.clip(np.rint(clean + noise), 0, 255), np.uint8))
    levels = np.array([60, 120, 190], np.float32)
    np.testing.assert_allclose(
        run(frames).y.curve.variance(levels), true_variance(levels), rtol=0.3
    )


def test_what_a_camera_keeps_of_the_frame_before_is_counted() -> None:
    rng_frames = [field(UNIT, SHAPE, index) for index in range(40)]
    kept, frames = rng_frames[0], []
    for fresh in rng_frames:
        kept = 0.3 * kept + np.sqrt(1 - 0.3**2) * fresh
        y = ramp(SHAPE) + kept * np.sqrt(true_variance(ramp(SHAPE)))
        frames.append(np.asarray(np.clip(np.rint(y), 0, 255), np.uint8))
    levels = np.array([60, 120, 190], np.float32)
    np.testing.assert_allclose(
        run(frames).y.curve.variance(levels), true_variance(levels), rtol=0.2
    )


def in_colour(index: int) -> Planes:
    """A still ramp in 4:2:0 with correlated noise in all planes."""
    shape = (SHAPE[0] // 2, SHAPE[1] // 2)
    u, v = (np.rint(128 + 2 * field(UNIT, shape, 1000 * k + index)) for k in (1, 2))
    layout = PlaneFormat(SHAPE[1], SHAPE[0], "420", True, "bt601")
    chroma = [np.asarray(plane, np.uint8) for plane in (u, v)]
    return Planes(noisy(ramp(SHAPE), index), chroma[0], chroma[1], layout, 0)


def test_the_noise_per_coefficient_adds_up_and_is_that_of_the_correlation() -> None:
    estimator = NoiseEstimator()
    for index in range(20):
        estimator.update(in_colour(index))
    model = estimator.model()
    assert model is not None
    band_std = np.square(model.band_std)
    for part in PLANE_SLICES:
        assert band_std[part].sum() == pytest.approx(1, abs=0.01)
    fields = [field(UNIT, SHAPE, index) for index in range(20, 30)]
    small = np.zeros((SHAPE[0] // 2, SHAPE[1] // 2), np.float32)
    true = np.mean([np.square(split(f, small, small)[:16]).mean((1, 2)) for f in fields], axis=0)
    np.testing.assert_allclose(np.sqrt(band_std[:16]), np.sqrt(true), atol=0.03)


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

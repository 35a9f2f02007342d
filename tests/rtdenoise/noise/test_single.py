"""The noise of one picture, against noise that is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.arrays import Bytes
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.frames import PlaneFormat, Planes, convert, planes_from_frame
from rtdenoise.noise import NoiseCurve, PlaneNoise
from rtdenoise.noise.fields import field
from rtdenoise.noise.single import Finding, noise_of_picture

Floats = NDArray[np.float32]
SHAPE = (480, 640)
NONE = np.zeros((0, 0), np.uint8)
WHITE = PlaneNoise(NoiseCurve((0.0,), (1.0,)))
BLOTCHY = PlaneNoise(NoiseCurve((0.0,), (1.0,)), (0.7, 0.35, 0.1), (0.7, 0.35, 0.1))


def grey(y: Floats) -> Planes:
    plane = np.clip(np.rint(y), 0, 255).astype(np.uint8)
    return Planes(plane, NONE, NONE, PlaneFormat(y.shape[1], y.shape[0], "gray", True, "bt601"), 0)


def ramp(shape: tuple[int, int] = SHAPE) -> Floats:
    return np.tile(np.linspace(30, 220, shape[1], dtype=np.float32), (shape[0], 1))


def weave(shape: tuple[int, int] = SHAPE) -> Floats:
    """A texture without any flat place, of random threads."""
    random = np.random.default_rng(3)
    threads = np.repeat(random.normal(0, 1, (shape[0] // 4, shape[1] // 4)), 4, 0).repeat(4, 1)
    return np.asarray(120 + 40 * threads, np.float32)


@pytest.mark.parametrize("std", [1.5, 4.0, 10.0])
@pytest.mark.parametrize("kind", [WHITE, BLOTCHY], ids=["white", "blotchy"])
def test_noise_on_a_ramp_is_measured_with_its_correlation(std: float, kind: PlaneNoise) -> None:
    found = noise_of_picture(grey(ramp() + std * field(kind, SHAPE)))
    assert found.finding is Finding.NOISE
    assert found.model is not None
    # Rounding adds 1/12.
    truth = np.hypot(std, 1 / 12**0.5)
    measured = np.sqrt(found.model.y.curve.variance(np.array([60.0, 120.0, 190.0])))
    np.testing.assert_allclose(measured, truth, rtol=0.12)
    expected = kind.row_correlation[:2] or (0.0, 0.0)
    np.testing.assert_allclose(found.model.y.row_correlation[:2], expected, atol=0.1)


def test_noise_that_depends_on_the_level_has_a_curve() -> None:
    clean = ramp()
    y = clean + np.sqrt(4 + 0.1 * clean) * field(WHITE, SHAPE)
    model = noise_of_picture(grey(y)).model
    assert model is not None
    levels = np.array([60.0, 120.0, 190.0])
    np.testing.assert_allclose(model.y.curve.variance(levels), 4 + 0.1 * levels, rtol=0.25)


def test_texture_beside_flat_places_does_not_count_as_noise() -> None:
    y = ramp()
    y[:, :400] = weave()[:, :400]
    model = noise_of_picture(grey(y + 3 * field(WHITE, SHAPE))).model
    assert model is not None
    np.testing.assert_allclose(
        np.sqrt(model.y.curve.variance(np.array([120.0, 180.0]))), 3, rtol=0.2
    )


def test_bars_and_what_is_blown_out_say_nothing() -> None:
    y = ramp() + 5 * field(BLOTCHY, SHAPE)
    y[:, :240], y[:200] = 0, 255
    model = noise_of_picture(grey(y)).model
    assert model is not None
    assert np.sqrt(model.y.curve.variance(160.0)) == pytest.approx(5, rel=0.15)


def text(shape: tuple[int, int] = SHAPE) -> Bytes:
    page = np.full(shape, 240, np.uint8)
    for row in range(20, shape[0], 24):
        cv2.putText(
            page,
            "The quick brown fox 0123456789 jumps",
            (8, row),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            30,
            1,
            cv2.LINE_AA,
        )
    return page


@pytest.mark.parametrize("quality", [None, 90, 60])
def test_a_screenshot_has_no_noise(quality: int | None) -> None:
    page = text()
    if quality is not None:
        _, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
        page = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    assert noise_of_picture(grey(page.astype(np.float32))).model is None


def test_a_drawing_has_none_either() -> None:
    smooth = np.rint(ramp())  # steps
    assert noise_of_picture(grey(smooth)).finding is Finding.NONE
    dithered = np.where(ramp() > np.random.default_rng(0).uniform(0, 255, SHAPE), 200, 50)
    assert noise_of_picture(grey(dithered.astype(np.float32))).model is None


def test_where_there_is_texture_only_there_is_no_estimate() -> None:
    assert noise_of_picture(grey(weave())).finding is Finding.TEXTURE
    grass = 120 + 30 * field(BLOTCHY, SHAPE)
    assert noise_of_picture(grey(grass)).finding is Finding.TEXTURE
    assert noise_of_picture(grey(weave((40, 40)))).model is None
    assert noise_of_picture(grey(np.full((3, 5), 7, np.float32))).model is None


@pytest.mark.parametrize("scene", ["desk", "room"])
@pytest.mark.parametrize("noise", ["medium", "high"])
def test_the_simulated_camera_delivers_what_is_found(scene: str, noise: str) -> None:
    camera = open_simulated(f":{scene}?noise={noise}&frames=1", size=(960, 540))
    planes = convert(planes_from_frame(next(iter(camera.frames()))), "420", True)
    truth = convert(camera.truth(0), "420", True)
    model = noise_of_picture(planes).model
    assert model is not None
    # In flat places: at edges JPEG does more.
    mean = cv2.blur(truth.y.astype(np.float32), (9, 9))
    flat = cv2.blur(np.square(truth.y - mean), (9, 9)) < 2
    error = planes.y.astype(np.float32)[flat] - truth.y[flat]
    expected = np.sqrt(np.mean(model.y.curve.variance(truth.y[flat].astype(np.float32))))
    assert expected == pytest.approx(float(error.std()), rel=0.2)
    assert model.u.curve.variances[0] > 0.15 * float(np.var(planes.u.astype(float) - truth.u))
    assert sum(np.square(model.band_std[:16])) == pytest.approx(1, abs=0.01)

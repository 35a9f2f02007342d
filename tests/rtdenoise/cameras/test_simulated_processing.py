"""The simulated camera's processing that goes by edges, its steps of brightness and its smoothing over time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.cameras.simulated.edges import EdgeFilter, EdgeProcessing, structure
from rtdenoise.errors import CameraError

SIZE = (640, 360)
Doubles = NDArray[np.float64]


def opened(rest: str, size: tuple[int, int] = SIZE) -> SimulatedCamera:
    return open_simulated(rest, size=size)


def places(camera: SimulatedCamera) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What is surely flat and surely an edge, by the light that the camera knows, tone in the middle."""
    found = structure(camera._film.light(0))
    truth = camera.truth(0).y
    lit = (truth > 40) & (truth < 215)
    return lit & (found.weight == 0), lit & (found.weight == 1)


def stack(camera: SimulatedCamera, frames: int) -> Doubles:
    return np.stack([camera.noisy(i).y.astype(np.float64) for i in range(frames)])


def alike(a: Doubles, b: Doubles) -> float:
    return float((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean()))


# ---------------------------------------------------------------- what is an edge


def light_of(levels: Doubles) -> NDArray[np.float32]:
    """A mosaic of even colour that has these levels."""
    return ((levels / 255) ** 2).astype(np.float32)


def test_an_even_rise_is_flat_and_a_step_is_an_edge_that_lies_as_drawn() -> None:
    rows = np.broadcast_to(np.linspace(60, 190, 128), (64, 128)).astype(np.float64)
    assert structure(light_of(rows)).weight.max() == 0  # a level per pixel
    upright = np.full((64, 128), 60.0)
    upright[:, 64:] = 160.0
    found = structure(light_of(upright))
    assert found.weight[:, 62:66].min() == 1
    assert found.weight[:, :56].max() == found.weight[:, 72:].max() == 0
    assert np.allclose(found.across_rows, found.weight, atol=1e-4)
    lying = structure(light_of(np.ascontiguousarray(upright[:, 32:96].T)))
    assert np.allclose(lying.across_columns, lying.weight, atol=1e-4)
    assert np.allclose(lying.across_rows, 0, atol=1e-4)


def test_the_filter_sharpens_across_smooths_along_and_keeps_to_its_limit() -> None:
    upright = np.full((64, 128), 60.0)
    upright[:, 64:] = 160.0
    found = structure(light_of(upright))
    luma = upright.astype(np.float32)
    sharp = EdgeFilter(64, 128, EdgeProcessing(2.0, 1.0, 0.5, 200.0))(luma, found)[32]
    assert 185 < sharp[64] < 195  # 0.6 - 0.24 - 0.06 = 0.3 of a step of 100 on top
    assert np.allclose(sharp[64], 160 + 30, atol=0.5)
    limited = EdgeFilter(64, 128, EdgeProcessing(2.0, 10.0, 0.5, 24.0))(luma, found)[32]
    assert limited.max() == pytest.approx(184, abs=0.5)
    assert limited.min() == pytest.approx(36, abs=0.5)
    rippled = luma + np.float32(4) * (-1.0) ** np.arange(64, dtype=np.float32)[:, None]
    along = EdgeFilter(64, 128, EdgeProcessing(2.0, 0.0, 1.0, 200.0))(rippled, found)
    # of the finest detail along the edge the blur takes 0.96
    assert np.abs(along[20:44, 64] - 160).max() == pytest.approx(4 * 0.04, abs=0.02)


# ---------------------------------------------------------------- noise


@pytest.mark.parametrize(("processing", "low", "high"), [("mild", 5, 12), ("strong", 90, 250)])
def test_noise_is_as_much_stronger_at_edges_as_it_says(
    processing: str, low: float, high: float
) -> None:
    camera = opened(f":room?processing={processing}")
    flat, edge = places(camera)
    noise = stack(camera, 24)
    noise -= noise.mean(0)
    variance = (noise**2).sum(0) / 23
    assert low < variance[edge].mean() / variance[flat].mean() < high
    known = camera.noise_variance(0, 24)
    for where in (flat, edge):
        assert known[where].mean() == pytest.approx(variance[where].mean(), rel=0.05)
        assert alike(noise[1:, where], noise[:-1, where]) + 1 / 23 == pytest.approx(0, abs=0.02)


def test_noise_on_grey_is_that_of_flat_places() -> None:
    camera = opened(":room?processing=strong")
    flat, _ = places(camera)
    predicted = (
        camera.grey_noise(jpeg=False).curve().variance(camera.truth(0).y[flat].astype(float))
    )
    assert camera.noise_variance(0)[flat].mean() == pytest.approx(predicted.mean(), rel=0.15)


def test_edges_are_white_across_and_alike_along() -> None:
    camera = opened(":room?processing=strong")
    found, (_, edge) = structure(camera._film.light(0)), places(camera)
    noise = stack(camera, 12)
    noise -= noise.mean(0)
    upright = edge & (found.across_rows > 0.9)
    side, below = upright[:, 1:] & upright[:, :-1], upright[1:] & upright[:-1]
    across = alike(noise[:, :, 1:][:, side], noise[:, :, :-1][:, side])
    along = alike(noise[:, 1:][:, below], noise[:, :-1][:, below])
    assert abs(across) < 0.2
    assert 0.4 < along < 0.8


@pytest.mark.parametrize("processing", ["mild", "strong"])
def test_the_truth_is_what_many_frames_tend_to(processing: str) -> None:
    camera = opened(f":room?noise=medium&processing={processing}")
    flat, edge = places(camera)
    noise = stack(camera, 48)
    away = noise.mean(0) - camera.truth(0).y
    spread = noise.std(0)
    for where in (flat, edge):
        assert abs(away[where].mean()) < 1.0  # the tone curve bends
        # √(1/48) is 0.14 of the noise; the rest is the fixed pattern and the limit of sharpening
        assert away[where].std() < 0.6 * np.sqrt((spread[where] ** 2).mean())


def test_moving_edges_take_their_noise_along() -> None:
    camera = opened(":room?processing=strong&motion=subject")
    for index in (0, 20):
        found = structure(camera._film.light(index))
        moving = camera.subject_mask(index)
        known = camera.noise_variance(index, 12)
        edge, flat = moving & (found.weight == 1), moving & (found.weight == 0)
        assert known[edge].mean() > 20 * known[flat].mean()


def test_smoothing_over_time_correlates_frames_as_it_says_and_keeps_the_noise() -> None:
    plain, smooth = opened("?noise=medium"), opened("?noise=medium&temporal=0.3")
    noise = stack(smooth, 24)
    noise -= noise.mean(0)
    usual = stack(plain, 24)
    usual -= usual.mean(0)
    bias = 1.6 / 24  # the mean of frames holds a little more of noise that is alike
    assert alike(noise[1:], noise[:-1]) + bias == pytest.approx(0.3, abs=0.03)
    assert alike(noise[2:], noise[:-2]) + bias == pytest.approx(0, abs=0.03)
    assert noise.var() == pytest.approx(usual.var(), rel=0.05)


def test_a_smoothed_frame_is_the_same_whenever_it_is_rendered() -> None:
    rest = "?noise=high&temporal=0.4&steps=0.05&processing=strong"
    in_order, alone = opened(rest), opened(rest)
    frames = [in_order.noisy(i).y for i in range(4)]
    assert np.array_equal(alone.noisy(3).y, frames[3])
    assert np.array_equal(alone.noisy(0).y, frames[0])


def test_steps_of_brightness_are_in_the_truth_too() -> None:
    camera = opened("?noise=low&steps=0.05&processing=mild", (320, 180))
    light = np.array([np.log(float(camera._film.row_gain(i)[0, 0])) for i in range(400)])  # type: ignore[index]
    assert np.sqrt((np.diff(light) ** 2).mean()) == pytest.approx(0.05, rel=0.12)
    truth = np.array([camera.truth(i).y.mean() for i in range(8)])
    noisy = np.array([camera.noisy(i).y.mean() for i in range(8)])
    assert np.ptp(truth) > 2
    assert np.allclose(truth, noisy, atol=0.3)
    other = opened("?steps=0.05&seed=1", (320, 180))
    assert other._film.row_gain(3)[0, 0] != camera._film.row_gain(3)[0, 0]  # type: ignore[index]


# ---------------------------------------------------------------- as a camera


def test_processing_is_part_of_the_id_and_off_by_default() -> None:
    assert opened("?noise=high").options.processing == "none"
    assert open_simulated("?noise=high&processing=none").info.id == "simulated-high-0"
    assert open_simulated("?noise=high&processing=mild").info.id == "simulated-high-mild-0"
    told = open_simulated("?processing=strong&temporal=0.3").info.id
    assert told == "simulated-medium-strong-temporal0.3-0"


@pytest.mark.parametrize(
    ("rest", "lists"),
    [
        ("?processing=much", "none, mild or strong"),
        ("?steps=0.4", "0 to 0.3"),
        ("?temporal=0.6", "0 to 0.5"),
        ("?temporal=nan", "0 to 0.5"),
    ],
)
def test_wrong_options_are_refused_with_what_there_is(rest: str, lists: str) -> None:
    with pytest.raises(CameraError) as caught:
        opened(rest)
    assert lists in caught.value.hint

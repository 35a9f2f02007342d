from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibrate.noise.curve import fit_curve
from calibrate.noise.measure import measure
from calibrate.noise.row_flicker import RowTally
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.cameras.simulated.processor import Processing, Processor
from rtdenoise.cameras.simulated.sensor import SPAN, Sensor, mosaic, respond
from rtdenoise.errors import ClipError
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.noise import NoiseCurve, PlaneNoise
from rtdenoise.noise.fields import field

Floats = NDArray[np.float32]
SHAPE = (160, 256)
ROW, COLUMN = (0.7, 0.35, 0.1), (0.5, 0.1)
UNIT = PlaneNoise(NoiseCurve((0.0,), (1.0,)), ROW, COLUMN)
EVERYWHERE = np.ones(SHAPE, bool)


def true_variance(level: Floats) -> Floats:
    return np.asarray(4 + 0.08 * level, np.float32)


def ramp(start: float = 30, stop: float = 220) -> Floats:
    return np.tile(np.linspace(start, stop, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))


def to_bytes(a: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(a), 0, 255), np.uint8)


def frame(y: Floats, index: int, memory: float = 0.0) -> Planes:
    """A frame of scene ``y`` whose noise resembles the last frame's by ``memory``."""
    noise = field(UNIT, SHAPE, index)
    if memory:
        noise = memory * field(UNIT, SHAPE, index - 1) + (1 - memory) * noise
        noise /= np.float32(np.hypot(memory, 1 - memory))
    half = (SHAPE[0] // 2, SHAPE[1] // 2)
    u, v = (
        to_bytes(np.float32(level) + 2 * field(UNIT, half, 10_000 + 2 * index + k))
        for k, level in enumerate((110, 140))
    )
    format_ = PlaneFormat(SHAPE[1], SHAPE[0], "420", True, "bt601")
    return Planes(to_bytes(y + noise * np.sqrt(true_variance(y))), u, v, format_, index / 30)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_variance_per_level_whatever_the_number_of_frames(count: int) -> None:
    model = measure([([frame(ramp(), i) for i in range(count)], EVERYWHERE)], "cam", "mode")
    levels = np.array([50, 90, 130, 170, 210], np.float32)
    expected = true_variance(levels) + 1 / 12  # rounding
    tolerance = 0.15 if count == 2 else 0.06
    np.testing.assert_allclose(model.y.curve.variance(levels), expected, rtol=tolerance)
    assert model.u.curve.variance(110.0) == pytest.approx(4 + 1 / 12, rel=0.1)
    assert (model.camera_id, model.mode, model.frames) == ("cam", "mode", count)
    assert model.chroma == "420"
    assert sum(model.y.curve.counts) == pytest.approx(SHAPE[0] * SHAPE[1], rel=0.12)


def test_correlations() -> None:
    model = measure([([frame(ramp(), i) for i in range(20)], EVERYWHERE)], "", "")
    np.testing.assert_allclose(model.y.row_correlation[:3], ROW, atol=0.03)
    np.testing.assert_allclose(model.y.column_correlation[:2], COLUMN, atol=0.03)
    np.testing.assert_allclose(model.y.temporal_correlation, 0, atol=0.02)


def test_memory_of_the_camera_is_found_and_the_variance_put_right() -> None:
    frames = [frame(ramp(), i, memory=0.3) for i in range(1, 13)]
    model = measure([(frames, EVERYWHERE)], "", "")
    expected = 0.3 * 0.7 / (0.3**2 + 0.7**2)
    assert model.y.temporal_correlation[0] == pytest.approx(expected, abs=0.04)
    np.testing.assert_allclose(model.y.temporal_correlation[1:], 0, atol=0.04)
    levels = np.array([60, 120, 180], np.float32)
    np.testing.assert_allclose(model.y.curve.variance(levels), true_variance(levels), rtol=0.08)


def test_a_drift_of_exposure_is_not_noise() -> None:
    frames = [frame(ramp() * (1 + 0.004 * i), i) for i in range(15)]
    model = measure([(frames, EVERYWHERE)], "", "")
    levels = np.array([60, 120, 180], np.float32)
    np.testing.assert_allclose(model.y.curve.variance(levels), true_variance(levels), rtol=0.1)


def test_what_moves_is_left_out_with_and_without_the_mask() -> None:
    frames = []
    mask = EVERYWHERE.copy()
    mask[40:80] = False
    for i in range(15):
        y = ramp()
        y[40:80, 10 * i : 10 * i + 60] = 128
        frames.append(frame(y, i))
    levels = np.array([60, 120, 180], np.float32)
    masked = measure([(frames, mask)], "", "").y.curve.variance(levels)
    np.testing.assert_allclose(masked, true_variance(levels), rtol=0.08)
    # A few pixels that escaped the mask don't spoil it either.
    mask[40:44] = True
    escaped = measure([(frames, mask)], "", "").y.curve.variance(levels)
    np.testing.assert_allclose(escaped, true_variance(levels), rtol=0.15)


def test_fixed_pattern_is_told_from_two_scenes_only() -> None:
    pattern = 1.5 * field(UNIT, SHAPE, 77)
    one, other = ramp(), ramp()[::-1, ::-1].copy()
    series = [
        ([frame(scene + pattern, 100 * k + i) for i in range(12)], EVERYWHERE)
        for k, scene in enumerate((one, other))
    ]
    assert measure(series, "", "").y.fixed_pattern_std == pytest.approx(1.5, rel=0.1)
    assert np.isnan(measure(series[:1], "", "").y.fixed_pattern_std)
    assert np.isnan(measure([series[0], series[0]], "", "").y.fixed_pattern_std)


def test_intervals_hold_the_truth() -> None:
    held, widths = [], []
    for first in range(0, 60, 10):
        curve = measure(
            [([frame(ramp(), first + i) for i in range(10)], EVERYWHERE)], "", ""
        ).y.curve
        truth = true_variance(np.array(curve.levels, np.float32)) + 1 / 12
        low, high = np.array(curve.low), np.array(curve.high)
        held.append((low <= truth) & (truth <= high))
        widths.append((high - low) / truth)
    assert np.mean(held) > 0.85  # 0.92 of 600 over 30 seeds
    assert np.median(widths) < 0.08


def test_fewer_pixels_make_wider_intervals() -> None:
    frames = [frame(ramp(), i) for i in range(10)]
    few = EVERYWHERE.copy()
    few[:140] = False
    curves = [measure([(frames, mask)], "", "").y.curve for mask in (EVERYWHERE, few)]
    many_width, few_width = (np.mean(np.subtract(c.high, c.low)) for c in curves)
    assert few_width > 2 * many_width


WIDE = PlaneFormat(512, 240, "gray", True, "bt601")


def flickering(offsets: NDArray[np.floating], index: int, lighter: float = 0.0) -> Planes:
    """A frame of a scene that gets lighter from row to row, with correlated noise and offsets of rows, (240,)."""
    rows = np.linspace(60, 180, 240)[:, None] * (1 + lighter) + offsets[:, None]
    noise = 2 * field(UNIT, (240, 1024), index)[:, :512]
    empty = np.zeros((0, 0), np.uint8)
    return Planes(to_bytes(np.asarray(rows + noise, np.float32)), empty, empty, WIDE, 0)


@pytest.mark.parametrize("std", [0.3, 1.0])
def test_noise_of_rows_is_told_from_noise_of_pixels(std: float) -> None:
    random = np.random.default_rng(1)
    frames = [flickering(std * random.normal(size=240), i, 0.002 * i) for i in range(12)]
    noise = measure([(frames, np.ones((240, 512), bool))], "", "").y
    assert noise.row_flicker_std == pytest.approx(std, rel=0.1)
    assert np.isnan(noise.row_flicker_period)


def test_without_flicker_of_rows_there_is_none() -> None:
    frames = [flickering(np.zeros(240), i, 0.002 * i) for i in range(12)]
    noise = measure([(frames, np.ones((240, 512), bool))], "", "").y
    assert noise.row_flicker_std < 0.08


def test_banding_of_a_lamp_is_measured() -> None:
    wave = 2 * np.pi * np.arange(240) / 66
    frames = [flickering(3 * np.sin(wave + 2.1 * i), i) for i in range(12)]
    noise = measure([(frames, np.ones((240, 512), bool))], "", "").y
    assert noise.row_flicker_std == pytest.approx(3 / np.sqrt(2), rel=0.1)
    assert noise.row_flicker_period == pytest.approx(66, rel=0.05)


def test_narrow_pictures_tell_nothing_about_rows() -> None:
    tally = RowTally()
    stack = [np.zeros((64, 32), np.uint8)] * 4
    tally.add_series(stack, np.zeros((64, 32), np.float32), np.ones((64, 32), bool), 4)
    assert np.isnan(tally.flicker().std)


def test_grey_frames_have_no_chroma_noise() -> None:
    empty = np.zeros((0, 0), np.uint8)
    format_ = PlaneFormat(SHAPE[1], SHAPE[0], "gray", True, "bt601")
    frames = [Planes(frame(ramp(), i).y, empty, empty, format_, 0) for i in range(5)]
    model = measure([(frames, EVERYWHERE)], "", "")
    assert float(model.u.curve.table().max()) == 0


def test_nothing_to_measure_says_so() -> None:
    single = ([frame(ramp(), 0)], EVERYWHERE)
    moving = ([frame(ramp(), i) for i in (0, 1)], ~EVERYWHERE)
    for series in ([], [single], [moving]):
        with pytest.raises(ClipError, match="No still series"):
            measure(series, "", "")


def test_a_curve_passes_through_its_points() -> None:
    levels = np.linspace(10, 240, 50)
    curve = fit_curve(levels, 5 + 0.1 * levels, np.full(50, 1000.0), 19)
    np.testing.assert_allclose(curve.variance(levels), 5 + 0.1 * levels, rtol=0.02)
    with pytest.raises(ValueError, match="no level"):
        fit_curve(np.zeros(0), np.zeros(0), np.zeros(0), 1)


def test_simulated_camera() -> None:
    """Against the spread of frames around the simulated camera's own mean, taken independently."""
    camera = open_simulated(":desk?noise=high&motion=still&frames=24&seed=3", size=(480, 270))
    frames = [planes_from_frame(f).copy() for f in camera.frames()]
    mask = np.ones(frames[0].y.shape, bool)
    model = measure([(frames[:12], mask)], "", "")
    # The other half's variance of the difference of neighbouring frames, by level.
    y = np.stack([f.y for f in frames[12:]]).astype(np.float32)
    variance = np.mean((y[1:] - y[:-1]) ** 2, axis=0) / 2
    mean = y.mean(axis=0)
    for level in (80, 120, 160):
        near = np.abs(mean - level) < 8
        if near.sum() > 500:
            expected = float(np.mean(variance[near]))
            assert model.y.curve.variance(float(level)) == pytest.approx(expected, rel=0.2)
    assert abs(model.y.temporal_correlation[0]) < 0.05
    assert model.y.row_correlation[0] > 0.3


def still_frames(spec: str, count: int) -> tuple[SimulatedCamera, list[Planes]]:
    camera = open_simulated(f"{spec}&frames={count}", size=(640, 360))
    return camera, [planes_from_frame(f).copy() for f in camera.frames()]


def test_row_noise_of_the_simulated_camera() -> None:
    """Against the sensor's known offset per row alone, through the same processing."""
    camera, frames = still_frames(":room?noise=high&seed=2", 12)
    mask = np.ones(frames[0].y.shape, bool)
    found = measure([(frames, mask)], "", "").y
    parameters = camera.sensor_parameters
    light = mosaic(respond(np.full((360, 64, 3), 0.18, np.float32)))  # mid-grey
    raw = Sensor(parameters, 64, 360, None).ideal(light).astype(np.float64)
    offsets = np.random.default_rng(0).normal(size=(360, 1)) * parameters.row
    offsets *= SPAN / parameters.full_scale
    layout = PlaneFormat(64, 360, "422", True, "bt601")
    rows = Processor(layout, Processing()).develop(np.rint(raw + offsets).astype(np.uint16), 0.0)
    expected = float(rows.y.mean(axis=1).std())
    assert found.row_flicker_std == pytest.approx(expected, rel=0.3)
    assert np.isnan(found.row_flicker_period)


def test_banding_of_the_simulated_camera() -> None:
    camera, frames = still_frames(":room?noise=low&flicker=0.1", 12)
    found = measure([(frames, np.ones(frames[0].y.shape, bool))], "", "").y
    truth = np.stack([camera.truth(i).y for i in range(12)]).astype(np.float64)
    expected = float((truth - truth.mean(axis=0)).mean(axis=2).std())
    assert found.row_flicker_std == pytest.approx(expected, rel=0.15)
    assert found.row_flicker_period == pytest.approx(
        360 / 3, rel=0.05
    )  # 100 Hz, 0.9/30 s per frame


def test_the_curve_is_that_of_flat_places_though_edges_have_more_noise() -> None:
    """Steps every 16 pixels, with 9 times the variance beside them, which chance could nearly explain."""
    columns = np.arange(SHAPE[1])
    near = (columns % 16 < 2) | (columns % 16 > 13)
    near[:2] = near[-2:] = False
    stripes = np.where(columns // 16 % 2 == 0, 90, 150).astype(np.float32)
    random = np.random.default_rng(3)
    frames = []
    for k in range(20):
        noise = random.normal(size=SHAPE) * np.where(near, 6.0, 2.0)
        luma = np.clip(np.rint(stripes + noise), 0, 255).astype(np.uint8)
        chroma = np.full((SHAPE[0] // 2, SHAPE[1] // 2), 128, np.uint8)
        layout = PlaneFormat(SHAPE[1], SHAPE[0], "420", True, "bt601")
        frames.append(Planes(luma, chroma, chroma, layout, k / 30))
    model = measure([(frames, EVERYWHERE)], "cam", "mode")
    for level in (90.0, 150.0):
        assert model.y.curve.variance(level) == pytest.approx(4 + 1 / 12, rel=0.1)

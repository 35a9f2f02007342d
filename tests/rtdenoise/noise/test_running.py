from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.fields import field
from rtdenoise.noise.running import RunningNoise

HEIGHT, WIDTH = 192, 256
LUMA = PlaneNoise(NoiseCurve((0.0, 128.0, 255.0), (4.0, 16.0, 25.0)), (0.6, 0.2), (0.6, 0.2))
CHROMA = PlaneNoise(NoiseCurve((128.0,), (6.0,)), (0.7, 0.4, 0.2), (0.7, 0.4, 0.2))
SHARES = np.outer([0.6, 0.25, 0.1, 0.05], [0.6, 0.25, 0.1, 0.05]).ravel()
COEFFICIENTS = (*np.sqrt(SHARES), 0.8, 0.4, 0.4, 0.2, 0.8, 0.4, 0.4, 0.2)
MODEL = NoiseModel(LUMA, CHROMA, CHROMA, chroma="420", band_std=COEFFICIENTS)
LEVELS = np.array([60.0, 120.0, 190.0])


def at_gain(gain: float) -> NoiseModel:
    """The model as measured where noise has ``gain`` times the standard deviation."""
    luma, chroma = (replace(p, curve=p.curve.scaled(gain**2)) for p in (LUMA, CHROMA))
    return replace(MODEL, y=luma, u=chroma, v=chroma)


def frame(index: int, gain: float = 1.0) -> Planes:
    clean = np.tile(np.linspace(30, 220, WIDTH, dtype=np.float32), (HEIGHT, 1))
    y = clean + gain * np.sqrt(LUMA.curve.variance(clean)) * field(LUMA, clean.shape, 3 * index)
    small = (HEIGHT // 2, WIDTH // 2)
    u, v = (128 + gain * np.sqrt(6) * field(CHROMA, small, 3 * index + k) for k in (1, 2))
    planes = [np.asarray(np.clip(np.rint(p), 0, 255), np.uint8) for p in (y, u, v)]
    return Planes(
        planes[0],
        planes[1],
        planes[2],
        PlaneFormat(WIDTH, HEIGHT, "420", True, "bt601"),
        index / 30,
    )


def after(running: RunningNoise, frames: range, gain: float = 1.0) -> NoiseModel:
    for index in frames:
        running.update(frame(index, gain))
    assert running.model is not None
    return running.model


def test_without_a_model_it_is_estimated() -> None:
    running = RunningNoise(None)
    assert running.update(frame(0)) is None
    assert running.model is None
    found = after(running, range(1, 20)).y.curve.variance(LEVELS)
    np.testing.assert_allclose(found, LUMA.curve.variance(LEVELS), rtol=0.2)


def test_a_model_that_fits_is_taken_at_its_word() -> None:
    running = RunningNoise(MODEL)
    assert all(running.update(frame(index)) is None for index in range(40))
    assert running.model is MODEL


@pytest.mark.parametrize("gain", [0.5, 0.6, 1.7, 2.0])
def test_a_model_of_another_gain_keeps_its_shape_and_follows_in_scale(gain: float) -> None:
    found = after(RunningNoise(at_gain(gain)), range(30))
    for name, true in (("y", LUMA), ("u", CHROMA), ("v", CHROMA)):
        plane = found.plane(name)  # type: ignore[arg-type]
        np.testing.assert_allclose(
            plane.curve.variance(LEVELS), true.curve.variance(LEVELS), rtol=0.25
        )
        assert plane.row_correlation == true.row_correlation
    assert found.band_std == MODEL.band_std


def test_of_models_at_several_gains_the_nearest_counts() -> None:
    # At the higher gain the camera smooths more: the noise has another shape, too.
    smooth = (0.8, 0.5)
    other = replace(at_gain(2), y=replace(at_gain(2).y, row_correlation=smooth))
    both = replace(MODEL, others=(other,))
    running = RunningNoise(both)
    assert after(running, range(30)) is both
    found = after(running, range(60, 140), gain=2.0)
    assert found.y.row_correlation == smooth
    assert found.y.curve == other.y.curve
    assert found.others == (MODEL,)
    running.reset()
    assert running.model is not None
    assert running.model.y.row_correlation == smooth


def test_a_gain_that_changes_in_mid_stream_is_followed() -> None:
    running = RunningNoise(MODEL)
    assert after(running, range(30)) is MODEL
    after(running, range(30, 60))
    # Within two seconds.
    found = after(running, range(60, 120), gain=2.0).y.curve.variance(LEVELS)
    np.testing.assert_allclose(found, 4 * LUMA.curve.variance(LEVELS), rtol=0.25)


def test_where_nothing_stands_still_a_model_is_not_doubted() -> None:
    # Coarse structure is strong and fine structure weak, as in any picture.
    texture = np.full((2 * HEIGHT, 2 * WIDTH), 120, np.float32)
    for scale in (1, 2, 4, 8, 16):
        small = field(LUMA, (2 * HEIGHT // scale, 2 * WIDTH // scale), scale)
        texture += 2 * scale * small.repeat(scale, 0).repeat(scale, 1)
    running = RunningNoise(MODEL)
    for index in range(30):
        moved = np.roll(texture, (5 * index, 11 * index), (0, 1))[:HEIGHT, :WIDTH]
        noisy = frame(index)
        y = np.clip(noisy.y.astype(np.float32) - 120 + moved, 0, 255).astype(np.uint8)
        running.update(replace(noisy, y=y))
    assert running.model is not None
    found = running.model.y.curve.variance(LEVELS)
    assert np.all(found < 3 * LUMA.curve.variance(LEVELS))


def test_reset_goes_back_to_what_was_measured() -> None:
    running = RunningNoise(at_gain(2))
    assert after(running, range(30)) is not running._given
    running.reset()
    assert running.model is running._given

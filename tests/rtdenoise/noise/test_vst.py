from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.vst import FLOOR, Stabiliser, stabilisers


def plane(levels: tuple[float, ...], variances: tuple[float, ...]) -> PlaneNoise:
    return PlaneNoise(NoiseCurve(levels, variances))


CAMERAS = {
    "rises": plane((0, 255), (2, 30)),
    "falls": plane((0, 255), (64, 4)),
    "hump": plane((10, 60, 150, 250), (4, 36, 16, 2)),
    "quiet": plane((0, 255), (0.3, 0.5)),
}


def drawn(noise: PlaneNoise, level: float) -> NDArray[np.uint8]:
    """Many bytes of a level."""
    std = np.sqrt(max(float(noise.curve.variance(level)) - 1 / 12, 0))
    values = level + std * np.random.default_rng(round(level * 10)).normal(size=200_000)
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("level", [40, 90.3, 128, 180.7, 215])
def test_noise_has_unit_variance_after_it(name: str, level: float) -> None:
    stable = Stabiliser.of(CAMERAS[name])
    after = stable.forward[drawn(CAMERAS[name], level)]
    assert float(after.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("level", [0, 3, 10, 40, 90, 128, 180, 215, 245, 252, 255])
def test_the_inverse_of_the_mean_is_the_level(name: str, level: int) -> None:
    noise = CAMERAS[name]
    stable = Stabiliser.of(noise)
    mean = stable.forward[drawn(noise, level)].astype(np.float64).mean()
    found = float(stable.inverse(np.array(mean, np.float32)))
    # Where most is clipped, the mean says little of the level.
    slack = 0.03 if 20 <= level <= 235 else 0.1
    assert found == pytest.approx(level, abs=slack)


def test_the_plain_inverse_would_be_biased() -> None:
    noise = plane((0, 255), (2, 400))
    stable = Stabiliser.of(noise)
    mean = stable.forward[drawn(noise, 20)].astype(np.float64).mean()
    assert abs(float(np.interp(mean, stable.forward, np.arange(256))) - 20) > 0.2
    assert float(stable.inverse(np.array(mean, np.float32))) == pytest.approx(20, abs=0.03)


def test_without_noise_a_byte_comes_back() -> None:
    stable = Stabiliser.of(plane((128,), (0.0,)))
    np.testing.assert_allclose(np.diff(stable.forward), 1 / FLOOR)
    np.testing.assert_allclose(stable.inverse(stable.forward), np.arange(256), atol=0.2)


def test_clipped_levels_do_not_tower() -> None:
    stable = Stabiliser.of(plane((0, 20, 235, 255), (0.0, 36, 36, 0.0)))
    assert float(np.diff(stable.forward).max()) < 4 / 6 * 1.01


@settings(max_examples=150)
@given(st.data())
def test_any_curve_gives_rising_tables(data: st.DataObject) -> None:
    levels = sorted(data.draw(st.sets(st.floats(0, 255), min_size=1, max_size=24)))
    size = len(levels)
    variances = data.draw(st.lists(st.floats(0, 1e4), min_size=size, max_size=size))
    stable = Stabiliser.of(plane(tuple(levels), tuple(variances)))
    assert stable.forward.dtype == stable.expected.dtype == np.float32
    assert stable.forward.shape == stable.expected.shape == (256,)
    assert (np.diff(stable.forward) > 0).all()
    assert (np.diff(stable.expected) > 0).all()
    whole = stable.inverse_table(-50, float(stable.forward[-1]) + 50, 1000)
    assert whole.dtype == np.float32
    assert (np.diff(whole) >= 0).all()
    assert (whole[0], whole[-1]) == (0, 255)


def test_the_table_is_the_inverse_on_its_grid() -> None:
    stable = Stabiliser.of(CAMERAS["hump"])
    grid = np.linspace(-3, 60, 200, dtype=np.float32)
    np.testing.assert_array_equal(stable.inverse_table(-3, 60, 200), stable.inverse(grid))
    picture = grid.reshape(4, 50)
    assert stable.inverse(picture).shape == (4, 50)
    with pytest.raises(ValueError, match="grid"):
        stable.inverse_table(3, 3, 10)


def test_each_plane_has_its_own() -> None:
    model = NoiseModel(CAMERAS["rises"], CAMERAS["falls"], CAMERAS["quiet"])
    for stable, noise in zip(stabilisers(model), (model.y, model.u, model.v), strict=True):
        np.testing.assert_array_equal(stable.forward, Stabiliser.of(noise).forward)

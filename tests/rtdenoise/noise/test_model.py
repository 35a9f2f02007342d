from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtdenoise.errors import ProfileError
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.fields import field, spectrum

numbers = st.floats(0, 1e4, allow_nan=False)
correlations = st.lists(st.floats(-0.5, 0.99), max_size=8).map(tuple)


@st.composite
def curves(draw: st.DrawFn) -> NoiseCurve:
    levels = sorted(draw(st.sets(st.floats(0, 255), min_size=1, max_size=24)))
    size = len(levels)
    variances = draw(st.lists(numbers, min_size=size, max_size=size))
    counts = draw(st.lists(st.integers(0, 10**9), min_size=size, max_size=size))
    low = tuple(v * 0.9 for v in variances) if draw(st.booleans()) else ()
    high = tuple(v * 1.1 for v in variances) if low else ()
    return NoiseCurve(tuple(levels), tuple(variances), tuple(counts), low, high)


stds = st.floats(0, 50)
planes = st.builds(
    PlaneNoise, curves(), correlations, correlations, correlations, stds, stds, st.floats(1, 999)
)
models = st.builds(
    NoiseModel,
    planes,
    planes,
    planes,
    st.text(max_size=30),
    st.text(max_size=30),
    st.integers(0, 10**6),
    st.sampled_from(["", "420", "422", "444", "gray"]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(models)
def test_a_saved_model_loads_as_it_was(tmp_path: Path, model: NoiseModel) -> None:
    path = tmp_path / "noise.json"
    model.save(path)
    assert NoiseModel.load(path) == model


def example() -> NoiseModel:
    plane = PlaneNoise(NoiseCurve((10.0, 200.0), (4.0, 9.0), (5, 6)), (0.5,), (0.4,))
    return NoiseModel(plane, plane, plane, "cam", "mode", 20)


def test_models_at_other_gains_are_kept_and_chosen_by_gain(tmp_path: Path) -> None:
    low, middle, high = (replace(example(), gain=gain, frames=gain) for gain in (1, 16, 64))
    unknown = replace(example(), frames=7)
    model = replace(low, others=(middle, high, unknown))
    path = tmp_path / "noise.json"
    model.save(path)
    assert NoiseModel.load(path) == model
    assert model.at_gain(None) is model
    assert example().at_gain(5) == example()
    for gain, nearest in ((0, low), (20, middle), (900, high)):
        chosen = model.at_gain(gain)
        assert replace(chosen, others=()) == nearest
        assert {m.frames for m in (chosen, *chosen.others)} == {1, 16, 64, 7}
    halved = model.for_chroma("420")
    assert [m.frames for m in halved.others] == [16, 64, 7]


@pytest.mark.parametrize(
    "change",
    [
        {"gain": -5},
        {"gain": True},
        {"gain": 1.5},
        {"others": 3},
        {"others": [{}]},
        {"others": [{"gain": -1}]},
        {"others": [{"chroma": "444"}]},
    ],
)
def test_wrong_gains_and_others_are_damage(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "noise.json"
    replace(example(), chroma="420", gain=3).save(path)
    value = json.loads(path.read_text())
    if isinstance(change.get("others"), list) and change["others"][0]:
        change = {"others": [{**value, **change["others"][0]}]}
    path.write_text(json.dumps({**value, **change}))
    with pytest.raises(ProfileError, match="is damaged"):
        NoiseModel.load(path)


def test_an_unmeasured_fixed_pattern_stays_unmeasured(tmp_path: Path) -> None:
    example().save(tmp_path / "noise.json")
    assert np.isnan(NoiseModel.load(tmp_path / "noise.json").u.fixed_pattern_std)


def test_a_model_saved_before_there_was_row_flicker_loads(tmp_path: Path) -> None:
    path = tmp_path / "noise.json"
    example().save(path)
    content = json.loads(path.read_text())
    for plane in content["planes"].values():
        for key in ("low", "high", "row_flicker_std", "row_flicker_period"):
            del plane[key]
    path.write_text(json.dumps(content))
    noise = NoiseModel.load(path).y
    assert (noise.curve.low, noise.curve.high) == ((), ())
    assert np.isnan([noise.row_flicker_std, noise.row_flicker_period]).all()


def test_halving_lowers_all_that_varies() -> None:
    curve = NoiseCurve((0.0, 255.0), (4.0, 8.0), (), (3.0, 6.0), (5.0, 10.0))
    noise = PlaneNoise(curve, (0.5, 0.2), (0.28, 0.1), (), 1.0, 0.5)
    across, down = noise.halved(True, False), noise.halved(False, True)
    assert across.curve.variances == (3.0, 6.0)
    assert across.curve.low == (2.25, 4.5)
    assert across.curve.high == (3.75, 7.5)
    assert across.fixed_pattern_std == pytest.approx(np.sqrt(0.75))
    assert across.row_flicker_std == 0.5
    assert down.row_flicker_std == pytest.approx(0.5 * 0.8)
    band_std = PlaneNoise(curve, (0.5,), (0.28,), (), 1.0, 0.5, 80.0).halved(False, True)
    assert (band_std.row_flicker_std, band_std.row_flicker_period) == (0.5, 40.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("low", [1.0]),
        ("high", [4.0, float("inf")]),
        ("row_flicker_std", "x"),
        ("levels", [200.0, 10.0]),
        ("levels", []),
        ("levels", ["x", "y"]),
        ("variances", [4.0]),
        ("variances", [4.0, -1.0]),
        ("variances", [4.0, float("nan")]),
        ("row_correlation", None),
        ("row_correlation", [0.5, 3.0]),
        ("column_correlation", [-2.5]),
        ("temporal_correlation", [float("nan")]),
        ("levels", [10.0, 300.0]),
        ("levels", ["10", "200"]),
        ("variances", [4.0, 1e30]),
        ("variances", [True, False]),
        ("variances", "49"),
        ("counts", [-1, 3]),
        ("counts", [2.5, 3]),
        ("counts", [3]),
        ("fixed_pattern_std", -1.0),
        ("fixed_pattern_std", float("inf")),
        ("row_flicker_period", -3),
    ],
)
def test_a_damaged_model_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "noise.json"
    example().save(path)
    content = json.loads(path.read_text())
    content["planes"]["y"][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ProfileError, match="damaged"):
        NoiseModel.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("camera_id", 5),
        ("mode", None),
        ("mode", "x" * 5000),
        ("frames", -1),
        ("frames", "12"),
        ("chroma", ["420"]),
        ("bands", [1e300] * 24),
        ("bands", ["1"] * 24),
        ("version", float("inf")),
        ("version", "2"),
        ("version", True),
    ],
)
def test_odd_facts_are_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "noise.json"
    example().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ProfileError, match="damaged"):
        NoiseModel.load(path)


def test_neighbours_that_cancel_leave_no_noise() -> None:
    curve = NoiseCurve((0.0, 255.0), (4.0, 8.0))
    for correlation in ((-1.0, 0.5, 0.1), (-1.1, 0.5, 0.1)):
        halved = PlaneNoise(curve, correlation, correlation, (), 1.0, 0.5).halved(True, True)
        assert halved.curve.variances == (0.0, 0.0)
        assert (halved.row_correlation, halved.fixed_pattern_std) == ((), 0.0)
        assert halved.row_flicker_std == 0.0


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    with pytest.raises(ProfileError):
        NoiseModel.load(path)


@given(curves(), st.floats(-50, 400))
def test_a_curve_stays_within_its_points(curve: NoiseCurve, level: float) -> None:
    variance = float(curve.variance(level))
    slack = 1e-3 + 1e-6 * max(curve.variances)
    assert min(curve.variances) - slack <= variance <= max(curve.variances) + slack
    assert curve.table().shape == (256,)


def test_a_field_has_the_correlation_asked_for() -> None:
    noise = PlaneNoise(NoiseCurve((0.0,), (1.0,)), (0.7, 0.35, 0.1), (0.5, 0.1))
    sample = field(noise, (1024, 1024), seed=1)
    assert float(sample.std()) == pytest.approx(1, abs=0.02)
    means = sample.reshape(512, 2, 512, 2).mean(axis=(1, 3))
    assert float(means.var()) == pytest.approx(
        noise.halved(across=True, down=True).curve.variances[0], rel=0.06
    )
    for lag, expected in enumerate(noise.row_correlation, start=1):
        found = float(np.mean(sample[:, :-lag] * sample[:, lag:]))
        assert found == pytest.approx(expected, abs=0.03)


@given(correlations, correlations)
def test_a_spectrum_is_never_negative(row: tuple[float, ...], column: tuple[float, ...]) -> None:
    noise = PlaneNoise(NoiseCurve((0.0,), (1.0,)), row, column)
    power = spectrum(noise, (32, 32))
    assert np.isfinite(power).all()
    assert (power >= 0).all()

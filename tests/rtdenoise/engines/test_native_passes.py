"""The compiled engine's passes, one by one, against their definitions, for each kind of processor."""

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.noise.structure import GROUP_OF

from . import reference
from .kernels import Parts, at
from .reference import DC, GATE_OF

GRID = (20, 36)  # rows for more than one thread; columns that end within a vector


@pytest.fixture
def parts(kernels: ctypes.CDLL) -> Iterator[Parts]:
    made = Parts(kernels, GRID, seed=2)
    made.put_state()
    yield made
    made.close()


@pytest.fixture
def in_int16(kernels: ctypes.CDLL) -> bool:
    """Whether large layers are computed with int16."""
    return bool(kernels.rtdenoise_lanes() >= 8)


def close(found: NDArray[Any], exact: NDArray[Any], error: float) -> bool:
    """Whether values agree, with an error in units of the largest."""
    assert found.shape == exact.shape
    assert np.abs(exact).max() > 0
    return bool(np.abs(found - exact).max() <= error * np.abs(exact).max())


def test_a_picture_is_analysed(parts: Parts) -> None:
    means = parts.analyse()
    pixels = reference.normalised(parts.picture, parts.forward)
    exact = reference.dct(pixels)[DC]
    assert np.allclose(means[:3], exact, atol=1e-3)
    average = parts.get("average", 24)
    assert np.allclose(means[3:6], average[DC] * parts.std[DC, None, None], atol=1e-4)
    assert np.array_equal(means[6], parts.get("residual", 3)[0])


def test_noise_at_each_place_is_derived(parts: Parts) -> None:
    exact = reference.excess(parts.get("learned", 10), parts.std, parts.constants)
    found = parts.get("excess", 7)
    assert np.mean(exact[0] > 1.1) > 0.2
    assert np.mean(exact[0] == 1) > 0.2
    assert np.allclose(found, exact, rtol=1e-3, atol=1e-4)


def test_a_state_starts_with_the_picture(parts: Parts) -> None:
    parts.run("reset")
    exact = parts.coefficients()
    average, learned = parts.get("average", 24), parts.get("learned", 10)
    assert np.allclose(average, exact, atol=5e-3)
    assert np.all(parts.get("residual", 3) == parts.constants.first_residual)
    assert not parts.get("difference_mean", 3).any()
    assert np.all(learned[:6] == 1)
    assert np.allclose(learned[7], reference.detail_energy(average, parts.std), rtol=1e-4)
    assert not learned[[6, 8, 9]].any()
    assert np.all(parts.get("excess", 7)[:6] == 1)


def test_what_the_gate_sees(parts: Parts) -> None:
    found = np.zeros((14, *GRID), np.float32)
    for y in range(GRID[0]):
        row = np.zeros((14, GRID[1]), np.float32)
        parts.library.kernel_gate_inputs(parts.engine, y, at(row))
        found[:, y] = row
    assert np.allclose(found, gate_inputs(parts), atol=5e-3)


def gate_inputs(parts: Parts) -> NDArray[np.float64]:
    return reference.gate_inputs(
        parts.coefficients(),
        parts.get("average", 24),
        parts.get("residual", 3),
        parts.get("difference_mean", 3),
        parts.get("excess", 7),
        parts.constants,
    )


def test_the_gate_from_end_to_end(parts: Parts, in_int16: bool) -> None:
    gate, error = parts.network.gate, 1e-2 if in_int16 else 3e-5
    parts.run("gate_near", "gate_down", "gate_middle", "gate_further", "gate_furthest")
    near = reference.relu(reference.layer(gate.near, gate_inputs(parts)))
    assert close(parts.get("gate_near", 9), near, 5e-3)
    down = reference.relu(reference.layer(gate.down, parts.get("gate_near", 9)))
    middle = reference.relu(reference.layer(gate.middle, down))
    assert close(parts.get("gate_middle", 14, 2), middle, error)
    further = reference.relu(reference.layer(gate.further, middle))
    furthest = reference.relu(reference.layer(gate.furthest, further))
    up = reference.layer(gate.up, middle + reference.upsample2x(furthest))
    assert close(parts.get("gate_up", 9, 2), up, error)
    change = parts.coefficients()[0] - parts.get("average", 24)[0]
    assert np.allclose(parts.get("change", 1)[0], change, atol=5e-3)


@pytest.mark.parametrize(("frames", "seen_before"), [(0, 0), (2, 1), (9, 1)])
def test_the_gates_output_updates_the_state(
    parts: Parts, frames: float, seen_before: float
) -> None:
    gate, c, std = parts.network.gate, parts.constants, parts.std
    parts.run("gate_near", "gate_down", "gate_middle", "gate_further", "gate_furthest")
    names = {"average": 24, "residual": 3, "difference_mean": 3, "learned": 10, "excess": 7}
    old = {name: parts.get(name, channels).astype(float) for name, channels in names.items()}
    near, up = parts.get("gate_near", 9), parts.get("gate_up", 9, 2)
    parts.prepare(frames=frames, rate=0.3, seen_before=seen_before)
    parts.run("update")
    output = reference.layer(gate.last, reference.relu(reference.upsample2x(up) + near))
    change = parts.get("change", 1)[0]
    gain = reference.gain(output, old["residual"], change, old["excess"], c)
    assert np.allclose(parts.get("residual", 3), gain, atol=1e-4)
    difference = parts.coefficients() - old["average"]
    average = old["average"] + gain[GATE_OF] * difference
    assert np.allclose(parts.get("average", 24), average, atol=5e-3)
    scaled = difference[DC] / old["excess"][GROUP_OF[DC]]
    mean = reference.difference_mean(old["difference_mean"], scaled, c) * (1 - gain[0])
    assert np.allclose(parts.get("difference_mean", 3), mean, atol=2e-3)
    counts = {"frames": frames, "rate": 0.3, "seen_before": seen_before}
    learned = reference.learn(
        old["learned"], difference, old["residual"], gain, average, std, c, **counts
    )
    assert np.allclose(parts.get("learned", 10), learned, rtol=4e-3, atol=2e-2)


def test_the_pyramid(parts: Parts) -> None:
    parts.run("pyramid_half", "pyramid_quarter", "coarse")
    half = reference.pyramid_down(parts.get("average", 24)[DC])
    quarter = reference.pyramid_down(half)
    assert np.allclose(parts.get("pyramid_half", 3, 2), half, atol=1e-4)
    assert np.allclose(parts.get("pyramid_quarter", 3, 4), quarter, atol=1e-4)
    assert np.allclose(parts.get("coarse", 3), reference.upsample4x(quarter), atol=1e-4)


@pytest.mark.parametrize("stages", [1, 2])
def test_shrinking(kernels: ctypes.CDLL, in_int16: bool, stages: int) -> None:
    parts = Parts(kernels, GRID, seed=3, stages=stages)
    parts.put_state()
    error = 4e-3 if in_int16 else 3e-5
    names = {"average": 24, "coarse": 3, "residual": 3, "excess": 7}
    state = {name: parts.get(name, channels) for name, channels in names.items()}
    before, clean = None, None
    for index in range(stages):
        parts.prepare(stage=index)
        parts.run("shrink_see", "shrink_wide")
        see, up, result, clean = reference.shrink(
            parts.network.shrink[index], **state, before=before, c=parts.constants
        )
        if not in_int16:
            assert close(parts.get("shrink_see", 7), see, error)
        assert close(parts.get("shrink_up", 7, 2), up, error)
        parts.run("shrink")
        if index + 1 < stages:
            before = parts.get("shrunk[0]", 24)
            assert close(before, result, error)
    assert clean is not None
    pixels = reference.inverse_dct(clean * parts.std[:, None, None])
    expected = [
        table[np.clip(np.rint(plane * scale), 0, 65535).astype(int)]
        for plane, scale, table in zip(
            reference.planes(pixels), parts.scales, parts.tables, strict=True
        )
    ]
    for plane, out, n in zip(expected, parts.out, (4, 2, 2), strict=True):
        apart = np.abs(out[:, : n * GRID[1]].astype(int) - plane)
        assert plane.std() > 5
        assert apart.max() <= 1
        assert np.mean(apart > 0) < (0.05 if in_int16 else 2e-3)
    parts.close()


def test_the_average_as_pixels_and_back(parts: Parts) -> None:
    average = parts.get("average", 24)
    planes, room = parts.planes()
    parts.library.rtdenoise_join(parts.engine, *room)
    exact = reference.planes(reference.inverse_dct(average * parts.std[:, None, None]))
    for plane, expected in zip(planes, exact, strict=True):
        assert np.allclose(plane, expected, atol=1e-3)
    for plane in planes:
        plane *= 1.25
        plane += 3
    parts.library.rtdenoise_split(parts.engine, *room)
    pixels = reference.blocks(planes)
    expected = reference.dct(pixels) / parts.std[:, None, None]
    assert np.allclose(parts.get("average", 24), expected, atol=2e-3)


def test_what_is_learned_is_put_into_other_units(parts: Parts) -> None:
    learned = parts.get("learned", 10)
    factors = np.array([4, 0.5, 2, 3, 0.25, 1.5], np.float32)
    parts.library.rtdenoise_rescale_noise(parts.engine, at(factors))
    found = parts.get("learned", 10)
    assert np.allclose(found[:6], learned[:6] * factors[:, None, None])
    assert np.allclose(found[6], learned[6] * 4)
    assert np.allclose(found[8], learned[8] * 2)
    assert np.array_equal(found[9], learned[9])
    detail = reference.detail_energy(parts.get("average", 24), parts.std)
    assert np.allclose(found[7], detail, rtol=1e-4)


def test_a_measurement_replaces_what_was_learned(parts: Parts) -> None:
    learned = parts.get("learned", 10)
    strength = np.random.default_rng(1).uniform(1, 9, (6, *GRID)).astype(np.float32)
    parts.library.rtdenoise_set_local_noise(parts.engine, at(strength), ctypes.c_float(4))
    found = parts.get("learned", 10)
    assert np.array_equal(found[:6], strength)
    assert np.array_equal(found[6:], learned[6:])


def test_warping(parts: Parts) -> None:
    random = np.random.default_rng(5)
    moved = np.zeros(GRID, np.bool_)
    moved[2:9, 3:15] = moved[12:, 30:] = True
    flow = np.zeros((*GRID, 2), np.float32)
    flow[moved] = (2.3, -1.4)
    flow += random.normal(0, 0.05, flow.shape)
    names = {"average": 24, "residual": 3, "difference_mean": 3, "learned": 10}
    old = {name: parts.get(name, channels) for name, channels in names.items()}
    _, room = parts.planes()
    reach, loss = int(np.ceil(np.abs(flow).max())) + 2, 0.125
    parts.library.rtdenoise_warp(
        parts.engine, at(flow), at(moved), reach, ctypes.c_float(loss), *room
    )
    pixels = reference.planes(reference.inverse_dct(old["average"] * parts.std[:, None, None]))
    fetched = [
        reference.warped(plane, flow, n, 6 if n == 4 else 2)
        for plane, n in zip(pixels, (4, 2, 2), strict=True)
    ]
    there = reference.dct(reference.blocks(fetched)) / parts.std[:, None, None]
    average = np.where(moved, there, old["average"])
    assert np.allclose(parts.get("average", 24), average, atol=4e-3)
    residual = np.stack([reference.warped(g, flow, 1, 2) + loss for g in old["residual"]])
    expected = np.where(moved, residual, old["residual"])
    assert np.allclose(parts.get("residual", 3), expected, atol=1e-4)
    expected = np.where(moved, 0, old["difference_mean"])
    assert np.array_equal(parts.get("difference_mean", 3), expected)
    learned = old["learned"].astype(float)
    for channel in range(7):
        learned[channel][moved] = reference.warped(learned[channel], flow, 1, 2)[moved]
    learned[7][moved] = reference.detail_energy(average, parts.std)[moved]
    assert np.allclose(parts.get("learned", 10), learned, rtol=2e-3, atol=1e-3)
    excess = reference.excess(parts.get("learned", 10), parts.std, parts.constants)
    assert np.allclose(parts.get("excess", 7), excess, rtol=1e-3, atol=1e-4)

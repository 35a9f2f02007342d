"""What only the compiled engine can get wrong: builds, threads, sizes, extremes."""

import ctypes
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtdenoise.alignment.motion import Movement
from rtdenoise.engines import native_engine, native_library
from rtdenoise.engines.native_engine import NativeEngine, fits
from rtdenoise.engines.native_library import KINDS, compiled_kind
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.networks.card import Card, load_network, load_weights, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork, LiveSize
from rtdenoise.networks.shipped import base_network_path
from rtdenoise.networks.weights import LiveWeights
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS
from rtdenoise.noise.normalised import Normalised

pytestmark = pytest.mark.skipif(
    not compiled_kind(), reason="there is no compiled code for this machine"
)
PLANE = PlaneNoise(NoiseCurve((0.0, 255.0), (9.0, 25.0)))
NOISE = Normalised(NoiseModel(PLANE, PLANE, PLANE, chroma="420"))
ONES = np.ones(COEFFICIENTS, np.float32)
Frame = list[NDArray[np.uint8]]


def network(size: str | LiveSize = "nano") -> LiveNetwork:
    torch.manual_seed(3)
    made = LiveNetwork(SIZES[size] if isinstance(size, str) else size).eval()
    with torch.no_grad():
        made.gate.last.weight.normal_(0, 0.2)
    return made


def frame(grid: tuple[int, int], seed: int, low: int = 60, high: int = 200) -> Frame:
    random = np.random.default_rng(seed)
    h, w = grid
    shapes = [(4 * h, 4 * w), (2 * h, 2 * w), (2 * h, 2 * w)]
    return [random.integers(low, high + 1, shape).astype(np.uint8) for shape in shapes]


def cleaned(engine: NativeEngine | TorchEngine, frames: list[Frame]) -> list[Frame]:
    engine.set_noise(NOISE, ONES)
    results = []
    for planes in frames:
        engine.analyse(planes)
        results.append([plane.copy() for plane in engine.step()])
    return results


@settings(max_examples=12)
@given(
    h=st.integers(1, 9),
    w=st.integers(1, 17),
    threads=st.integers(1, 5),
    lanes=st.sampled_from([*KINDS]),
)
def test_any_size_and_number_of_threads_gives_the_same(
    h: int, w: int, threads: int, lanes: int
) -> None:
    grid = (4 * h, 4 * w)
    made = network()
    frames = [frame(grid, seed) for seed in range(3)]
    mine = cleaned(NativeEngine(made, grid, threads, lanes), frames)
    reference = cleaned(TorchEngine(made, grid, torch.device("cpu")), frames)
    for one, two in zip(mine, reference, strict=True):
        for plane, expected in zip(one, two, strict=True):
            apart = np.abs(plane.astype(int) - expected)
            assert apart.max() <= 1
            assert np.mean(apart > 0) < 0.05


@pytest.mark.parametrize("size", ["nano", "small"])
def test_weights_give_the_same_bytes_as_the_module(size: str, tmp_path: Path) -> None:
    path, grid = base_network_path(size), (8, 12)
    if not path.is_file():
        path = tmp_path / "network.safetensors"
        save_network(path, network(size), Card(size))
    frames = [frame(grid, seed) for seed in range(3)]
    module, weights = load_network(path)[0], load_weights(path)[0]
    assert isinstance(module, LiveNetwork)
    assert fits(weights)
    for lanes in KINDS:
        made = [NativeEngine(source, grid, 2, lanes) for source in (module, weights)]
        for one, two in zip(*(cleaned(engine, frames) for engine in made), strict=True):
            for plane, expected in zip(one, two, strict=True):
                np.testing.assert_array_equal(plane, expected)
    slow = [TorchEngine(source, grid, "cpu") for source in (module, weights)]
    for one, two in zip(*(cleaned(engine, frames) for engine in slow), strict=True):
        for plane, expected in zip(one, two, strict=True):
            np.testing.assert_array_equal(plane, expected)


@pytest.mark.parametrize("lanes", KINDS)
def test_without_cleaning_in_space_the_average_is_shown(lanes: int) -> None:
    grid = (8, 20)
    made = network()
    frames = [frame(grid, seed) for seed in range(5)]
    whole, temporal = (NativeEngine(made, grid, 2, lanes) for _ in range(2))
    temporal.spatial = False
    cleaned(whole, frames)
    shown = cleaned(temporal, frames)[-1]
    for engine in (whole, temporal):  # one average, whatever is shown of it
        engine._library.rtdenoise_join(engine._engine, *engine._planes())
    for index, (one, other) in enumerate(zip(whole._work, temporal._work, strict=True)):
        np.testing.assert_array_equal(one, other)
        scale, table = NOISE.table(index)
        expected = table[np.clip(np.rint(one * scale), 0, len(table) - 1).astype(int)]
        apart = np.abs(expected.astype(int) - shown[index])
        assert apart.max() <= 1
        assert np.mean(apart > 0) < 0.01
    temporal.spatial = True
    for engine in (whole, temporal):
        engine.analyse(frames[0])
    for mine, others in zip(whole.step(), temporal.step(), strict=True):
        np.testing.assert_array_equal(mine, others)


def test_too_large_a_network_does_not_fit() -> None:
    wide, deep = LiveSize(8, 16, 12, 193, 10), LiveSize(8, 16, 12, 12, 10, stages=9)
    filters = LiveSize(8, 16, 12, 12, 169)  # with 24 coefficients 193 channels
    for size in (wide, deep, filters):
        assert not fits(network(size))
        assert not fits(LiveWeights.of(network(size)))
    assert fits(LiveWeights.of(network(LiveSize(8, 16, 12, 192, 168, stages=8))))


@pytest.mark.parametrize(("low", "high"), [(0, 0), (255, 255), (0, 255)])
def test_black_white_and_chaos_stay_in_bounds(low: int, high: int) -> None:
    grid = (8, 12)
    frames = [frame(grid, seed, low, high) for seed in range(6)]
    engine = NativeEngine(network(), grid, 2)
    for planes, clean in zip(frames, cleaned(engine, frames), strict=True):
        if low == high:
            assert all(
                np.abs(c.astype(int) - p).max() <= 2 for c, p in zip(clean, planes, strict=True)
            )
    assert np.isfinite(engine.state_means()).all()
    assert np.isfinite(engine.residual()).all()


def test_threads_and_runs_change_nothing() -> None:
    grid = (40, 24)
    made, frames = network(), [frame((40, 24), seed) for seed in range(4)]
    once = cleaned(NativeEngine(made, grid, 1), frames)
    for threads in (2, 3):
        again = cleaned(NativeEngine(made, grid, threads), frames)
        for one, two in zip(once, again, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_two_engines_side_by_side_do_not_disturb_each_other() -> None:
    grid = (24, 24)
    frames = [frame(grid, seed) for seed in range(5)]
    made = network()
    expected = cleaned(NativeEngine(made, grid, 2), frames)
    found: dict[int, list[Frame]] = {}

    def run(index: int) -> None:
        found[index] = cleaned(NativeEngine(made, grid, 2), frames)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(4):
        for one, two in zip(found[index], expected, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_planes_with_room_between_their_rows_are_read_in_place() -> None:
    grid = (8, 12)
    planes = frame(grid, 1)
    wide = [np.full((p.shape[0], p.shape[1] + 24), 7, np.uint8) for p in planes]
    for larger, plane in zip(wide, planes, strict=True):
        larger[:, : plane.shape[1]] = plane
    views = [larger[:, : p.shape[1]] for larger, p in zip(wide, planes, strict=True)]
    one, two = (cleaned(NativeEngine(network(), grid, 1), [f])[0] for f in (planes, views))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_what_moves_out_of_the_picture_and_far_is_followed() -> None:
    grid = (12, 20)
    engines: list[NativeEngine | TorchEngine] = [
        NativeEngine(network(), grid, 2),
        TorchEngine(network(), grid, torch.device("cpu")),
    ]
    x, y = np.meshgrid(np.arange(20, dtype=np.float32), np.arange(12, dtype=np.float32))
    flow = np.full((12, 20, 2), (-7.3, 5.6), np.float32)
    flow[6:] = 2.25
    movement = Movement(flow, np.ones((12, 20), np.bool_), np.stack([x, y], 2))
    for engine in engines:
        cleaned(engine, [frame(grid, seed) for seed in range(3)])
        engine.warp(movement)
    assert np.allclose(engines[0].residual(), engines[1].residual(), atol=5e-3)
    # Luma is moved linearly here, for so much moves, and cubically by PyTorch.
    assert np.allclose(engines[0].state_means()[1:], engines[1].state_means()[1:], atol=0.02)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("left", [0, 70, 148])
def test_what_is_believed_of_the_noise_is_whole_after_a_movement(threads: int, left: int) -> None:
    # Where nothing came from elsewhere nothing is looked at again: only as long as nothing is forgotten.
    grid = (40, 160)
    random = np.random.default_rng(4)
    still = random.integers(60, 200, (grid[0], grid[1], 4, 4)).astype(np.float32)
    strong = random.random(grid) < 0.2
    engine = NativeEngine(network(), grid, threads)
    white = np.repeat([0.25, 0.5], [16, 8]).astype(np.float32)
    engine.set_noise(NOISE, white)
    frames = []
    for _ in range(8):
        noise = random.normal(size=still.shape) * np.where(strong, 12.0, 4.0)[..., None, None]
        # Noise of means grows less, as at edges of real cameras.
        noise -= 0.5 * noise.mean((2, 3), keepdims=True) * strong[..., None, None]
        y = (still + noise).clip(0, 255).astype(np.uint8).transpose(0, 2, 1, 3)
        grey = np.full((2 * grid[0], 2 * grid[1]), 128, np.uint8)
        frames.append([y.reshape(4 * grid[0], 4 * grid[1]), grey, grey])
    for planes in frames[:-1]:
        engine.analyse(planes)
        engine.step()
    engine.analyse(frames[-1])
    before = engine.excess().copy()
    assert before.max() > 1.05
    moved = np.zeros(grid, np.bool_)
    moved[13:21, left : left + 12] = True
    flow = np.zeros((*grid, 2), np.float32)
    flow[moved] = (1.4, -2.3)
    base = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in grid[::-1])), 2)
    engine.warp(Movement(flow, moved, base))
    after = engine.excess().copy()
    assert not np.array_equal(before, after)
    engine.analyse(frames[-1])  # looks at everything
    assert np.allclose(after, engine.excess(), rtol=1e-4)


def test_networks_that_are_too_wide_are_left_to_pytorch() -> None:
    assert fits(network())
    assert all(fits(network(size)) for size in SIZES)
    assert not fits(network(LiveSize(gate=4, context=4, energy=4, wide=4, filters=200)))
    assert not fits(network(LiveSize(gate=4, context=4, energy=4, wide=4, filters=4, stages=9)))


def test_without_a_build_there_is_no_compiled_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_engine, "native_library", lambda: None)
    assert not fits(network())


def test_a_build_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shorter(ctypes.Structure):
        _fields_ = native_library.Constants._fields_[:-1]

    assert native_library._load(4) is not None
    with monkeypatch.context() as patch:
        patch.setattr(native_library, "ABI", native_library.ABI + 1)
        assert native_library._load(4) is None
    with monkeypatch.context() as patch:
        patch.setattr(native_library, "Constants", Shorter)
        assert native_library._load(4) is None
    assert native_library._load(4) is not None


def test_a_build_that_cannot_be_loaded_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_library, "_FOLDER", tmp_path)
    assert native_library._load(4) is None
    (tmp_path / native_library.library_name(4)).write_bytes(b"not a library")
    assert native_library._load(4) is None
    native_library.native_library.cache_clear()
    try:
        assert native_library.native_library() is None
        assert compiled_kind() == ""
    finally:
        native_library.native_library.cache_clear()

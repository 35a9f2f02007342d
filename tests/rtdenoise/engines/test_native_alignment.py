"""What finding movement computes, as compiled code, is what NumPy and OpenCV make of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rtdenoise.alignment.kernels import CREEP_SUMS, Creeping, Kernels
from rtdenoise.arrays import Floats
from rtdenoise.engines.native_kernels import quickest_kernels
from rtdenoise.engines.native_library import KINDS, native_library

REFERENCE = Kernels()
SHAPES = pytest.mark.parametrize("shape", [(48, 64), (37, 51), (26, 30), (7, 5)])


@pytest.fixture(params=sorted(KINDS), ids=lambda lanes: KINDS[lanes])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernels:
    library = native_library(request.param)
    if library is None or library.rtdenoise_lanes() != request.param:
        pytest.skip("there is no such build, or this processor doesn't run it")
    monkeypatch.setattr("rtdenoise.engines.native_kernels.native_library", lambda: library)
    kernels = quickest_kernels(2)
    assert type(kernels) is not Kernels
    return kernels


def smooth(seed: int, *shape: int) -> Floats:
    white = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return np.asarray(30 * cv2.GaussianBlur(white, (0, 0), 2), np.float32)


def same(found: Floats, true: Floats) -> bool:
    """Whether they are, but for rounding."""
    assert found.shape == true.shape
    return bool(np.abs(found - true).max() <= 2e-6 * np.abs(true).max())


def positive(seed: int, *shape: int) -> Floats:
    return np.asarray(np.abs(smooth(seed, *shape)), np.float32)


def vectors(shape: tuple[int, int]) -> Floats:
    return np.stack([smooth(1, *shape), smooth(2, *shape)], 2) / np.float32(10)


def weights_of(shape: tuple[int, int]) -> Floats:
    weights = smooth(3, *shape)
    return np.asarray(np.clip(weights / weights.max(), 0, 1), np.float32)


def test_half_the_resolution(compiled: Kernels) -> None:
    whole = np.random.default_rng(4).integers(0, 256, (41, 75)).astype(np.uint8)
    for picture in (whole, whole[3:, 5:]):
        assert np.array_equal(compiled.halved(picture), REFERENCE.halved(picture))


def test_threads_change_nothing(compiled: Kernels) -> None:
    shape = (61, 90)  # cells: enough for three threads
    last, frame = smooth(7, 260, 380), smooth(8, 4 * shape[0], 4 * shape[1])
    some = smooth(9, *shape) > 0
    for wanted in (None, some):
        ends = [
            quickest_kernels(threads).slopes(last, frame, vectors(shape), (9.0, 8.0), wanted)
            for threads in (1, 3, 3)
        ]
        assert np.abs(ends[0]).max() > 1
        assert np.array_equal(ends[0], ends[1])
        assert np.array_equal(ends[0], ends[2])
    everywhere = compiled.slopes(last, frame, vectors(shape), (9.0, 8.0))
    assert np.array_equal(ends[0][:, some], everywhere[:, some])


@pytest.mark.parametrize("spread", [1, 40])
def test_a_picture_between_its_pixels(compiled: Kernels, spread: float) -> None:
    picture = np.clip(128 + smooth(5, 50, 70), 0, 255).astype(np.uint8)
    random = np.random.default_rng(6)
    for count in (1, 37, 400):
        # Whole 32nds, as OpenCV interpolates; with the larger spread many are beyond the edges.
        x, y = (
            np.asarray(np.rint(32 * (m + spread * random.normal(size=(count, 1)))) / 32, np.float32)
            for m in (35, 25)
        )
        part = picture[2:, 3:]
        found, true = (k.samples(part, x, y) for k in (compiled, REFERENCE))
        assert found.shape == true.shape
        assert np.allclose(found, true, atol=0.05)


@SHAPES
def test_a_step_of_refinement(compiled: Kernels, shape: tuple[int, int]) -> None:
    sums = np.stack([smooth(seed, *shape) for seed in range(10, 19)])
    sums[[0, 2, 8]] = np.abs(sums[[0, 2, 8]])
    sums[1] = 0.3 * np.sqrt(sums[0] * sums[2])
    mine = sums.copy()
    REFERENCE.take_off_level(sums)
    compiled.take_off_level(mine)
    assert same(mine, sums)
    for windows in (((5, 1.0), (11, 0.03)), ((3, 1.0), (5, 0.1), (13, 0.01))):
        ways = (compiled, REFERENCE)
        found, true = (
            k.refine(sums, weights_of(shape), vectors(shape), 0.7, windows) for k in ways
        )
        assert same(found, true)


@SHAPES
def test_what_is_left_after_a_movement(compiled: Kernels, shape: tuple[int, int]) -> None:
    old = smooth(20, shape[0] + 9, shape[1] + 7)
    new = smooth(21, shape[0] + 2, shape[1] + 3)[:-2, :-3]
    found, true = (k.rest(old, new, vectors(shape), (4, 3)) for k in (compiled, REFERENCE))
    # OpenCV interpolates in steps of a 32nd.
    assert np.abs(found - true).max() < 0.02 * true.max()
    part = np.zeros((*shape, 4), np.float32)
    part[:, :, 1:3] = vectors(shape)
    assert np.array_equal(compiled.rest(old, new, part[:, :, 1:3], (4, 3)), found)


def creeping(shape: tuple[int, int]) -> Creeping:
    """Slow movement in a part of a larger grid."""
    rows, columns = shape
    whole = Creeping(
        smooth(40, rows + 3, columns + 5) > 0,
        positive(41, rows + 3, columns + 5),
        vectors((rows + 3, columns + 5)),
    )
    return whole.of((slice(1, rows + 1), slice(2, columns + 2)))


@SHAPES
@pytest.mark.parametrize("slow", [False, True])
def test_what_a_vector_counts(compiled: Kernels, shape: tuple[int, int], slow: bool) -> None:
    change = smooth(42, shape[0] + 1, shape[1] + 4)[1:, 4:]
    noise = positive(43, shape[0] + 1, shape[1] + 4)[1:, 4:] / np.float32(10)
    after = positive(44, *shape) / np.float32(4)
    moving = smooth(45, shape[0], shape[1] + 2)[:, 2:] > -5
    flows = [vectors(shape) for _ in range(2)]
    (before, weights), (true_before, true_weights) = (
        k.weigh(change, noise, after, moving, flow, creeping(shape) if slow else None)
        for k, flow in zip((compiled, REFERENCE), flows, strict=True)
    )
    assert weights is not None
    assert true_weights is not None
    assert np.array_equal(weights, true_weights)
    assert np.array_equal(before, true_before)
    assert np.array_equal(flows[0], flows[1])
    assert np.array_equal(flows[0], vectors(shape)) != slow
    # Where rest explains everything, nothing counts.
    assert compiled.weigh(np.zeros_like(change), noise, after, moving, flows[0], None)[1] is None


@SHAPES
@pytest.mark.parametrize("slow", [False, True])
def test_what_is_believed(compiled: Kernels, shape: tuple[int, int], slow: bool) -> None:
    noise = positive(46, shape[0] + 1, shape[1] + 4)[1:, 4:]
    before, after = (positive(seed, *shape) for seed in (47, 48))
    along = smooth(49, *shape) / np.float32(3)
    (found, moves), (true, true_moves) = (
        k.believe(along, before, after, noise, creeping(shape) if slow else None)
        for k in (compiled, REFERENCE)
    )
    assert np.array_equal(found, true)
    assert np.array_equal(moves, true_moves)
    assert moves.any()
    assert not moves.all() or moves.size < 50


@SHAPES
def test_vectors_are_spread(compiled: Kernels, shape: tuple[int, int]) -> None:
    found, true = (k.spread(vectors(shape), weights_of(shape)) for k in (compiled, REFERENCE))
    assert same(found, true)


def test_one_block_tells_all_others(compiled: Kernels) -> None:
    weights = np.zeros((37, 51), np.float32)
    weights[20, 25] = 3
    flow = np.zeros((37, 51, 2), np.float32)
    flow[20, 25] = (2, -1)
    assert np.allclose(compiled.spread(flow, weights)[10:30, 15:35], (2, -1), atol=1e-3)


@pytest.mark.parametrize("shape", [(48, 64), (38, 52), (4, 6)])
def test_slow_movement(compiled: Kernels, shape: tuple[int, int]) -> None:
    ways = (compiled, REFERENCE)
    sums = [np.zeros((CREEP_SUMS, shape[0] // 2, shape[1] // 2), np.float32) for _ in ways]
    variance = np.full(shape, 0.5, np.float32)
    old = np.asarray(4 * smooth(30, *shape), np.float32)
    difference = np.asarray(0.2 * np.gradient(old, axis=1) + smooth(31, *shape) / 10, np.float32)
    for _ in range(3):
        found, true = (
            k.creep(old, difference, variance, s) for k, s in zip(ways, sums, strict=True)
        )
    assert same(sums[0], sums[1])
    assert true is not None
    assert found is not None
    assert np.array_equal(found[0], true[0])
    assert found[0].any()
    assert np.allclose(found[1], true[1], rtol=1e-4, atol=1e-4)
    assert np.allclose(found[2], true[2], rtol=1e-4, atol=1e-5)
    nothing = np.zeros(shape, np.float32)
    assert compiled.creep(old, nothing, variance, np.zeros_like(sums[0])) is None

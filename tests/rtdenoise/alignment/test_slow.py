"""Movement far below the noise is noticed within a second, and noise of any kind is not taken for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rtdenoise.alignment.kernels import Creeping, Kernels
from rtdenoise.alignment.slow import SlowMovement
from rtdenoise.arrays import Floats
from rtdenoise.engines.native_kernels import quickest_kernels

GRID = (60, 80)
SIGMA = 1.2  # of a block's mean
KERNELS = pytest.mark.parametrize(
    "kernels", [Kernels(), quickest_kernels()], ids=["opencv", "compiled"]
)
LEFT = 0.3  # standard deviation of the state's noise against a frame's


def texture(x: float) -> Floats:
    """A textured grid, moved to the right by so many blocks."""
    white = np.random.default_rng(2).normal(size=(GRID[0], GRID[1])).astype(np.float32)
    picture = np.asarray(100 + 24 * cv2.GaussianBlur(white, (0, 0), 2) / 0.14, np.float32)
    move = np.array([[1, 0, x], [0, 1, 0]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            picture, move, GRID[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        ),
        np.float32,
    )


def noise(random: np.random.Generator, sigma: float, blur: float = 0) -> Floats:
    white = random.normal(size=GRID).astype(np.float32)
    if blur:
        white = np.asarray(cv2.GaussianBlur(white, (0, 0), blur), np.float32)
        white /= white.std()
    return np.asarray(sigma * white, np.float32)


def watch(
    kernels: Kernels, speed: float, frames: int, blur: float = 0, light: float = 0
) -> list[Creeping | None]:
    """What is found in frames that move by so many blocks each, before a state that is one frame old."""
    random = np.random.default_rng(9)
    slow = SlowMovement(kernels)
    variance = np.full(GRID, (1 + LEFT**2) * SIGMA**2, np.float32)
    found = []
    for index in range(1, frames + 1):
        old = texture(speed * (index - 1)) + noise(random, LEFT * SIGMA, blur)
        new = texture(speed * index) * (1 + light * (index % 2)) + noise(random, SIGMA, blur)
        found.append(slow.update(old, np.asarray(new - old, np.float32), variance))
    return found


@KERNELS
def test_a_tenth_of_a_block_a_frame_is_noticed(kernels: Kernels) -> None:
    found = watch(kernels, 0.1, 12)[-1]  # 0.4 pixels
    assert found is not None
    inner = (slice(8, -8), slice(8, -8))
    assert found.moved[inner].mean() > 0.8
    error = found.flow[inner][found.moved[inner]] - (-0.1, 0)
    assert np.abs(np.median(error, axis=0)).max() < 0.015
    assert found.sure[inner][found.moved[inner]].min() > 1
    assert found.flow.shape == (*GRID, 2)


# Blotches of eight blocks make the blocks of a window alike: that many are mistaken, and the beliefs have to hold.
@pytest.mark.parametrize(("blur", "limit"), [(0, 0.01), (1.0, 0.01), (2.0, 0.06)])
@pytest.mark.parametrize("light", [0, 0.01])
@KERNELS
def test_noise_and_flicker_are_no_movement(
    kernels: Kernels, blur: float, limit: float, light: float
) -> None:
    moved = [f.moved.mean() for f in watch(kernels, 0, 60, blur, light) if f is not None]
    assert sum(moved) / 60 < limit


@KERNELS
def test_what_stops_is_forgotten_within_a_few_frames(kernels: Kernels) -> None:
    random = np.random.default_rng(9)
    slow = SlowMovement(kernels)
    variance = np.full(GRID, SIGMA**2, np.float32)
    for index in range(1, 10):  # a block a frame: far above the noise
        slow.update(texture(index - 1.0), texture(index) - texture(index - 1.0), variance)
    after = [slow.update(texture(9), noise(random, SIGMA), variance) for _ in range(10)]
    assert after[0] is not None
    assert all(f is None or f.moved.mean() < 0.02 for f in after[6:])


@KERNELS
def test_after_a_reset_nothing_is_remembered(kernels: Kernels) -> None:
    slow = SlowMovement(kernels)
    variance = np.full(GRID, SIGMA**2, np.float32)
    difference = texture(0.075) - texture(0)
    for _ in range(8):
        slow.update(texture(0), difference, variance)
    slow.reset()
    fresh = SlowMovement(kernels)
    one, two = (
        s.update(texture(0), noise(np.random.default_rng(1), SIGMA), variance)
        for s in (slow, fresh)
    )
    assert (one is None) == (two is None)


@KERNELS
def test_a_grid_of_odd_size_is_as_good(kernels: Kernels) -> None:
    odd = (slice(0, GRID[0] - 1), slice(0, GRID[1] - 1))
    slow, found = SlowMovement(kernels), None
    variance = np.full(GRID, SIGMA**2, np.float32)
    for index in range(1, 10):
        old = texture(0.1 * (index - 1))
        difference = texture(0.1 * index) - old
        found = slow.update(old[odd], difference[odd], variance[odd])
    assert found is not None
    assert found.moved.shape == found.sure.shape == (GRID[0] - 1, GRID[1] - 1)
    assert found.moved[8:, 8:].mean() > 0.8
    assert np.abs(np.median(found.flow[found.moved], axis=0) - (-0.1, 0)).max() < 0.015

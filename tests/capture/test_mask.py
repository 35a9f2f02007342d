from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from capture.blocks import Blocks, block_means
from capture.mask import Moments, static_mask, still_pixels

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]


@pytest.mark.parametrize("std", [0.4, 2.0, 8.0])
@pytest.mark.parametrize("spatial", [0.0, 1.0])
@pytest.mark.parametrize("lag1", [0.0, 0.6])
def test_noise_alone_is_static(
    scene: Floats, noisy: Noisy, std: float, spatial: float, lag1: float
) -> None:
    mask = static_mask(noisy(scene, 20, std, spatial=spatial, lag1=lag1))
    assert mask.shape == scene.shape
    assert mask.dtype == np.bool_
    assert mask.mean() >= 0.97


def test_noise_that_grows_with_the_level_is_static(scene: Floats, noisy: Noisy) -> None:
    unit = noisy(np.full_like(scene, 128), 20, 20.0).astype(np.float32) - 128
    frames = np.clip(scene + unit * np.sqrt(scene / 255) / 4, 0, 255).astype(np.uint8)
    assert static_mask(frames).mean() >= 0.97


def test_noisier_detail_is_static_as_long_as_it_is_white_in_time(
    scene: Floats, noisy: Noisy
) -> None:
    # JPEG and sharpening give edges up to nine times the variance of flat parts.
    frames = noisy(scene, 20, 2.0).astype(np.float32)
    frames[:, 30:60, 50:120] += 3 * (frames[:, 30:60, 50:120] - scene[30:60, 50:120])
    assert static_mask(np.clip(frames, 0, 255).astype(np.uint8)).mean() >= 0.97


def test_a_moving_patch_is_left_out_and_the_rest_kept(scene: Floats, noisy: Noisy) -> None:
    pictures = []
    touched = np.zeros(scene.shape, bool)
    for k in range(20):
        picture = scene.copy()
        left = 30 + 4 * k
        picture[50:80, left : left + 24] = 230
        touched[50:80, left : left + 24] = True
        pictures.append(picture)
    mask = static_mask(noisy(pictures, 20, 3.0))
    assert (~mask)[touched].mean() > 0.97
    away = np.ones(scene.shape, bool)
    away[34:96, 12:154] = False  # blocks of 8, and those beside what moves
    assert mask[away].mean() > 0.98


def test_a_slow_thing_is_left_out(scene: Floats, noisy: Noisy) -> None:
    # A shadow of 8 levels whose edge creeps by a third of a pixel per frame.
    pictures = []
    changed = np.zeros(scene.shape, bool)
    for k in range(20):
        picture = scene.copy()
        edge = 80 + k / 3
        shade = np.clip(edge - np.arange(192), 0, 1).astype(np.float32)
        shade[:40] = 0
        picture[30:110] -= 8 * shade
        pictures.append(picture)
    changed[34:106, 80:86] = True
    mask = static_mask(noisy(pictures, 20, 2.0))
    assert (~mask)[changed].mean() > 0.9
    assert mask[:, :30].mean() > 0.97
    assert mask[:, 120:].mean() > 0.97


def test_something_that_appears_halfway_is_left_out(scene: Floats, noisy: Noisy) -> None:
    after = scene.copy()
    after[60:90, 60:100] += 6
    mask = static_mask(noisy([scene] * 10 + [after] * 10, 20, 3.0))
    assert (~mask)[62:88, 62:98].mean() > 0.95
    assert mask[:40].mean() > 0.97


def test_a_picture_that_brightens_as_a_whole_is_static(scene: Floats, noisy: Noisy) -> None:
    rise = [scene * np.float32(1 + 0.03 * k / 19) for k in range(20)]
    assert static_mask(noisy(rise, 20, 3.0)).mean() > 0.97


def edges_of(scene: Floats) -> NDArray[np.bool_]:
    """A grid of thin lines: a twelfth of the picture."""
    lines = np.zeros(scene.shape, bool)
    lines[12::24] = lines[:, 12::24] = True
    return lines


def noisy_at_edges(
    pictures: list[Floats], noisy: Noisy, ratio: float, std: float = 1.0
) -> NDArray[np.uint8]:
    """Frames with steps along a grid, whose noise has ``ratio`` times the variance of the rest."""
    lines = edges_of(pictures[0])
    drawn = [np.where(lines, picture + 40, picture).astype(np.float32) for picture in pictures]
    quiet, loud = (
        noisy(drawn, len(pictures), std * factor, seed=seed)
        for factor, seed in ((1.0, 1), (ratio**0.5, 2))
    )
    return np.where(lines, loud, quiet)


@pytest.mark.parametrize("count", [14, 20, 45])
@pytest.mark.parametrize("ratio", [30.0, 110.0])
def test_edges_of_many_times_the_variance_are_kept(
    scene: Floats, noisy: Noisy, ratio: float, count: int
) -> None:
    mask = static_mask(noisy_at_edges([scene] * count, noisy, ratio))
    assert mask[edges_of(scene)].mean() > 0.95
    assert mask.mean() > 0.95


@pytest.mark.parametrize("count", [14, 20])
def test_what_moves_among_noisy_edges_is_left_out_and_they_are_kept(
    scene: Floats, noisy: Noisy, count: int
) -> None:
    pictures = []
    touched = np.zeros(scene.shape, bool)
    for k in range(count):
        picture = scene.copy()
        left = 20 + 3 * k
        picture[48:90, left : left + 30] = 210
        touched[48:90, left : left + 30] = True
        pictures.append(picture)
    mask = static_mask(noisy_at_edges(pictures, noisy, 30.0))
    assert (~mask)[touched].mean() > 0.97
    away = edges_of(scene)
    away[36:102, 4:118] = False
    assert mask[away].mean() > 0.95


def test_leaves_that_flutter_on_the_spot_are_left_out(scene: Floats, noisy: Noisy) -> None:
    generator = np.random.default_rng(4)
    texture = cv2.GaussianBlur(
        generator.standard_normal((160, 210)).astype(np.float32), (0, 0), 1.5
    )
    texture *= 30 / texture.std()
    pictures = []
    for _ in range(20):
        picture = scene.copy()
        down, across = generator.integers(0, 8, 2)
        picture[40:100, 60:130] += texture[down : down + 60, across : across + 70]
        pictures.append(picture)
    mask = static_mask(noisy(pictures, 20, 2.0))
    assert (~mask)[44:96, 64:126].mean() > 0.9
    assert mask[:24].mean() > 0.97


def test_blocks_that_drift_by_a_level_are_left_out(scene: Floats, noisy: Noisy) -> None:
    pictures = []
    for k in range(20):
        picture = scene.copy()
        picture[44:84, 60:100] += 2.5 * k / 19
        pictures.append(picture)
    mask = static_mask(noisy_at_edges(pictures, noisy, 30.0))
    assert (~mask)[46:82, 62:98].mean() > 0.95
    assert mask[:28].mean() > 0.95


@pytest.mark.parametrize("step", [0.01, 0.03, 0.09])
def test_steps_of_brightness_are_neither_movement_nor_noise(
    scene: Floats, noisy: Noisy, step: float
) -> None:
    generator = np.random.default_rng(5)
    gains = 1 + step * generator.uniform(-1, 1, 20).astype(np.float32)
    frames = noisy([scene * gain for gain in gains], 20, 1.5)
    blocks = Blocks.of(np.stack([block_means(frame) for frame in frames]))
    assert blocks.gains / np.median(blocks.gains) == pytest.approx(
        gains / np.median(gains), abs=1e-3
    )
    moments = Moments.of(frames, blocks.gains)
    mask = still_pixels(moments, blocks)
    assert mask.mean() > 0.97
    assert moments.variance[mask].mean() == pytest.approx(1.5**2 + 1 / 12, rel=0.1)
    moving = frames.copy()
    for k in range(20):
        moving[k, 60:90, 40 + 3 * k : 60 + 3 * k] = 220
    assert (~static_mask(moving))[62:88, 60:90].mean() > 0.97


def test_blocks_of_two_halves_are_those_of_the_whole(scene: Floats, noisy: Noisy) -> None:
    gains = np.where(np.arange(40) < 20, 1, 1.04).astype(np.float32)
    frames = noisy([scene * gain for gain in gains], 40, 2.0)
    means = np.stack([block_means(frame) for frame in frames])
    halves = Blocks.of(means[:20]).joined(Blocks.of(means[20:]))
    assert halves.still().mean() > 0.97
    assert halves.gains[-1] / halves.gains[0] == pytest.approx(1.04, abs=3e-3)


def test_all_the_same_frames_are_static(scene: Floats) -> None:
    frames = np.repeat(scene.astype(np.uint8)[None], 6, axis=0)
    assert static_mask(frames).all()


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 8), np.float32),
    ],
)
def test_wrong_input_is_refused(frames: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="expected at least 4 frames"):
        static_mask(frames)


@pytest.mark.parametrize("count", [4, 7, 20])
def test_moments_are_those_of_numpy(scene: Floats, noisy: Noisy, count: int) -> None:
    frames = noisy(scene, count, 5.0)
    exact = frames.astype(np.float64)
    moments = Moments.of(frames)
    residual = exact - exact.mean(0)
    half = count // 2
    assert moments.mean == pytest.approx(exact.mean(0), abs=1e-3)
    assert moments.variance == pytest.approx(exact.var(0, ddof=1), rel=1e-3, abs=1e-3)
    lag1 = (residual[1:] * residual[:-1]).mean(0)
    assert moments.lag1 == pytest.approx(lag1, rel=1e-3, abs=1e-2)
    trend = exact[-half:].mean(0) - exact[:half].mean(0)
    assert moments.trend == pytest.approx(trend, abs=1e-3)

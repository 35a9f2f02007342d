from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from capture.mask import Moments, static_mask

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
    away[40:90, 18:148] = False
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
    rise = [scene + 3 * k / 19 for k in range(20)]
    assert static_mask(noisy(rise, 20, 3.0)).mean() > 0.97


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

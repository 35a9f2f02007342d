"""Without the truth, the error against the truth must come out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.noise.unsupervised import (
    Floats,
    find_still,
    judged_frames,
    running_mean,
    squared_error,
)

SHAPE = (96, 128)
SIGMA = 3.0


def truth() -> Floats:
    """Flat parts, and steep edges on the right."""
    picture = np.full(SHAPE, 90, np.float32)
    picture[:, 64:] = 100 + 60 * (np.arange(64) // 8 % 2)
    picture[48:, :64] = 140
    return picture


def clip(count: int = 45, sigma: float | NDArray[np.float32] = SIGMA) -> Floats:
    noise = np.random.default_rng(3).normal(size=(count, *SHAPE))
    return np.asarray(truth() + sigma * noise, np.float32)


def test_the_frame_as_it_came_has_the_noises_variance() -> None:
    luma = clip()
    still = find_still(luma)
    assert still.places["all"].mean() > 0.7
    error = squared_error(luma[10], still, 10)[still.places["all"]].mean()
    assert error == pytest.approx(SIGMA**2, rel=0.04)


def test_a_running_mean_has_the_share_that_is_left() -> None:
    luma = clip()
    still = find_still(luma)
    error = squared_error(running_mean(still, 11), still, 11)[still.places["all"]].mean()
    assert error == pytest.approx(SIGMA**2 / 12, abs=0.15)  # rounding to bytes adds a twelfth


def test_blur_is_an_error_too() -> None:
    luma = clip()
    still = find_still(luma)
    blurred = cv2.blur(luma[20], (5, 5)).astype(np.float32)
    where = still.places["all"]
    error = squared_error(blurred, still, 20)[where].mean()
    assert error == pytest.approx(np.square(blurred - truth())[where].mean(), rel=0.05)


def test_brightness_steps_are_no_error() -> None:
    luma = clip()
    gains = np.where(np.arange(45) % 3 == 0, 1.06, 1.0).astype(np.float32)
    still = find_still(luma * gains[:, None, None])
    assert still.gain[3] / still.gain[4] == pytest.approx(1.06, abs=0.003)
    error = squared_error(luma[12] * gains[12], still, 12)[still.places["all"]].mean()
    assert error == pytest.approx((1.06 * SIGMA) ** 2, rel=0.06)


def test_strong_noise_at_edges_is_still() -> None:
    sigma = np.full(SHAPE, 1.0, np.float32)
    sigma[:, 64:] = 6.0
    still = find_still(clip(sigma=sigma))
    assert still.places["edge"].sum() > 1000
    assert not (still.places["flat"] & still.places["edge"]).any()


def test_what_moves_is_left_out() -> None:
    luma = clip()
    for index in range(len(luma)):
        luma[index, 16:48, 8 + index : 24 + index] += 40
    still = find_still(luma)
    assert not still.places["all"][16:48, 16:60].any()
    assert still.places["all"][60:88, 8:56].all()


def test_the_last_frames_cannot_be_judged() -> None:
    luma = clip(20)
    still = find_still(luma)
    with pytest.raises(ValueError, match="frame 12 has 1 frames"):
        squared_error(luma[12], still, 12)
    assert judged_frames(45) == {"k≈10": [8, 9, 10, 11, 12], "k≈30": [28, 29, 30, 31, 32]}
    assert judged_frames(20) == {"k≈10": [8, 9]}
    assert judged_frames(15) == {}

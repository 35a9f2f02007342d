from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from capture.mask import Moments
from capture.quality import (
    deviations,
    drift_levels,
    flicker_levels,
    lag1_correlation,
    levels,
    mu_sigma,
)

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]


def whole(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.ones(shape, bool)


def test_deviation_of_hand_made_frames_is_exact() -> None:
    # Two frames 10 levels either side of a mean of 100: e = 10 / 100 for both, so σ = 0.
    frames = np.stack([np.full((8, 12), 90, np.uint8), np.full((8, 12), 110, np.uint8)])
    mean = np.full((8, 12), 100, np.float32)
    e = deviations(frames, mean, whole((8, 12)))
    assert e == pytest.approx([0.1, 0.1])
    assert mu_sigma(e) == pytest.approx((0.1, 0.0))


def test_deviation_is_what_the_papers_equation_says(scene: Floats, noisy: Noisy) -> None:
    frames = noisy(scene, 12, 5.0)
    mean = frames.astype(np.float64).mean(0)
    mask = np.zeros(scene.shape, bool)
    mask[:, 40:] = True
    expected = [np.sqrt(np.mean((f - mean)[mask] ** 2)) / mean[mask].mean() for f in frames]
    e = deviations(frames, mean.astype(np.float32), mask)
    assert e == pytest.approx(expected, rel=1e-5)
    mu, sigma = mu_sigma(e)
    assert mu == pytest.approx(np.mean(expected), rel=1e-5)
    assert sigma == pytest.approx(np.std(expected), rel=1e-3)
    assert mu == pytest.approx(5 * np.sqrt(11 / 12) / mean[mask].mean(), rel=0.02)


def test_deviation_does_not_depend_on_the_range(scene: Floats, noisy: Noisy) -> None:
    full = noisy(scene, 6, 6.0).astype(np.float64)
    limited = full * 219 / 255 + 16
    mask = whole(scene.shape)
    e_full = deviations(full.astype(np.float32), full.mean(0).astype(np.float32), mask)
    e_limited = deviations(
        limited.astype(np.float32),
        limited.mean(0).astype(np.float32),
        mask,
        black=16,
    )
    assert e_limited == pytest.approx(e_full, rel=1e-4)


def test_drift_is_measured_between_quarters_and_not_fooled_by_flicker(
    scene: Floats, noisy: Noisy
) -> None:
    rise = [scene + 3 * k / 19 for k in range(20)]
    frames = noisy(rise, 20, 2.0)
    mean = frames.astype(np.float32).mean(0)
    level = levels(frames, mean, whole(scene.shape))
    # Quarters of 5 frames: their middles lie 15 of the 19 steps apart.
    assert drift_levels(level) == pytest.approx(3 * 15 / 19, abs=0.05)
    assert drift_levels(np.tile([1.0, -1.0], 20)) < 0.3
    assert drift_levels(np.zeros(3)) == 0


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.15, 0.3, 0.6, 0.85])
@pytest.mark.parametrize("count", [5, 8, 20, 23])
def test_lag1_correlation_is_unbiased(scene: Floats, noisy: Noisy, rho: float, count: int) -> None:
    moments = Moments.of(noisy(scene, count, 4.0, lag1=rho, spatial=0.7))
    measured = lag1_correlation(moments, whole(scene.shape))
    assert measured == pytest.approx(rho, abs=0.04 if count > 10 else 0.08)


def test_lag1_correlation_of_frozen_frames_is_zero(scene: Floats) -> None:
    frames = np.repeat(scene.astype(np.uint8)[None], 8, axis=0)
    assert lag1_correlation(Moments.of(frames), whole(scene.shape)) == 0


@pytest.mark.parametrize("amplitude", [0.0, 2.0, 5.0])
def test_flicker_is_measured_in_levels(scene: Floats, noisy: Noisy, amplitude: float) -> None:
    rows = np.arange(scene.shape[0])[:, None]
    # Bands that roll: one and a half periods down the picture, a third of one per frame.
    bands = [
        scene + amplitude * np.sin(2 * np.pi * (1.5 * rows / len(rows) + k / 3)).astype(np.float32)
        for k in range(18)
    ]
    frames = noisy(bands, 18, 3.0)
    mean = frames.astype(np.float32).mean(0)
    measured = flicker_levels(frames, mean, whole(scene.shape))
    assert measured == pytest.approx(amplitude, abs=0.25)

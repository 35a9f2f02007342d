"""The light over a clip: steps, drifts, lamps."""

from __future__ import annotations

import numpy as np
import pytest

from capture.light import LightMeter


def light(gains: np.ndarray[tuple[int], np.dtype[np.float64]], noise: float = 3.0) -> LightMeter:
    random, meter = np.random.default_rng(0), LightMeter()
    picture = np.linspace(60, 180, 320)[None, :] * np.ones((180, 1))
    for index, gain in enumerate(gains):
        frame = np.clip(picture * gain + random.normal(0, noise, picture.shape), 0, 255)
        meter(frame.round().astype(np.uint8), index / 30)
    return meter


def test_a_step_is_told_from_a_drift_and_both_from_steady_light() -> None:
    step = light(np.where(np.arange(60) < 25, 1.0, 1.02)).change(0, 60)
    assert step is not None
    assert step.kind == "step"
    assert abs(step.first - 25) <= 2
    assert step.share == pytest.approx(0.02, abs=0.003)
    drift = light(np.linspace(1.0, 0.96, 60)).change(0, 60)
    assert drift is not None
    assert drift.kind == "drift"
    assert drift.share == pytest.approx(-0.035, abs=0.006)
    assert light(np.ones(60)).change(0, 60) is None


def test_light_that_differs_from_frame_to_frame_is_no_step() -> None:
    gains = 1 + np.random.default_rng(1).normal(0, 0.02, 90)
    assert light(gains).change(0, 90) is None


def test_what_is_too_dark_or_too_short_says_nothing_of_the_light() -> None:
    assert light(np.ones(10)).change(0, 10) is None
    black = LightMeter()
    for index in range(40):
        black(np.zeros((90, 160), np.uint8), index / 30)
    assert black.change(0, 40) is None
    assert black.flicker() is None

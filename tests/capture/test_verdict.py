from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capture.verdict import Measures, reason

GOOD = Measures(
    count=20,
    mu=0.02,
    sigma=0.0004,
    shift_px=0.1,
    drift_levels=0.1,
    lag1=0.05,
    static_fraction=0.9,
    noise_levels=2.0,
)


def test_a_good_series_is_accepted_without_a_reason() -> None:
    assert GOOD.problem() is None
    assert reason(None, GOOD) == ""


@pytest.mark.parametrize(
    ("change", "problem", "words"),
    [
        ({"count": 3}, "short", "Only 3 frames"),
        ({"count": 1}, "short", "Only 1 frame of"),
        ({"dark": 0.8}, "dark", "80% of the picture is black"),
        ({"bright": 0.75}, "bright", "75% of the picture is white"),
        ({"shift_px": 1.0}, "shift", "tripod"),
        ({"static_fraction": 0.2}, "moving", "Only 20%"),
        ({"noise_levels": 0.0, "mu": 0.0}, "frozen", "All frames are the same"),
        ({"drift_levels": 1.2}, "drift", "1.2 levels; lock the exposure"),
        ({"lag1": 0.31}, "lag1", "record it as MJPG or raw"),
        ({"sigma": 0.0071}, "sigma", "σ 0.0071 > 0.007"),
    ],
)
def test_each_limit_has_its_reason(change: dict[str, Any], problem: str, words: str) -> None:
    measures = replace(GOOD, **change)
    found = measures.problem()
    assert found == problem
    assert words in reason(found, measures)
    assert reason(found, measures).endswith(".")


@pytest.mark.parametrize(
    "change", [{"sigma": 0.007}, {"lag1": 0.3}, {"shift_px": 0.99}, {"static_fraction": 0.3}]
)
def test_limits_themselves_are_fine(change: dict[str, Any]) -> None:
    assert replace(GOOD, **change).problem() is None


def test_strong_noise_allows_more_drift() -> None:
    assert replace(GOOD, noise_levels=6.0, drift_levels=1.9).problem() is None
    assert replace(GOOD, noise_levels=0.5, drift_levels=0.6).problem() == "drift"


def test_the_worst_of_two() -> None:
    both = GOOD.worst(replace(GOOD, count=60, mu=0.04, sigma=0.01, static_fraction=0.5))
    assert both.count == 80
    assert both.mu == pytest.approx(0.035)
    assert (both.sigma, both.static_fraction, both.lag1) == (0.01, 0.5, 0.05)

"""How the light of clips changes."""

import numpy as np
import pytest

from calibrate.synthesis import brightness


def test_steps_are_a_few_per_cent_of_the_bytes() -> None:
    for seed in range(40):
        factors = brightness.stepping(np.random.default_rng(seed), 200) ** 0.45
        steps = np.abs(np.diff(factors) / factors[:-1])
        assert 0.001 < steps.max() < 0.11
        assert steps.max() > 0.004 or np.count_nonzero(steps) < 30


def test_a_start_from_dark_ends_at_full_brightness() -> None:
    for seed in range(20):
        factors = brightness.fading_in(np.random.default_rng(seed), 30)
        assert 0 < factors[0] < 0.5
        assert (np.diff(factors) >= 0).all()
        assert factors[20:] == pytest.approx(1)


def test_what_blinks_has_two_states() -> None:
    changed = 0
    for seed in range(40):
        shown = brightness.blinking(np.random.default_rng(seed), 60)
        assert shown.min() >= 0
        assert shown.max() <= 1
        assert len(np.unique(shown)) <= 2
        changed += len(np.unique(shown)) == 2
    assert changed > 25


def test_screens_flicker_around_their_brightness() -> None:
    for seed in range(40):
        bright = brightness.flickering(np.random.default_rng(seed), 60)
        assert bright.shape == (60,)
        assert 0.1 < bright.min() <= bright.max() < 6

"""uPSNR's intervals against known truth: they hold it 95 times of 100, with noise that neighbours share."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibrate.upsnr import LEAST, decibel, difference_db, pair_sums, upsnr, variance

Floats = NDArray[np.float32]
SHAPE = (96, 160)
EVERYWHERE = np.ones(SHAPE, bool)
STD = (0.01 * (1 + np.arange(SHAPE[1]) / 80)).astype(np.float32)  # darker and brighter places


def noise(random: np.random.Generator, count: int) -> Floats:
    """(count, 1, H, W) of noise that neighbours share, as a camera's is."""
    soft = [cv2.GaussianBlur(random.normal(size=SHAPE), (0, 0), 0.8) for _ in range(count)]
    planes = np.stack(soft)[:, None].astype(np.float32)
    scaled: Floats = planes / planes.std() * STD
    return scaled


@pytest.mark.parametrize(("count", "left"), [(4, 1.0), (4, 0.3), (6, 0.3)])
def test_intervals_hold_the_truth(count: int, left: float) -> None:
    """``left`` is how much of the noise a method leaves."""
    random = np.random.default_rng(count)
    trials, held, told_apart = 120, 0, 0
    for _ in range(trials):
        references = noise(random, count)
        one = left * noise(random, 1)
        two = (0.9 * one + 0.1 * left * noise(random, 1)).astype(np.float32)
        sums = [[pair_sums(output, references, EVERYWHERE)] for output in (one, two)]
        true = [decibel(float((output**2).mean())) for output in (one, two)]
        found = upsnr(sums[0])
        held += found.low <= true[0] <= found.high
        apart = difference_db(sums[1], sums[0])
        told_apart += apart.low <= true[1] - true[0] <= apart.high
    assert 0.88 <= held / trials <= 0.995  # 95 %, within what so many trials can tell
    assert 0.88 <= told_apart / trials <= 0.995


def test_three_references_promise_less() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        output, references = noise(random, 1), noise(random, 3)
        found = upsnr([pair_sums(output, references, EVERYWHERE)])
        held += found.low <= decibel(float((output**2).mean())) <= found.high
    assert held >= 55


def test_the_variance_is_that_of_many_draws() -> None:
    """The same outputs, other references: what the sums vary by is what one draw promises."""
    random = np.random.default_rng(4)
    output = (0.5 * noise(random, 1)).astype(np.float32)
    draws = [pair_sums(output, noise(random, 5), EVERYWHERE) for _ in range(150)]
    spread = np.std([draw.error() * draw.values for draw in draws])
    promised = np.sqrt(np.mean([variance(draw.pairs) for draw in draws]))
    assert promised == pytest.approx(spread, rel=0.15)


def test_the_same_method_twice_differs_by_nothing() -> None:
    random = np.random.default_rng(5)
    sums = [pair_sums(noise(random, 1), noise(random, 4), EVERYWHERE)]
    assert difference_db(sums, sums) == pytest.approx((0, 0, 0), abs=1e-9)


def test_what_lies_outside_the_mask_does_not_count() -> None:
    random = np.random.default_rng(6)
    output, references = noise(random, 1), noise(random, 4)
    mask = EVERYWHERE.copy()
    mask[:, 100:] = False
    spoilt = output.copy()
    spoilt[..., 100:] += 0.5
    one, two = (pair_sums(x, references, mask) for x in (output, spoilt))
    assert one.values == mask.sum()
    assert two.error() == pytest.approx(one.error())


def test_several_frames_each_with_references_at_its_brightness() -> None:
    random = np.random.default_rng(7)
    outputs, references = noise(random, 2), noise(random, 4)
    brighter = np.stack([references, references + 0.2])
    outputs[1] += 0.2
    both = pair_sums(outputs, brighter, EVERYWHERE)
    alone = [pair_sums(outputs[:1], references, EVERYWHERE)]
    alone.append(pair_sums(outputs[1:] - np.float32(0.2), references, EVERYWHERE))
    assert both.error() == pytest.approx(np.mean([one.error() for one in alone]), rel=1e-4)


def test_nothing_left_of_the_error_stays_finite() -> None:
    assert decibel(0.0) == decibel(-1.0) == pytest.approx(-10 * np.log10(LEAST))


def test_fewer_than_three_references_are_refused() -> None:
    random = np.random.default_rng(8)
    with pytest.raises(ValueError, match="at least 3"):
        pair_sums(noise(random, 1), noise(random, 2), EVERYWHERE)

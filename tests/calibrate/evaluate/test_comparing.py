"""Which method is called better, and that a tie is called a tie."""

import numpy as np
import pytest
from numpy.typing import NDArray

from calibrate.evaluate.comparing import compare, order_of, over_scenes, ties
from calibrate.evaluate.judging import Result
from calibrate.evaluate.removed import Removed, removed
from calibrate.upsnr import pair_sums

SHAPE = (64, 64)
EVERYWHERE = np.ones(SHAPE, bool)


def result(output: NDArray[np.float32], references: NDArray[np.float32]) -> Result:
    sums = {"all": pair_sums(output[None, None], references[:, None], EVERYWHERE)}
    return Result(sums, 0.0, 0.0, None, None, None, Removed(0, 0, 0), 1.0, output.size)


def results(left: dict[str, float], series: int = 4) -> dict[str, list[Result]]:
    """Of methods that leave this much noise, in several series."""
    random = np.random.default_rng(1)
    found: dict[str, list[Result]] = {name: [] for name in left}
    for _ in range(series):
        noise = random.normal(0, 0.02, SHAPE).astype(np.float32)
        references = random.normal(0, 0.02, (5, *SHAPE)).astype(np.float32)
        for name, share in left.items():
            own = random.normal(0, 0.001, SHAPE).astype(np.float32)
            found[name].append(result(np.float32(share) * noise + own, references))
    return found


def test_the_better_one_is_called_better() -> None:
    found = results({"half": 0.5, "third": 0.33, "all": 1.0})
    assert order_of(found) == ["third", "half", "all"]
    one = compare(found, "third", "half", "unseen")
    assert one.verdict == "better"
    assert one.difference_db.value == pytest.approx(20 * np.log10(0.5 / 0.33), abs=0.3)
    assert compare(found, "half", "third", "unseen").verdict == "worse"
    assert one.to_json()["over_scenes_db"]["low"] > 0


def test_a_tie_is_called_a_tie() -> None:
    found = results({"one": 0.5, "two": 0.5, "all": 1.0})
    assert compare(found, "one", "two", "unseen").verdict == "tie"
    assert [set(group) for group in ties(found, order_of(found), "unseen")] == [{"one", "two"}]


def test_scenes_that_disagree_are_a_tie() -> None:
    """On these frames one is better for sure; in other scenes it may be worse."""
    assert over_scenes([1.0, -0.9]) is None
    found = over_scenes([1.0, -0.9, 0.8, -0.5])
    assert found is not None
    assert found.low < 0 < found.high
    steady = over_scenes([1.0, 1.1, 0.9, 1.0])
    assert steady is not None
    assert steady.low == pytest.approx(1.0 - 3.182 * np.std([1, 1.1, 0.9, 1], ddof=1) / 2)


def test_two_series_are_judged_by_their_frames_alone() -> None:
    one = compare(results({"half": 0.5, "all": 1.0}, series=2), "half", "all", "seen")
    assert one.over_scenes_db is None
    assert one.to_json()["over_scenes_db"] is None
    assert one.verdict == "better"


def test_what_was_removed_is_told_from_the_picture() -> None:
    random = np.random.default_rng(2)
    rows, columns = np.mgrid[:64, :64]
    scene = (0.5 + 0.1 * np.sign(np.sin(rows / 2) * np.sin(columns / 2))).astype(np.float32)
    noise = random.normal(0, 0.02, SHAPE).astype(np.float32)
    noisy = scene + noise
    soft = noisy + np.roll(noisy, 1, 0) + np.roll(noisy, 1, 1)
    noise_alone = removed(noisy, scene, noise, scene, EVERYWHERE)
    assert abs(noise_alone.detail) < 0.1
    assert abs(noise_alone.lag1) < 0.1
    assert removed(noisy, soft / 3, noise, scene, EVERYWHERE).detail > 0.5
    shared = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)).astype(np.float32)
    assert removed(scene + shared, scene, shared, scene, EVERYWHERE).noise_lag1 > 0.25
    nothing = removed(scene, scene, noise, scene, EVERYWHERE)
    assert (nothing.lag1, nothing.detail) == (0, 0)

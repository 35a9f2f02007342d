import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from calibrate.paper.dataset import (
    Crops,
    Region,
    StillSeries,
    Target,
    fingerprint,
    held_frame_count,
    split_series,
)
from rtdenoise.networks.tiles import mirrored


def series(seed: int = 0, count: int = 12, size: tuple[int, int] = (40, 60)) -> StillSeries:
    random = np.random.default_rng(seed)
    scene = random.integers(30, 220, (1, 3, *size))
    frames = np.clip(scene + random.normal(0, 4, (count, 3, *size)), 0, 255).astype(np.uint8)
    return StillSeries(frames, np.ones(size, bool), f"series {seed}")


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"not \(N, 3, H, W\)"):
        StillSeries(np.zeros((2, 1, 4, 4), np.uint8), np.ones((4, 4), bool))
    with pytest.raises(ValueError, match="mask"):
        StillSeries(np.zeros((2, 3, 4, 4), np.uint8), np.ones((4, 5), bool))


def test_one_scene_holds_out_strips_and_frames() -> None:
    split = split_series([series()])
    assert not split.by_scene
    assert split.training == (Region(0, 0, 7, 0, 39),)
    assert split.validation == (Region(0, 7, 12, 39, 48),)
    assert split.test == (Region(0, 7, 12, 48, 60),)


def test_the_same_scene_twice_is_one_scene() -> None:
    one = series()
    again = StillSeries(one.frames[::-1].copy(), one.mask, "again")
    split = split_series([one, again, series(1)])
    assert not split.by_scene
    assert [r.series for r in split.training] == [0, 1, 2]
    assert all(r.right == 39 for r in split.training)


def test_three_scenes_hold_out_two() -> None:
    split = split_series([series(i) for i in range(4)])
    assert split.by_scene
    assert [r.series for r in split.training] == [0, 1]
    assert [r.series for r in split.validation] == [2]
    assert split.test == (Region(3, 7, 12, 0, 60),)


def test_too_few_frames() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        split_series([series(count=7)])
    assert [held_frame_count(n) for n in (8, 20, 40, 500)] == [5, 5, 10, 30]


@given(st.integers(-50, 50), st.integers(1, 60), st.integers(2, 20))
def test_mirrored_is_numpys_reflection(start: int, length: int, size: int) -> None:
    row = np.pad(np.arange(size), 300, mode="reflect")
    assert mirrored(start, length, size).tolist() == row[300 + start :][:length].tolist()


def test_target_is_the_mean_of_the_other_frames() -> None:
    one = series()
    region = Region(0, 2, 9, 5, 45)
    crops = Crops([one], [region], context=3, size=10)
    frames = one.frames[2:9, :, :, 5:45].astype(float) / 255
    # Whatever the crop's place, frame and view, it must be found in the region like this.
    candidates = [(k, (frames.sum(0) - frames[k]) / 6) for k in range(7)]
    for seed in range(8):
        batch = crops.batch(np.random.default_rng(seed), 1)
        assert batch.inputs.shape == (1, 3, 16, 16)
        assert batch.targets.shape == (1, 3, 10, 10)
        assert batch.mask.shape == (1, 1, 10, 10)
        assert _found(batch.inputs[0, :, 3:-3, 3:-3], batch.targets[0], frames, candidates)


def _found(
    noisy: torch.Tensor,
    target: torch.Tensor,
    frames: np.ndarray,
    candidates: list[tuple[int, np.ndarray]],
) -> bool:
    size = noisy.shape[-1]
    for flip in (False, True):
        for turns in range(4):
            x, y = (t.flip(-1) if flip else t for t in (noisy, target))
            a, b = (torch.rot90(t, -turns, (-2, -1)).numpy() for t in (x, y))
            for k, mean in candidates:
                where = np.isclose(frames[k, 0], a[0, 0, 0], atol=1e-6)
                for top, left in zip(*np.nonzero(where), strict=True):
                    at = np.s_[:, top : top + size, left : left + size]
                    if frames[k][at].shape == a.shape and np.allclose(frames[k][at], a, atol=1e-6):
                        return bool(np.allclose(mean[at], b, atol=1e-6))
    return False


def test_nothing_outside_the_regions_is_read() -> None:
    one = series()
    split = split_series([one])
    poisoned = one.frames.copy()
    poisoned[7:] = 255
    poisoned[:, :, :, 39:] = 0
    mask = one.mask.copy()
    mask[:, 39:] = False
    other = StillSeries(poisoned, mask)
    assert fingerprint([one], split) == fingerprint([other], split)
    a, b = (Crops([s], split.training, 54, 30) for s in (one, other))
    assert a.noise_variance == b.noise_variance
    for seed in range(20):
        first = a.batch(np.random.default_rng(seed), 2)
        second = b.batch(np.random.default_rng(seed), 2)
        assert torch.equal(first.inputs, second.inputs)
        assert torch.equal(first.targets, second.targets)
        assert torch.equal(first.mask, second.mask)


def test_fingerprint_knows_a_changed_pixel() -> None:
    one = series()
    split = split_series([one])
    changed = one.frames.copy()
    changed[3, 1, 20, 20] ^= 1
    assert fingerprint([one], split) != fingerprint([StillSeries(changed, one.mask)], split)


def test_crops_avoid_what_moves_and_refuse_when_all_does() -> None:
    one = series(size=(40, 80))
    mask = np.zeros((40, 80), bool)
    mask[:, :12] = True
    crops = Crops([StillSeries(one.frames, mask)], [Region(0, 0, 12, 0, 80)], 4, 10)
    shares = [float(crops.batch(np.random.default_rng(s), 1).mask.mean()) for s in range(20)]
    assert np.mean([share >= 0.1 for share in shares]) > 0.8
    with pytest.raises(ValueError, match="still"):
        Crops([StillSeries(one.frames, ~mask)], [Region(0, 0, 12, 0, 12)], 4, 10)


def test_noise_variance_is_that_of_the_frames() -> None:
    crops = Crops([series(count=60)], [Region(0, 0, 60, 0, 60)], 4, 10)
    assert crops.noise_variance == pytest.approx((16 + 1 / 12) / 255**2, rel=0.05)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("others", {10: {40}, 30: {100 / 3}, 50: {80 / 3}, 40: {30}}),
        ("mean", {10: {32.5}, 30: {32.5}, 50: {32.5}, 40: {32.5}}),
        ("one", {10: {30, 50, 40}, 30: {10, 50, 40}, 50: {10, 30, 40}, 40: {10, 30, 50}}),
        ("self", {10: {10}, 30: {30}, 50: {50}, 40: {40}}),
    ],
)
def test_targets_are_what_they_are_called(target: Target, expected: dict[int, set[float]]) -> None:
    levels = np.array([10, 30, 50, 40], np.uint8)
    frames = np.tile(levels[:, None, None, None], (1, 3, 8, 8))
    still = StillSeries(frames, np.ones((8, 8), bool))
    batch = Crops([still], [Region(0, 0, 4, 0, 8)], 0, 8, target).batch(
        np.random.default_rng(0), 100
    )
    found: dict[int, set[float]] = {}
    for one, other in zip(batch.inputs, batch.targets, strict=True):
        k, value = round(float(one.mean()) * 255), float(other.double().mean()) * 255
        found.setdefault(k, set()).add(round(value, 3))
    assert found == {k: {round(v, 3) for v in values} for k, values in expected.items()}

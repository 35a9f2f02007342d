"""What moves, and what is said to move."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from calibrate.synthesis.layers import Layer, Scene, Screen, cut_out_mask
from calibrate.synthesis.motion import Track, object_track, resting, trembling
from calibrate.synthesis.scenes import Mix, draw_scene

CPU = torch.device("cpu")
SIDE = 96


def texture(side: int, seed: int = 0) -> torch.Tensor:
    return torch.rand((3, side, side), generator=torch.Generator().manual_seed(seed))


def track(frames: int, dx: float = 0.0, dy: float = 0.0, x: float = 0.0, y: float = 0.0) -> Track:
    t, one = np.arange(frames).astype(np.float64), np.ones(frames)
    return Track(one * x + dx * t, one * y + dy * t, 0 * one, one)


def test_a_resting_picture_is_the_picture_itself() -> None:
    picture = texture(SIDE)
    layer = Layer(picture, resting(5), density=1.0)
    shown, moving = Scene([layer], 5).render(SIDE, SIDE)
    assert shown.shape == (1, 3, SIDE, SIDE)
    torch.testing.assert_close(shown[0], picture, atol=1e-4, rtol=0)
    assert moving.shape == (5, SIDE // 4, SIDE // 4)
    assert not moving.any()


def test_a_pan_moves_the_picture_by_its_path() -> None:
    picture = texture(2 * SIDE)
    layer = Layer(picture, track(4, dx=3, dy=-2), density=1.0)
    shown, moving = Scene([layer], 4).render(SIDE, SIDE)
    for t in range(3):
        torch.testing.assert_close(
            shown[t + 1, :, :-2, 3:], shown[t, :, 2:, :-3], atol=1e-3, rtol=0
        )
    assert not moving[0].any()
    assert moving[1:].all()


def test_what_a_cut_out_covers_and_uncovers_is_moving() -> None:
    side, half = 40, 12
    mask = torch.zeros((1, side, side))
    middle = slice(side // 2 - half, side // 2 + half)
    mask[:, middle, middle] = 1
    patch = torch.cat([torch.ones((3, side, side)), mask])
    front = Layer(patch, track(3, dx=8, x=-20), density=1.0, cut_out=True)
    back = Layer(torch.zeros((3, SIDE, SIDE)), resting(3), density=1.0)
    shown, moving = Scene([back, front], 3).render(SIDE, SIDE)
    changed = (shown[1:] - shown[:-1]).abs().amax(1) > 0.01
    blocks = changed.view(2, SIDE // 4, 4, SIDE // 4, 4).any(4).any(2)
    assert not moving[0].any()
    assert (moving[1:] | ~blocks).all(), "all that changed is marked"
    for t in (1, 2):
        # From the left edge of where it was to the right edge of where it is, give or take two blocks.
        columns = np.flatnonzero(moving[t].any(0).numpy()) * 4
        left, right = SIDE / 2 - 20 + 8 * (t - 1) - half, SIDE / 2 - 20 + 8 * t + half
        assert abs(columns[0] - left) <= 8
        assert abs(columns[-1] + 4 - right) <= 8
        assert moving[t].float().sum() * 16 < 2 * (2 * half + 8) * 2 * half


def test_a_cut_out_at_rest_does_not_move() -> None:
    patch = torch.ones((4, 32, 32))
    front = Layer(patch, track(4, x=5), cut_out=True)
    back = Layer(texture(2 * SIDE), resting(4))
    shown, moving = Scene([back, front], 4).render(SIDE, SIDE)
    assert shown.shape[0] == 1
    assert not moving.any()


def test_exposure_and_banding_change_the_light() -> None:
    back = Layer(torch.ones((3, SIDE, SIDE)), resting(3), density=1.0)
    exposure = np.array([1.0, 0.5, 2.0])
    bands = np.ones((3, SIDE))
    bands[1, :10] = 3
    shown, moving = Scene([back], 3, exposure, bands).render(SIDE, SIDE)
    assert shown.shape[0] == 3
    torch.testing.assert_close(shown[:, 0, 50, 50], torch.tensor([1.0, 0.5, 2.0]))
    torch.testing.assert_close(shown[1, 0, 5, 50], torch.tensor(1.5))
    assert not moving.any()


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 40))
def test_drawings_are_sound(seed: int, frames: int) -> None:
    drawing = draw_scene(np.random.default_rng(seed), frames, (128, 96), Mix())
    again = draw_scene(np.random.default_rng(seed), frames, (128, 96), Mix())
    for one, other in zip(
        [drawing.background, *(c.track for c in drawing.cut_outs)],
        [again.background, *(c.track for c in again.cut_outs)],
        strict=True,
    ):
        for name in ("x", "y", "angle", "zoom"):
            values = getattr(one, name)
            assert values.shape == (frames,)
            assert np.isfinite(values).all()
            assert (values == getattr(other, name)).all()
        assert (one.zoom > 0.3).all()
        # Nothing is quicker than 24 pixels per frame at the full rate, but for a shaking hand.
        steps = np.hypot(np.diff(one.x), np.diff(one.y))
        assert (steps < 3 * (24 * 1.5 + 12)).all()
    if drawing.exposure is not None:
        assert drawing.exposure.shape == (frames,)
        assert (drawing.exposure > 0).all()


def test_a_screen_moves_by_itself() -> None:
    back = Layer(texture(SIDE), resting(4), density=1.0)
    content = Layer(texture(64, 1), track(4, dx=2), density=1.0)
    screen = Screen(Scene([content], 4), 16, 32, 40, 24, np.array([1.0, 1.0, 0.5, 0.5]))
    shown, moving = Scene([back], 4, screens=[screen]).render(SIDE, SIDE)
    inside = np.s_[:, :, 32:56, 16:56]
    content_alone, _ = Scene([content], 4).render(40, 24)
    bright = torch.tensor([1.0, 1.0, 0.5, 0.5]).view(4, 1, 1, 1)
    torch.testing.assert_close(shown[inside], content_alone * bright)
    assert torch.equal(shown[:, :, :32], shown[:1, :, :32].expand(4, -1, -1, -1))
    where = torch.zeros((SIDE // 4, SIDE // 4), dtype=torch.bool)
    where[8:14, 4:14] = True
    assert not moving[0].any()
    assert all(torch.equal(blocks, where) for blocks in moving[1:])


def test_a_screen_that_only_flickers_moves_where_it_does() -> None:
    back = Layer(texture(SIDE), resting(3), density=1.0)
    still = Scene([Layer(texture(64, 1), resting(3), density=1.0)], 3)
    screen = Screen(still, 0, 0, 32, 32, np.array([1.0, 1.0, 0.9]))
    _, moving = Scene([back], 3, screens=[screen]).render(SIDE, SIDE)
    assert not moving[:2].any()
    assert int(moving[2].sum()) == 64


def test_what_blinks_is_marked_where_it_changes() -> None:
    patch = torch.ones((4, 32, 32))
    shown = np.array([1.0, 1.0, 0.0, 0.0])
    front = Layer(patch, track(4), density=1.0, cut_out=True, shown=shown)
    back = Layer(torch.zeros((3, SIDE, SIDE)), resting(4), density=1.0)
    seen, moving = Scene([back, front], 4).render(SIDE, SIDE)
    assert seen[:, 0, SIDE // 2, SIDE // 2].tolist() == [1, 1, 0, 0]
    assert moving.flatten(1).any(1).tolist() == [False, False, True, False]
    assert moving[2].float().sum() * 16 < 1.6 * 32 * 32


def test_leaves_tremble_each_by_itself_and_leave_the_rest_alone() -> None:
    place = np.zeros((5, 5))
    place[:, 3:] = 1
    bends = trembling(np.random.default_rng(2), 200, 192, place)
    assert bends.shape == (200, 2, 14, 14)
    assert np.abs(bends[:, :, :, :4]).max() == 0
    x = bends[:, 0, :, 10:]
    assert x.std() > 0.1
    alike = np.corrcoef(x[:, 3, 0], x[:, 8, 3])[0, 1]
    assert abs(alike) < 0.4
    still = Track(*(np.zeros(200),) * 3, np.ones(200), bends)
    assert not still.still


def test_a_lower_rate_moves_further_from_frame_to_frame() -> None:
    slow = track(9, dx=3, dy=-1).every(3)
    assert len(slow.x) == 3
    assert np.diff(slow.x) == pytest.approx(9)
    assert np.diff(slow.y) == pytest.approx(-3)


def test_objects_stay_near_the_frame() -> None:
    random = np.random.default_rng(4)
    for _ in range(50):
        path = object_track(random, 60, 200, 100)
        assert np.abs(path.x).max() <= 110
        assert np.abs(path.y).max() <= 55


def test_masks_are_soft_patches_with_nothing_at_the_edge() -> None:
    random = np.random.default_rng(1)
    for _ in range(10):
        mask = cut_out_mask(random, 80, 28.0, CPU)
        assert mask.shape == (80, 80)
        assert float(mask.min()) >= 0
        assert float(mask.max()) == 1
        assert float(mask[0].max()) < 0.3
        assert 0.1 < float(mask.mean()) < 0.8

"""Motion blur and the rolling shutter, on things whose movement is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from calibrate.synthesis.layers import Layer, Scene
from calibrate.synthesis.motion import Track
from calibrate.synthesis.shutter import Shutter, at_moments, random_shutter
from rtdenoise.arrays import Doubles, Floats

SIDE, FRAMES, SPEED = 64, 6, 8


def edge(shutter: Shutter | None, *, frames: int = FRAMES) -> Floats:
    """White comes in from the left at 8 pixels a frame, (T, H, W)."""
    picture = torch.zeros((3, SIDE, 4 * SIDE))
    picture[:, :, : 2 * SIDE] = 1
    t = np.arange(float(frames)) - (frames - 1) / 2
    still = np.zeros(frames)
    layer = Layer(
        picture, Track(np.asarray(SPEED * t, np.float64), still, still, still + 1), density=1.0
    )
    shown, _ = Scene([layer], frames, shutter=shutter).render(SIDE, SIDE)
    return np.asarray(shown[:, 0].numpy())


def centred() -> Doubles:
    """Pixels from the middle."""
    return np.asarray(np.arange(SIDE) - (SIDE - 1) / 2, np.float64)


def place(rows: Floats) -> Floats:
    """How far white reaches in each row, in pixels."""
    return np.asarray(rows.sum(-1), np.float32)


def test_moments_lie_around_the_frame_and_later_down_the_rows() -> None:
    moments = np.stack(Shutter(exposure=0.8, readout=0.5).moments(100))
    assert moments.mean() == pytest.approx(0, abs=1e-9)
    spread = moments[:, 0]
    assert (np.diff(spread) > 0).all()
    assert 0.5 < np.ptp(spread) < 0.8
    assert moments[0, -1] - moments[0, 0] == pytest.approx(0.5 * 99 / 100)
    assert len(Shutter(readout=0.5).moments(100)) == 1


def test_an_exposure_blurs_along_the_way_and_moves_nothing() -> None:
    sharp, blurred = edge(None), edge(Shutter(exposure=0.5))
    # The ends have no movement before or after them.
    for t in range(1, FRAMES - 1):
        assert place(blurred[t]) == pytest.approx(place(sharp[t]), abs=0.1)
        grey = ((blurred[t, 9] > 0.05) & (blurred[t, 9] < 0.95)).sum()
        assert abs(grey - 0.5 * SPEED) <= 1, "half of the way from frame to frame"
    assert ((sharp > 0.05) & (sharp < 0.95)).sum() < 2 * FRAMES * SIDE


def test_a_rolling_shutter_leans_what_moves() -> None:
    straight, leaning = edge(None), edge(Shutter(readout=0.75))
    for t in range(1, FRAMES - 1):
        lean = place(leaning[t]) - place(straight[t])
        expected = 0.75 * SPEED * ((np.arange(SIDE) + 0.5) / SIDE - 0.5)
        assert lean == pytest.approx(expected, abs=0.3)


def test_what_bends_and_turns_leans_as_well() -> None:
    """One row seen later is the row of a later frame."""
    random = np.random.default_rng(3)
    t = np.arange(float(FRAMES))
    knots = np.cumsum(random.normal(0, 1, (FRAMES, 2, 5, 5)), 0)
    track = Track(2.0 * t, -1.0 * t, 0.02 * t, 1 + 0.01 * t, knots, 0.1 * t, 20.0)
    columns = rows = centred()
    cpu = torch.device("cpu")
    moments = np.linspace(-1, 1, SIDE)
    seen = track.turned(track.positions(columns, rows, cpu, moments), moments)
    plain = track.turned(track.positions(columns, rows, cpu))
    for frame in range(1, FRAMES - 1):
        for row, other in ((0, frame - 1), (-1, frame + 1)):
            assert torch.allclose(seen[frame, row], plain[other, row], atol=1e-4)
    alike = track.positions(columns, rows, cpu, np.full(SIDE, 0.5))
    between = track.positions(columns, rows, cpu, np.where(np.arange(SIDE) < 9, 0.5, 0.4999))
    assert torch.allclose(alike[1:-1, :9], between[1:-1, :9], atol=1e-3)
    assert torch.allclose(track.later(1.0).positions(columns, rows, cpu)[:-1], plain_of(track)[1:])


def plain_of(track: Track) -> torch.Tensor:
    columns = rows = centred()
    return track.positions(columns, rows, torch.device("cpu"))


def test_values_between_frames_are_interpolated_and_held_at_the_ends() -> None:
    found = at_moments(np.array([0.0, 1.0, 4.0]), np.array([-0.5, 0.0, 0.5]))
    assert found == pytest.approx(np.array([[0, 0, 0.5], [0.5, 1, 2.5], [2.5, 4, 4]]))
    assert at_moments(np.array([7.0]), np.array([0.3])) == pytest.approx(7.0)


def test_what_stands_still_is_the_same_through_any_shutter() -> None:
    picture = torch.rand((3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    zero = np.zeros(4)
    layer = Layer(picture, Track(zero, zero, zero, zero + 1), density=1.0)
    plain, _ = Scene([layer], 4).render(SIDE, SIDE)
    seen, moving = Scene([layer], 4, shutter=Shutter(0.9, 0.9)).render(SIDE, SIDE)
    assert torch.equal(seen, plain)
    assert not moving.any()


def test_blur_is_marked_as_moving() -> None:
    """What changes from frame to frame by more than rounding is in a block that moves."""
    patch = torch.ones((4, 24, 24))
    t = np.arange(5.0)
    front = Layer(patch, Track(9 * t - 18, 0 * t, 0 * t, 0 * t + 1), density=1.0, cut_out=True)
    back = Layer(torch.zeros((3, SIDE, SIDE)), Track(0 * t, 0 * t, 0 * t, 0 * t + 1), density=1.0)
    seen, moving = Scene([back, front], 5, shutter=Shutter(0.9, 0.9)).render(SIDE, SIDE)
    changed = (seen[1:] - seen[:-1]).abs().amax(1) > 0.01
    blocks = changed.view(4, SIDE // 4, 4, SIDE // 4, 4).any(4).any(2)
    assert (moving[1:] | ~blocks).all()


def test_shutters_are_drawn_as_often_as_asked_for() -> None:
    random = np.random.default_rng(0)
    assert all(random_shutter(random, 0.0, 0.0) is None for _ in range(20))
    both = [random_shutter(random, 1.0, 1.0) for _ in range(50)]
    assert all(s is not None and s.exposure > 0.1 and s.readout > 0.2 for s in both)


@pytest.mark.parametrize("shares", [(-0.1, 0.0), (1.1, 0.0), (0.0, 2.0)])
def test_a_shutter_is_open_for_a_share_of_a_frame(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="shares of a frame's time"):
        Shutter(*shares)

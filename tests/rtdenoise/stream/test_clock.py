"""Times of frames whose camera's clock isn't to be trusted."""

from __future__ import annotations

import pytest

from rtdenoise.stream.clock import StreamClock


def test_a_cameras_own_steps_are_kept_although_frames_come_unevenly() -> None:
    clock = StreamClock()
    came = [n / 30 + (0.2 if n % 7 == 3 else 0.0) for n in range(60)]
    times = [clock.of_camera(5 + n / 30, at) for n, at in enumerate(came)]
    assert times == pytest.approx([5 + n / 30 for n in range(60)])


def test_a_camera_that_counts_anew_goes_on_with_real_time() -> None:
    clock = StreamClock()
    for n in range(30):
        clock.of_camera(n / 30, n / 30)
    for gone in (1.5, 5.0):  # for half a second, then for longer
        again = [clock.of_camera(n / 30, gone + n / 30) for n in range(30)]
        assert again == pytest.approx([gone + n / 30 for n in range(30)])


def test_a_source_that_is_slower_than_it_says_is_not_shown_quicker_than_it_came() -> None:
    clock = StreamClock()
    times = [clock.of_moment(n / 30, n / 5) for n in range(20)]
    assert times == pytest.approx([n / 5 for n in range(20)])

from __future__ import annotations

import pytest

from rtdenoise.stream.timeline import Timeline


def test_times_that_rise_are_left_alone() -> None:
    timeline = Timeline(0.04)
    times = [0.0, 0.04, 0.08, 5.0, 5.3, 5.34]
    assert [timeline.picture_s(t) for t in times] == times
    assert timeline.sound_shift_s(1, 0.0) == 0.0
    assert timeline.starts == 0


def test_a_little_back_is_no_start_and_caught_up_with() -> None:
    timeline = Timeline(0.04)
    shown = [timeline.picture_s(t) for t in (1.0, 0.96, 1.0, 1.04, 1.08)]
    assert shown == pytest.approx([1.0, 1.005, 1.01, 1.04, 1.08])
    assert timeline.starts == 0


def test_what_starts_again_follows_what_was_before() -> None:
    timeline = Timeline(0.5)
    assert [timeline.picture_s(t) for t in (2, 2.5, 3, 1, 1.5, 0, 0.5)] == [
        2,
        2.5,
        3,
        3.5,
        4,
        4.5,
        5,
    ]
    assert timeline.starts == 2


def test_pauses_of_hours_stay_and_of_years_do_not() -> None:
    timeline = Timeline(0.5)
    times = [0.0, 30_000.0, 1.8e9, 1.8e9 + 1, 30_002.0]
    shown = [timeline.picture_s(t) for t in times]
    assert shown == pytest.approx([0.0, 30_000.0, 30_000.5, 30_001.5, 30_002.0])
    assert timeline.sound_shift_s(1, 30_001.0) == 0.0  # whose clock was right


def test_sound_waits_for_the_picture_and_goes_with_it() -> None:
    timeline = Timeline(0.5)
    timeline.picture_s(0.0)
    assert timeline.sound_shift_s(1, 0.0) == 0.0
    assert timeline.sound_shift_s(1, 2.0) == 0.0
    assert timeline.sound_shift_s(1, 0.0) is None
    timeline.picture_s(2.0)
    assert timeline.sound_shift_s(1, 0.0) is None
    assert timeline.picture_s(0.0) == 2.5
    assert timeline.sound_shift_s(1, 0.0) == 2.5
    assert timeline.sound_shift_s(1, 0.5) == 2.5
    # Another stream that is still before its start has the shift of that part.
    assert timeline.sound_shift_s(2, 2.0) == 0.0
    assert timeline.sound_shift_s(2, 0.1) == 2.5


def test_sound_goes_on_where_the_pictures_ended() -> None:
    timeline = Timeline(0.5)
    timeline.picture_s(0.0)
    assert timeline.sound_shift_s(1, 3.0) == 0.0
    assert timeline.sound_shift_s(1, 1.0) is None
    timeline.close()
    assert timeline.sound_shift_s(1, 1.0) == pytest.approx(2.0)


RANGE_S = (1 << 33) / 90_000


@pytest.mark.parametrize(
    ("before", "after"), [(20_000.0, RANGE_S + 1.4), (RANGE_S - 20, RANGE_S + 1.4), (1.4, 20_000.0)]
)
def test_an_mpeg_stream_whose_times_leap_starts_again(before: float, after: float) -> None:
    timeline = Timeline(0.5, regular=True)
    assert timeline.picture_s(before) == before
    assert timeline.sound_shift_s(1, before) == 0.0
    assert timeline.sound_shift_s(1, after) is None  # its pictures haven't come yet
    assert timeline.picture_s(after) == pytest.approx(before + 0.5)
    assert timeline.picture_s(after + 0.5) == pytest.approx(before + 1)
    assert timeline.sound_shift_s(1, after) == pytest.approx(before + 0.5 - after)
    assert timeline.starts == 1


def test_pauses_stay() -> None:
    for regular, times in (
        (True, [RANGE_S - 5, RANGE_S + 4, RANGE_S + 600]),  # the range ends, and a gap
        (False, [0.0, 7200.0, RANGE_S + 7200]),  # a screen that nothing happened on
    ):
        timeline = Timeline(0.5, regular=regular)
        assert [timeline.picture_s(t) for t in times] == times
        assert timeline.starts == 0


def test_subtitles_may_pause_for_hours() -> None:
    timeline = Timeline(0.5, regular=True)
    timeline.picture_s(0.0)
    assert timeline.sound_shift_s(2, 0.0) == 0.0
    for minute in range(0, 7200, 60):
        timeline.picture_s(float(minute))
    assert timeline.sound_shift_s(2, 7140.2) == 0.0

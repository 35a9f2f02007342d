"""What keeps up, margins, and where nano is behind: against figures that are reckoned by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.live.peers import Figures
from benchmarks.speed.rows import Quality, Row, keeps_up, losses, margin, margins
from benchmarks.speed.timing import Timing


def timing(fps: float, decoded: float | None = None, cpu_s: float = 0.02) -> Timing:
    return Timing(fps, decoded, 1e3 / fps, 1.2e3 / fps, cpu_s, 100.0, 60)


def row(name: str, whole: float, moving: float, fps: float, decoded: float | None = None) -> Row:
    quality = {
        "desk-high": Quality(Figures(whole, moving, whole + 1), 3, 5.0, 7.0),
        "room-low": Quality(Figures(whole + 2, moving + 2, whole + 3), 3, 1.0, 1.4),
    }
    return Row(name, quality, timing(fps, decoded))


ROWS = [
    row("nano", 42.0, 39.0, 60.0, 40.0),
    row("atadenoise", 38.0, 34.0, 100.0, 90.0),
    row("atadenoise, 33 frames", 40.0, 33.0, 60.0, 55.0),
    row("bm3d", 37.0, 39.5, 31.0, 20.0),
    row("nlmeans", 37.5, 37.0, 1.0),
]


@pytest.mark.parametrize(
    ("fps", "decoded", "expected"),
    [
        (30.0, 30.0, "yes"),
        (31.0, 29.9, "filter alone"),
        (31.0, None, "filter alone"),
        (29.9, 40.0, "no"),
        (1.0, None, "no"),
    ],
)
def test_what_keeps_up(fps: float, decoded: float | None, expected: str) -> None:
    assert keeps_up(timing(fps, decoded)) == expected


def test_what_was_not_timed_does_not_keep_up() -> None:
    assert keeps_up(None) == "no"


@given(st.floats(0.01, 1e4), st.floats(0.01, 1e4))
def test_keeping_up_takes_both(fps: float, decoded: float) -> None:
    assert (keeps_up(timing(fps, decoded)) == "yes") == (min(fps, decoded) >= 30)


def test_margins_are_above_the_best_of_each_group() -> None:
    found = {(m.above, m.measure): m for m in margins(ROWS)}
    quick = found["the best peer that keeps up", "whole"]
    name, value = quick.clips["desk-high"]
    assert name == "atadenoise, 33 frames"
    assert value == pytest.approx(2.0)
    short = found["the best that keeps up and waits for 4 frames at most", "whole"]
    name, value = short.clips["room-low"]
    assert name == "atadenoise"
    assert value == pytest.approx(4.0)
    assert found["nlmeans", "whole"].mean == pytest.approx(4.5)
    # bm3d is ahead where it moves, but does not keep up.
    assert found["the best peer that keeps up", "subject"].mean == pytest.approx(5.0)
    assert found["the best peer of all", "subject"].mean == pytest.approx(-0.5)


def test_no_margin_where_nothing_is_to_compare() -> None:
    assert margins(ROWS[:1]) == []
    assert margins(ROWS[1:]) == []
    other = Row("bm3d", {"desk-high": ROWS[3].quality["desk-high"]}, timing(1.0))
    assert margin([ROWS[0], other], [other], "bm3d", "whole") is None


def test_where_nano_is_behind_is_told() -> None:
    told = losses(ROWS)
    assert "desk at high noise, in what moves: bm3d by 0.50 dB ahead of nano." in told
    assert not any("in the whole frame" in line for line in told)
    assert told[-1] == "Quicker than nano (60.0 frames/s): atadenoise (100)."
    assert losses(ROWS[1:]) == []


def test_the_mean_is_over_the_clips() -> None:
    assert ROWS[0].mean.whole == pytest.approx(43.0)
    assert ROWS[0].ours
    assert not ROWS[1].ours
    assert ROWS[2].ahead == 16

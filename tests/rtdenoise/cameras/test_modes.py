from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.discovery import FoundCamera
from rtdenoise.cameras.modes import choose_mode, describe_modes
from rtdenoise.errors import CameraError


def mjpg(width: int, height: int, rate: Fraction | int = 30) -> Mode:
    return Mode("mjpeg", "", width, height, Fraction(rate))


def yuyv(width: int, height: int, rate: Fraction | int = 30) -> Mode:
    return Mode("rawvideo", "yuyv422", width, height, Fraction(rate))


def camera(*modes: Mode) -> FoundCamera:
    return FoundCamera(CameraInfo("id", "Cam", "webcam", "/dev/video0"), modes, True)


def test_a_mode_comes_back_from_json() -> None:
    for mode in (mjpg(1920, 1080), mjpg(640, 480, Fraction(30000, 1001))):
        assert Mode.from_json(mode.to_json()) == mode


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", "1920"),
        ("width", 0),
        ("height", -1),
        ("height", 1 << 20),
        ("codec", None),
        ("rate_fps", 30),
        ("rate_fps", "0"),
        ("rate_fps", "1/0"),
        ("rate_fps", "-5"),
        ("rate_fps", "nan"),
        ("rate_fps", "1e999999999"),  # which Fraction would work out
    ],
)
def test_an_odd_mode_is_refused(key: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Mode.from_json({**mjpg(1920, 1080).to_json(), key: value})


def test_1080p_is_taken_as_mjpg_not_as_raw_at_5_frames_a_second() -> None:
    there = camera(yuyv(1920, 1080, 5), yuyv(640, 480), mjpg(1920, 1080), mjpg(640, 480))
    assert choose_mode(there, None, None) == mjpg(1920, 1080)
    assert choose_mode(there, (1920, 1080), None) == mjpg(1920, 1080)


def test_mjpg_comes_first_where_all_else_is_alike() -> None:
    # The order of a camera's modes is that of our preference.
    assert choose_mode(camera(mjpg(640, 480), yuyv(640, 480)), None, None) == mjpg(640, 480)


def test_a_smooth_smaller_picture_beats_a_large_jerky_one() -> None:
    there = camera(yuyv(1920, 1080, 5), yuyv(1280, 720, 10), yuyv(640, 480, 30))
    assert choose_mode(there, None, None) == yuyv(640, 480, 30)


def test_the_default_is_1080p_at_30_also_where_there_is_more() -> None:
    there = camera(mjpg(3840, 2160), mjpg(1920, 1080, 60), mjpg(1920, 1080), mjpg(1280, 720, 60))
    assert choose_mode(there, None, None) == mjpg(1920, 1080)


def test_what_is_asked_for_is_taken() -> None:
    there = camera(mjpg(1920, 1080), mjpg(1280, 720, 60), mjpg(1280, 720))
    assert choose_mode(there, None, 60.0) == mjpg(1280, 720, 60)
    assert choose_mode(there, (1280, 720), None) == mjpg(1280, 720)
    ntsc = mjpg(640, 480, Fraction(30000, 1001))
    assert choose_mode(camera(ntsc), None, 30) == ntsc


@pytest.mark.parametrize(
    ("size", "rate", "said"),
    [
        ((640, 480), None, "doesn't offer 640×480."),
        (None, 60.0, "doesn't offer 60 frames/s."),
        ((1280, 720), 25.0, "doesn't offer 1280×720 at 25 frames/s."),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    size: tuple[int, int] | None, rate: float | None, said: str
) -> None:
    with pytest.raises(CameraError) as caught:
        choose_mode(camera(mjpg(1920, 1080), mjpg(1280, 720)), size, rate)
    assert said in caught.value.message
    assert "MJPG 1920×1080 @ 30, 1280×720 @ 30" in caught.value.hint


def test_a_camera_that_tells_nothing_is_asked_for_nothing() -> None:
    assert choose_mode(camera(), (640, 480), 30) is None


def test_infra_red_is_not_taken_where_there_is_colour() -> None:
    grey = Mode("rawvideo", "gray", 1280, 720, Fraction(30))
    assert choose_mode(camera(grey, yuyv(640, 480)), None, None) == yuyv(640, 480)
    assert choose_mode(camera(grey), None, None) == grey


modes = st.builds(
    Mode,
    st.sampled_from(["mjpeg", "rawvideo"]),
    st.sampled_from(["", "yuyv422", "gray"]),
    st.sampled_from([640, 1280, 1920, 3840]),
    st.sampled_from([480, 720, 1080, 2160]),
    st.sampled_from([Fraction(5), Fraction(30000, 1001), Fraction(30), Fraction(60)]),
)


@given(st.lists(modes, min_size=1, max_size=12), st.booleans(), st.booleans(), st.data())
def test_the_choice_is_one_of_the_modes_and_is_what_was_asked_for(
    there: list[Mode], sized: bool, rated: bool, data: st.DataObject
) -> None:
    wanted = data.draw(st.sampled_from(there))
    size = (wanted.width, wanted.height) if sized else None
    rate = float(wanted.rate_fps) if rated else None
    chosen = choose_mode(camera(*there), size, rate)
    assert chosen in there
    assert size in (None, (chosen.width, chosen.height))
    assert rate is None or abs(float(chosen.rate_fps) - rate) <= 0.01 * rate


def test_modes_are_told_in_a_line() -> None:
    line = describe_modes([mjpg(1920, 1080), mjpg(1920, 1080, 15), mjpg(640, 480), yuyv(640, 480)])
    assert line == "MJPG 1920×1080 @ 30/15, 640×480 @ 30; YUYV422 640×480 @ 30"

"""What is said of frames that stay away and rates that sink, on a clock that the tests turn."""

from __future__ import annotations

import pytest

from rtdenoise.stream.watchdog import RateWatch, Watchdog, slow_mode


def ticks(start: float, seconds: float) -> list[float]:
    return [start + 0.2 * n for n in range(1, int(seconds / 0.2) + 1)]


def test_frames_that_come_need_no_word() -> None:
    watchdog = Watchdog(0.0)
    assert all(not watchdog.look(t, "Cam", True).text for t in ticks(0, 60))


def test_silence_is_told_once_then_the_camera_is_opened_again() -> None:
    watchdog = Watchdog(0.0)
    found = [(t, watchdog.look(t, "Cam", False)) for t in ticks(0, 15)]
    told = [(t, f) for t, f in found if f.text]
    assert [f.reopen for _, f in told] == [False, True]
    assert told[0][0] == pytest.approx(2.2)
    assert "Cam has sent no frame for 2 s" in told[0][1].text
    assert told[1][0] == pytest.approx(8.2)
    assert "hangs" in told[1][1].text


def test_nothing_is_said_of_a_camera_that_is_known_to_be_gone() -> None:
    watchdog = Watchdog(0.0)
    assert all(not watchdog.look(t, "Cam", False, away=True).text for t in ticks(0, 60))


def test_a_camera_that_is_back_has_its_time_to_send() -> None:
    watchdog = Watchdog(0.0)
    for t in ticks(0, 30):
        watchdog.look(t, "Cam", False, away=True)
    found = [watchdog.look(t, "Cam", False) for t in ticks(30, 9)]
    assert not any(one.text for one in found[:9])
    assert [one.text for one in found if one.text] == [
        "Cam has sent no frame for 2 s.",
        "Cam hangs: no frame for 8 s. Opening it again …",
    ]
    assert watchdog.age(39.0) == 39.0  # that of the last picture, which is shown meanwhile


def test_a_program_that_was_stopped_starts_anew_and_blames_no_camera() -> None:
    watchdog = Watchdog(0.0)
    watchdog.look(1.0, "Cam", True)
    found = watchdog.look(181.0, "Cam", False)
    assert found.reset
    assert not found.reopen
    assert "stood still for 180 s" in found.text
    assert not watchdog.look(181.1, "Cam", False).text


def rate_sentences(
    sent: float, shown: float, missed: float, webcam: bool = True, fed: bool = False
) -> list[str]:
    watch = RateWatch(30.0, 0.0, webcam=webcam, fed=fed)
    counts = [(0.25 * n, 0.25 * n) for n in range(1, 100)]
    said = [watch.look(t, round(sent * s), round(shown * s), round(missed * s)) for t, s in counts]
    return [text for text in said if text]


def test_a_full_rate_needs_no_word() -> None:
    assert rate_sentences(30, 30, 0) == []
    assert rate_sentences(30, 27, 3) == []


def test_a_slow_camera_and_a_slow_machine_are_told_apart_and_told_once() -> None:
    (camera,) = rate_sentences(15, 15, 0)
    assert "sends 15 frames/s instead of 30" in camera
    assert "light" in camera
    (machine,) = rate_sentences(30, 13, 0)
    assert "13 of 30 frames/s come out" in machine
    (queue,) = rate_sentences(13, 13, 17)
    assert "busy" in queue
    (file,) = rate_sentences(15, 15, 0, webcam=False)
    assert "light" not in file


def test_a_virtual_camera_needs_no_light() -> None:
    (text,) = rate_sentences(15, 15, 0, fed=True)
    assert "light" not in text
    assert "The program that feeds this camera sends 15 frames/s instead of 30" in text


def test_while_everything_starts_a_low_rate_is_not_told() -> None:
    watch = RateWatch(30.0, 0.0)
    count = 0
    for n in range(1, 100):  # a quarter of a second each: 8 frames/s at first, then 30
        count += 2 if n < 20 else 7 + n % 2
        assert watch.look(n * 0.25, count, count, 0) == ""


def test_a_hole_in_the_stream_is_no_low_rate() -> None:
    watch = RateWatch(30.0, 0.0)
    count = 0
    for n in range(1, 80):
        if n == 40:
            watch.restart()
        t = n * 0.25 + (3.0 if n >= 40 else 0.0)
        count += 7 + n % 2
        assert watch.look(t, count, count, 0) == ""


def test_a_mode_that_is_slow_by_itself_is_told_with_its_cure() -> None:
    assert slow_mode("mjpeg", 1920, 1080, 30) == ""
    text = slow_mode("rawvideo", 1920, 1080, 5)
    assert "5 frames/s at 1920×1080" in text
    assert "MJPG" in text

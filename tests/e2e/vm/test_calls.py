"""Calls whose camera goes away, hangs and comes back, or that are stopped themselves, with real drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .conftest import Array, draw_noisy, outcome, read_note


@pytest.fixture(scope="module")
def share(play: Callable[..., Path]) -> Path:
    def draw(folder: Path) -> None:
        draw_noisy(folder, 640, 360)
        draw_noisy(folder, 320, 180)

    return play("calls", draw)


def _times(share: Path, step: str) -> Array:
    """When another program got a frame of the virtual camera, in s."""
    times: Array = np.load(share / f"{step}.npz")["times"]
    return times


def test_the_virtual_camera_can_be_used_again_also_when_its_program_was_killed(share: Path) -> None:
    for step in ("first", "hangs", "stopped", "other_mode"):
        assert outcome(share, step)["frames_out"] > 0


def test_a_call_goes_on_when_the_camera_comes_back(share: Path) -> None:
    assert outcome(share, "unplugged")["reconnects"] == 3
    said = read_note(share, "unplugged")["err"]
    assert said.count("went away") == 3
    said = said[said.index("went away") :]  # before, a slow machine may be busy starting
    assert "has sent no frame" not in said
    assert "hangs" not in said


def test_pictures_keep_coming_while_the_plug_is_out(share: Path) -> None:
    times = _times(share, "unplugged")
    away = read_note(share, "away")
    for begin, end in away[1:]:  # of 1 s there is hardly anything to see
        during = times[(times > begin) & (times < end)]
        assert len(during) > (end - begin)  # one a second at least: five are meant
        assert np.diff(during).max() < 3
    # And afterwards those of the camera again.
    assert (times > away[-1][1]).sum() > 10


def test_the_camera_comes_back_with_the_settings_of_before(share: Path) -> None:
    wanted = {"exposure_auto": "1", "exposure_absolute": "333", "gain": "77"}
    for told in read_note(share, "settings"):
        assert wanted.items() <= told.items()
        assert told["power_line_frequency"] == "1"


def test_a_camera_that_hangs_is_opened_again(share: Path) -> None:
    assert outcome(share, "hangs")["reconnects"] >= 1
    begin, end = read_note(share, "hung")
    times = _times(share, "hangs")
    assert np.diff(times[(times > begin) & (times < end)]).max() < 3
    assert (times > end).sum() > 10


def test_a_call_that_was_stopped_goes_on(share: Path) -> None:
    assert "stood still for" in read_note(share, "stopped")["err"]
    assert (_times(share, "stopped") > read_note(share, "went_on")).sum() > 10


def test_a_call_that_ends_while_the_network_is_made_ends_well(share: Path) -> None:
    assert outcome(share, "ended_early")["frames_out"] > 0


def test_a_camera_that_comes_back_in_another_mode_keeps_the_size_that_goes_out(share: Path) -> None:
    assert outcome(share, "other_mode")["reconnects"] == 1
    said = " ".join(read_note(share, "other_mode")["err"].split())
    assert "is back with MJPG 320×180" in said
    last = np.load(share / "other_mode.npz")["frames"][-1]
    assert last.shape == (360 * 3 // 2, 640)
    # The same scene in half the size: its top is darker than its bottom in one colour only, which luma shows.
    luma = last[:360].astype(float)
    assert luma[300:].mean() > luma[:60].mean() + 40

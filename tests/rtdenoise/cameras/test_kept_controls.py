from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

from rtdenoise.cameras import controls, kept_controls
from rtdenoise.cameras.base import CameraInfo
from rtdenoise.cameras.controls import locked_controls
from rtdenoise.cameras.kept_controls import (
    SteadySettings,
    apply_settings,
    keep_settings,
    kept_settings,
    undo_lock,
)
from rtdenoise.errors import CameraError, ProfileError
from tests.rtdenoise.cameras.test_controls import (
    AUTO_EXPOSURE,
    EXPOSURE,
    GAIN,
    WHITE,
    WHITE_AUTO,
    Cam,
    Driver,
)

MAINS = 0x00980918
CAM = CameraInfo("id", "Cam", "webcam", "/dev/video0")


class Webcam(Driver):
    """The camera of the other tests, with a mains frequency, which can be unplugged."""

    def __init__(self) -> None:
        super().__init__()
        self.values[MAINS] = 2

    def replug(self) -> None:
        """Unplugs it and plugs it in again: it has its maker's settings."""
        self.log.clear()
        self.values = Webcam().values


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Webcam:
    driver = Webcam()
    monkeypatch.setattr(controls, "Device", driver)
    monkeypatch.setattr(kept_controls, "Device", driver)
    monkeypatch.setattr(sys, "platform", "linux")
    return driver


def by_hand(driver: Webcam) -> None:
    """Somebody sets exposure, gain and mains frequency; white balance stays automatic."""
    for control, value in ((AUTO_EXPOSURE, 1), (EXPOSURE, 400), (GAIN, 33), (MAINS, 1)):
        driver.set(control, value)


def test_what_was_kept_is_set_at_every_start(driver: Webcam, tmp_path: Path) -> None:
    path = tmp_path / "controls.json"
    by_hand(driver)
    kept = keep_settings(CAM, path)
    assert kept["exposure_time_absolute"] == 400
    assert "white_balance_temperature" not in kept  # the automatic's, nobody's
    wanted = dict(driver.values)
    driver.replug()
    SteadySettings(path, tmp_path / "locked.json").opened(CAM)
    assert driver.values == wanted
    assert driver.log.index((AUTO_EXPOSURE, 1)) < driver.log.index((EXPOSURE, 400))


def test_without_a_word_a_camera_comes_back_as_it_was_at_the_start(
    driver: Webcam, tmp_path: Path
) -> None:
    by_hand(driver)
    wanted = dict(driver.values)
    steady = SteadySettings(tmp_path / "controls.json", tmp_path / "locked.json")
    driver.log.clear()
    assert steady.opened(CAM) == {}
    assert driver.log == []  # nothing is touched at the start
    driver.replug()
    steady.opened(CAM)
    assert driver.values == wanted
    driver.log.clear()
    steady.opened(CAM)  # it only stopped for a while: nothing to set
    assert driver.log == []


def test_what_the_camera_refuses_does_not_keep_the_rest(driver: Webcam) -> None:
    driver.refused = {AUTO_EXPOSURE}
    done = apply_settings(CAM, {"auto_exposure": 1, "exposure_time_absolute": 9, "gain": 40})
    assert done == {"gain": 40}
    assert apply_settings(CAM, {"no_such_setting": 1}) == {}
    driver.gone = True
    assert apply_settings(CAM, {"gain": 41}) == {}


def test_white_balance_by_hand_is_kept(driver: Webcam, tmp_path: Path) -> None:
    driver.set(WHITE_AUTO, 0)
    driver.set(WHITE, 5200)
    assert keep_settings(CAM, tmp_path / "c.json")["white_balance_temperature"] == 5200
    assert kept_settings(tmp_path / "c.json")["white_balance_automatic"] == 0


def test_a_camera_without_settings_is_told(driver: Webcam, tmp_path: Path) -> None:
    driver.values = {}
    with pytest.raises(CameraError, match="tells no settings"):
        keep_settings(CAM, tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"controls": 3}',
        '{"controls": {"gain": "x"}}',
        '{"controls": {"gain": 1.5}}',
        '{"controls": {"gain": 5000000000}}',
        "[",
    ],
)
def test_a_damaged_file_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ProfileError, match="is damaged"):
        kept_settings(tmp_path / "c.json")


def test_a_lock_whose_guard_was_killed_too_is_undone_at_the_next_start(
    driver: Webcam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoGuard:
        def __init__(self, *_: object) -> None: ...
        def dismiss(self) -> None: ...

    monkeypatch.setattr(controls, "_Guard", NoGuard)
    journal, before = tmp_path / "locked.json", dict(driver.values)
    with locked_controls(Cam(), journal):  # type: ignore[arg-type]
        driver.gone = True  # so that this process can put nothing back, as if it had been killed
    driver.gone = False
    assert driver.values != before
    SteadySettings(tmp_path / "controls.json", journal).opened(CAM)
    assert driver.values == before
    assert not journal.exists()
    assert not undo_lock(CAM, journal)


def test_a_damaged_note_is_thrown_away(driver: Webcam, tmp_path: Path) -> None:
    journal = tmp_path / "locked.json"
    for text in ("no json", json.dumps({"undo": [[1]]}), "{}"):
        journal.write_text(text)
        assert undo_lock(CAM, journal)
        assert not journal.exists()
    assert driver.log == []


def test_files_have_no_settings(driver: Webcam, tmp_path: Path) -> None:
    clip = CameraInfo("clip", "clip", "file", "file:clip.mkv")
    assert apply_settings(clip, {"gain": 3}) == {}
    assert SteadySettings(tmp_path / "a", tmp_path / "b").opened(clip) == {}
    assert driver.log == []


def test_a_camera_that_is_gone_again_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no(path: str) -> Driver:
        raise OSError(errno.ENODEV, "gone")

    monkeypatch.setattr(kept_controls, "Device", no)
    assert SteadySettings(tmp_path / "a", tmp_path / "b").opened(CAM) == {}


@pytest.fixture
def steady(tmp_path: Path) -> SteadySettings:
    return SteadySettings(tmp_path / "controls.json", tmp_path / "locked.json")


def test_a_mains_frequency_that_nobody_set_follows_the_lamps(
    driver: Webcam, steady: SteadySettings
) -> None:
    driver.defaults[MAINS] = 2
    steady.opened(CAM)
    assert "is now set for them (power_line_frequency=1)" in steady.follow_mains(CAM, 50)
    assert driver.values[MAINS] == 1
    driver.replug()
    steady.opened(CAM)
    assert driver.values[MAINS] == 1
    assert "although the camera is set for them" in steady.follow_mains(CAM, 50)


def test_a_mains_frequency_of_the_users_own_is_left_alone(
    driver: Webcam, steady: SteadySettings, tmp_path: Path
) -> None:
    driver.defaults[MAINS] = 1  # and it is 2
    steady.opened(CAM)
    assert "v4l2-ctl -d /dev/video0 -c power_line_frequency=1 helps" in steady.follow_mains(CAM, 50)
    assert driver.values[MAINS] == 2
    driver.defaults[MAINS] = 2
    keep_settings(CAM, tmp_path / "controls.json")
    assert "v4l2-ctl" in steady.follow_mains(CAM, 50)
    assert driver.values[MAINS] == 2


def test_without_such_a_setting_the_exposure_helps(steady: SteadySettings) -> None:
    simulated = CameraInfo("simulated", "Simulated", "simulated", "simulated")
    said = steady.follow_mains(simulated, 60)
    assert said == (
        "Lamps on 60 Hz mains flicker in this picture: an exposure of 1/120 s or a multiple of it helps, or daylight."
    )

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtdenoise.cameras import controls, controls_guard
from rtdenoise.cameras.base import CameraInfo
from rtdenoise.cameras.controls import gain_of, locked_controls, present_gain
from rtdenoise.cameras.v4l2 import Control

AUTO_EXPOSURE, EXPOSURE, PRIORITY = 0x009A0901, 0x009A0902, 0x009A0903
WHITE_AUTO, WHITE, GAIN = 0x0098090C, 0x0098091A, 0x00980913
BRIGHTNESS = 0x00980900


class Driver:
    """The settings of one camera; exposure and white balance by hand are refused while automatic."""

    def __init__(self) -> None:
        self.values = {BRIGHTNESS: 128, AUTO_EXPOSURE: 3, EXPOSURE: 250, PRIORITY: 1, WHITE_AUTO: 1,
                       WHITE: 4100, GAIN: 12}  # fmt: skip
        self.log: list[tuple[int, int]] = []
        self.gone = False
        self.refused: set[int] = set()
        self.defaults: dict[int, int] = {}

    def __call__(self, path: str) -> Driver:
        assert path == "/dev/video0"
        return self

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None: ...

    def controls(self) -> dict[int, Control]:
        return {
            n: Control(n, "", 0, 10000, 1, self.defaults.get(n, 0), v, 0)
            for n, v in self.values.items()
        }

    def set(self, control: int, value: int) -> int:
        if self.gone:
            raise OSError(errno.ENODEV, "gone")
        if control in self.refused:
            raise OSError(errno.EINVAL, "refused")
        if (control == EXPOSURE and self.values[AUTO_EXPOSURE] != 1) or (
            control == WHITE and self.values[WHITE_AUTO] != 0
        ):
            raise OSError(errno.EACCES, "automatic")
        self.log.append((control, value))
        self.values[control] = value
        return value


class Cam:
    def __init__(self, kind: str = "webcam") -> None:
        self.info = CameraInfo("id", "Cam", kind, "/dev/video0")


class Guards:
    """Stands for the guard's process."""

    def __init__(self) -> None:
        self.orders: list[Any] = []
        self.dismissed = 0

    def __call__(self, path: str, undo: Any, journal: Path | None) -> Guards:
        self.orders.append((path, undo))
        return self

    def dismiss(self) -> None:
        self.dismissed += 1


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setattr(controls, "Device", driver)
    monkeypatch.setattr(sys, "platform", "linux")
    return driver


@pytest.fixture
def guards(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guards]:
    guards = Guards()
    monkeypatch.setattr(controls, "_Guard", guards)
    yield guards
    assert guards.dismissed == len(guards.orders)


@pytest.mark.usefixtures("guards")
def test_what_changes_by_itself_is_held_and_put_back(driver: Driver) -> None:
    before = dict(driver.values)
    with locked_controls(Cam()) as done:  # type: ignore[arg-type]
        assert driver.values[AUTO_EXPOSURE] == 1
        assert driver.values[WHITE_AUTO] == 0
        assert driver.values[PRIORITY] == 0
        assert driver.values[BRIGHTNESS] == 128
        assert done == {
            "auto_exposure": 1,
            "exposure_time_absolute": 250,
            "exposure_dynamic_framerate": 0,
            "gain": 12,
            "white_balance_automatic": 0,
            "white_balance_temperature": 4100,
        }
        driver.values[EXPOSURE] = 999  # somebody turned it meanwhile
    assert driver.values == before


def test_the_gain_is_told_where_the_camera_has_one(driver: Driver) -> None:
    assert present_gain(Cam().info) == 12
    assert present_gain(Cam("file").info) is None
    del driver.values[GAIN]
    assert present_gain(Cam().info) is None
    assert gain_of({"iso_sensitivity": 400, "focus_absolute": 3}) == 400


@pytest.mark.usefixtures("guards")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_it_is_put_back_after_ctrl_c_and_errors(driver: Driver, error: type[BaseException]) -> None:
    before = dict(driver.values)
    with pytest.raises(error), locked_controls(Cam()):  # type: ignore[arg-type]
        raise error
    assert driver.values == before


@pytest.mark.usefixtures("guards")
def test_a_setting_that_is_refused_does_not_keep_the_others(driver: Driver) -> None:
    driver.refused = {PRIORITY}
    with locked_controls(Cam()) as done:  # type: ignore[arg-type]
        assert "exposure_dynamic_framerate" not in done
        assert done["white_balance_automatic"] == 0


@pytest.mark.usefixtures("guards")
def test_an_unplugged_camera_is_no_second_error(driver: Driver) -> None:
    with locked_controls(Cam()):  # type: ignore[arg-type]
        driver.gone = True


def test_the_guard_knows_what_to_put_back(driver: Driver, guards: Guards) -> None:
    with locked_controls(Cam()):  # type: ignore[arg-type]
        ((path, undo),) = guards.orders
    assert path == "/dev/video0"
    assert dict(undo)[AUTO_EXPOSURE] == 3
    # By hand first: a camera refuses that once the automatic is on again.
    assert [c for c, _ in undo].index(EXPOSURE) < [c for c, _ in undo].index(AUTO_EXPOSURE)


@pytest.mark.usefixtures("guards")
def test_what_puts_it_back_is_noted_as_long_as_nobody_has(driver: Driver, tmp_path: Path) -> None:
    journal = tmp_path / "home" / "locked.json"
    with locked_controls(Cam(), journal):  # type: ignore[arg-type]
        assert [AUTO_EXPOSURE, 3] in json.loads(journal.read_text())["undo"]
    assert not journal.exists()
    with locked_controls(Cam(), journal):  # type: ignore[arg-type]
        driver.gone = True
    assert journal.exists()  # it was unplugged: the next start puts it back


def test_cameras_without_settings_are_left_alone(
    driver: Driver, guards: Guards, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("file", "simulated"):
        with locked_controls(Cam(kind)) as done:  # type: ignore[arg-type]
            assert done == {}
    driver.values = {BRIGHTNESS: 1}
    with locked_controls(Cam()) as done:  # type: ignore[arg-type]
        assert done == {}
    monkeypatch.setattr(sys, "platform", "darwin")
    driver.values = {AUTO_EXPOSURE: 3}
    with locked_controls(Cam()) as done:  # type: ignore[arg-type]
        assert done == {}
    assert driver.log == []
    assert guards.orders == []


def test_a_camera_that_cannot_be_opened_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(path: str) -> Any:
        raise OSError(errno.ENOENT, "gone")

    monkeypatch.setattr(controls, "Device", no)
    with locked_controls(Cam()) as done:  # type: ignore[arg-type]
        assert done == {}


# --- the guard's process ---


def _guard(tmp_path: Path, words: bytes) -> list[tuple[int, int]]:
    """What a guard sets that reads ``words`` and then the end of its input."""
    log = tmp_path / "log"
    (tmp_path / "run.py").write_text(
        f"import fcntl, runpy, struct\n"
        f"def ioctl(descriptor, request, argument):\n"
        f"    assert request == {controls_guard.S_CTRL}\n"
        f"    open({str(log)!r}, 'ab').write(argument)\n"
        f"fcntl.ioctl = ioctl\n"
        f"runpy.run_path({str(controls_guard.__file__)!r}, run_name='__main__')\n"
    )
    subprocess.run([sys.executable, tmp_path / "run.py"], input=words, check=True, timeout=60)
    data = log.read_bytes() if log.exists() else b""
    return [struct.unpack("=Ii", data[at : at + 8]) for at in range(0, len(data), 8)]


@pytest.mark.skipif(sys.platform == "win32", reason="Video4Linux is Linux's")
def test_the_guard_puts_back_when_the_program_is_gone(tmp_path: Path) -> None:
    order = json.dumps([os.devnull, [[EXPOSURE, 250], [AUTO_EXPOSURE, 3]], None]).encode() + b"\n"
    assert _guard(tmp_path, order) == [(EXPOSURE, 250), (AUTO_EXPOSURE, 3)]


@pytest.mark.skipif(sys.platform == "win32", reason="Video4Linux is Linux's")
def test_the_guard_takes_the_note_away_that_it_has_followed(tmp_path: Path) -> None:
    journal = tmp_path / "locked.json"
    journal.write_text("{}")
    order = json.dumps([os.devnull, [[EXPOSURE, 250]], str(journal)]).encode() + b"\n"
    assert _guard(tmp_path, order) == [(EXPOSURE, 250)]
    assert not journal.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Video4Linux is Linux's")
def test_a_dismissed_guard_does_nothing(tmp_path: Path) -> None:
    order = json.dumps([os.devnull, [[EXPOSURE, 250]], None]).encode() + b"\ndone\n"
    assert _guard(tmp_path, order) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Video4Linux is Linux's")
def test_a_real_guard_starts_and_leaves(tmp_path: Path) -> None:
    guard = controls._Guard(os.devnull, ((EXPOSURE, 250),))
    assert guard._process
    assert guard._process.poll() is None
    guard.dismiss()
    assert guard._process.returncode == 0


def test_without_a_guard_the_recording_still_works() -> None:
    def no(*words: Any, **options: Any) -> Any:
        raise OSError(errno.ENOMEM, "no process")

    controls._Guard(os.devnull, ((EXPOSURE, 250),), start=no).dismiss()

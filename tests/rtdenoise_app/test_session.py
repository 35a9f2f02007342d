"""What goes wrong is told with its cure, and leaves a session that goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from rtdenoise.camera_settings import CameraSettings, load_settings, save_settings
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.discovery import FoundCamera
from rtdenoise.diagnosis import Check
from rtdenoise.errors import CameraError
from rtdenoise.profile import Profile
from rtdenoise_app.problems import problem
from rtdenoise_app.session import Session
from rtdenoise_app.standing import Standing

WEBCAM = CameraInfo("usb-046d-0825-c270", "C270", "webcam", "/dev/video0")
MODE = Mode("mjpeg", "yuvj422p", 320, 180, Fraction(30))
State = dict[str, Any]


class Told:
    """A session, and what it told."""

    def __init__(self, home: Path) -> None:
        self.session = Session(home)
        self.said: list[dict[str, Any]] = []
        self.session.tell = self.said.append

    def until(self, true: Callable[[State], Any], seconds: float = 60.0) -> State:
        end = time.monotonic() + seconds
        while not true(state := self.session.snapshot()):
            assert time.monotonic() < end, (state, self.said)
            time.sleep(0.02)
        return state

    def do(self, what: str, **more: Any) -> None:
        self.session.do({"do": what, **more})

    def error(self) -> dict[str, Any]:
        """The next error."""
        self.until(lambda _: any("error" in said for said in self.said))
        found = next(said for said in self.said if "error" in said)
        self.said.clear()
        return found


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[FoundCamera]:
    """The webcams that are plugged in."""
    found = [FoundCamera(WEBCAM, (MODE,), True, "uvcvideo", 0)]
    monkeypatch.setattr("rtdenoise_app.offers.find_cameras", lambda: list(found))
    monkeypatch.setattr("rtdenoise_app.offers.video_nodes", list)
    monkeypatch.setattr("rtdenoise_app.offers.holders", lambda _: [])
    return found


@pytest.fixture
def told(plugged: list[FoundCamera], tmp_path: Path) -> Iterator[Told]:
    found = Told(tmp_path)
    yield found
    found.session.close()


def test_the_only_webcam_is_chosen(told: Told) -> None:
    state = told.session.snapshot()
    assert state["camera"] == WEBCAM.id
    assert state["step"] == "film"
    assert state["cameras"][0]["modes"] == ["320x180@30 MJPG"]
    assert state["outputs"][-1]["id"] == "null"


def test_a_camera_that_is_busy_is_told(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any, **__: Any) -> Any:
        raise CameraError("C270 is in use by zoom (process 7).", "Close that program first.")

    monkeypatch.setattr("rtdenoise.stream.call.open_camera", busy)
    monkeypatch.setattr("rtdenoise_app.filming.open_camera", busy)
    for what, more in (("start", {}), ("film", {"scenes": 1, "seconds": 1.0})):
        told.do(what, **more)
        assert told.error() == {
            "error": "C270 is in use by zoom (process 7).",
            "cure": "Close that program first.",
            "command": "",
        }
        state = told.until(lambda state: state["doing"] == "idle")
        assert state["problems"][0]["text"] == "C270 is in use by zoom (process 7)."


def test_a_camera_that_goes_away_is_waited_for_and_told(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [True]

    class Unplugged:
        """The simulated camera as a webcam that is unplugged after a while."""

        def __init__(self) -> None:
            self._camera = open_camera("simulated:desk", size=(320, 180))
            self.info, self.mode, self.template = WEBCAM, self._camera.mode, None
            self.damaged_packets = 0
            self.decode, self.close = self._camera.decode, self._camera.close

        def packets(self) -> Iterator[Any]:
            for packet in self._camera.packets():
                time.sleep(0.01)
                if not there[0]:
                    raise CameraError("C270 went away.")
                yield packet

    def opened(*_: Any, **__: Any) -> Any:
        if not there[0]:
            raise CameraError("There is no camera called C270.")
        return Unplugged()

    monkeypatch.setattr("rtdenoise.stream.call.open_camera", opened)
    told.do("choose", camera=WEBCAM.id, settings={"outputs": ("null",)})
    told.do("set", settings={"network": "none"})
    told.do("start")
    told.until(lambda state: state["doing"] == "live")
    there[0] = False
    state = told.until(lambda state: any("C270" in p["text"] for p in state["problems"]))
    assert state["doing"] == "live"
    there[0] = True
    told.until(lambda state: not any("C270" in p["text"] for p in state["problems"]))
    told.do("stop")
    told.until(lambda state: state["doing"] == "idle")


def test_settings_are_each_cameras_own(
    told: Told, plugged: list[FoundCamera], tmp_path: Path
) -> None:
    other = CameraInfo("usb-other", "Other", "webcam", "/dev/video2")
    save_settings(CameraSettings(strength=0.25), Profile.of(other, tmp_path).settings_path)
    plugged.append(replace(plugged[0], info=other))
    told.do("strength", value=0.75)
    told.do("refresh")
    told.until(lambda state: len(state["cameras"]) == 3)
    told.do("choose", camera=other.id, settings={})
    told.until(lambda state: state["settings"]["strength"] == 0.25)
    kept, _ = load_settings(Profile.of(WEBCAM, tmp_path).settings_path)
    assert kept.strength == 0.75
    told.do("choose", camera=WEBCAM.id, settings={})
    told.until(lambda state: state["settings"]["strength"] == 0.75)
    told.do("choose", camera="usb-gone", settings={})
    assert told.error()["error"] == "There is no such camera any more."
    told.do("choose", camera=WEBCAM.id, settings={"outputs": ("virtual:gone",)})
    assert told.error()["error"] == "There is no such virtual camera."


def test_a_slider_is_written_down_once_it_rests(told: Told, tmp_path: Path) -> None:
    for step in range(50):
        told.do("strength", value=step / 50)
    path = Profile.of(WEBCAM, tmp_path).settings_path
    end = time.monotonic() + 30
    while not path.exists() or load_settings(path)[0].strength != 0.98:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_doctor_finds_is_told_with_its_command(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [
        Check("Python", True, "3.11"),
        Check("virtual camera", False, "v4l2loopback is not loaded.", "sudo modprobe v4l2loopback"),
        Check("permission", False, "No.", "sudo usermod -aG video $USER    (then log out and in)"),
        Check("camera", False, "None is found.", "Plug one in."),
    ]
    monkeypatch.setattr("rtdenoise_app.problems.diagnose", lambda *_: iter(checks))
    told.do("refresh")
    state = told.until(lambda state: "Permission: No." in [p["text"] for p in state["problems"]])
    assert state["problems"] == [
        {
            "text": "Virtual camera: v4l2loopback is not loaded.",
            "cure": "",
            "command": "sudo modprobe v4l2loopback",
        },
        {
            "text": "Permission: No.",
            "cure": "then log out and in",
            "command": "sudo usermod -aG video $USER",
        },
        {"text": "No camera is found.", "cure": "Plug one in.", "command": ""},
    ]


def test_a_cure_that_is_a_command_is_told_apart() -> None:
    cure = "Run sudo usermod -aG video $USER, log out and in again."
    assert problem("No.", cure)["command"] == "sudo usermod -aG video $USER"
    assert problem("No.", cure)["cure"] == "log out and in again."
    assert problem("No.", "Run it again.") == {
        "text": "No.",
        "cure": "Run it again.",
        "command": "",
    }


def test_where_one_stands_goes_by_the_profile_and_never_fails(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "camera")
    assert Standing.of(profile, None).step == "film"
    profile.clips_folder.mkdir(parents=True)
    (profile.clips_folder / "a.mkv").write_bytes(b"")
    (profile.clips_folder / "a.json").write_text("{")
    profile.noise_path.write_text("damaged")
    (profile.folder / "networks").mkdir()
    (profile.folder / "networks" / "mine.safetensors").write_bytes(b"")
    found = Standing.of(profile, (320, 180))
    assert (found.step, found.clip) == ("film", None)
    assert found.networks[0] == "mine"
    assert found.networks[-2:] == ("recursive", "none")

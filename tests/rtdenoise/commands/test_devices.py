from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rtdenoise.cameras import discovery, kept_controls, webcam_other
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.discovery import FoundCamera, VideoNode
from rtdenoise.cli import Settings
from rtdenoise.commands.devices import command
from rtdenoise.console import console
from rtdenoise.pipewire import session
from rtdenoise.pipewire.session import PipeWireState
from rtdenoise.profile import Profile
from rtdenoise.sinks import virtual
from rtdenoise.sinks.virtual import VirtualDevice

MODES = tuple(Mode("mjpeg", "", w, h, Fraction(30)) for w, h in ((1920, 1080), (1280, 720)))
WEBCAM = FoundCamera(
    CameraInfo("usb-046d-0825-c270", "C270 [HD]", "webcam", "/dev/video0"), MODES, True
)
SILENT = FoundCamera(CameraInfo("loop", "Camera", "webcam", "/dev/video10"), (), False)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A Linux machine; what it has may be changed."""
    has: dict[str, Any] = {
        "cameras": [WEBCAM, SILENT],
        "nodes": [],
        "virtual": [],
        "pipewire": False,
    }
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(discovery, "video_nodes", lambda: has["nodes"])
    monkeypatch.setattr(discovery, "cameras", lambda nodes: has["cameras"])
    monkeypatch.setattr(virtual, "virtual_devices", lambda: has["virtual"])
    monkeypatch.setattr(
        session, "look", lambda: PipeWireState("1.4", has["pipewire"], has["pipewire"])
    )
    monkeypatch.setenv("COLUMNS", "160")
    console.cache_clear()
    return has


def run(*words: str) -> str:
    console.cache_clear()
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    console.cache_clear()
    assert result.exit_code == 0
    return result.output


def test_json_holds_cameras_modes_and_virtual_cameras(machine: dict[str, Any]) -> None:
    machine["virtual"] = [VirtualDevice("/dev/video11", "Virtual", ("obs (process 7)",), True)]
    machine["nodes"] = [VideoNode("/dev/video3", 3, "X", denied=True)]
    listed = json.loads(run("--json"))
    assert [camera["path"] for camera in listed["cameras"]] == ["/dev/video0", "simulated"]
    webcam = listed["cameras"][0]
    assert webcam["id"] == "usb-046d-0825-c270"
    assert webcam["modes"][0] == {**MODES[0].to_json(), "text": "MJPG 1920×1080 @ 30"}
    assert Mode.from_json(webcam["modes"][1]) == MODES[1]
    assert listed["virtual_cameras"] == [
        {
            "path": "/dev/video11",
            "label": "Virtual",
            "exclusive_caps": True,
            "in_use": True,
            "fed_by": ["obs (process 7)"],
        }
    ]
    assert listed["no_permission"] == ["/dev/video3"]


def test_the_table_names_what_can_be_typed(machine: dict[str, Any]) -> None:
    machine["virtual"] = [
        VirtualDevice("/dev/video10", "Old", exclusive=False),
        VirtualDevice("/dev/video11", "Virtual", ("obs (process 7)",), True),
    ]
    text = run()
    for there in (
        "/dev/video0",
        "C270 [HD]",
        "usb-046d-0825-c270",
        "MJPG 1920×1080 @ 30, 1280×720 @ 30",
        "simulated",
        "virtual:Virtual",
        "in use by obs (process 7)",
        "no exclusive_caps",
    ):
        assert there in text


def test_a_bare_machine_is_told_what_to_do(machine: dict[str, Any]) -> None:
    machine["cameras"] = []
    text = run()
    assert "simulated" in text
    assert "rtdenoise demo" in text
    assert "modprobe v4l2loopback" in text


def test_pipewire_is_a_virtual_camera_too(machine: dict[str, Any]) -> None:
    assert json.loads(run("--json"))["pipewire"] is False
    machine["pipewire"] = True
    assert json.loads(run("--json"))["pipewire"] is True
    text = run()
    assert "pipewire" in text
    assert "modprobe" not in text


def test_other_systems_list_what_ffmpeg_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    info = CameraInfo("facetime", "FaceTime HD Camera", "webcam", "0")
    monkeypatch.setattr(webcam_other, "cameras", lambda: [(info, True)])
    listed = json.loads(run("--json"))
    assert listed["cameras"][0]["name"] == "FaceTime HD Camera"
    assert "OBS" in run()


def test_a_cameras_settings_are_kept_and_forgotten(
    machine: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_controls, "present_settings", lambda info: {"auto_exposure": 1})
    settings = Settings(tmp_path)
    path = Profile.of(WEBCAM.info, tmp_path).controls_path

    def said(*words: str) -> str:
        console.cache_clear()
        done = CliRunner().invoke(command, words, obj=settings, catch_exceptions=False)
        console.cache_clear()
        assert done.exit_code == 0, done.output
        return done.output

    assert "auto_exposure=1" in said("--keep-controls")
    assert json.loads(path.read_text()) == {"controls": {"auto_exposure": 1}}
    said("--forget-controls", "--camera", "C270")
    assert not path.exists()
    said("--forget-controls")
    both = CliRunner().invoke(command, ("--keep-controls", "--forget-controls"), obj=settings)
    assert both.exit_code == 2


def test_a_forbidden_camera_is_not_said_to_be_missing(machine: dict[str, Any]) -> None:
    machine["cameras"] = []
    machine["nodes"] = [VideoNode(f"/dev/video{n}", n, "X", denied=True) for n in (0, 1)]
    text = run()
    assert "No webcam is plugged in" not in text
    assert "There is no virtual camera" not in text
    assert text.count("usermod -aG video") == 1
    assert "/dev/video0, /dev/video1" in text
    machine["nodes"] = []
    assert "No webcam is plugged in" in run()

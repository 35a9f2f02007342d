from __future__ import annotations

import json
import platform
import shutil
import socket
import sys
import tempfile
import types
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rtdenoise import diagnosis
from rtdenoise.cameras import discovery
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.discovery import FoundCamera, VideoNode
from rtdenoise.cli import Settings
from rtdenoise.commands.doctor import command
from rtdenoise.console import console
from rtdenoise.diagnosis import Check, diagnose, secure_boot
from rtdenoise.errors import SinkError
from rtdenoise.machine import Machine, Timing, machine_path
from rtdenoise.pipewire import library, session
from rtdenoise.pipewire.session import PipeWireState
from rtdenoise.sinks import virtual
from rtdenoise.sinks.virtual import VirtualDevice

WEBCAM = FoundCamera(
    CameraInfo("id", "C270", "webcam", "/dev/video0"),
    (Mode("mjpeg", "", 1920, 1080, Fraction(30)),),
    True,
)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A Linux machine where all is well; what it has may be changed."""
    has: dict[str, Any] = {
        "cameras": [WEBCAM],
        "nodes": [],
        "virtual": [VirtualDevice("/dev/video11", "Virtual")],
        "holders": [],
        "pipewire": PipeWireState("1.4.2", True, True, True),
    }
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(discovery, "video_nodes", lambda: has["nodes"])
    monkeypatch.setattr(discovery, "cameras", lambda nodes: has["cameras"])
    monkeypatch.setattr(discovery, "holders", lambda path: has["holders"])
    monkeypatch.setattr(virtual, "virtual_devices", lambda: has["virtual"])
    monkeypatch.setattr(session, "look", lambda: has["pipewire"])
    module = types.SimpleNamespace(__version__="0.15")
    monkeypatch.setattr(virtual, "import_pyvirtualcam", lambda: module)
    return has


def look(home: Path) -> dict[str, Check]:
    return {check.name: check for check in diagnose(home)}


def test_a_machine_where_all_is_well(machine: dict[str, Any], tmp_path: Path) -> None:
    checks = look(tmp_path)
    names = {"Python", "folder for profiles", "camera", "virtual camera", "FFmpeg", "OpenCV",
             "PyTorch", "kornia", "pyvirtualcam"}  # fmt: skip
    assert names <= set(checks)
    assert [check for check in checks.values() if check.ok is False and check.name != "GPU"] == []
    assert "C270 (/dev/video0)" in checks["camera"].text


def test_every_finding_that_is_wrong_has_a_cure(machine: dict[str, Any], tmp_path: Path) -> None:
    machine |= {"cameras": [], "virtual": [], "pipewire": PipeWireState(problem="It is missing.")}
    machine["nodes"] = [VideoNode("/dev/video0", 0, "X", denied=True)]
    checks = look(tmp_path)
    assert checks["camera"].ok is False
    assert "usermod -aG video" in checks["permission"].cure
    assert all(check.cure for check in checks.values() if check.ok is False)


def test_one_cure_is_told_once(machine: dict[str, Any], tmp_path: Path) -> None:
    machine["nodes"] = [VideoNode(f"/dev/video{n}", n, "X", denied=True) for n in range(5)]
    checks = list(diagnose(tmp_path))
    (check,) = [check for check in checks if "usermod" in check.cure]
    assert check.text == (
        "/dev/video0, /dev/video1, /dev/video2, /dev/video3, /dev/video4 can't be opened by this user."
    )


def test_which_programs_see_which_virtual_camera(machine: dict[str, Any], tmp_path: Path) -> None:
    checks = look(tmp_path)
    assert "Zoom" in checks["virtual camera"].text
    other = checks["virtual camera in PipeWire"]
    assert other.ok is True
    assert "Firefox" in other.text
    assert "xdg-desktop-portal" not in other.text
    machine["pipewire"] = PipeWireState("1.4.2", True, True, False)
    assert "xdg-desktop-portal" in look(tmp_path)["virtual camera in PipeWire"].text


@pytest.mark.parametrize(
    ("state", "said", "cure"),
    [
        (PipeWireState(problem="The library is missing."), "is missing", "apt install pipewire"),
        (PipeWireState("1.4.2"), "doesn't run", "systemctl --user enable --now pipewire"),
        (PipeWireState("1.4.2", True), "session manager", "apt install pipewire wireplumber &&"),
    ],
)
def test_what_pipewire_lacks_is_a_fault_only_without_another_way(
    machine: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    state: PipeWireState,
    said: str,
    cure: str,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    machine["pipewire"] = state
    check = look(tmp_path)["virtual camera in PipeWire"]
    assert (check.ok, said in check.text, cure in check.cure) == (None, True, True)
    machine["virtual"] = []
    checks = look(tmp_path)
    assert checks["virtual camera in PipeWire"].ok is False
    assert checks["virtual camera"].ok is False


def test_without_a_loopback_pipewire_is_enough(machine: dict[str, Any], tmp_path: Path) -> None:
    machine["virtual"] = []
    checks = look(tmp_path)
    assert checks["virtual camera in PipeWire"].ok is True
    assert checks["virtual camera"].ok is None
    assert checks["virtual camera"].cure  # for programs that only know /dev/video


def test_a_forbidden_module_is_not_to_be_reloaded(
    machine: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine["nodes"] = [VideoNode("/dev/video10", 10, "Virtual", denied=True)]
    (tmp_path / "sys/module/v4l2loopback").mkdir(parents=True)
    monkeypatch.setattr(diagnosis, "Path", lambda text: tmp_path / str(text).lstrip("/"))
    (check,) = diagnosis._loopback_missing(virtual.MODPROBE)
    assert check.ok is False
    assert "modprobe" not in check.cure
    assert "permission" in check.cure


def test_pipewire_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load() -> Any:
        return types.SimpleNamespace(pw_get_library_version=lambda: b"1.4.2")

    monkeypatch.setattr(library, "load", load)
    monkeypatch.setattr(session, "_PROC", tmp_path)
    monkeypatch.setattr(session, "_PORTAL", tmp_path / "portal")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert session.look() == PipeWireState("1.4.2", False, False, False)
    (tmp_path / "portal").touch()
    (tmp_path / "41").mkdir()
    (tmp_path / "41/comm").write_text("wireplumber\n")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(f"{folder}/pipewire-0")
        daemon.listen()
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        state = session.look()
        assert state == PipeWireState("1.4.2", True, True, True)
        assert state.works
        monkeypatch.setenv("PIPEWIRE_REMOTE", "other")
        assert not session.look().works

    def missing() -> Any:
        raise SinkError("PipeWire's library can't be loaded: none.")

    monkeypatch.setattr(library, "load", missing)
    assert session.look() == PipeWireState(problem="PipeWire's library can't be loaded: none.")


def test_a_camera_in_use_is_noted(machine: dict[str, Any], tmp_path: Path) -> None:
    machine["holders"] = ["zoom (process 41)"]
    assert "zoom (process 41)" in look(tmp_path)["camera in use"].text


def test_a_loopback_without_exclusive_caps_is_wrong(
    machine: dict[str, Any], tmp_path: Path
) -> None:
    machine["virtual"] = [VirtualDevice("/dev/video10", "Camera", exclusive=False)]
    check = look(tmp_path)["exclusive_caps"]
    assert check.ok is False
    assert check.cure == f"sudo modprobe -r v4l2loopback && {virtual.MODPROBE}"


@pytest.mark.parametrize(
    ("files", "said", "cure"),
    [
        (["lib/modules/6.1/updates/dkms/v4l2loopback.ko.xz"], "not loaded", virtual.MODPROBE),
        (["usr/src/v4l2loopback-0.12.7/dkms.conf"], "not built for this kernel (6.1)",
         "sudo dkms autoinstall"),
        ([], "not installed", "sudo apt install v4l2loopback-dkms linux-headers-6.1"),
        (["sys/module/v4l2loopback/version"], "no device", "modprobe -r"),
    ],
)  # fmt: skip
def test_why_there_is_no_loopback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: list[str], said: str, cure: str
) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setattr(diagnosis, "Path", lambda text: tmp_path / str(text).lstrip("/"))
    monkeypatch.setattr(platform, "release", lambda: "6.1")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(diagnosis, "secure_boot", lambda: True)
    checks = list(diagnosis._loopback_missing(virtual.MODPROBE))
    assert said in checks[0].text
    assert cure in checks[0].cure
    assert [check.name for check in checks[1:]] == (["Secure Boot"] if said != "no device" else [])


def test_secure_boot_is_the_last_byte(tmp_path: Path) -> None:
    variable = tmp_path / "SecureBoot"
    assert not secure_boot(variable)
    variable.write_bytes(b"\x06\0\0\0\x01")
    assert secure_boot(variable)
    variable.write_bytes(b"\x06\0\0\0\x00")
    assert not secure_boot(variable)


@pytest.mark.parametrize(("tool", "said"), [("dnf", "dnf install"), ("pacman", "pacman -S")])
def test_other_distributions_have_other_commands(
    monkeypatch: pytest.MonkeyPatch, tool: str, said: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if name == tool else None)
    assert said in diagnosis._install_loopback("6.1")
    assert said in diagnosis._install_headers("6.1")


def test_a_folder_that_cannot_be_made_is_wrong(machine: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    check = look(file / "home")["folder for profiles"]
    assert check.ok is False
    assert "RTDENOISE_HOME" in check.cure


def test_a_check_that_fails_is_a_finding(
    machine: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> list[VideoNode]:
        raise RuntimeError("surprise")

    monkeypatch.setattr(discovery, "video_nodes", broken)
    check = look(tmp_path)["camera"]
    assert check.ok is False
    assert "RuntimeError: surprise" in check.text


def test_what_was_measured_is_told(machine: dict[str, Any], tmp_path: Path) -> None:
    check = look(tmp_path)["speed"]
    assert (check.ok, check.cure) == (None, "rtdenoise bench")
    Machine([Timing("nano", "cpu", "", 1280, 720, 9.6, True)]).save(machine_path(tmp_path))
    check = look(tmp_path)["speed"]
    assert (check.ok, check.text) == (True, "nano 10 ms at 1280×720 (cpu)")


# --- the command ---


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    def checks(home: Path | None) -> Iterator[Check]:
        assert home == Path("/h")
        yield Check("Python", True, "3.11")
        yield Check("camera", False, "none [is] found", "Plug one in.")
        yield Check("GPU", None, "none")

    monkeypatch.setattr(diagnosis, "diagnose", checks)
    console.cache_clear()
    result = CliRunner().invoke(command, words, obj=Settings(Path("/h")), catch_exceptions=False)
    console.cache_clear()
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(("kind", "ok"), [("AVX2", True), ("", None)])
def test_whether_networks_have_compiled_code_is_told(
    kind: str, ok: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtdenoise.engines.native_library.compiled_kind", lambda: kind)
    check = diagnosis._compiled()
    assert check.ok is ok
    assert kind in check.text
    assert ("install a C compiler" in check.text) == (not kind)


def test_the_command_marks_and_cures(monkeypatch: pytest.MonkeyPatch) -> None:
    text = run(monkeypatch)
    assert "✓ Python  3.11" in text
    assert "✗ camera  none [is] found\n    Plug one in." in text
    assert "1 of 3 need something" in text


def test_the_command_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.loads(run(monkeypatch, "--json"))
    assert said["ok"] is False
    assert said["checks"][1] == {
        "name": "camera",
        "ok": False,
        "text": "none [is] found",
        "cure": "Plug one in.",
    }


@pytest.mark.parametrize(
    ("marked", "second", "contained"),
    [(False, None, False), (True, None, True), (True, "kthreadd", False), (True, "sh", True)],
)
def test_a_container_is_told_from_a_machine_made_of_its_files(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    marked: bool,
    second: str | None,
    contained: bool,
) -> None:
    mark, process = tmp_path / ".dockerenv", tmp_path / "comm"
    if marked:
        mark.touch()
    if second is not None:
        process.write_text(f"{second}\n")
    monkeypatch.setattr(diagnosis, "_MARKS_OF_CONTAINERS", (mark,))
    monkeypatch.setattr(diagnosis, "_SECOND_PROCESS", process)
    assert diagnosis._in_container() is contained

"""What is wrong with an output is told without opening it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rtdenoise.cameras import discovery
from rtdenoise.errors import SinkError, StorageError
from rtdenoise.sinks import check_output, virtual
from rtdenoise.sinks.virtual import VirtualDevice


def test_a_file_that_can_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    check_output("null")
    check_output(str(tmp_path / "film.mp4"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "words"),
    [("film.xyz", "unknown suffix .xyz"), ("film", "no suffix"), ("virtul:x", "no output")],
)
def test_unknown_outputs_are_refused(output: str, words: str) -> None:
    with pytest.raises(SinkError, match=words):
        check_output(output)


def test_folders_and_files_in_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a folder"):
        check_output(str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"can.t be written"):
        check_output(str(tmp_path / "file" / "film.mp4"))


def test_a_virtual_camera_that_is_missing_or_busy_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    devices: list[VirtualDevice] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(virtual, "import_pyvirtualcam", lambda: None)
    monkeypatch.setattr(virtual, "virtual_devices", lambda: devices)
    monkeypatch.setattr(discovery, "video_nodes", list)
    with pytest.raises(SinkError, match="no v4l2loopback device"):
        check_output("virtual")
    devices.append(VirtualDevice("/dev/video9", "rtdenoise", ("obs",), busy=True))
    with pytest.raises(SinkError, match="in use by obs"):
        check_output("virtual")
    with pytest.raises(SinkError, match="labelled other"):
        check_output("virtual:other")


def test_live_tells_it_before_it_looks_at_a_camera(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtdenoise.cli import run

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the camera was opened")

    monkeypatch.setattr("rtdenoise.cameras.open_camera", refuse)
    assert run(["live", "--camera", "simulated", "--output", "film.xyz"]) == 1
    assert "unknown suffix" in capsys.readouterr().err

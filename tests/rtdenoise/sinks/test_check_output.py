"""What is wrong with an output is told without opening it."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from rtdenoise.cameras import discovery
from rtdenoise.errors import SinkError, StorageError
from rtdenoise.frames import PlaneFormat
from rtdenoise.sinks import check_output, check_outputs, open_sink, virtual
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


@pytest.mark.parametrize("name", ["film.mp4", "photo.png"])
def test_a_protected_file_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "access", lambda at, *_, **__: not os.path.isfile(at))  # not of root
    with pytest.raises(StorageError, match=f"no permission to write .*{name}"):
        open_sink(str(path), format=PlaneFormat(64, 48, "420", True, "bt601"), rate_fps=Fraction(9))
    if name == "film.mp4":
        with pytest.raises(StorageError, match=f"no permission to write .*{name}"):
            check_output(str(path))
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("output", ["photo.png", "photo.JPG", "photo.jpeg"])
def test_a_stream_goes_into_no_picture(output: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"is one picture.*\.mp4"):
        check_output(str(tmp_path / output))
    with pytest.raises(SinkError, match="unknown suffix") as caught:
        check_output("film.gif")
    assert ".mp4" in caught.value.hint
    assert ".png" not in caught.value.hint


def test_folders_and_files_in_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a folder"):
        check_output(str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is a file, not a folder"):
        check_output(str(tmp_path / "file" / "film.mp4"))


def test_a_folder_that_was_mistyped_is_not_made(tmp_path: Path) -> None:
    film = tmp_path / "vidoes" / "film.mp4"
    layout = PlaneFormat(64, 48, "420", full_range=False, matrix="bt601")
    for refused in (
        lambda: check_output(str(film)),
        lambda: open_sink(str(film), format=layout, rate_fps=Fraction(30)),
        lambda: open_sink(str(film.with_suffix(".png")), format=layout, rate_fps=Fraction(30)),
    ):
        with pytest.raises(StorageError, match=r"does not exist\. Make it first"):
            refused()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_that_a_link_leads_to_is_not_made_either(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").symlink_to(tmp_path / "vidoes" / "film.mp4")
    with pytest.raises(StorageError, match=r"does not exist\. Make it first"):
        check_output(str(tmp_path / "film.mp4"))
    assert not (tmp_path / "vidoes").exists()


def test_one_output_given_twice_is_refused_by_whatever_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mp4"
    film.touch()
    (tmp_path / "link.mp4").symlink_to(film)
    (tmp_path / "hard.mp4").hardlink_to(film)
    check_outputs([str(film), str(tmp_path / "other.mp4"), "null"])
    for name in ("film.mp4", "link.mp4", "hard.mp4"):
        with pytest.raises(SinkError, match=r"twice|are the same output"):
            check_outputs([str(film), "null", str(tmp_path / name)])
    with pytest.raises(SinkError, match="null is given twice"):
        check_outputs(["null", "null"])
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("rtdenoise.sinks._check_pipewire", lambda: None)
    devices: list[VirtualDevice] = []
    monkeypatch.setattr(virtual, "virtual_devices", lambda: devices)
    with pytest.raises(SinkError, match="virtual and pipewire are one camera"):
        check_outputs(["virtual", "pipewire"])
    check_outputs(["virtual", "pipewire:other"])
    devices.append(VirtualDevice("/dev/video9", "rtdenoise"))
    monkeypatch.setattr(virtual, "import_pyvirtualcam", lambda: None)
    check_outputs(["virtual", "pipewire"])
    with pytest.raises(SinkError, match="virtual and virtual:rtdenoise are the same output"):
        check_outputs(["virtual", "virtual:rtdenoise"])


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

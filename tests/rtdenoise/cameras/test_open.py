"""What a person writes for a camera, and what is opened."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtdenoise.cameras import discovery, open_camera
from rtdenoise.cameras.choice import find_camera
from rtdenoise.cameras.discovery import VideoNode
from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.images import ImagesCamera
from rtdenoise.errors import CameraError, ClipError, RtdenoiseError

Calls = list[tuple[Any, ...]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Stands in for the modules that open webcams and the simulated camera."""
    made: Calls = []
    webcam = types.ModuleType("rtdenoise.cameras.webcam_linux")
    webcam.open_linux = lambda spec, size, rate_fps: made.append(  # type: ignore[attr-defined]
        ("webcam", spec, size, rate_fps)
    )
    monkeypatch.setattr(sys, "platform", "linux")
    simulated = types.ModuleType("rtdenoise.cameras.simulated")
    simulated.open_simulated = lambda rest, *, size, rate_fps: made.append(  # type: ignore[attr-defined]
        ("simulated", rest, size, rate_fps)
    )
    monkeypatch.setitem(sys.modules, "rtdenoise.cameras.webcam_linux", webcam)
    monkeypatch.setitem(sys.modules, "rtdenoise.cameras.simulated", simulated)
    return made


@pytest.mark.parametrize(
    ("spec", "call"),
    [
        (None, ("webcam", None)),
        ("/dev/video0", ("webcam", "/dev/video0")),
        ("/dev/null", ("webcam", "/dev/null")),
        ("C270 HD WEBCAM", ("webcam", "C270 HD WEBCAM")),
        ("046d-0825-2D52A3B0", ("webcam", "046d-0825-2D52A3B0")),
        ("simulated", ("simulated", "")),
        ("simulated:desk?noise=high&seed=1", ("simulated", ":desk?noise=high&seed=1")),
        ("simulated?frames=3", ("simulated", "?frames=3")),
    ],
)
def test_dispatch(calls: Calls, spec: str | None, call: tuple[str, str | None]) -> None:
    open_camera(spec, size=(640, 480), rate_fps=15)
    assert calls == [(*call, (640, 480), 15)]


def test_files_and_folders(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = make_clip(frames=2)
    camera = open_camera(f"file:{path}")
    assert isinstance(camera, FileCamera)
    camera.close()
    folder = tmp_path / "pictures"
    folder.mkdir()
    with pytest.raises(ClipError, match="holds no pictures"):
        open_camera(f"file:{folder}")
    make_clip("one.mkv", frames=1)
    frame = next(FileCamera(tmp_path / "one.mkv").frames())
    frame.reformat(format="rgb24").save(str(folder / "one.png"))
    assert isinstance(open_camera(f"file:{folder}"), ImagesCamera)


def test_a_file_has_its_own_size_and_rate(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    clip = f"file:{make_clip('clip.mkv')}"
    with pytest.raises(ClipError, match=r"has its own size\. Leave out --size"):
        open_camera(clip, size=(640, 480))
    with pytest.raises(ClipError, match=r"has its own size and rate\. Leave out --size"):
        open_camera(clip, size=(640, 480), rate_fps=15)
    with pytest.raises(ClipError, match=r"has its own size\."):
        open_camera(f"file:{tmp_path}", size=(640, 480), rate_fps=15)  # pictures have no rate


def test_mistakes_get_a_hint(calls: Calls, make_clip: Callable[..., Path]) -> None:
    path = make_clip(frames=1)
    expected: list[tuple[str, type[RtdenoiseError], str]] = [
        (str(path), CameraError, f"write file:{path}"),
        (str(path.parent), CameraError, f"write file:{path.parent}"),
        ("simulatd:desk", CameraError, "Did you mean simulated:desk?"),
        ("Simulated", CameraError, "Did you mean simulated?"),
        ("flie:a.mkv", CameraError, "Did you mean file:a.mkv?"),
        ("evening.mkv", CameraError, "file:PATH"),
        ("file:", ClipError, "file:PATH"),
        ("file:/nowhere/a.mkv", ClipError, "There is no file /nowhere/a.mkv"),
        ("  ", CameraError, "rtdenoise devices"),
    ]
    for spec, kind, words in expected:
        with pytest.raises(kind) as error:
            open_camera(spec)
        assert words in str(error.value)
    assert calls == []


def test_a_forbidden_camera_is_named_and_a_forbidden_loopback_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loopback = VideoNode("/dev/video0", 0, "rtdenoise", "v4l2 loopback", denied=True)
    webcam = VideoNode("/dev/video2", 2, "C270", denied=True)
    monkeypatch.setattr(discovery, "video_nodes", lambda: [loopback, webcam])
    for spec in (None, "c270"):
        with pytest.raises(CameraError, match="no permission to open /dev/video2"):
            find_camera(spec)
    monkeypatch.setattr(discovery, "video_nodes", lambda: [loopback])
    with pytest.raises(CameraError, match="There is no camera on this machine"):
        find_camera(None)

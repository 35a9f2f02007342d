from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import pytest

from rtdenoise.cameras import find_cameras, open_webcam, webcam_other
from rtdenoise.cameras.base import CameraInfo
from rtdenoise.cameras.webcam_other import attempts, find_camera
from rtdenoise.errors import CameraError


class Listed:
    def __init__(self, name: str, description: str, media_types: list[str]) -> None:
        self.name, self.description, self.media_types = name, description, media_types


DEVICES = [
    Listed("@device_pnp_usb#vid_046d", "Logi C270", ["video"]),
    Listed("mic", "Logi C270 microphone", ["audio"]),
    Listed("obs", "OBS Virtual Camera", ["video"]),
]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(av, "enumerate_input_devices", lambda format: DEVICES)


@pytest.mark.usefixtures("windows")
def test_cameras_are_listed_without_microphones() -> None:
    listed = webcam_other.cameras()
    assert [(info.name, real) for info, real in listed] == [
        ("Logi C270", True),
        ("OBS Virtual Camera", False),
    ]
    assert listed[0][0].id == "logi-c270-device-pnp-usb-vid-046d"
    assert find_camera(None, listed).name == "Logi C270"
    assert find_camera("obs virtual camera", listed).spec == "obs"
    assert find_camera("c270", listed).name == "Logi C270"
    assert [(found.info, found.real) for found in find_cameras()] == listed


def test_a_system_that_lists_nothing_has_no_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(format: str) -> Any:
        raise ValueError("no such input format")

    monkeypatch.setattr(av, "enumerate_input_devices", none)
    assert webcam_other.cameras() == []
    with pytest.raises(CameraError, match="There is no camera on this machine"):
        webcam_other.open_other(None, None, None)


def test_mistakes_are_told() -> None:
    cameras = [(CameraInfo(n, n, "webcam", n), True) for n in ("one", "two")]
    with pytest.raises(CameraError, match="Several cameras fit: one, two"):
        find_camera(None, cameras)
    with pytest.raises(CameraError, match="no camera called three"):
        find_camera("three", cameras)


def test_mjpg_at_1080p_and_30_is_tried_first() -> None:
    first = attempts(None, None, windows=True)[0]
    assert first == {"video_size": "1920x1080", "framerate": "30", "vcodec": "mjpeg"}
    assert attempts(None, None, windows=True)[-1] == {}


def test_macs_are_always_asked_for_a_rate() -> None:
    for options in attempts(None, None, windows=False):
        assert options["framerate"] == "30"
    only = attempts((640, 480), 15, windows=False)
    assert {o["video_size"] for o in only} == {"640x480"}
    assert {o["framerate"] for o in only} == {"15"}


@pytest.mark.usefixtures("windows")
def test_the_next_mode_is_tried_where_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    real_open = av.open

    def open_camera(name: str, mode: str, format: str, options: dict[str, str], **_: Any) -> Any:
        asked.append((name, options))
        if len(asked) < 3:
            raise av.error.OSError(5, "Could not set video options")
        return real_open(str(clip))

    monkeypatch.setattr(av, "open", open_camera)
    camera = open_webcam(None)
    assert (camera.mode.width, camera.mode.height, camera.mode.codec) == (64, 48, "mjpeg")
    assert asked[0][0] == "video=@device_pnp_usb#vid_046d"
    assert [o.get("video_size") for _, o in asked] == ["1920x1080", "1920x1080", "1280x720"]
    camera.close()
    with pytest.raises(CameraError, match="instead of what was asked for"):
        open_webcam(None, size=(640, 480))

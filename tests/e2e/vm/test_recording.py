"""Cameras that are listed, recorded, missing, forbidden, busy, unplugged and killed, with real drivers."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest

from .conftest import draw_noisy, one_sentence, read_note


@pytest.fixture(scope="module")
def share(play: Callable[..., Path]) -> Path:
    def draw(folder: Path) -> None:
        draw_noisy(folder, 1920, 1080)
        draw_noisy(folder, 1280, 720)

    return play("recording", draw)


def test_the_webcam_is_listed_with_its_modes(share: Path) -> None:
    note = read_note(share, "devices")
    assert note["status"] == 0, note["err"]
    listed = json.loads(note["out"])
    webcam = next(c for c in listed["cameras"] if c["path"] == "/dev/video0")
    assert webcam["name"] == "Software Webcam"
    assert webcam["id"] == "usb-1d6b-0102-0001-software-webcam"
    assert webcam["real"]
    assert [mode["text"] for mode in webcam["modes"]] == [
        "MJPG 1920×1080 @ 30",
        "MJPG 1280×720 @ 30",
    ]
    # Its second node, for metadata, is no camera; the kernel's test picture is none to take by default.
    assert "/dev/video1" not in [c["path"] for c in listed["cameras"]]
    assert [c["path"] for c in listed["cameras"] if c["real"]] == ["/dev/video0"]
    virtual = {v["label"]: v for v in listed["virtual_cameras"]}
    assert virtual["Virtual"]["exclusive_caps"]
    assert not virtual["Virtual"]["in_use"]
    assert not virtual["Camera"]["exclusive_caps"]


def test_no_such_camera_is_one_sentence(share: Path) -> None:
    assert "There is no camera at /dev/video7." in one_sentence(share, "no_camera")


def test_a_size_that_is_not_there_is_refused_with_those_that_are(share: Path) -> None:
    said = one_sentence(share, "no_size")
    assert "640×480" in said
    assert "MJPG 1920×1080 @ 30, 1280×720 @ 30" in said


def test_a_recording_holds_the_bytes_that_the_camera_sent(share: Path) -> None:
    note = read_note(share, "capture")
    assert note["status"] == 0, note["err"]
    clip, *_ = sorted((share / "home/profiles").glob("*/clips/[0-9]*.mkv"))
    assert clip.parent.parent.name == "usb-1d6b-0102-0001-software-webcam"
    sent = [(share / f"1920-{n}.jpg").read_bytes() for n in range(5)]
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("mjpeg", 1920, 1080)
        recorded = [bytes(packet) for packet in container.demux(stream) if packet.size]
    assert len(recorded) > 30
    order = [sent.index(data) for data in recorded]  # raises where a byte differs
    steps = {(b - a) % 5 for a, b in pairwise(order)}
    assert 1 in steps


def test_controls_are_locked_for_the_recording_and_put_back(share: Path) -> None:
    lines = read_note(share, "told_in_capture")
    told = [line.split()[1:] for line in lines if line.startswith("set ")]
    assert ["exposure_auto", "1"] in told  # 1: by hand
    assert ["white_balance_temperature_auto", "0"] in told
    assert ["exposure_auto_priority", "0"] in told
    last = dict(told)
    assert last["exposure_auto"] == "8"  # aperture priority, as it was
    assert last["white_balance_temperature_auto"] == "1"
    assert last["exposure_absolute"] == "250"
    assert told.index(["exposure_auto", "1"]) < told.index(["exposure_auto", "8"])
    clip, *_ = sorted((share / "home/profiles").glob("*/clips/[0-9]*.json"))
    assert "exposure_time_absolute" in clip.read_text()


def test_controls_are_put_back_when_the_program_is_killed(share: Path) -> None:
    killed = read_note(share, "killed")
    assert killed["locked"]
    assert killed["put_back"]


def test_controls_are_put_back_at_the_next_start_where_the_guard_was_killed_too(
    share: Path,
) -> None:
    assert read_note(share, "live_after_kill")["status"] == 0
    assert read_note(share, "killed_with_guard") == {"left": "1", "after": "8"}


def test_an_unplugged_camera_ends_a_recording_with_a_sentence(share: Path) -> None:
    note = read_note(share, "unplugged")
    assert "Traceback" not in note["err"]
    assert "Software Webcam went away" in note["err"]


@pytest.mark.parametrize("step", ["busy_capture", "busy_live"])
def test_a_camera_in_use_names_who_uses_it(share: Path, step: str) -> None:
    assert "is in use by python" in one_sentence(share, step)


def test_a_virtual_camera_in_use_names_who_feeds_it(share: Path) -> None:
    said = one_sentence(share, "busy_virtual")
    assert "/dev/video11 (Virtual) is in use by" in said
    assert read_note(share, "first_call")["status"] == 0  # it went on undisturbed


def test_devices_that_are_forbidden_are_named_as_such(share: Path) -> None:
    note = read_note(share, "forbidden_devices")
    assert note["status"] == 0, note["err"]
    assert "/dev/video0" in json.loads(note["out"])["no_permission"]


@pytest.mark.parametrize(
    ("step", "node"),
    [("forbidden_camera", "/dev/video0"), ("forbidden_virtual", "/dev/video11 (Virtual)")],
)
def test_a_forbidden_device_is_one_sentence_with_its_cure(
    share: Path, step: str, node: str
) -> None:
    said = one_sentence(share, step)
    assert f"There is no permission to open {node}" in said
    assert "usermod -aG video" in said

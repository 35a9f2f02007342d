"""Real device drivers: the kernel's uvcvideo with a USB webcam of software, and v4l2loopback.

They run in a virtual machine that lives beside this checkout; without it they are skipped. One run of
vm/scenario.py serves all the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RIG = CHECKOUT.parent / "shared" / "vm"
CACHE = Path(
    os.environ.get("CAMERA_VM_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "camera-vm"
)


def _why_not() -> str:
    if not (RIG / "vm-run").exists():
        return f"there is no {RIG / 'vm-run'}"
    if not (CACHE / "image" / "uml").is_dir():
        return f"the virtual machine's image is not built: run {RIG / 'build-image'}"
    if os.geteuid() != 0:
        return "vm-run needs root"
    return ""


pytestmark = pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "it runs")


def _draw(folder: Path) -> list[Path]:
    """Five noisy pictures of one still scene in each of two sizes, as a webcam's JPEG 4:2:2."""
    rng = np.random.default_rng(1)
    paths = []
    for width, height in ((1920, 1080), (1280, 720)):
        y, x = np.mgrid[:height, :width]
        scene = np.stack([x * 200 // width, y * 200 // height, 60 + x // 40 % 2 * 90], axis=-1) + 20
        for n in range(5):
            noisy = np.clip(scene + rng.normal(0, 4, scene.shape), 0, 255).astype(np.uint8)
            sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
            _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85, *sampling])
            path = folder / f"{width}-{n}.jpg"
            path.write_bytes(data.tobytes())
            paths.append(path)
    return paths


def _skip_unless_it_starts() -> None:
    """Skips where the machine's kernel doesn't run on this processor: not every one suits a user-mode kernel."""
    words = [str(RIG / "vm-run"), "--no-cameras", "--time", "60", "--", "true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        said = [
            line for line in done.stderr.splitlines() if "failed, errno" in line or "panic" in line
        ]
        pytest.skip(
            f"the virtual machine does not start: {said[0] if said else done.stderr[-200:]}"
        )


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the scenario left its notes."""
    folder = tmp_path_factory.mktemp("vm")
    _skip_unless_it_starts()
    pictures = _draw(folder)
    script = Path(__file__).with_name("vm") / "scenario.py"
    words = [RIG / "vm-run", "--time", "400", "--share", folder, "--", sys.executable, script, folder,
             RIG / "uvc-webcam", *pictures]  # fmt: skip
    done = subprocess.run(
        list(map(str, words)),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if keep := os.environ.get("RTDENOISE_VM_KEEP"):
        shutil.copytree(folder, keep, dirs_exist_ok=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _note(share: Path, step: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((share / f"{step}.json").read_text())
    return value


def _one_sentence(note: dict[str, Any]) -> str:
    """What a failed command said."""
    assert note["status"] == 1, note
    lines = [line for line in note["err"].splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, note["err"]
    assert "Traceback" not in note["err"]
    return str(lines[0])


def test_the_webcam_is_listed_with_its_modes(share: Path) -> None:
    note = _note(share, "devices")
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
    assert "There is no camera at /dev/video7." in _one_sentence(_note(share, "no_camera"))


def test_a_size_that_is_not_there_is_refused_with_those_that_are(share: Path) -> None:
    said = _one_sentence(_note(share, "no_size"))
    assert "640×480" in said
    assert "MJPG 1920×1080 @ 30, 1280×720 @ 30" in said


def test_a_recording_holds_the_bytes_that_the_camera_sent(share: Path) -> None:
    note = _note(share, "capture")
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
    lines = (share / "webcam-after-capture.log").read_text().splitlines()
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
    killed = _note(share, "killed")
    assert killed["locked"]
    assert killed["put_back"]


def test_a_second_program_sees_the_cleaned_picture(share: Path) -> None:
    for step in ("live_1", "live_2"):
        note = _note(share, step)
        assert note["status"] == 0, note["err"]
        facts = json.loads(note["out"])
        assert facts["frames_out"] > 0
        assert "Virtual" in facts["output"]
    seen = _note(share, "seen")
    assert seen["shapes"] == [[1080, 1920, 3]]
    assert seen["frames"] > 3
    picture = np.asarray(cv2.imread(str(share / "seen.png")), np.float64)
    sent = np.asarray(cv2.imread(str(share / "1920-0.jpg")), np.float64)
    # Broad means: right colours, right range, not shifted. Inside stripes, away from their edges: less noise.
    blocks = [p.reshape(9, 120, 16, 120, 3).mean((1, 3)) for p in (picture, sent)]
    assert np.abs(blocks[0] - blocks[1]).max() < 4
    noise = [np.diff(p[100:900, 205:235].mean(-1), axis=0).std() for p in (picture, sent)]
    assert noise[0] < noise[1]


def test_an_unplugged_camera_ends_a_recording_with_a_sentence(share: Path) -> None:
    note = _note(share, "unplugged_capture")
    assert "Traceback" not in note["err"]
    assert "Software Webcam went away" in note["err"]


def test_a_call_goes_on_when_the_camera_comes_back(share: Path) -> None:
    note = _note(share, "unplugged_live")
    assert note["status"] == 0, note["err"]
    assert json.loads(note["out"])["reconnects"] == 1


def test_a_camera_in_use_names_who_uses_it(share: Path) -> None:
    said = _one_sentence(_note(share, "busy"))
    assert "is in use by python" in said

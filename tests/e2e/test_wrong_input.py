"""Wrong input gives one clear sentence with the cure and exit code 1, and loses nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from rtdenoise.cameras import open_camera
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.paper import PaperNetwork

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = "simulated:desk?noise=medium&seed=3"


def refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One error line that has all ``parts``, no traceback, exit code 1."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "unforeseen" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, done.stderr
    for part in parts:
        assert part in errors[0]


def write_clip(path: Path, frames: int, size: tuple[int, int] = (320, 240)) -> Path:
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj422p"
        for index in range(frames):
            picture = rng.integers(100, 120, (size[1], size[0], 3), np.uint8)
            frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj422p")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("command", ["capture", "live"])
def test_no_such_camera(rtdenoise: Run, command: str) -> None:
    extra = ["--output", "null"] if command == "live" else []
    refused(rtdenoise(command, "--camera", "/dev/video99", *extra), "/dev/video99")


def test_no_such_file(rtdenoise: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing.mkv"
    refused(rtdenoise("capture", "--camera", f"file:{missing}"), "missing.mkv")
    refused(rtdenoise("denoise", missing, tmp_path / "out.mkv"), "missing.mkv")
    assert not (tmp_path / "out.mkv").exists()


@pytest.mark.parametrize("command", ["capture", "calibrate", "live"])
def test_a_text_file_as_a_clip(rtdenoise: Run, tmp_path: Path, command: str) -> None:
    text = tmp_path / "notes.mkv"
    text.write_text("Buy milk.\n" * 100)
    extra = ["--output", "null"] if command == "live" else []
    refused(rtdenoise(command, "--camera", f"file:{text}", *extra), "notes.mkv")


@pytest.mark.parametrize("command", ["capture", "calibrate"])
def test_a_clip_with_one_frame(rtdenoise: Run, tmp_path: Path, command: str) -> None:
    clip = write_clip(tmp_path / "one.mkv", frames=1)
    refused(rtdenoise(command, "--camera", f"file:{clip}"), "frame")


def test_calibrating_a_camera_that_was_never_filmed(rtdenoise: Run) -> None:
    refused(rtdenoise("calibrate", "--camera", SMALL), "rtdenoise capture")


def test_a_corrupt_network_file(rtdenoise: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=3)
    for name, data in (("noise", b"\x00\xff" * 3000), ("empty", b"")):
        network = tmp_path / f"{name}.safetensors"
        network.write_bytes(data)
        out = tmp_path / "out.mkv"
        refused(rtdenoise("denoise", clip, out, "--network", network), f"{name}.safetensors")
        assert not out.exists()


def test_half_a_network_file(rtdenoise: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=3)
    network = tmp_path / "half.safetensors"
    card = Card("paper")
    save_network(network, PaperNetwork(), card)
    network.write_bytes(network.read_bytes()[:100_000])
    refused(
        rtdenoise("denoise", clip, tmp_path / "out.mkv", "--network", network), "half.safetensors"
    )


def test_a_network_of_another_camera(rtdenoise: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=2, size=(160, 120))
    camera = open_camera(SMALL, size=(160, 120))
    network = tmp_path / "other.safetensors"
    card = Card("paper", camera.info.id, camera.info.name, camera.mode.to_json())
    save_network(network, PaperNetwork(), card)
    out = tmp_path / "out.nut"
    refused(rtdenoise("denoise", clip, out, "--network", network), camera.info.name, "--any-camera")
    assert not out.exists()
    done = rtdenoise("denoise", clip, out, "--network", network, "--any-camera", "--no-tta")
    assert done.returncode == 0, done.stderr
    assert out.exists()


def test_an_unknown_network(rtdenoise: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=2)
    refused(
        rtdenoise("denoise", clip, tmp_path / "o.mkv", "--network", "magic"), "magic", "recursive"
    )


def test_an_unknown_kind_of_output(rtdenoise: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=2)
    refused(rtdenoise("denoise", clip, tmp_path / "out.xyz"), ".xyz", ".mkv")


def test_a_full_disk_while_capturing(
    rtdenoise: Run, tmp_path: Path, mounted: Callable[..., Path]
) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=60, size=(640, 480))
    disk = mounted("size=300k")
    done = rtdenoise("capture", "--camera", f"file:{clip}", home=disk / "home")
    refused(done, "full")
    assert not list(disk.rglob(".*part*"))


def test_a_full_disk_while_writing_a_film(
    rtdenoise: Run, tmp_path: Path, mounted: Callable[..., Path]
) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=20, size=(640, 480))
    disk = mounted("size=500k")
    done = rtdenoise("denoise", clip, disk / "out.nut", "--network", "none")
    refused(done, "full")
    assert list(disk.iterdir()) == []


def test_a_read_only_home(rtdenoise: Run, tmp_path: Path, mounted: Callable[..., Path]) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=10)
    disk = mounted("ro,size=1m")
    done = rtdenoise("capture", "--camera", f"file:{clip}", home=disk / "home")
    refused(done, "read-only", "--home")


def test_a_virtual_camera_where_there_is_none(rtdenoise: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", frames=10)
    refused(rtdenoise("live", "--camera", f"file:{clip}", "--output", "virtual:rtdenoise-none"))

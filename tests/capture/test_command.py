from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from capture.clip import Clip
from capture.writer import Writer
from rtdenoise.cameras import open_camera
from rtdenoise.cli import run
from rtdenoise.profile import profiles
from tests.capture.test_record import FakeWebcam

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def still(write_clip: WriteClip, scene: Floats, noisy: Noisy) -> Path:
    return write_clip(noisy(scene, 40, 4.0), "still.mkv")


def test_a_file_becomes_a_judged_clip_in_its_profile(
    home: Path, still: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["--home", str(home), "capture", "--camera", f"file:{still}"]) == 0
    (profile,) = profiles(home)
    (path,) = profile.clips()
    clip = Clip.load(path)
    assert clip.camera.id == profile.camera().id
    assert [s.count for s in clip.accepted] == [40]
    assert path.with_suffix(".html").exists()
    out, err = capfd.readouterr()
    assert "✓" in out
    assert str(path) in out
    assert str(path.with_suffix(".html")) in out
    assert "40 frames in 1 series are fit" in out
    assert "Recorded 40 frames in 1.3 s at 30.0 frames/s" in err
    assert clip.facts["measured_fps"] == pytest.approx(30)
    assert clip.facts["started"]


def test_json_is_all_there_is_on_standard_output(
    home: Path, still: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ["--home", str(home), "capture", "--camera", f"file:{still}", "--seconds", "1", "--json"]
    assert run(args) == 0
    value = json.loads(capfd.readouterr().out)
    assert value["frames"] == 30
    assert value["accepted"] == 1
    assert value["series"][0]["count"] == 30
    assert value["mode"]["codec"] == "mjpeg"
    assert all(Path(path).exists() for path in [value["clip"], value["page"]])


def test_a_clip_of_a_profile_is_judged_in_place(home: Path, still: Path) -> None:
    assert run(["--home", str(home), "capture", "--camera", f"file:{still}"]) == 0
    (profile,) = profiles(home)
    camera = profile.camera()
    (path,) = profile.clips()
    path.with_name(f"{path.stem}.series0.png").unlink()
    assert run(["--home", str(home), "capture", "--camera", f"file:{path}"]) == 0
    assert profile.clips() == [path]
    assert profile.camera() == camera
    clip = Clip.load(path)
    assert clip.static_mask(clip.accepted[0]).any()


def test_nothing_fit_is_told_with_the_reason_and_the_clip_is_kept(
    home: Path,
    write_clip: WriteClip,
    scene: Floats,
    noisy: Noisy,
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = write_clip(noisy([scene + k / 4 for k in range(20)], 20, 1.0), "drift.mkv")
    assert run(["--home", str(home), "capture", "--camera", f"file:{source}"]) == 1
    out, err = capfd.readouterr()
    assert "✗" in out
    assert "No series of" in err
    assert "lock the exposure" in err
    assert "Traceback" not in err
    (profile,) = profiles(home)
    assert len(profile.clips()) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.mkv", None, "no file"),
        ("notes.mkv", b"just text\n" * 99, "notes.mkv"),
        ("empty.mkv", b"", "empty"),
    ],
)
def test_what_is_no_clip_is_told(
    home: Path,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    words: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert run(["--home", str(home), "capture", "--camera", f"file:{tmp_path / name}"]) == 1
    err = capfd.readouterr().err
    assert err.startswith("Error: ")
    assert words in err
    assert not home.exists()


def test_a_clip_of_one_frame_is_told(
    home: Path,
    write_clip: WriteClip,
    scene: Floats,
    noisy: Noisy,
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = write_clip(noisy(scene, 1, 4.0), "one.mkv")
    assert run(["--home", str(home), "capture", "--camera", f"file:{source}"]) == 1
    assert "only 1 frame" in capfd.readouterr().err
    assert not list(home.rglob("*.mkv"))


def test_a_home_that_is_a_file_is_told(
    tmp_path: Path, still: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "taken"
    home.write_text("")
    assert run(["--home", str(home), "capture", "--camera", f"file:{still}"]) == 1
    assert "Error: " in capfd.readouterr().err


def test_stopped_while_judging_the_clip_is_kept_and_can_be_judged(
    home: Path,
    still: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def stopped(*_: object, **__: object) -> Clip:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("capture.series.judge_clip", stopped)
        assert run(["--home", str(home), "capture", "--camera", f"file:{still}"]) == 1
    (path,) = next(iter(profiles(home))).clips()
    said = "".join(capfd.readouterr().err.split())
    assert f"{path}iskept" in said
    assert run(["--home", str(home), "capture", "--camera", f"file:{path}"]) == 0
    assert [s.count for s in Clip.load(path).accepted] == [40]


def test_a_full_disk_leaves_a_clip_that_can_be_judged_later(
    home: Path,
    still: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    restamp = Writer._restamp

    def fills_up(self: Writer, packet: Any) -> None:
        if self.frames == 25:
            raise OSError(errno.ENOSPC, "No space left on device")
        restamp(self, packet)

    monkeypatch.setattr(Writer, "_restamp", fills_up)
    assert run(["--home", str(home), "capture", "--camera", f"file:{still}"]) == 1
    assert "The first 25 frames were kept" in capfd.readouterr().err
    (profile,) = profiles(home)
    (path,) = profile.clips()
    assert not Clip.load(path).series
    assert run(["--home", str(home), "capture", "--camera", f"file:{path}"]) == 0
    assert [s.count for s in Clip.load(path).accepted] == [25]


@pytest.mark.parametrize("option", [["--seconds", "0"], ["--scenes", "0"], ["--size", "big"]])
def test_wrong_usage_exits_with_2(home: Path, option: list[str]) -> None:
    assert run(["--home", str(home), "capture", *option]) == 2


def test_the_simulated_camera_is_recorded(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    args = ["capture", "--camera", "simulated:desk?noise=high", "--size", "320x240"]
    assert run(["--home", str(home), *args, "--seconds", "1", "--json"]) == 0
    value = json.loads(capfd.readouterr().out)
    assert value["frames"] == 30
    assert value["camera"]["kind"] == "simulated"
    assert value["series"][0]["static_fraction"] > 0.97


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, capture.command; "
        "print({'numpy', 'cv2', 'av', 'torch', 'matplotlib', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_who_films_with_a_hand_on_the_camera_and_bumps_it_gets_an_accepted_clip(
    home: Path,
    write_clip: WriteClip,
    scene: Floats,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Carried for two seconds, still for three, bumped by four pixels, still again.
    places = [*range(0, 480, 8), *[480] * 90, *[484] * 150]
    random = np.random.default_rng(0)
    frames = [np.roll(scene, x, axis=1) + random.normal(0, 3, scene.shape) for x in places]
    film = write_clip(np.clip(frames, 0, 255).round().astype(np.uint8), "hand.mkv")
    monkeypatch.setattr(
        "rtdenoise.cameras.open_camera",
        lambda spec=None, **options: open_camera(spec, **options) if spec else FakeWebcam(film),
    )
    assert run(["--home", str(home), "capture", "--seconds", "4"]) == 0
    out, err = capfd.readouterr()
    clip = Clip.load(next(iter(profiles(home))).clips()[0])
    assert clip.frames >= 120
    assert sum(series.count for series in clip.accepted) >= 90
    assert clip.accepted[0].first == 0
    assert "Filming begins when nothing moves" in err
    assert "The camera moved by 4.0 pixels" in err + out

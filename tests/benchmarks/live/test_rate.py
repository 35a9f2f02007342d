"""The whole path of a call is measured on the program that a user starts."""

from pathlib import Path

import pytest

from benchmarks.live.rate import called, know_noise, lossless, make_clip
from rtdenoise.cameras.file import FileCamera
from rtdenoise.denoisers import noise_model_for
from rtdenoise.profile import Profile

SIZE = (64, 48)


def test_the_program_is_run_as_a_user_starts_it(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    make_clip(clip, 20, size=SIZE, rendered=4)
    found = called(clip, "recursive", tmp_path / "home", 5)
    assert found.network == "recursive"
    assert found.frames + found.dropped == 20
    assert found.startup_s > 0
    assert found.cores > 0
    assert set(found.stages_ms) == {"decode", "convert", "clean", "publish", "delay"}
    assert found.delay_p50_ms <= found.delay_p95_ms
    if Path("/proc/self/status").exists():
        assert found.memory_mb is not None
        assert 20 < found.memory_mb < 2000


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    make_clip(clip, 2, size=SIZE, rendered=2)
    with pytest.raises(RuntimeError, match="no network 'none-such'"):
        called(clip, "none-such", tmp_path / "home", 1)


def test_nothing_is_dropped_as_fast_as_it_goes(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    make_clip(clip, 12, size=SIZE, rendered=4)
    report = lossless(clip, "recursive", tmp_path / "home")
    assert (report.frames_out, report.dropped) == (12, 0)


def test_the_clips_camera_is_known_by_its_noise(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    make_clip(clip, 4, size=(256, 192), rendered=2, noise="medium")
    know_noise(clip, tmp_path / "home", "medium", frames=6)
    camera = FileCamera(clip)
    model = noise_model_for(Profile.of(camera.info, tmp_path / "home"), camera.mode)
    camera.close()
    assert model is not None
    assert 0.5 < float(model.y.curve.variance(128.0)) ** 0.5 < 12

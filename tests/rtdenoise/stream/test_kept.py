"""`rtdenoise live` takes what is set in the app for a camera, where the command line says nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtdenoise.camera_settings import CameraSettings, save_settings
from rtdenoise.cameras import camera_info
from rtdenoise.cli import run
from rtdenoise.profile import Profile
from rtdenoise.stream.call import CallOptions
from rtdenoise.stream.kept import options_as_kept

CAMERA = "simulated:desk?noise=high&frames=4"


def keep(home: Path, settings: CameraSettings) -> Path:
    info = camera_info(CAMERA)
    assert info is not None
    path = Profile.of(info, home).settings_path
    save_settings(settings, path)
    return path


def test_what_is_given_goes_before(tmp_path: Path) -> None:
    keep(tmp_path, CameraSettings(size=(128, 96), strength=0.5, mirror=True, network="recursive"))
    options = CallOptions(camera=CAMERA, strength=1.0, network="nano")
    found, (said,) = options_as_kept(options, ["camera", "network"], tmp_path)
    assert (found.size, found.strength, found.mirror, found.network) == (
        (128, 96),
        0.5,
        True,
        "nano",
    )
    assert "--strength 0.5" in said
    assert "--network" not in said
    again, nothing = options_as_kept(options, ["camera", *vars(options)], tmp_path)
    assert again == options
    assert nothing == []


def test_other_cameras_and_files_are_left_alone(tmp_path: Path) -> None:
    keep(tmp_path, CameraSettings(strength=0.5))
    for camera in ("simulated:desk?noise=low", "file:clip.mkv", "no such camera"):
        options = CallOptions(camera=camera)
        assert options_as_kept(options, [], tmp_path) == (options, [])
    assert options_as_kept(CallOptions(), [], tmp_path / "empty") == (CallOptions(), [])


def test_who_only_looked_gets_a_camera_all_the_same(tmp_path: Path) -> None:
    keep(tmp_path, CameraSettings(outputs=("null",)))
    options = CallOptions(camera=CAMERA)
    assert options_as_kept(options, [], tmp_path) == (options, [])


def live(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[dict[str, Any], str]:
    command = ["live", "--camera", CAMERA, "--output", "null", "--json", *words]
    code = run(["--home", str(home), *command])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out), " ".join(said.err.split())


def test_live_takes_it_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(tmp_path, CameraSettings(size=(128, 96), strength=0.5, network="recursive"))
    report, said = live(tmp_path, capsys)
    assert (report["mode"]["width"], report["strength"], report["network"]) == (
        128,
        0.5,
        "recursive",
    )
    assert "--size 128x96 --strength 0.5 --network recursive" in said
    report, said = live(tmp_path, capsys, "--strength", "strong", "--size", "160x96")
    assert (report["mode"]["width"], report["strength"]) == (160, 1.0)
    assert "--network recursive." in said
    path.write_text("{")
    report, said = live(tmp_path, capsys, "--size", "128x96", "--network", "recursive")
    assert report["strength"] == 1.0
    assert "settings.json is damaged" in said

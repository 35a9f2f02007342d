"""What version 0.1 wrote still loads; see fixtures/v0.1/README.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibrate.metrics import psnr_db
from capture.clip import Clip
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.simulated import SimulatedCamera
from rtdenoise.cli import run
from rtdenoise.denoisers import make_denoiser, noise_model_for
from rtdenoise.frames import planes_from_frame
from rtdenoise.networks.card import read_card
from rtdenoise.noise import PLANES, NoiseModel
from rtdenoise.profile import Profile, profiles

FIXTURES = Path(__file__).with_name("fixtures") / "v0.1"
CAMERA = "simulated:desk?noise=medium&motion=still&frames=16"
SIZE = (128, 96)
Cli = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder of version 0.1 that may be written to."""
    return Path(shutil.copytree(FIXTURES, tmp_path / "home"))


@pytest.fixture
def profile(home: Path) -> Profile:
    (found,) = profiles(home)
    return found


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command in that home folder; no other network is there, and every one keeps up."""
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", home / "nothing")
    monkeypatch.setattr("rtdenoise.denoisers.choice.frame_seconds", lambda *_: 0.001)

    def call(*words: str) -> str:
        capsys.readouterr()
        code = run(["--home", str(home), *words])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out + " ".join(said.err.split())

    return call


def test_the_profile_is_that_camera_s(home: Path, profile: Profile) -> None:
    camera = open_camera(CAMERA, size=SIZE)
    assert profile.camera() == camera.info
    assert Profile.of(camera.info, home) == profile


def test_the_noise_model_has_the_same_curve(profile: Profile) -> None:
    assert "version" not in json.loads(profile.noise_path.read_text(encoding="utf-8"))
    told: dict[str, Any] = json.loads((FIXTURES / "curve.json").read_text(encoding="utf-8"))
    model = NoiseModel.load(profile.noise_path)
    assert (model.structure, model.gain, model.others) == (None, None, ())
    levels = np.array(told["levels"], np.float32)
    for seen, key in ((model, "variances"), (model.for_chroma("420"), "variances of 4:2:0")):
        for plane in PLANES:
            found = seen.plane(plane).curve.variance(levels)
            np.testing.assert_allclose(found, told[key][plane], atol=1e-3)


def test_a_noise_model_is_written_in_todays_form_with_the_same_content(
    profile: Profile, tmp_path: Path
) -> None:
    model = NoiseModel.load(profile.noise_path)
    model.save(tmp_path / "new.json")
    again, old = (json.loads(p.read_text()) for p in (tmp_path / "new.json", profile.noise_path))
    assert again.pop("version") == 2
    assert again == old


def test_the_clip_and_its_series_are_accepted(profile: Profile) -> None:
    (path,) = profile.clips()
    clip = Clip.load(path)
    assert clip.camera == profile.camera()
    (series,) = clip.accepted
    assert (series.first, series.count) == (0, 16)
    assert clip.static_mask(series).mean() == series.static_fraction
    assert len(list(clip.read(series))) == 16


def test_the_network_cleans(profile: Profile) -> None:
    card = read_card(profile.network_path("nano"))
    assert (card.version, card.made_by) == (1, "rtdenoise 0.1.0")
    camera = open_camera(CAMERA, size=SIZE)
    assert isinstance(camera, SimulatedCamera)
    denoiser = make_denoiser(
        "nano", profile=profile, camera=camera.info, mode=camera.mode, device="cpu"
    )
    for frame in camera.frames():
        noisy = planes_from_frame(frame)
        clean = denoiser(noisy)
    truth = camera.truth(15)
    assert psnr_db(clean.y, truth.y) > psnr_db(noisy.y, truth.y) + 4
    assert psnr_db(clean.u, truth.u) > psnr_db(noisy.u, truth.u) + 3


def test_live_takes_that_network_and_noise_model(cli: Cli) -> None:
    words = ("--camera", CAMERA, "--size", "128x96", "--output", "null", "--device", "cpu")
    said = cli("live", *words, "--json")
    assert '"network": "nano"' in said
    assert '"frames_in": 16' in said
    assert "not calibrated" not in said


def test_denoise_takes_that_network_and_noise_model(
    cli: Cli, profile: Profile, tmp_path: Path
) -> None:
    (clip,) = profile.clips()
    output = tmp_path / "clean.nut"
    cli("denoise", str(clip), str(output), "--device", "cpu")
    camera = open_camera(f"file:{clip}")
    assert noise_model_for(profile, camera.mode) is not None
    denoiser = make_denoiser(
        str(profile.network_path("nano")),
        profile=profile,
        camera=camera.info,
        mode=camera.mode,
        device="cpu",
    )
    expected = [denoiser(planes_from_frame(frame)).copy() for frame in camera.frames()]
    written = [planes_from_frame(frame) for frame in open_camera(f"file:{output}").frames()]
    assert len(written) == len(expected) == 16
    for a, b in zip(written, expected, strict=True):
        assert all(np.array_equal(getattr(a, name), getattr(b, name)) for name in PLANES)


def test_calibrate_measures_that_clip(cli: Cli, profile: Profile) -> None:
    old = NoiseModel.load(profile.noise_path)
    words = ("--camera", "simulated", "--network", "recursive")
    cli("calibrate", *words, "--clip", str(profile.clips()[0]))
    assert json.loads(profile.noise_path.read_text(encoding="utf-8"))["version"] == 2
    new = NoiseModel.load(profile.noise_path)
    levels = np.arange(40.0, 220.0, 20.0)
    ratio = new.y.curve.variance(levels) / old.y.curve.variance(levels)
    assert 0.7 < np.median(ratio) < 1.4

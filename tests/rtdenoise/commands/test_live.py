"""Which network `rtdenoise live` takes by default."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rtdenoise.cameras import open_camera
from rtdenoise.cli import run
from rtdenoise.engines.native_library import compiled_kind
from rtdenoise.frames import planes_from_frame
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.networks.shipped import base_network_path

CAMERA = "simulated:desk?noise=high&frames=5"
Live = Callable[..., tuple[dict[str, Any], str]]


@pytest.fixture
def live(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Live:
    """Runs the command to its end: the report, and what was said; a frame takes the network ``seconds``."""
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", tmp_path / "base")

    def call(*words: str, seconds: float = 0.0) -> tuple[dict[str, Any], str]:
        monkeypatch.setattr("rtdenoise.denoisers.choice.frame_seconds", lambda *_: seconds)
        command = ["live", "--camera", CAMERA, "--size", "128x96", "--output", "null", "--json"]
        code = run(["--home", str(tmp_path / "home"), *command, "--device", "cpu", *words])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out), " ".join(said.err.split())

    return call


def test_takes_the_base_network_where_it_keeps_up(live: Live) -> None:
    report, _ = live()
    assert report["network"] == "recursive"
    torch.manual_seed(0)
    save_network(base_network_path("nano"), LiveNetwork(SIZES["nano"]), Card("nano"))
    report, said = live()
    assert report["network"] == "nano"
    assert report["frames_in"] == 5
    assert "not calibrated in this mode: the noise is measured while it runs" in said
    assert "keep up" not in said


def test_says_where_the_network_does_not_keep_up(live: Live) -> None:
    torch.manual_seed(0)
    save_network(base_network_path("nano"), LiveNetwork(SIZES["nano"]), Card("nano"))
    report, said = live(seconds=1.0)
    compiled = bool(compiled_kind())  # else the recursive filter is quicker
    assert report["network"] == ("nano" if compiled else "recursive")
    assert ("nano, which does not hold" if compiled else "nano does not keep up with") in said
    report, said = live("--network", "nano", seconds=1.0)
    assert report["network"] == "nano"
    assert "keep up" not in said


def test_cleans_with_as_many_cores_as_it_is_told(live: Live) -> None:
    torch.manual_seed(0)
    save_network(base_network_path("nano"), LiveNetwork(SIZES["nano"]), Card("nano"))
    report, _ = live("--threads", "3")
    assert report["network"] == "nano"
    assert "3 threads" in report["engine"] or "PyTorch" in report["engine"]
    report, _ = live("--network", "recursive", "--threads", "1")
    assert report["engine"] == ""


def test_sizes_and_strengths_people_know(live: Live, tmp_path: Path) -> None:
    output = tmp_path / "film.nut"
    words = ("--network", "recursive", "--output", str(output), "--output-size", "96x96")
    report, _ = live(*words, "--strength", "light", "--mirror", "--brighten", "0.5")
    assert report["strength"] == 0.5
    assert (report["mode"]["width"], report["mode"]["height"]) == (96, 96)
    frames = list(open_camera(f"file:{output}").frames())
    assert [(f.width, f.height) for f in frames] == [(96, 96)] * report["frames_out"]


def test_strength_0_gives_the_cameras_bytes(live: Live, tmp_path: Path) -> None:
    output = tmp_path / "film.nut"
    live("--network", "recursive", "--output", str(output), "--strength", "0")
    sent = [planes_from_frame(f) for f in open_camera(CAMERA, size=(128, 96)).frames()]
    written = [planes_from_frame(f) for f in open_camera(f"file:{output}").frames()]
    assert written
    same = [any((w.y == s.y).all() and (w.u == s.u).all() for s in sent) for w in written]
    assert all(same)

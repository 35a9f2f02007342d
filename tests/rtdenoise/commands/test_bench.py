"""`rtdenoise bench`: measures, says what keeps up, and keeps it for live and calibrate."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtdenoise import bench
from rtdenoise.cli import run
from rtdenoise.console import console
from rtdenoise.machine import Machine, machine_path
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.networks.shipped import base_network_path

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs rtdenoise with an untrained base network: exit code, standard output, and what was said."""
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", tmp_path / "base")
    monkeypatch.setattr(bench, "paper_seconds", lambda *_: 60.0)
    save_network(base_network_path("nano"), LiveNetwork(SIZES["nano"]), Card("nano"))

    def call(*words: str) -> tuple[int, str, str]:
        console.cache_clear()
        code = run(["--home", str(tmp_path / "home"), *words, "--device", "cpu"])
        console.cache_clear()
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_measures_and_keeps_it(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = tmp_path / "figures.json"
    code, out, said = command("bench", "--size", "64x48", "--json", str(figures))
    assert code == 0, said
    for word in ("64×48 on", "decode MJPEG", "recursive", "nano", "30 fps", "~60000"):
        assert word in out
    assert "rtdenoise live: " in out
    assert "rtdenoise calibrate: " in out
    value = json.loads(figures.read_text())
    assert value["size"] == [64, 48]
    assert set(value["decode"]) == {"p50_ms", "p95_ms"}
    methods = [(m["name"], m["device"]) for m in value["methods"]]
    assert methods == [("recursive", "cpu"), ("nano", "cpu")]
    for method in value["methods"]:
        assert method["keeps_up"] is (method["spare_fps"] >= 30)
        assert set(method["scenes"]) == {"still", "moving"}
        assert set(method["scenes"]["still"]["clean"]) == {"p50_ms", "p95_ms"}
    assert value["paper"] == [{"device": "cpu", "hardware": "", "frame_s": 60.0, "estimated": True}]
    assert set(value["choices"]) == {"live", "calibrate"}

    # From now on live measures nothing.
    def asked(*_: object) -> float:
        raise AssertionError("measured again")

    monkeypatch.setattr("rtdenoise.denoisers.choice.frame_seconds", asked)
    assert Machine.load(machine_path(tmp_path / "home")).bench == value
    live = ("live", "--camera", "simulated:desk?frames=3", "--size", "64x48", "--output", "null")
    code, _, said = command(*live)
    assert code == 0, said
    assert value["choices"]["live"]["reason"] in " ".join(said.split())


def test_a_damaged_file_is_replaced(command: Command, tmp_path: Path) -> None:
    path = machine_path(tmp_path / "home")
    path.parent.mkdir()
    path.write_text("{")
    assert command("bench", "--size", "64x48")[0] == 0
    assert {t.method for t in Machine.load(path).timings} == {"recursive", "nano"}


def test_wrong_sizes_are_refused(command: Command) -> None:
    assert command("bench", "--size", "63x48")[0] == 2
    code, _, said = command("bench", "--size", "16x16")
    assert code == 1
    assert "can't deliver 16×16" in said

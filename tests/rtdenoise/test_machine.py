"""What was measured on this machine is kept, and forgotten where it no longer holds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtdenoise import machine
from rtdenoise.machine import Machine, Timing, facts, machine_path

TIMING = Timing("nano", "cpu", "", 1920, 1080, 21.5, True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return machine_path(tmp_path / "home")


def test_what_was_saved_is_found_again(path: Path) -> None:
    assert Machine.load(path).timings == []
    known = Machine([TIMING], {"size": [1920, 1080]})
    known.save(path)
    again = Machine.load(path)
    assert again == known
    assert again.find("nano", "cpu", "", (1920, 1080)) == TIMING
    assert again.find("nano", "cpu", "", (1280, 720)) is None
    assert again.find("small", "cpu", "", (1920, 1080)) is None
    assert again.find("nano", "cuda", "A", (1920, 1080)) is None


def test_a_new_measurement_replaces_the_old_one() -> None:
    known = Machine([TIMING])
    newer, other = replace(TIMING, frame_ms=30.0, whole=False), replace(TIMING, method="small")
    known.add([newer, other])
    assert known.timings == [newer, other]


@pytest.mark.parametrize("fact", ["rtdenoise", "torch", "compiled", "cpu", "cores"])
def test_another_machine_is_measured_anew(
    path: Path, fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Machine([TIMING]).save(path)
    changed = {**facts(), fact: "other"}
    monkeypatch.setattr(machine, "facts", lambda: changed)
    assert Machine.load(path) == Machine()


def test_the_facts_are_of_this_machine() -> None:
    found = facts()
    assert found["torch"]
    assert found["cpu"]
    assert found["cores"] >= 1
    assert machine._package("no-such-package-here") == ""


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"timings": None},
        {"timings": [1]},
        {"timings": [{"method": "nano"}]},
        {"bench": 5},
        {"machine": []},
    ],
)
def test_a_damaged_file_counts_as_none(path: Path, change: dict[str, Any]) -> None:
    Machine([TIMING]).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert Machine.load(path) == Machine()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "0", "-1", "null", '"fast"'])
def test_a_time_that_is_none_counts_as_damage(path: Path, value: str) -> None:
    Machine([TIMING]).save(path)
    path.write_text(path.read_text().replace("21.5", value))
    assert Machine.load(path) == Machine()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe\0"])
def test_bytes_that_are_no_json_count_as_none(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)
    assert Machine.load(path) == Machine()

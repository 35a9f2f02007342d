"""How a calibration goes on, for programs: a JSON object in every line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from calibrate import json_lines
from rtdenoise.cli import run

from .test_command import write_clip


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_is_one_object_and_the_last_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "scene.nut")
    words = ["calibrate", "--clip", str(clip), "--network", "recursive", "--json-lines"]
    assert run(["--home", str(tmp_path / "home"), *words]) == 0
    told = lines(capsys.readouterr().out)
    stages = [line for line in told if "stage" in line]
    assert {"Looking for still series", "Measuring the noise"} <= {s["stage"] for s in stages}
    last = [s for s in stages if s["stage"] == "Measuring the noise"][-1]
    assert last["done"] == last["total"] == 24
    assert any("Calibrating" in line.get("said", "") and "[" not in line["said"] for line in told)
    assert told[-1]["result"]["verdict"] == "better"
    report = [Path(path) for path in told[-1]["result"]["report"]]
    assert {"before.jpg", "after.jpg", "report.json"} <= {path.name for path in report}
    assert all(path.is_file() for path in report)


def test_an_error_is_told_with_its_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["calibrate", "--clip", str(tmp_path / "none.mkv"), "--json-lines"]
    assert run(["--home", str(tmp_path), *words]) == 1
    out = capsys.readouterr()
    assert lines(out.out)[-1]["error"].startswith("There is no")
    assert lines(out.out)[-1]["cure"]
    assert "Error:" in out.err


def test_time_left_is_reckoned_from_this_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("calibrate.json_lines.time.monotonic", lambda: now)
    with json_lines.progress("Fine-tuning", 60, "s") as ticker:
        ticker.advance(20)  # of an earlier run
        for _ in range(10):
            now += 1.0
            ticker.advance(1, "+1.00 dB so far")
    told = lines(capsys.readouterr().out)
    assert told[0] == {
        "stage": "Fine-tuning", "done": 0.0, "total": 60, "unit": "s", "left_s": None, "note": "",
    }  # fmt: skip
    assert told[-1]["left_s"] == 30
    assert told[-1]["done"] == 30
    assert told[-1]["note"] == "+1.00 dB so far"

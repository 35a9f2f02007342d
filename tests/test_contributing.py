"""CONTRIBUTING's examples do what they say."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from rtdenoise.cli import run

ROOT = Path(__file__).parents[1]


def blocks(language: str) -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_examples_run_and_the_command_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    *classes, command = blocks("python")
    monkeypatch.chdir(tmp_path)
    reader = ModuleType("reader")  # all blocks in turn, as somebody would type them
    for block in classes:
        exec(compile(block, "CONTRIBUTING.md", "exec"), vars(reader))
    assert Path("clean.mkv").exists()

    (declared,) = blocks("toml")
    group, point = re.fullmatch(r'\[project\.entry-points\."(.+)"\]\n(.+)\n', declared).groups()  # type: ignore[union-attr]
    # What installing the package leaves behind.
    Path("brightness.py").write_text(command, encoding="utf-8")
    facts = Path("brightness-1.0.dist-info")
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: brightness\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[{group}]\n" + point.replace('"', "") + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run(["--help"]) == 0
    assert "brightness" in capsys.readouterr().out
    assert run(["brightness", "file:clean.mkv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 20
    assert run(["brightness", "file:none.mkv"]) == 1


def test_what_it_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = "rtdenoise|capture|calibrate|tests|benchmarks|examples|docs"
    named = set(re.findall(rf"\b(?:{folders})/[\w./-]*", text))
    named |= set(re.findall(r"\]\(([^:)]+)\)", text))
    missing = [name for name in named if not (ROOT / name.rstrip(".")).exists()]
    assert not missing

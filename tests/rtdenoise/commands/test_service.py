from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rtdenoise.cli import Settings
from rtdenoise.commands.service import command, quoted, unit_path
from rtdenoise.console import console
from rtdenoise.errors import RtdenoiseError

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd is Linux's")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a systemctl and a journalctl that only write down what they are asked do so."""
    log, tools = tmp_path / "log", tmp_path / "bin"
    log.touch()
    tools.mkdir()
    for name, answer in (
        ("systemctl", 'case "$2" in is-active) echo active;; is-enabled) echo enabled;; esac'),
        ("journalctl", "echo 'Error: There is no camera on this machine.'"),
    ):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho {name} "$@" >> {shlex.quote(str(log))}\n{answer}\n')
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return log


def run(*words: str, home: Path | None = None) -> Result:
    console.cache_clear()
    result = CliRunner().invoke(command, words, obj=Settings(home))
    console.cache_clear()
    return result


@linux
def test_it_is_installed_asked_and_removed(log: Path, tmp_path: Path) -> None:
    assert "not installed" in run("status").output
    assert "not installed" in run("remove").output
    log.write_text("")
    done = run("install", "--", "--camera", "My 100% “cam”", "--strength", "light", home=tmp_path)
    assert done.exit_code == 0, done.output
    unit = unit_path().read_text()
    (line,) = [x for x in unit.splitlines() if x.startswith("ExecStart=")]
    assert line.endswith('"live" "--on-demand" "--camera" "My 100%% “cam”" "--strength" "light"')
    assert f'"{sys.executable}" "-m" "rtdenoise" "--home" "{tmp_path}"' in line
    assert "Restart=on-failure" in unit
    assert "WantedBy=default.target" in unit
    assert log.read_text().splitlines() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable rtdenoise.service",
        "systemctl --user restart rtdenoise.service",
    ]
    told = run("status").output
    assert "It runs; it starts at log-in." in told
    assert "There is no camera on this machine." in told
    facts = json.loads(run("status", "--json").output)
    assert (facts["installed"], facts["state"], facts["at_log_in"]) == (True, "active", True)
    assert run("remove").exit_code == 0
    assert not unit_path().exists()
    assert "systemctl --user disable --now rtdenoise.service" in log.read_text()


@linux
def test_wrong_options_of_live_are_told_before_anything_is_written(log: Path) -> None:
    for words in (("--strength", "7"), ("--no-such-option",)):
        done = run("install", "--", *words)
        assert done.exit_code == 2
    assert not unit_path().exists()
    assert log.read_text() == ""


@linux
def test_what_systemctl_refuses_is_one_sentence(log: Path) -> None:
    tool = log.parent / "bin" / "systemctl"
    tool.write_text("#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2; exit 1\n")
    error = run("install").exception
    assert isinstance(error, RtdenoiseError)
    assert "Failed to connect to bus: No medium found." in error.message
    assert error.hint


@linux
def test_without_systemd_the_line_to_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    error = run("install").exception
    assert isinstance(error, RtdenoiseError)
    assert error.hint.endswith("-m rtdenoise live --on-demand")


@pytest.mark.parametrize(("platform", "word"), [("win32", "schtasks"), ("darwin", "launch agent")])
def test_elsewhere_the_systems_own_way_is_told(
    platform: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for words in (("install",), ("status",), ("remove",)):
        error = run(*words).exception
        assert isinstance(error, RtdenoiseError)
        assert word in error.hint


def test_words_of_a_unit_are_taken_as_they_are() -> None:
    assert quoted('a "b" \\ $HOME 5%') == '"a \\"b\\" \\\\ $$HOME 5%%"'
    with pytest.raises(RtdenoiseError):
        quoted("a\nb")

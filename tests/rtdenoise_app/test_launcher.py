"""The entry in the menu: there after --install, gone after --uninstall, and it starts the app."""

from __future__ import annotations

import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.cli import run
from rtdenoise.errors import RtdenoiseError
from rtdenoise_app import launcher

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the menu of XDG desktops")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data of mine"
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder


def words_of(line: str) -> list[str]:
    """The words of an Exec= value, as a desktop reads it: first a string's escapes, then quotes, then field codes."""
    value = line.replace("\\\\", "\\")
    words, word, quote, at = [], "", False, 0
    while at < len(value):
        sign = value[at]
        if quote and sign == "\\":
            at += 1
            word += value[at]
        elif sign == '"':
            quote = not quote
        elif sign == " " and not quote:
            words.append(word)
            word = ""
        else:
            word += sign
        at += 1
    return [w.replace("%%", "%") for w in (*words, word)]


@linux
def test_it_is_put_into_the_menu_and_taken_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / 'my "home" 100%'
    assert run(["--home", str(home), "app", "--install"]) == 0
    entry = data / "applications" / "rtdenoise.desktop"
    icon = data / "icons" / "hicolor" / "scalable" / "apps" / "rtdenoise.svg"
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(entry)
    group = parser["Desktop Entry"]
    assert group["Type"] == "Application"
    assert group["Icon"] == "rtdenoise"
    assert icon.read_text(encoding="utf-8").startswith("<svg")
    command = words_of(group["Exec"])
    assert command == [sys.executable, "-m", "rtdenoise", "--home", str(home), "app"]
    done = subprocess.run(
        [*command, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Open a page" in done.stdout
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", entry], check=True)

    assert run(["app", "--install"]) == 0  # again: replaced
    assert "--home" not in entry.read_text()
    assert run(["app", "--uninstall"]) == 0
    assert not entry.exists()
    assert not icon.exists()
    capsys.readouterr()
    assert run(["app", "--uninstall"]) == 0
    assert "not in the menu" in capsys.readouterr().err


@linux
def test_a_folder_that_is_not_absolute_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert launcher.entry_path() == tmp_path / ".local/share/applications/rtdenoise.desktop"


@given(st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), min_size=1))
def test_any_word_comes_out_as_it_was(word: str) -> None:
    assert words_of(launcher.quoted(word)) == [word]


def test_a_line_break_is_refused() -> None:
    with pytest.raises(RtdenoiseError):
        launcher.quoted("a\nb")


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_elsewhere_it_says_what_to_do(
    platform: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rtdenoise_app.launcher.sys.platform", platform)
    assert run(["app", "--install"]) == 1
    assert "docs/app.md" in capsys.readouterr().err


def test_both_at_once_is_wrong_usage() -> None:
    assert run(["app", "--install", "--uninstall"]) == 2

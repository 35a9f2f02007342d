from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from rtdenoise.cli import run
from rtdenoise.errors import RtdenoiseError
from rtdenoise_app.guard import new_token
from rtdenoise_app.instance import (
    Address,
    alone,
    known_address,
    listening,
    runtime_folder,
    write_address,
)


def test_one_holds_the_lock_until_it_ends(tmp_path: Path) -> None:
    with alone(tmp_path) as first:
        assert first
        with alone(tmp_path) as second:
            assert not second
    with alone(tmp_path) as again:
        assert again


def test_the_address_is_read_as_it_was_written(tmp_path: Path) -> None:
    address = Address(4242, new_token(), 7)
    write_address(tmp_path, address)
    assert known_address(tmp_path) == address
    if os.name == "posix":
        (path,) = tmp_path.glob("*.json")
        assert path.stat().st_mode & 0o077 == 0
        path.chmod(0o644)
        write_address(tmp_path, address)
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        json.dumps({"port": 0, "token": "x" * 43, "process": 1}),
        json.dumps({"port": 70000, "token": "x" * 43, "process": 1}),
        json.dumps({"port": 4242, "token": "short", "process": 1}),
        json.dumps({"port": 4242, "token": None, "process": 1}),
    ],
)
def test_a_damaged_address_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(text)
    assert known_address(tmp_path) is None


def test_the_port_of_before_is_taken_again_or_else_another() -> None:
    first, address = listening(None, None)
    with first:
        other, elsewhere = listening(None, address)
        other.close()
        assert elsewhere.port != address.port
        with pytest.raises(RtdenoiseError, match=r"can't be had"):
            listening(address.port, None)
    again, same = listening(None, address)
    again.close()
    assert same.port == address.port
    assert (same.token == address.token) is sys.platform.startswith("linux")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_RUNTIME_DIR")
def test_a_folder_that_others_could_read_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "rtdenoise").mkdir(mode=0o755)
    assert runtime_folder().stat().st_mode & 0o077 == 0
    (tmp_path / "rtdenoise").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "rtdenoise").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RtdenoiseError, match="another user"):
        runtime_folder()


def test_a_port_that_is_taken_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("rtdenoise_app.instance.runtime_folder", lambda: tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["--home", str(tmp_path), "app", "--no-browser", "--port", port]) == 1
    assert "can't be had" in capsys.readouterr().err


def test_without_its_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    assert run(["app"]) == 1
    assert 'pip install "rtdenoise[app]"' in capsys.readouterr().err


def test_no_such_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rtdenoise_app.instance.runtime_folder", lambda: tmp_path)
    assert run(["--home", str(tmp_path), "app", "--no-browser", "--camera", "nothing"]) == 1
    assert "There is no camera called nothing" in capsys.readouterr().err

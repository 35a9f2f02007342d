from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import cv2
import pytest

from rtdenoise import cli
from rtdenoise.errors import CameraError

RTDENOISE = Path(sys.executable).with_name("rtdenoise")
HEAVY = ("torch", "cv2", "av", "kornia", "matplotlib", "numpy", "pyvirtualcam", "rich")


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rtdenoise.cli import run; code = run(['--help']); "
        f"print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("demo", "devices", "capture", "calibrate", "live", "denoise"):
        assert f"\n  {name} " in done.stdout
    assert "HEAVY []" in done.stdout


def test_every_command_has_help() -> None:
    with click.Context(cli.group) as ctx:
        names = cli.group.list_commands(ctx)
    assert names[:2] == ["demo", "devices"]
    for name in names:
        done = subprocess.run(
            [RTDENOISE, name, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Usage: rtdenoise" in done.stdout
        assert (
            "\\b" not in done.stdout
        )  # click's mark for "keep these lines", spoilt by a raw docstring


def test_wrong_usage_is_exit_code_2() -> None:
    done = subprocess.run([RTDENOISE, "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command" in done.stderr


def _failing(error: Exception) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def test_our_errors_are_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = CameraError("There is no camera 'x'.", "Plug one in.")
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: _failing(error))
    assert cli.run(["x"]) == 1
    said = capsys.readouterr().err
    assert said == "Error: There is no camera 'x'. Plug one in.\n"


def test_a_defect_is_one_sentence_too_and_verbose_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: _failing(ValueError("odd")))
    assert cli.run(["x"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "ValueError: odd" in said
    assert cli.run(["--verbose", "x"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        cv2.error(
            "OpenCV(4.13.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate"
        ),
    ],
)
def test_no_memory_is_one_sentence_with_a_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: _failing(error))
    assert cli.run(["x"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: There is not enough memory for this. Close other programs")
    assert "unforeseen" not in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/a/b"), "There is no permission for /a/b."),
        (OSError(36, "File name too long", "xx/b"), "The name xx/b is too long."),
    ],
)
def test_a_path_that_the_system_refuses_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, said: str
) -> None:
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: _failing(error))
    assert cli.run(["x"]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {said}")


def test_a_thread_that_is_still_at_work_in_a_library_does_not_abort_the_end() -> None:
    # Python ends such a thread by force when it finalises, and C++ takes that for a mistake: so it must not finalise.
    code = (
        "import atexit, threading, time; from rtdenoise import cli\n"
        "def run(args):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "    print('said', end='')\n"
        "    return 3\n"
        "atexit.register(print, 'finalised')\n"
        "cli.run = run\n"
        "cli.main([])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout) == (3, "said"), done.stderr

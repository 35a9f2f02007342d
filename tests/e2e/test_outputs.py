"""What is said reaches any output, or is left out; pipes and devices are read and written."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from rtdenoise.cameras import open_camera

from .test_wrong_input import write_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other devices")
ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs the command in a folder with a short clip, with any streams and environment."""
    write_clip(tmp_path / "clip.mkv", frames=5, size=(64, 48))

    def run(
        *words: str,
        stdin: IO[bytes] | int | None = subprocess.DEVNULL,
        stdout: IO[bytes] | int = subprocess.PIPE,
        stderr: IO[bytes] | int = subprocess.PIPE,
        **environment: str,
    ) -> subprocess.CompletedProcess[bytes]:
        code = "from rtdenoise.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "--home", str(tmp_path / "home"), *words],
            cwd=tmp_path,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            check=False,
            timeout=300,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )

    return run


DENOISE = ("denoise", "clip.mkv", "out.mkv", "--network", "none")
CAPTURE = ("capture", "--camera", "file:clip.mkv")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", DENOISE),
        ("cp437", DENOISE),
        ("ascii", DENOISE),
        ("koi8-r", ("devices",)),
        ("ascii", CAPTURE),
        ("cp1252", ("doctor",)),
        ("ascii", ("devices",)),
    ],
)
def test_any_encoding_will_do(start: Start, encoding: str, words: tuple[str, ...]) -> None:
    done = start(*words, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).strip()


def test_json_is_json_in_any_encoding(start: Start, tmp_path: Path) -> None:
    (tmp_path / "clip.mkv").rename(tmp_path / "日本 é.mkv")
    for encoding in ("ascii", "cp1252", "utf-8"):
        done = start("capture", "--camera", "file:日本 é.mkv", "--json", PYTHONIOENCODING=encoding)
        assert json.loads(done.stdout.decode(encoding))["camera"]["name"] == "日本 é.mkv"


@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [(DENOISE, ""), (DENOISE, "1"), (CAPTURE, ""), (("devices", "--json"), "1"), (("--help",), "")],
)
def test_a_full_output_is_one_sentence(
    start: Start, words: tuple[str, ...], unbuffered: str
) -> None:
    with open("/dev/full", "wb") as full:
        done = start(*words, stdout=full, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    errors = [line for line in done.stderr.decode().splitlines() if line.startswith("Error: ")]
    assert errors == [errors[0]]
    assert "Standard output can't be written: No space left on device" in errors[0]
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_where_nothing_can_be_said_the_work_is_done(start: Start, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        assert start(*DENOISE, stderr=full).returncode == 0
        assert start("denoise", "nothing.mkv", "out.mkv", stderr=full).returncode == 1
    assert (tmp_path / "out.mkv").exists()


def test_closed_outputs_stop_nothing_but_what_goes_there(tmp_path: Path, start: Start) -> None:
    assert start(*DENOISE).returncode == 0  # makes the clip's folder known to work
    for words, code in ((DENOISE, 0), ((*DENOISE[:2], "-", *DENOISE[3:]), 1)):
        line = f"exec '{sys.executable}' -m rtdenoise {' '.join(words)} >&-"
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            check=False,
            timeout=300,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RTDENOISE_HOME": str(tmp_path / "home")},
        )
        assert done.returncode == code, done.stderr
        assert b"unforeseen" not in done.stderr
        assert (b"Standard output is closed" in done.stderr) == bool(code)


@pytest.mark.parametrize("words", [DENOISE, ("devices",), ("devices", "--json")])
def test_a_reader_that_goes_away_is_no_failure(start: Start, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = start(*words, stdout=gone)
    assert done.returncode == 0
    assert b"Error" not in done.stderr
    assert b"Exception" not in done.stderr


def frames(path: Path) -> int:
    return len(list(open_camera(f"file:{path}").frames()))


@pytest.mark.parametrize("names", [("-", "-"), ("/dev/stdin", "/dev/stdout"), ("-", "/dev/fd/1")])
def test_from_pipe_to_pipe(start: Start, tmp_path: Path, names: tuple[str, str]) -> None:
    with (tmp_path / "clip.mkv").open("rb") as clip:
        reader = subprocess.Popen(["cat"], stdin=clip, stdout=subprocess.PIPE)
        done = start("denoise", *names, "--network", "none", stdin=reader.stdout)
        assert reader.stdout is not None
        reader.stdout.close()
        assert reader.wait(60) == 0
    assert done.returncode == 0, done.stderr
    (tmp_path / "got.mkv").write_bytes(done.stdout)
    assert frames(tmp_path / "got.mkv") == 5
    assert b"5 frames" in done.stderr


def test_named_pipes_are_read_and_written(start: Start, tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    os.mkfifo(source)
    os.mkfifo(target)
    data = (tmp_path / "clip.mkv").read_bytes()
    got: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: source.write_bytes(data)),
        threading.Thread(target=lambda: got.append(target.read_bytes())),
    ]
    for thread in threads:
        thread.start()
    done = start("denoise", "in.mkv", "out.mkv", "--network", "none")
    assert done.returncode == 0, done.stderr
    for thread in threads:
        thread.join(60)
    assert stat.S_ISFIFO(target.stat().st_mode)
    (tmp_path / "got.mkv").write_bytes(got[0])
    assert frames(tmp_path / "got.mkv") == 5


def test_an_empty_pipe_and_one_that_is_no_film_are_refused(start: Start, tmp_path: Path) -> None:
    for content in (b"", b"milk and eggs\n" * 50):
        (tmp_path / "in").write_bytes(content)
        with (tmp_path / "in").open("rb") as given:
            done = start("denoise", "-", "out.mkv", "--network", "none", stdin=given)
        assert done.returncode == 1
        assert done.stderr.count(b"Error: ") == 1
        assert b"standard-input" in done.stderr
        assert b"unforeseen" not in done.stderr
        assert not (tmp_path / "out.mkv").exists()


def test_a_pipe_for_a_command_that_reads_twice_is_refused_with_the_cure(
    start: Start, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.mkv")
    for words in (("capture",), ("live", "--output", "null")):
        done = start(*words, "--camera", "file:pipe.mkv")
        assert done.returncode == 1
        assert b"is a pipe" in done.stderr
        assert b"denoise" in done.stderr

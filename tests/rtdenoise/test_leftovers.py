"""What a killed program left is removed, and what a living one works on is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtdenoise import leftovers
from rtdenoise.files import whole_file, write_bytes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no such locks")


@pytest.fixture(autouse=True)
def new_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a program's start: no folder was looked at yet."""
    monkeypatch.setattr(leftovers, "_swept", set())


def at_work(path: Path) -> subprocess.Popen[bytes]:
    """Another program that is in the middle of writing a file."""
    work = f"""if True:
        import pathlib, time
        from rtdenoise.files import whole_file
        with whole_file(pathlib.Path({str(path)!r})) as temporary:
            temporary.write_bytes(b"half")
            print(flush=True)
            time.sleep(600)
        """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = subprocess.Popen(
        [sys.executable, "-c", work], stdout=subprocess.PIPE, env=environment
    )
    assert program.stdout is not None
    program.stdout.readline()
    return program


def test_a_killed_program_leaves_nothing_for_long(tmp_path: Path) -> None:
    killed, living = at_work(tmp_path / "film.mp4"), at_work(tmp_path / "other.mkv")
    try:
        killed.kill()
        killed.wait()
        assert len(list(tmp_path.iterdir())) == 2
        write_bytes(tmp_path / "new.bin", b"new")
        left = sorted(path.name.split(".")[1] or path.name for path in tmp_path.iterdir())
        assert left == ["bin", "other"]
    finally:
        living.kill()
        for program in (killed, living):
            program.communicate()


def test_a_file_of_this_very_program_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_file(tmp_path / "film.mp4") as temporary:
        temporary.write_bytes(b"half")
        monkeypatch.setattr(leftovers, "_swept", set())
        write_bytes(tmp_path / "new.bin", b"new")
        temporary.write_bytes(b"whole")
    assert (tmp_path / "film.mp4").read_bytes() == b"whole"


def test_only_what_has_such_a_name_is_removed(tmp_path: Path) -> None:
    left = [".a.0123abcd.part.mkv", ".a.0123abcd.part", ".b c.89abcdef.reserve"]
    others = [
        ".a.part.mkv",
        "a.0123abcd.part.mkv",
        ".a.0123ABCD.part",
        ".a.0123abcd.part.x.y",
        ".b",
    ]
    for name in (*left, *others):
        (tmp_path / name).touch()
    (tmp_path / ".c.0123abcd.part").symlink_to(tmp_path / ".b")
    leftovers.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, ".c.0123abcd.part"])
    leftovers.sweep(tmp_path / "missing")

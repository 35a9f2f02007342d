"""A folder of recordings, cleaned by processes of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.archive.ledger import NAME, Ledger
from rtdenoise.archive.run import REPORT
from rtdenoise.archive.walk import Item, target_of, walk
from rtdenoise.errors import ClipError, SinkError

from .clips import pixels, write_clip

COMMAND = [sys.executable, "-m", "rtdenoise"]


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--home", str(home), "denoise", "--recursive", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def report_in(folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((folder / REPORT).read_text())
    return found


# ---------------------------------------------------------------------- what is to be done


def test_what_is_below_a_folder(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "in" / "clean"
    for name in ("a.mkv", "b/c.webm", "b/d.tif", "notes.txt", ".hidden.mkv", ".git/e.mkv"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    (target / "old.mkv").parent.mkdir()
    (target / "old.mkv").touch()
    (source / "circle").symlink_to(source, target_is_directory=True)
    os.mkfifo(source / "pipe.mkv")
    found = walk(source, target)
    assert [(i.source, i.target) for i in found.items] == [
        ("a.mkv", "a.mkv"),
        ("b/c.webm", "b/c.webm.mkv"),
        ("b/d.tif", "b/d.tif.png"),
    ]
    assert {name for name, _ in found.passed_over} == {"circle", "notes.txt", "pipe.mkv"}


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    with pytest.raises(ClipError, match="no recordings"):
        walk(tmp_path / "in", tmp_path / "out")
    with pytest.raises(ClipError, match="There is no folder"):
        walk(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(SinkError, match="to be cleaned"):
        walk(tmp_path / "in", tmp_path / "in" / "sub" / "..")
    with pytest.raises(SinkError, match="lies in"):
        walk(tmp_path / "in" / "sub", tmp_path / "in")


def test_two_copies_never_share_a_name(tmp_path: Path) -> None:
    for name in ("a.webm", "a.webm.mkv", "B.mkv", "b.mkv"):
        (tmp_path / name).touch()
    found = walk(tmp_path, tmp_path / "out")
    assert [i.source for i in found.items] == ["B.mkv", "a.webm.mkv"]
    assert {name for name, _ in found.passed_over} == {"a.webm", "b.mkv"}


@given(st.lists(st.text("ab./", min_size=1, max_size=6), unique=True))
def test_names_of_copies_are_as_different_as_the_names(stems: list[str]) -> None:
    for suffix in (".mkv", ".webm", ".png", ".tif", ".DNG"):
        names = [stem + suffix for stem in stems]
        assert len({target_of(name) for name in names}) == len(names)


# ---------------------------------------------------------------------- what was done


def test_a_ledger_knows_what_is_done(tmp_path: Path) -> None:
    item = Item("a.mkv", "a.mkv", 5, 7)
    (tmp_path / "a.mkv").write_bytes(b"clean")
    ledger = Ledger(tmp_path, "one way")
    assert not ledger.is_ours(item)
    ledger.begin(item)
    assert ledger.is_ours(item)
    assert not ledger.is_done(item)
    ledger.end(item, "cleaned")
    assert ledger.is_done(item)
    with pytest.raises(SinkError, match="Another run"):
        Ledger(tmp_path, "one way")
    ledger.close()
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"target": "a.m')  # cut off
    again = Ledger(tmp_path, "one way")
    assert again.is_done(item)
    assert not again.is_done(Item("a.mkv", "a.mkv", 6, 7))
    other = Item("b\udcff.mkv", "b\udcff.mkv", 1, 1)
    again.begin(other)
    again.close()
    another = Ledger(tmp_path, "another way")
    assert not another.is_done(item)
    assert another.is_ours(other)
    (tmp_path / "a.mkv").write_bytes(b"shorter"[:2])
    another.close()
    last = Ledger(tmp_path, "one way")
    assert not last.is_done(item)
    last.close()


@given(st.binary(max_size=200))
def test_a_damaged_ledger_is_no_error(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    (folder / NAME).write_bytes(text)
    ledger = Ledger(folder, "")
    assert not ledger.is_done(Item("a", "a", 0, 0))
    ledger.close()


# ---------------------------------------------------------------------- the command


def test_an_archive_is_cleaned_and_goes_on(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    for index in range(4):
        write_clip(source / f"sub{index % 2}" / f"{index}.mkv", index)
    (source / "bad.mkv").write_bytes(b"no film")
    (source / "notes.txt").touch()
    (target / "sub0").mkdir(parents=True)
    (target / "sub0" / "2.mkv").write_bytes(b"somebody's")
    first = run(tmp_path / "home", str(source), str(target))
    assert first.returncode == 1, first.stderr
    assert "3 files cleaned, 9 frames" in first.stdout
    found = report_in(target)
    assert sorted(found["cleaned"]) == ["sub0/0.mkv", "sub1/1.mkv", "sub1/3.mkv"]
    assert sorted(found["refused"]) == ["bad.mkv", "sub0/2.mkv"]
    assert "no video or picture" in str(found["refused"]["bad.mkv"])
    assert "wasn't made from it" in str(found["refused"]["sub0/2.mkv"])
    assert (target / "sub0" / "2.mkv").read_bytes() == b"somebody's"
    assert list(found["passed_over"]) == ["notes.txt"]
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.mkv")}

    (source / "bad.mkv").unlink()
    (target / "sub0" / "2.mkv").unlink()
    write_clip(source / "sub1" / "3.mkv", 33)  # changed since
    second = run(tmp_path / "home", str(source), str(target), "--json", "--jobs", "1")
    assert second.returncode == 0, second.stderr
    found = json.loads(second.stdout)
    assert sorted(found["cleaned"]) == ["sub0/2.mkv", "sub1/3.mkv"]
    assert found["skipped"] == ["sub0/0.mkv", "sub1/1.mkv"]
    for name in found["skipped"]:
        assert (target / name).stat().st_mtime_ns == before[target / name]
    for path in target.rglob("*.mkv"):
        assert len(pixels(path)) == 3 * 64 * 48 * 3 // 2
    other = run(tmp_path / "home", str(source), str(target), "--strength", "0.5")
    assert "4 files cleaned" in other.stdout  # in another way


def test_options_of_archives_need_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "denoise", "a.mkv", "b.mkv", "--jobs", "2"], capture_output=True, check=False
    )
    assert done.returncode == 2


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(word) for word in found]


def _cleaning(pid: int) -> list[int]:
    """The processes that clean files for this one; not the one that keeps count of what they share."""
    return [
        child
        for child in _children(pid)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for the processes in /proc")
@pytest.mark.parametrize("how", ["a process dies", "Ctrl-C"])
def test_nothing_is_lost(tmp_path: Path, how: str) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    for index in range(12):
        write_clip(source / f"{index:02}.mkv", index, frames=6)
    words = ["--home", str(tmp_path / "home"), "denoise", "--recursive", str(source), str(target)]
    process = subprocess.Popen(
        [*COMMAND, *words, "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ledger = target / NAME
    while not (ledger.exists() and b'"cleaned"' in ledger.read_bytes()):
        assert process.poll() is None
        time.sleep(0.02)
    if how == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    else:
        os.kill(_cleaning(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=200)
    for path in target.glob("[!.]*.mkv"):
        assert len(pixels(path)) == 6 * 64 * 48 * 3 // 2  # whole
    assert not list(target.glob(".*.part.mkv"))
    if how == "Ctrl-C":
        assert process.returncode == 1
        assert "The same command goes on" in err
        done = subprocess.run(
            [*COMMAND, *words, "--json"], capture_output=True, text=True, check=False, timeout=200
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["skipped"]
    else:
        assert process.returncode == 0, err
    assert len(list(target.glob("[!.]*.mkv"))) == 12

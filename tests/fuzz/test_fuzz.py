"""A few hundred damaged inputs of five sorts; ``python -m tests.fuzz`` runs as many as there is time for."""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from .inputs import SORTS, Case
from .judging import judge
from .mutation import claiming, damaged, fields_of, with_checksums
from .odd_json import damaged_json
from .pool import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")

_COUNT = 60


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize("sort", SORTS)
def test_every_input_gives_a_result_or_one_sentence(worker: Worker, sort: str) -> None:
    answers = list(worker.run(sort, range(_COUNT)))
    faults = [f"{a.again}: {a.fault}\n{a.said}" for a in answers if a.fault]
    assert not faults, "\n".join(faults)
    # Damage that stops everything, or nothing, would find nothing.
    codes = [answer.code for answer in answers]
    assert 0.1 < codes.count(0) / _COUNT < 0.95


def test_the_installed_program_does_the_same(worker: Worker) -> None:
    sorts = ("containers", "pictures", "profiles")
    inside = {sort: next(worker.run(sort, range(1))).code for sort in sorts}
    with Worker(program=True, originals=worker.originals) as program:
        for sort in sorts:
            (answer,) = program.run(sort, range(1))
            assert not answer.fault, f"{answer.again} --program: {answer.fault}\n{answer.said}"
            assert answer.code == inside[sort]


# --- the judge itself ---


def _case(folder: Path) -> Case:
    source = folder / "in.mkv"
    source.write_bytes(b"film")
    return Case(folder, [], [source], folder / "out.mkv")


@pytest.mark.parametrize(
    ("code", "said", "fault"),
    [
        (1, "Error: No. Do this.", ""),
        (1, "", "0 errors were said"),
        (1, "Error: No.\nError: No.", "2 errors were said"),
        (1, "Error: Something unforeseen happened: KeyError", '"unforeseen" was said'),
        (1, "Traceback (most recent call last):\nError: No.", '"Traceback" was said'),
        (1, "Error: \x1b[31m", "control characters were said"),
        (2, "Usage: rtdenoise", "exit code 2"),
        (0, "", "no output"),
        (1, f"Error: {'x' * 3000}", "an error without end"),
    ],
)
def test_what_is_wrong_is_seen(tmp_path: Path, code: int, said: str, fault: str) -> None:
    verdict = judge(_case(tmp_path), lambda _: (code, said), 1000)
    assert fault in verdict.fault
    assert bool(fault) == bool(verdict.fault)


def test_what_is_left_changed_or_taken_is_seen(tmp_path: Path) -> None:
    def run(_: list[str]) -> tuple[int, str]:
        (tmp_path / "in.mkv").write_bytes(b"other")
        (tmp_path / ".out.0123.part.mkv").touch()
        (tmp_path / "out.mkv").write_bytes(b"half a film")
        with mmap.mmap(-1, 80_000_000) as taken:  # fresh pages, whatever the process has to spare
            taken.write(b"x" * len(taken))
        return 1, "Error: No."

    fault = judge(_case(tmp_path), run, 50).fault
    for words in ("an input was changed", ".part.mkv was left", "an error, and an output", "MB of"):
        assert words in fault


def test_an_input_that_ends_the_process_is_a_fault_and_the_next_one_runs(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTDENOISE_FUZZ_ENDS_AT", "1")
    assert not next(worker.run("pictures", range(1))).fault  # the originals are made
    with Worker(originals=worker.originals) as mortal:
        first, second, third = mortal.run("pictures", range(3))
    assert not first.fault
    assert not third.fault
    assert "the process died" in second.fault
    assert "Segmentation fault" in second.fault


# --- damage ---


def test_the_same_number_gives_the_same_damage() -> None:
    data = bytes(range(256)) * 20
    assert damaged(data, Random(1)) == damaged(data, Random(1)) != damaged(data, Random(2))
    tree = {"a": [1, 2.5], "b": {"c": "x"}}
    assert damaged_json(tree, Random(3)) == damaged_json(tree, Random(3))
    assert tree == {"a": [1, 2.5], "b": {"c": "x"}}
    changed = {damaged_json(tree, Random(n)) for n in range(100)}
    assert len(changed) > 60
    assert json.dumps(tree).encode() not in changed


def test_fields_are_where_they_are() -> None:
    png = with_checksums(
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x30\x08\2\0\0\0----\0\0\0\0IEND----"
    )
    at = {field.at for field in fields_of(png) if field.size == 4}
    assert {8, 16, 20} <= at
    claimed = claiming(png, Random(0))
    assert claimed[16:24] != png[16:24]
    assert claimed == with_checksums(claimed)
    boxes = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x10moov\0\0\0\x08trak"
    assert {0, 16, 24} <= {field.at for field in fields_of(boxes)}

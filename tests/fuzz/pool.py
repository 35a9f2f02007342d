"""Inputs run in processes of their own, with a time limit for each; a process that dies is a fault of its input."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .worker import WALL_S

_START_S = 300.0  # libraries are loaded, originals made
_EACH = 1000  # inputs of one process


@dataclass(frozen=True)
class Answer:
    """What became of input ``index`` of a sort: ``fault`` says what is wrong, and is empty where nothing is."""

    sort: str
    index: int
    code: int
    fault: str
    said: str = ""
    seconds: float = 0.0
    memory_mb: float = 0.0
    words: list[str] = field(default_factory=list)

    @property
    def again(self) -> str:
        """The command that runs this input alone."""
        return f"python -m tests.fuzz {self.sort} --first {self.index} --count 1 --verbose"


class Worker:
    """One process after the other, and the folder in which they work; a context.

    Args:
        program: Call the installed program instead of the command within the process: slow, and like a user.
        keep: Where inputs with a fault are copied to; None: nowhere.
        originals: What inputs are made from, of another worker that has run; None: it is made first.
    """

    def __init__(
        self, program: bool = False, keep: Path | None = None, originals: Path | None = None
    ) -> None:
        self._program, self._keep = program, keep
        self._folder = Path(tempfile.mkdtemp(prefix="rtdenoise-fuzz-"))
        self.originals = originals or self._folder / "originals"
        """What inputs are made from."""
        self._process: subprocess.Popen[str] | None = None
        self._answered = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, sort: str, indices: range) -> Iterator[Answer]:
        """Runs inputs of a sort in order."""
        for index in indices:
            yield self._one(sort, index)

    def _one(self, sort: str, index: int) -> Answer:
        if self._answered >= _EACH:
            self._end()
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        fault, line = "", ""
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"sort": sort, "index": index}) + "\n")
            process.stdin.flush()
        patience = WALL_S + (0 if self._answered else _START_S)
        if select.select([process.stdout], [], [], patience)[0]:
            line = process.stdout.readline()
        if not line:
            hung = process.poll() is None and not select.select([process.stdout], [], [], 5)[0]
            log = (self._folder / "log").read_text(errors="replace")
            self._end()
            why = (
                "it hung"
                if hung or "Timeout" in log
                else f"the process died ({process.returncode})"
            )
            fault = f"{why}: {log[-3000:]}"
            self._copy(sort, index, self._folder / f"case{process.pid}")
            return Answer(sort, index, -1, fault)
        self._answered += 1
        told: dict[str, Any] = json.loads(line)
        if told["fault"]:
            self._copy(sort, index, Path(told["folder"]))
        del told["folder"]
        return Answer(sort, index, **told)

    def _copy(self, sort: str, index: int, folder: Path) -> None:
        if self._keep is not None:
            shutil.copytree(folder, self._keep / f"{sort}-{index}", dirs_exist_ok=True)

    def _start(self) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",
            "COLUMNS": "200",
        }
        folders = (str(self._folder), str(self.originals))
        command = [sys.executable, "-m", "tests.fuzz.worker", *folders]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "program"] if self._program else command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[2],
                env=environment,
            )
        self._answered = 0
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""Runs one input, and says what is wrong with how the command took it; empty where nothing is."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

from .inputs import Case

Run = Callable[[list[str]], tuple[int, str]]
"""Calls the command with words; gives its exit code, and all that it said on standard error."""

_LONGEST = 2000  # letters of an error: names of files are part of it
_LARGEST = 64 << 20  # bytes of an output: inputs have a few small frames
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_UNWANTED = (
    "Traceback",
    "unforeseen",
    "Warning",
    "WARN:",  # OpenCV
    "not enough memory",
    "Exception ignored",
    "File too large",
    " @ 0x",  # FFmpeg
)
_ENDING_S = 60.0  # threads have as long to end, on a busy machine too


@dataclass(frozen=True)
class Verdict:
    """How one input was taken: ``fault`` is empty where a result or one sentence came; ``said`` is standard error."""

    code: int
    fault: str
    said: str
    seconds: float
    memory_mb: float


def judge(case: Case, run: Run, most_mb: float, temporary: Path | None = None) -> Verdict:
    """Runs the command on an input.

    Args:
        case: The input.
        run: Calls the command.
        most_mb: More memory than this, beyond what this process had before, is a fault.
        temporary: The folder for temporary files, which is to be left empty; None: it is not looked at.
    """
    before = _digests(case.sealed)
    threads = set(threading.enumerate())
    base_mb = _reset_peak()
    began = time.process_time()
    code, said = run(case.words)
    seconds = time.process_time() - began
    memory_mb = _peak_mb() - base_mb
    if "unforeseen" in said:
        said += run(["--verbose", *case.words])[1]  # for whoever mends it: where it happened
    faults = [*_faults_of(code, said), *_left(case, code), *_unended(threads)]
    if temporary is not None:
        faults += [f"{path.name} was left among temporary files" for path in temporary.iterdir()]
    if _digests(case.sealed) != before:
        faults.append("an input was changed")
    if memory_mb > most_mb:
        faults.append(f"{memory_mb:.0f} MB of memory")
    return Verdict(code, "; ".join(faults), said, seconds, memory_mb)


def _faults_of(code: int, said: str) -> Iterator[str]:
    if code not in (0, 1):
        yield f"exit code {code}"
    for words in _UNWANTED:
        if words in said:
            yield f'"{words}" was said'
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    if code == 1 and len(errors) != 1:
        yield f"{len(errors)} errors were said"
    if code == 0 and errors:
        yield "an error, and exit code 0"
    if any(len(line) > _LONGEST for line in errors):
        yield "an error without end"
    if _CONTROL.search(said):
        yield "control characters were said"


def _left(case: Case, code: int) -> Iterator[str]:
    """What lies in the folder that shouldn't, or doesn't that should."""
    for path in case.folder.rglob("*"):
        if ".part" in path.name or ".reserve" in path.name:
            yield f"{path.name} was left"
    if case.output is None:
        return
    there = case.output.is_file() and case.output.stat().st_size > 0
    if there and case.output.stat().st_size > _LARGEST:
        yield "an output without end"
    if code == 0 and not there:
        yield "no output"
    if code != 0 and case.output.exists():
        yield "an error, and an output"


def _unended(before: set[threading.Thread]) -> Iterator[str]:
    until = time.monotonic() + _ENDING_S
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            yield f"the thread {thread.name} goes on"


def _digests(paths: list[Path]) -> list[str]:
    return [
        hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "" for path in paths
    ]


def _status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def _peak_mb() -> float:
    return _status_mb("VmHWM:") if sys.platform == "linux" else 0.0


def _reset_peak() -> float:
    """Lets the peak begin anew, and gives the memory in use."""
    if sys.platform != "linux":
        return 0.0
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


# --- how the command is called ---


def run_inside(words: list[str]) -> tuple[int, str]:
    """Calls the command in this process, with all that it and its libraries write to standard error."""
    from rtdenoise.cli import run

    warned: list[str] = []

    def note(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: object = None,
        line: str | None = None,
    ) -> None:
        warned.append(f"{category.__name__} in {filename}:{lineno}: {message}")

    with _standard_error() as written, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        code = run(words)
        gc.collect()  # what is complained of in a destructor is heard now
        return code, "\n".join([written(), *warned])


@contextmanager
def _standard_error() -> Iterator[Callable[[], str]]:
    """Catches standard error, that of C libraries too; standard output is thrown away."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        said = io.TextIOWrapper(
            os.fdopen(os.dup(2), "wb"), "utf-8", "backslashreplace", write_through=True
        )
        out = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
        try:
            with redirect_stderr(said), redirect_stdout(out):
                yield lambda: os.pread(file.fileno(), 1 << 24, 0).decode("utf-8", "replace")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.close()


def run_program(words: list[str]) -> tuple[int, str]:
    """Calls the installed program, as a user does."""
    program = Path(sys.executable).with_name("rtdenoise")
    done = subprocess.run([program, *words], capture_output=True, check=False, timeout=300)
    return done.returncode, done.stderr.decode("utf-8", "replace")

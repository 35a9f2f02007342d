"""Runs the compiled engine's own tests on builds with the address and undefined-behaviour sanitizers.

    python -m tests.rtdenoise.engines.sanitize

The builds are in build/sanitize, where nothing but these tests looks for them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .kernels import BUILDS, FOLDER, build, compiler

_HERE = Path(__file__).parent
_TESTS = (
    "test_native_alignment.py",
    "test_native_engine.py",
    "test_native_kernels.py",
    "test_native_passes.py",
)
_SANITIZERS = "-fsanitize=address,undefined"
# As it is quickest to compile: the tests take less time than that.
_FLAGS = (_SANITIZERS, "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-O1", "-g1")


def why_not() -> str:
    """Why this machine can't run the sanitizers; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "they are only run on Linux"
    if not compiler():
        return "there is no C compiler"
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.c"
        empty.write_text("int nothing;\n")
        command = [*compiler(), _SANITIZERS, "-shared", "-fPIC", str(empty), "-o", f"{empty}.so"]
        made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode or not _runtime():
        return f"{compiler()[0]} has no address sanitizer that can be loaded before Python"
    return ""


def _runtime() -> list[str]:
    """Libraries to be loaded before Python: the sanitizer's, and C++'s, whose exceptions it has to know."""
    found = []
    for name in ("libasan.so", "libstdc++.so"):
        command = [*compiler(), f"-print-file-name={name}"]
        path = subprocess.check_output(command, text=True).strip()
        if not os.path.isabs(path):  # it isn't there
            return []
        found.append(os.path.realpath(path))
    return found


def main() -> int:
    reason = why_not()
    if reason:
        print(f"The engine isn't run with sanitizers: {reason}.")  # noqa: T201
        return 0
    folder = BUILDS / "sanitize"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build(folder, _FLAGS)
    environment = {
        **os.environ,
        FOLDER: str(folder),
        "LD_PRELOAD": " ".join(_runtime()),
        "ASAN_OPTIONS": "detect_leaks=0",  # of Python itself
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    tests = [str(_HERE / name) for name in _TESTS]
    # What a sanitizer writes before it ends the process must not be captured.
    command = [sys.executable, "-m", "pytest", "-q", "--capture=sys", *tests]
    return subprocess.call(command, env=environment)


if __name__ == "__main__":
    sys.exit(main())

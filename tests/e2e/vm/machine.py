"""Runs a command in a virtual machine whose kernel has real camera drivers, and which sees this machine's files.

    python -m tests.e2e.vm.machine SHARE COMMAND ...

The kernel of ``image.py`` is a program: it boots in a second, and what runs in it runs at about this processor's
speed, on one core. What is written there is lost, but for what lies in SHARE. It has

- /dev/video10 "Camera": v4l2loopback, to be fed as a webcam;
- /dev/video11 "Virtual": v4l2loopback with exclusive_caps=1, the virtual camera;
- /dev/video20: vivid, the kernel's test picture;
- /dev/video0 as soon as ``webcam.py`` plugs one in.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .image import image

FAILED = 125
MEMORY = "5G"
# A new page costs a trip to the host there: malloc keeps what it once had.
_THRIFTY = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1073741824:glibc.malloc.arena_max=1"


@dataclass(frozen=True)
class Outcome:
    """How a command ended; ``FAILED``: the machine did not get so far, and ``console`` says more."""

    status: int
    out: str
    err: str
    console: str


def run(
    command: Sequence[str | Path],
    *,
    share: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs a command in a machine of its own, in this process's working directory.

    Args:
        command: The program and its words.
        share: The folder that the machine may write to.
        seconds: After so long it is switched off.
        environment: Variables for the command; None takes this process's.
    """
    kernel = image()
    variables = {**(os.environ if environment is None else environment), "GLIBC_TUNABLES": _THRIFTY}
    with tempfile.TemporaryDirectory(prefix="rtdenoise-vm-") as name:
        job = Path(name)
        exports = [
            f"export {key}={shlex.quote(value)}\n"
            for key, value in variables.items()
            if key.isidentifier()
        ]
        script = f"cd {shlex.quote(str(Path.cwd()))} && exec {shlex.join(map(str, command))}\n"
        (job / "command").write_text("".join(exports) + script)
        # What the kernel doesn't know goes to its first process: as variables, where there is a "=".
        boot = {
            "mem": MEMORY,
            "root": "/dev/root",
            "rootfstype": "hostfs",
            "rootflags": "/",
            "init": Path(__file__).with_name("init.sh").resolve(),
            "con": "null",
            "con0": "null,fd:1",
            "usbcore.autosuspend": "-1",
            "JOB": job,
            "SHARE": share.resolve(),
            "IMAGE": kernel,
            "PYTHON": sys.executable,
        }
        words = [f"{key}={value}" for key, value in boot.items()]
        with (job / "console").open("wb") as console:
            machine = subprocess.Popen(
                # One core for all its processes: to wake one on another core costs five times as much.
                [
                    "taskset",
                    "-c",
                    str(max(os.sched_getaffinity(0))),
                    kernel / "linux",
                    *words,
                    "ro",
                    "quiet",
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "TMPDIR": "/dev/shm"},  # its memory is a file
                start_new_session=True,
            )
            try:
                machine.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
            finally:
                if machine.poll() is None:
                    os.killpg(machine.pid, signal.SIGKILL)
                    machine.wait()

        def left(file: str) -> str:
            path = job / file
            return path.read_text(errors="replace") if path.exists() else ""

        return Outcome(int(left("status") or FAILED), left("out"), left("err"), left("console"))


def why_not() -> str:
    """Why no machine starts here; empty where one does."""
    if not image().exists():
        return "its kernel is not built; make test-devices builds it"
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(["true"], share=Path(folder), seconds=60)
    if outcome.status == 0:
        return ""
    said = outcome.err.splitlines() + outcome.console.splitlines()
    telling = [line for line in said if "panic" in line or "failed" in line] or said[-1:]
    return f"it does not boot: {telling[0] if telling else 'it says nothing'}"


if __name__ == "__main__":
    done = run(sys.argv[2:], share=Path(sys.argv[1]), seconds=600)
    sys.stdout.write(done.out)
    sys.stderr.write(done.err if done.status != FAILED else done.err + done.console)
    sys.exit(done.status)

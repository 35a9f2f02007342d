"""Helpers for what runs inside the virtual machine: the webcam's plug, runs of rtdenoise, notes for the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

WEBCAM = Path("/dev/video0")
FED, VIRTUAL = Path("/dev/video10"), Path("/dev/video11")
RTDENOISE = [sys.executable, "-c", "from rtdenoise.cli import main; main()"]
# The kernel's number of a control for each name that the software webcam prints.
CONTROL_IDS = {
    "exposure_auto": 0x009A0901,
    "exposure_absolute": 0x009A0902,
    "gain": 0x00980913,
    "power_line_frequency": 0x00980918,
}


def wait_for(what: str, there: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.1)


def has_open(process: int, path: Path) -> bool:
    """Whether a process has a file or device open."""
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):  # it may close any of them meanwhile
            if link.readlink() == path:
                return True
    return False


def note(share: Path, step: str, value: object) -> None:
    (share / f"{step}.json").write_text(json.dumps(value))


class Run:
    """A run of rtdenoise whose outcome is noted; it ends by itself or by :meth:`signal`."""

    def __init__(self, share: Path, step: str, *words: str | Path, **popen: Any) -> None:
        self._share, self._step = share, step
        self.out, self.err = share / f"{step}.out", share / f"{step}.err"
        home = popen.pop("home", share / "home")
        with self.out.open("w") as out, self.err.open("w") as err:
            self._process = subprocess.Popen(
                [*RTDENOISE, "--home", str(home), *map(str, words)], stdout=out, stderr=err, **popen
            )

    def until(self, what: str, there: Callable[[], bool], seconds: float = 60.0) -> None:
        """Waits until something is so; a run that ended is waited for no longer."""
        wait_for(what, lambda: there() or self._process.poll() is not None, seconds)

    def said(self, text: str) -> int:
        """How often it has said a text so far."""
        return self.err.read_text().count(text)

    def until_said(self, text: str, times: int = 1, seconds: float = 60.0) -> None:
        self.until(f"“{text}”", lambda: self.said(text) >= times, seconds)

    def signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def holds(self, path: Path) -> bool:
        """Whether it has a device open."""
        return has_open(self._process.pid, path)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        try:
            status = self._process.wait(120)
        except subprocess.TimeoutExpired:
            self.kill()
            status = -1
        said = {"out": self.out.read_text(), "err": self.err.read_text()}
        note(self._share, self._step, {"status": status, **said})


def run(share: Path, step: str, *words: str | Path, **popen: Any) -> None:
    """Runs rtdenoise to its end, and notes its outcome."""
    Run(share, step, *words, **popen).end()


def interrupted(call: Run) -> None:
    """Ctrl-C, and its end."""
    call.signal(signal.SIGINT)
    call.end()


class Webcam:
    """The software webcam, plugged in; what it prints goes to SHARE/webcam.log."""

    def __init__(self, share: Path, pictures: list[Path]) -> None:
        self._plug = share / "plug"
        self._log = share / "webcam.log"
        with self._log.open("a") as log:
            words = [sys.executable, "-m", "tests.e2e.vm.webcam", self._plug, *pictures]
            self._process = subprocess.Popen(list(map(str, words)), stdout=log, cwd=_checkout())
        wait_for("the webcam", WEBCAM.exists)
        time.sleep(1)

    def __enter__(self) -> Webcam:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._plug.unlink(missing_ok=True)

    def pull(self) -> None:
        """Pulls the plug."""
        self._plug.unlink()
        wait_for("the webcam's going", lambda: not WEBCAM.exists())

    def plug(self) -> None:
        """Puts the plug back in."""
        self._plug.touch()
        wait_for("the webcam's return", WEBCAM.exists)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP: it sends nothing and answers nothing."""
        self._process.send_signal(number)

    def log(self) -> str:
        """All that it printed so far."""
        return self._log.read_text()

    def told(self) -> Callable[[], dict[str, str]]:
        """What it has been told from now on: control, last value."""
        before = len(self.log())

        def since() -> dict[str, str]:
            lines = [line.split() for line in self.log()[before:].splitlines()]
            # The last line may be half written.
            return {words[1]: words[2] for words in lines if words[0] == "set" and len(words) > 2}

        return since


def set_by_hand(values: dict[str, int]) -> None:
    """Sets the webcam's controls as its owner would."""
    from rtdenoise.cameras.v4l2 import Device

    with Device(str(WEBCAM)) as device:
        for name, value in values.items():
            device.set(CONTROL_IDS[name], value)


def look(
    device: Path, result: Path, *, frames: int = 0, seconds: float = 100.0
) -> subprocess.Popen[bytes]:
    """Another program that reads a camera; see ``look.py``."""
    words = ["-m", "tests.e2e.vm.look", device, result, str(frames), str(seconds)]
    return subprocess.Popen([sys.executable, *map(str, words)], cwd=_checkout())


@contextmanager
def holding(words: list[str]) -> Iterator[None]:
    """Another program that holds a device, from its first line of output until the end of the block."""
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout
            holder.stdout.readline()
            yield
        finally:
            holder.kill()


def ended(program: subprocess.Popen[bytes]) -> None:
    """Waits for a program that has to end well."""
    if program.wait(150):
        raise RuntimeError(f"{program.args!r} ended with {program.returncode}")


def _checkout() -> Path:
    return Path(__file__).resolve().parents[3]


def share_and_pictures() -> tuple[Path, list[Path]]:
    """The words of a scenario: the folder for notes, and the pictures that the test drew there."""
    share = Path(sys.argv[1])
    os.chdir("/tmp")
    return share, sorted(share.glob("*.jpg"))

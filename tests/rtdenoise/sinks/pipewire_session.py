"""A PipeWire session of its own, for tests: a bus, the daemon and a session manager in a folder of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("dbus-daemon", "pipewire", "wireplumber", "pw-dump", "gst-launch-1.0")


def missing() -> str:
    """Which of the programs isn't installed, or that GStreamer can't read PipeWire; empty if all is there."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            return f"{program} is not installed"
    asked = subprocess.run(["gst-inspect-1.0", "pipewiresrc"], capture_output=True, check=False)
    return "" if asked.returncode == 0 else "gstreamer1.0-pipewire is not installed"


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Waits until something is so; a minute is for ever.

    Raises:
        TimeoutError: it never was.
    """
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError(what)


class Session:
    """Sockets in ``folder``, which is XDG_RUNTIME_DIR; it has to be short, as names of sockets must be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/bus",
        }
        self._running: list[subprocess.Popen[bytes]] = []
        self._pipewire: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts a program in the session; it ends with it."""
        with (self.folder / f"{Path(words[0]).name}.log").open("ab") as log:
            program = subprocess.Popen(
                words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._running.append(program)
        return program

    def start_pipewire(self) -> None:
        """Starts the daemon and the session manager, which links readers to cameras."""
        self._pipewire = [self.start("pipewire")]
        wait_for((self.folder / "pipewire-0").exists, "PipeWire has no socket")
        self._pipewire.append(self.start("wireplumber"))

    def stop_pipewire(self) -> None:
        """Ends both, as an update of PipeWire does."""
        _end(self._pipewire)

    def stop(self) -> None:
        """Ends what was started, the last first."""
        _end(self._running)

    def cameras(self) -> list[str]:
        """The names of the video sources that programs are offered as cameras."""
        said = subprocess.run(["pw-dump"], env=self.environment, capture_output=True, check=True)
        nodes = [thing.get("info", {}).get("props", {}) for thing in json.loads(said.stdout)]
        return [
            node["node.name"]
            for node in nodes
            if (node.get("media.class"), node.get("media.role")) == ("Video/Source", "Camera")
        ]

    def read(self, camera: str, count: int) -> subprocess.Popen[bytes]:
        """A program that reads so many frames of a camera, and writes them as bare I420 to its output."""
        words = ["gst-launch-1.0", "-q", "pipewiresrc", f"target-object={camera}"]
        words += [f"num-buffers={count}", "!", "video/x-raw,format=I420", "!", "fdsink"]
        return subprocess.Popen(
            words, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )


def _end(programs: list[subprocess.Popen[bytes]]) -> None:
    for program in reversed(programs):
        program.terminate()
    for program in reversed(programs):
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


@contextmanager
def session() -> Iterator[Session]:
    """A running session, ended and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="pw", dir="/tmp") as folder:
        made = Session(Path(folder))
        try:
            bus = made.folder / "bus"
            made.start("dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus}")
            wait_for(bus.exists, "the bus has no socket")
            made.start_pipewire()
            yield made
        finally:
            made.stop()

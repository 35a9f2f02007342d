"""An app as a user starts it, with a home and a folder for running programs of its own; and a page that talks to it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("websockets", reason="the app's extra is not installed")

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

ROOT = Path(__file__).parents[2]
CAMERA = "simulated:desk?noise=high"
State = dict[str, Any]


class Page:
    """A connected page.

    Args:
        address: What the app printed.
    """

    def __init__(self, address: dict[str, Any]) -> None:
        self.origin = f"http://127.0.0.1:{address['port']}"
        url = f"ws://127.0.0.1:{address['port']}/ws?token={address['token']}"
        self._stack = ExitStack()
        self.connection: ClientConnection = self._stack.enter_context(
            connect(url, origin=Origin(self.origin), max_size=None, proxy=None)
        )
        self.state: State = {}
        self.said: list[dict[str, Any]] = []
        self.pictures: list[tuple[dict[str, Any], list[bytes]]] = []

    def send(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def take(self, timeout: float = 10.0) -> None:
        """Takes the next message in."""
        message = self.connection.recv(timeout)
        if isinstance(message, bytes):
            self.pictures.append(parts_of(message))
            self.send(do="drawn")
        else:
            value = json.loads(message)
            if "state" in value:
                self.state = value["state"]
            else:
                self.said.append(value)

    def until(self, true: Callable[[State], Any], timeout: float = 60.0) -> State:
        """Takes messages in until the state is so."""
        end = time.monotonic() + timeout
        while not (self.state and true(self.state)):
            assert time.monotonic() < end, (self.state, self.said)
            self.take(timeout)
        return self.state

    def picture(self, timeout: float = 60.0) -> tuple[dict[str, Any], list[bytes]]:
        """The next picture of the preview."""
        known, end = len(self.pictures), time.monotonic() + timeout
        while len(self.pictures) == known:
            assert time.monotonic() < end, (self.state, self.said)
            self.take(timeout)
        return self.pictures[-1]

    def close(self) -> None:
        self._stack.close()


def parts_of(message: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """A preview message's header and JPEGs."""
    (length,) = struct.unpack("<I", message[:4])
    header, at, parts = json.loads(message[4 : 4 + length]), 4 + length, []
    for size in header["parts"]:
        parts.append(message[at : at + size])
        at += size
    assert at == len(message)
    return header, parts


class App:
    """A running app."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.home, self.runtime = folder / "home", folder / "run"
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime)}
        self.process = self.start("--camera", CAMERA, *words)
        assert self.process.stdout is not None
        self.address: dict[str, Any] = json.loads(self.process.stdout.readline())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts the command once more."""
        command = [sys.executable, "-m", "rtdenoise", "--home", str(self.home)]
        return subprocess.Popen(
            [*command, "app", "--no-browser", "--json", *words],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def page(self) -> Page:
        return Page(self.address)

    def stop(self) -> str:
        """Ends it; what it said."""
        if self.process.poll() is None:
            self.process.terminate()
        _, said = self.process.communicate(timeout=60)
        return said


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An app that chose the simulated camera."""
    running = App(tmp_path)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One for several tests that leave it as it is."""
    running = App(tmp_path_factory.mktemp("app"))
    try:
        yield running
    finally:
        running.stop()

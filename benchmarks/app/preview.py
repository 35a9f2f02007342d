"""What the app's page costs a call: the preview's rate and age, and the frames that are dropped, with and without it.

    python -m benchmarks.app.preview [--size 1280x720] [--network nano] [--seconds 20] [--rounds 3] [--page FILE]

`rtdenoise app` cleans a clip of the simulated camera in which a person moves (played forth and back, at its own pace,
so that nothing is rendered meanwhile). In turns no page is open, and the page is open in headless Chromium, which shows
the whole picture. The app's CPU time is taken from /proc; rate and age are what the page itself says about what it
has drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks.common import fill, forth_and_back, table
from benchmarks.live.on_demand import cpu_seconds
from rtdenoise.cameras.simulated import open_simulated

RATE_FPS = 30
_FRAMES = 60
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--window-size=1280,800",
    "--no-first-run",
)
_ASK = "JSON.stringify([rtdenoise.drawn, rtdenoise.ages.splice(0)])"


@dataclass
class Phase:
    """What was measured of one condition, over all rounds."""

    seconds: float = 0.0
    frames: int = 0
    dropped: int = 0
    cpu_s: float = 0.0
    drawn: int = 0
    ages_ms: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    cleaned_by: list[str] = field(
        default_factory=list
    )  # at the beginning and the end of each stretch


def write_clip(path: Path, size: tuple[int, int], seconds: float) -> None:
    """A clip of the simulated camera: its packets, forth and back, as long as is needed."""
    camera = open_simulated(f":desk?noise=high&motion=subject&frames={_FRAMES}", size=size)
    packets = list(camera.packets())
    order = forth_and_back(len(packets))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=RATE_FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt, stream.codec_context.color_range = "yuvj422p", 2
        for index in range(int(seconds * RATE_FPS)):
            packet = av.Packet(bytes(packets[order[index % len(order)]]))
            packet.pts = packet.dts = index
            packet.time_base, packet.stream = Fraction(1, RATE_FPS), stream
            container.mux(packet)


class App:
    """The app, and a connection to it that only asks how it goes."""

    def __init__(self, folder: Path, clip: Path, network: str) -> None:
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        words = [sys.executable, "-m", "rtdenoise", "--home", str(folder / "home"), "app"]
        words += ["--no-browser", "--json", "--camera", f"file:{clip}"]
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
        self.process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address: dict[str, Any] = json.loads(self.process.stdout.readline())
        with self.connected() as page:
            self._send(page, do="choose", camera=self.state(page)["camera"], outputs=["null"])
            self._send(page, do="set", network=network)
            self._send(page, do="start")
            while self.state(page)["live"] is None:
                pass

    @contextmanager
    def connected(self) -> Iterator[ClientConnection]:
        """A page that shows nothing."""
        port, token = self.address["port"], self.address["token"]
        url, origin = f"ws://127.0.0.1:{port}/ws?token={token}", f"http://127.0.0.1:{port}"
        with connect(url, origin=Origin(origin), proxy=None) as page:
            yield page

    def _send(self, page: ClientConnection, **message: Any) -> None:
        page.send(json.dumps(message))

    def state(self, page: ClientConnection) -> dict[str, Any]:
        """The next state."""
        while True:
            value = json.loads(page.recv(30))
            if "state" in value:
                return dict(value["state"])

    def live(self) -> dict[str, Any]:
        """How the call goes now."""
        with self.connected() as page:
            return dict(self.state(page)["live"])


class Chromium:
    """The app's page in a browser, by its DevTools protocol."""

    def __init__(self, address: str, folder: Path) -> None:
        folder.mkdir()
        words = [
            "chromium",
            *_FLAGS,
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            address,
        ]
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._stack = ExitStack()
        self._stack.callback(self._process.terminate)
        port_file = folder / "DevToolsActivePort"
        while not port_file.exists() or len(port_file.read_text().splitlines()) < 2:
            time.sleep(0.1)
        port, path = port_file.read_text().splitlines()[:2]
        url = f"ws://127.0.0.1:{port}{path}"
        self._browser = self._stack.enter_context(connect(url, max_size=None, proxy=None))
        self._number = 0
        targets = self._ask("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self._ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def _ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._browser.send(json.dumps(message))
        while True:
            answer = json.loads(self._browser.recv(30))
            if answer.get("id") == self._number:
                return dict(answer["result"])

    def drawn(self) -> tuple[int, list[float]]:
        """How many pictures were drawn so far, and how old the new ones were, in ms."""
        result = self._ask("Runtime.evaluate", self._session, expression=_ASK)["result"]
        if "value" not in result:
            return 0, []  # the page isn't there yet
        count, ages = json.loads(result["value"])
        return int(count), list(ages)

    def close(self) -> None:
        """Ends it."""
        self._stack.close()
        self._process.wait(30)


def measure(app: App, phase: Phase, seconds: float, page: Chromium | None) -> None:
    """One stretch of time."""
    before, cpu, begun = app.live(), cpu_seconds(app.process.pid), time.monotonic()
    first = page.drawn()[0] if page else 0
    while time.monotonic() - begun < seconds:
        time.sleep(1.0)
        if page:
            phase.ages_ms += page.drawn()[1]
    took = time.monotonic() - begun
    phase.cpu_s += cpu_seconds(app.process.pid) - cpu
    after = app.live()
    phase.seconds += took
    phase.dropped += after["dropped"] - before["dropped"]
    phase.frames += after["frames"] - before["frames"]
    phase.delays_ms.append(after["delay_ms"]["p95"])
    phase.cleaned_by += [before["network"], after["network"]]
    if page:
        phase.drawn += page.drawn()[0] - first


def lines(phases: dict[str, Phase]) -> Iterator[list[str]]:
    """The table's rows."""
    for name, phase in phases.items():
        ages = np.percentile(phase.ages_ms, (50, 95, 100)) if phase.ages_ms else None
        yield [
            name,
            ", ".join(dict.fromkeys(phase.cleaned_by)),
            f"{phase.frames / phase.seconds:.1f}",
            f"{phase.dropped} of {phase.frames + phase.dropped}",
            f"{statistics.median(phase.delays_ms):.0f} ms",
            f"{100 * phase.cpu_s / phase.seconds:.0f} %",
            f"{phase.drawn / phase.seconds:.1f}" if phase.drawn else "–",
            "–" if ages is None else f"{ages[0]:.0f}, {ages[1]:.0f}, {ages[2]:.0f} ms",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--network", default="nano")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=3, help="without and with the page, in turns")
    parser.add_argument("--page", type=Path, help="fill the table preview of this page")
    options = parser.parse_args()
    if shutil.which("chromium") is None:
        sys.exit("chromium is not installed.")
    width, height = (int(side) for side in options.size.split("x"))
    phases = {"no page is open": Phase(), "the page is open": Phase()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mkv"
        write_clip(clip, (width, height), options.rounds * (2 * options.seconds + 30) + 60)
        app = App(folder, clip, options.network)
        try:
            time.sleep(10)
            for index in range(options.rounds):
                measure(app, phases["no page is open"], options.seconds, None)
                browser = Chromium(app.address["address"], folder / f"chromium{index}")
                try:
                    time.sleep(6)  # in which the browser starts
                    browser.drawn()
                    measure(app, phases["the page is open"], options.seconds, browser)
                finally:
                    browser.close()
        finally:
            app.process.terminate()
            app.process.wait(60)
    head = [
        "",
        "cleaned by",
        "frames/s",
        "dropped",
        "delay, 95 %",
        "CPU, of a core",
        "preview, pictures/s",
    ]
    text = table([*head, "their age: median, 95 %, most"], lines(phases))
    print(text)
    if options.page:
        fill(options.page, {"preview": text})


if __name__ == "__main__":
    main()

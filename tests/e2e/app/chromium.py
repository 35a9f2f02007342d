"""Headless Chromium, driven through its DevTools protocol: clicks, keys, what is on the page and what it looks like."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from websockets.sync.client import connect

from rtdenoise.arrays import Bytes

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--remote-debugging-port=0",
)
_START_S, _ANSWER_S = 60.0, 60.0
_KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, "Enter": 13}


class Chromium:
    """A browser with one page.

    Args:
        program: Which Chromium.
        folder: For what it keeps; empty or not there yet.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._stack = ExitStack()
        self._number = 0
        self.complaints: list[str] = []
        """Errors of scripts and of the page's security policy."""
        words = [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            url = self._devtools(folder / "DevToolsActivePort")
            self._socket = self._stack.enter_context(connect(url, max_size=None, proxy=None))
            targets = self._ask("Target.getTargets")["targetInfos"]
            page = next(target["targetId"] for target in targets if target["type"] == "page")
            attached = self._ask("Target.attachToTarget", targetId=page, flatten=True)
        except BaseException:
            self.close()
            raise
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def _devtools(self, written: Path) -> str:
        end = time.monotonic() + _START_S
        while not written.exists() or len(written.read_text().splitlines()) < 2:
            assert self._process.poll() is None, "Chromium ended."
            assert time.monotonic() < end, "Chromium doesn't start."
            time.sleep(0.1)
        port, path = written.read_text().splitlines()[:2]
        return f"ws://127.0.0.1:{port}{path}"

    def close(self) -> None:
        """Ends it."""
        self._stack.close()
        self._process.terminate()
        self._process.wait(30)

    def _ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(_ANSWER_S))
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self._hear(answer)

    def _hear(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(event["params"]["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded":
            entry = event["params"]["entry"]
            if entry["level"] == "error":
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol to the page."""
        return self._ask(method, self._session, **params)

    # --- the page ---

    def open(self, address: str) -> None:
        """Goes to an address."""
        self.ask("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def window(self, width: int, height: int, scheme: str = "light", scale: float = 1.0) -> None:
        """How large the page is, in CSS pixels, and whether the system is "light" or "dark"."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is; a promise is waited for."""
        answer = self.ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    def until(self, expression: str, timeout_s: float = 60.0) -> Any:
        """Waits until an expression is true."""
        end = time.monotonic() + timeout_s
        while not (found := self.value(expression)):
            told = self.value("document.body.innerText")
            assert time.monotonic() < end, f"{expression} didn't become true:\n{told}"
            time.sleep(0.1)
        return found

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Where an element is: (x, y, width, height) in CSS pixels; it is scrolled to."""
        found = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
        )
        x, y, width, height = found
        assert width > 0, f"{selector} is not to be seen"
        return x, y, width, height

    def click(self, selector: str) -> None:
        """Clicks an element's middle, as a mouse does."""
        x, y, width, height = self.box(selector)
        self.drag([(x + width / 2, y + height / 2)])

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        """Presses the mouse at the first point, and lets it go at the last."""
        for index, (x, y) in enumerate(points):
            kinds = ["mouseMoved"]
            kinds += ["mousePressed"] * (index == 0) + ["mouseReleased"] * (
                index == len(points) - 1
            )
            for kind in kinds:
                button = "none" if kind == "mouseMoved" and index == 0 else "left"
                self.ask(
                    "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1
                )

    def press(self, *keys: str) -> None:
        """Presses keys, as a keyboard does."""
        for key in keys:
            code = _KEYS[key]
            text = {"text": "\r"} if key == "Enter" else {}
            for kind in ("keyDown", "keyUp"):
                more = text if kind == "keyDown" else {}
                params = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
                self.ask("Input.dispatchKeyEvent", **params, **more)

    def choose(self, selector: str, value: str) -> None:
        """Sets a field or a select, as a person's choice."""
        self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            f" e.value = {json.dumps(value)};"
            " for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true})); })()"
        )

    def picture(self, *, whole: bool = False) -> Bytes:
        """What the page looks like, (rows, columns, BGR); ``whole``: also what has to be scrolled to."""
        params = {"format": "png", "captureBeyondViewport": whole}
        data = base64.b64decode(self.ask("Page.captureScreenshot", **params)["data"])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        return np.asarray(picture, np.uint8)

"""Chromium without a window and without a network, driven through its DevTools protocol by a pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def why_not() -> str:
    """Why there is no browser here; empty where there is one."""
    if sys.platform != "linux":
        return "the pipe to Chromium is made as on Linux"
    return "" if shutil.which("chromium") else "chromium is not installed"


class Tab:
    """One page in the browser, of a width and in a colour scheme."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def call(self, method: str, **parameters: Any) -> Json:
        return self._browser.call(method, self._session, **parameters)

    def show(self, path: Path, width: int, scheme: str = "light", height: int = 900) -> None:
        """Opens a file and waits until it is drawn."""
        self.call("Page.enable")
        self.call("Network.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Page.navigate", url=path.as_uri())
        self._browser.wait_for("Page.loadEventFired", self._session)

    def value(self, script: str) -> Any:
        """What a script gives, in the page."""
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = key if len(key) == 1 and kind == "keyDown" else ""
            code = {"Enter": 13, "Tab": 9, "End": 35, "ArrowRight": 39}.get(key, 0)
            if key == "Enter" and kind == "keyDown":
                text = "\r"
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                text=text,
                windowsVirtualKeyCode=code,
            )

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))


class Browser:
    """A browser that runs."""

    def __init__(self, to_it: int, from_it: int) -> None:
        self._to, self._from = to_it, from_it
        self._rest = b""
        self._number = 0
        self._events: list[Json] = []
        self._tabs: dict[str, Tab] = {}

    def tab(self) -> Tab:
        """A new, empty tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._tabs[session] = Tab(self, session)
        return self._tabs[session]

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Json:
        self._number += 1
        message: Json = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: Json = told["result"]
                return result
            self._events.append(told)

    def wait_for(self, event: str, session: str) -> None:
        while True:
            told = self._events.pop(0) if self._events else self._next()
            if told.get("method") == event and told.get("sessionId") == session:
                return

    def _next(self) -> Json:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 20)
            assert data, "Chromium is gone"
            self._rest += data
        message, self._rest = self._rest.split(b"\0", 1)
        told: Json = json.loads(message)
        tab = self._tabs.get(told.get("sessionId", ""))
        if tab is not None:
            if told.get("method") == "Network.requestWillBeSent":
                tab.requests.append(told["params"]["request"]["url"])
            elif told.get("method") == "Log.entryAdded":
                tab.complaints.append(told["params"]["entry"]["text"])
            elif told.get("method") == "Runtime.exceptionThrown":
                tab.complaints.append(json.dumps(told["params"]["exceptionDetails"]))
        return told


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Starts a browser that keeps its things in ``folder``."""
    its_in, to_it = os.pipe()
    from_it, its_out = os.pipe()
    words = ["chromium", *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    # Chromium reads from its descriptor 3 and writes to 4.
    script = f'exec "$@" 3<&{its_in} 4>&{its_out}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *words, "about:blank"],
        pass_fds=(its_in, its_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_in)
    os.close(its_out)
    browser = Browser(to_it, from_it)
    try:
        yield browser
    finally:
        browser.call("Browser.close")
        process.wait(30)
        os.close(to_it)
        os.close(from_it)

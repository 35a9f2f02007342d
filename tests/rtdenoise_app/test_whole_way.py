"""The whole way as a page goes it, on the simulated camera: choose, film, calibrate, use; and leaving it in between."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import CAMERA, App, Page, State

SIZE = "320x180"
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def levels(jpeg: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def grain(jpeg: bytes) -> float:
    """How much a picture differs from its smoothed self where it is flattest."""
    grey = levels(jpeg).mean(axis=2).astype(np.float32)
    squares = (grey - cv2.blur(grey, (17, 17))) ** 2
    blocks = cv2.resize(squares, (20, 11), interpolation=cv2.INTER_AREA).ravel()
    return float(np.sort(blocks)[:40].mean() ** 0.5)


def chosen(page: Page) -> None:
    page.until(lambda state: state["cameras"])
    camera = page.state["cameras"][0]["id"]
    page.send(do="choose", camera=camera, size=SIZE, outputs=["null"])
    page.until(lambda state: state["settings"]["size"] == SIZE)


def test_the_whole_way(app: App) -> None:
    page = app.page()
    chosen(page)
    assert page.until(lambda state: state["step"] == "film")["doing"] == "idle"
    page.send(do="calibrate", minutes=1)
    while not page.said:
        page.take()
    assert page.said.pop()["error"] == "Nothing was filmed that is fit for calibrating."

    page.send(do="preview", on=True, width=320)
    page.send(do="film", scenes=1, seconds=3)
    page.until(lambda state: state["doing"] == "filming")
    words = page.until(lambda state: state["film"] and state["film"]["meter"])["film"]["meter"][
        "words"
    ]
    assert words
    page.until(lambda state: state["doing"] == "idle", 120)
    # Who films sees what is filmed. The simulated camera films quicker than in real time: maybe none was made.
    for _, (before, after) in page.pictures:
        assert before == after
    series = page.state["film"]["series"]
    assert series
    assert all(one["accepted"] for one in series), page.state
    assert all(isinstance(said, str) for said in page.state["film"]["remarks"])
    assert page.state["step"] == "calibrate"

    # The page is closed, and opened again: everything is where it was.
    page.send(do="calibrate", minutes=0.05)
    page.until(lambda state: state["doing"] == "calibrating")
    page.close()
    page = app.page()
    seen = set[str]()

    def ended(state: State) -> bool:
        seen.add((state["calibrate"] or {}).get("stage", ""))
        return bool(state["doing"] == "idle")

    page.until(ended, 300)
    assert {"Measuring the noise", "Fine-tuning"} <= seen
    done = page.state["calibrate"]
    assert done["done"]
    assert done["gain_db"] > 1
    assert page.state["step"] == "use"

    page.send(do="preview", on=True, view="split", width=640)
    page.send(do="start")
    page.until(lambda state: state["doing"] == "live" and state["live"]["removed_db"] is not None)
    for _ in range(40):
        header, (before, after) = page.picture()
    assert header["size"] == [320, 180]
    assert header["view"] == "split"
    assert grain(after) < 0.6 * grain(before)
    assert page.state["live"]["removed_db"] > 3
    assert page.state["live"]["sink"] == "null"

    page.send(do="strength", value=0)
    page.until(lambda state: state["settings"]["strength"] == 0)
    for _ in range(10):
        _, (before, after) = page.picture()
    assert before == after

    page.send(do="preview", on=True, view="removed", width=640, crop=[100, 50, 64, 32])
    while header["view"] != "removed":
        header, parts = page.picture()
    assert header["crop"] == [100, 50, 64, 32]
    assert levels(parts[0]).shape == (32, 64, 3)
    assert abs(float(levels(parts[0]).mean()) - 128) < 2  # at strength 0 nothing was removed

    page.send(do="stop")
    page.until(lambda state: state["doing"] == "idle")
    assert page.state["live"] is None
    page.close()


@posix
def test_ctrl_c_keeps_what_was_filmed(app: App) -> None:
    page = app.page()
    chosen(page)
    page.send(do="film", scenes=1, seconds=300)
    page.until(lambda state: (state["film"] or {}).get("good_frames", 0) > 10)
    page.close()
    app.process.send_signal(signal.SIGINT)
    said = app.stop()
    assert app.process.returncode == 0, said
    (sidecar,) = app.home.rglob("clips/*.json")
    assert json.loads(sidecar.read_text())["frames"] > 10


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_it_ends_while_it_is_live(app: App, name: str) -> None:
    page = app.page()
    chosen(page)
    page.send(do="start")
    page.until(lambda state: state["doing"] == "live")
    app.process.send_signal(getattr(signal, name))
    said = app.stop()
    assert app.process.returncode == 0, said
    assert "Traceback" not in said


def test_settings_are_kept_for_the_camera(app: App, tmp_path: Path) -> None:
    page = app.page()
    chosen(page)
    page.send(do="strength", value=0.5)
    page.send(do="set", mirror=True, brighten="auto", network="nano")
    page.until(lambda s: s["settings"]["mirror"] and s["settings"]["strength"] == 0.5)
    page.send(do="quit")
    assert app.process.wait(60) == 0
    app.stop()

    again = app.start("--camera", CAMERA)
    assert again.stdout is not None
    address = json.loads(again.stdout.readline())
    try:
        # The page that is still open finds it again.
        assert (address["port"], address["token"]) == (app.address["port"], app.address["token"])
        page = app.page()
        settings = page.until(lambda state: state["camera"])["settings"]
        assert settings == {
            "size": SIZE,
            "fps": None,
            "outputs": ["null"],
            "strength": 0.5,
            "mirror": True,
            "brighten": "auto",
            "on_demand": False,
            "network": "nano",
            "mains_hz": None,
        }
        page.close()
    finally:
        again.terminate()
        again.communicate(timeout=60)


def test_a_second_start_finds_the_first(app: App) -> None:
    second = app.start()
    out, said = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert json.loads(out) == app.address
    assert "runs already" in said
    if not sys.platform.startswith("linux"):
        return
    written = app.runtime / "rtdenoise" / "app.json"
    assert written.stat().st_mode & 0o077 == 0
    assert written.parent.stat().st_mode & 0o077 == 0

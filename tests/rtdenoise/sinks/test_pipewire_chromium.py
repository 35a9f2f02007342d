"""A page in Chromium gets the camera by getUserMedia, and sends it to itself through an RTCPeerConnection."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .chromium_page import FLAGS, WIDTH, Page, check, film, serving
from .pipewire_session import Session, missing, session, wait_for

PORTAL = Path("/usr/libexec/xdg-desktop-portal")
SYSTEM_PYTHON = "/usr/bin/python3"


def why_not() -> str:
    if sys.platform != "linux":
        return "PipeWire is Linux's"
    if shutil.which("chromium") is None:
        return "chromium is not installed"
    if not PORTAL.exists():
        return "xdg-desktop-portal is not installed"
    words = [SYSTEM_PYTHON, "-c", "import gi"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(words, capture_output=True).returncode:
        return "python3-gi is not installed"
    return missing()


def start_portal(desk: Session) -> None:
    portals = desk.folder / "portals"
    portals.mkdir()
    (portals / "test.portal").write_text(
        "[portal]\nDBusName=org.freedesktop.impl.portal.desktop.test\n"
        "Interfaces=org.freedesktop.impl.portal.Access;\nUseIn=test\n"
    )
    desk.environment |= {"XDG_CURRENT_DESKTOP": "test", "XDG_DESKTOP_PORTAL_DIR": str(portals)}
    desk.start(SYSTEM_PYTHON, str(Path(__file__).with_name("portal_access.py")))
    desk.start(str(PORTAL))


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "it runs")
def test_a_still_chart_comes_out_as_it_is(tmp_path: Path) -> None:
    film(tmp_path / "bars.nut")
    Page.told.clear()
    with session() as desk, serving() as address:
        start_portal(desk)
        live = [sys.executable, "-m", "rtdenoise", "--home", str(tmp_path / "home"), "live"]
        live += ["--camera", f"file:{tmp_path / 'bars.nut'}", "--network", "recursive"]
        desk.environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        desk.start(*live, "--output", "pipewire:chart")
        wait_for(lambda: "chart" in desk.cameras(), "there is no camera")
        desk.start(
            "chromium",
            *FLAGS,
            f"--user-data-dir={tmp_path / 'chromium'}",
            "--enable-features=WebRtcPipeWireCamera",
            address,
        )
        wait_for(lambda: bool(Page.told), "the page has no picture")
    (told,) = Page.told
    assert "error" not in told, told
    assert told["label"] == "chart"
    assert len(told["seen"]) == WIDTH
    check(told["seen"], 4, 6)
    check(told["received"], 8, 16)  # as VP8, and smaller where the machine is slow

"""Chromium reads the virtual camera through v4l2loopback, and sends it on through an RTCPeerConnection."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rtdenoise.sinks.chromium_page import WIDTH, check, film

from .conftest import outcome, read_note


@pytest.fixture(scope="module")
def share(play: Callable[..., Path]) -> Path:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    # A frame a second: the machine has one core, which the browser needs, and takes minutes where others work too.
    return play("browser", lambda folder: film(folder / "bars.nut", 1), 450)


def test_a_still_chart_comes_out_as_it_is(share: Path) -> None:
    told = read_note(share, "told")
    assert "error" not in told, told
    assert told["label"].startswith("Virtual")
    assert len(told["seen"]) == WIDTH
    check(told["seen"], 4, 12)  # a single noisy frame, as it was sent
    check(told["received"], 8, 24)
    assert outcome(share, "live")["frames_out"] > 0

"""The panel, the plain line and the keys of `rtdenoise live`."""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import Any

import pytest

from rtdenoise.commands.live_panel import Keys, Status, line, noise_db, panel
from rtdenoise.stream import LiveReport

STAGES = {"decode": (9.0, 12.0), "convert": (1.0, 2.0), "clean": (18.0, 25.0)}
STAGES |= {"publish": (1.5, 2.0), "delay": (31.0, 44.0)}
REPORT = LiveReport(100, 98, 2, 1, 3.3, 29.7, STAGES)


class Loop:
    strength = 0.8
    sink_name = "null"

    def report(self, last: int | None = None) -> LiveReport:
        return REPORT


class Denoiser:
    name, engine_name, current = "nano", "compiled, AVX2, 1 thread", None


def text(renderable: Any) -> str:
    from rich.console import Console

    out = Console(file=io.StringIO(), width=100)
    out.print(renderable)
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_panel_says_what_is_known_and_nothing_else() -> None:
    shown = text(
        panel(
            REPORT,
            title="Cam [1]",
            sink="/dev/video9 (x)",
            denoiser="nano",
            engine="",
            strength=0.8,
            load=None,
            noise_db=None,
        )
    )
    for words in ("29.7 frames/s", "2 dropped, 1 damaged", "31 ms (44)", "18.0 ms (25.0)", "80%"):
        assert words in shown
    assert "Cam [1]" in shown
    assert "measuring" in shown


def test_the_plain_line() -> None:
    said = line(REPORT, "null", "nano")
    assert "29.7 fps, 2 dropped" in said
    assert "nano → null" in said


def test_noise_is_told_in_decibels_where_it_is_known() -> None:
    from rtdenoise.denoisers.recursive import RecursiveDenoiser
    from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise

    curve = PlaneNoise(NoiseCurve((0.0, 255.0), (6.5025, 6.5025)))
    model = NoiseModel(curve, curve, curve, chroma="420")
    assert noise_db(RecursiveDenoiser(model)) == pytest.approx(40.0, abs=0.01)
    assert noise_db(object()) is None


def test_keys_change_the_strength_and_switch_it_off_and_on() -> None:
    from rich.console import Console

    loop = Loop()
    status = Status(loop, Denoiser(), "Cam", Console(file=io.StringIO()))  # type: ignore[arg-type]
    status.pressed("up")
    assert loop.strength == pytest.approx(0.9)
    for _ in range(3):
        status.pressed("up")
    assert loop.strength == 1.0
    status.pressed("down")
    status.pressed("switch")
    assert loop.strength == 0.0
    status.pressed("switch")
    assert loop.strength == pytest.approx(0.9)


def test_a_terminal_is_put_right_again_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    import termios

    ours, theirs = pty.openpty()
    monkeypatch.setattr(sys.stdin, "fileno", lambda: theirs, raising=False)
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    before = termios.tcgetattr(theirs)
    pressed: list[str] = []
    came = threading.Event()

    def press(key: str) -> None:
        pressed.append(key)
        if len(pressed) == 3:
            came.set()

    def typed() -> None:
        with Keys(press):
            assert termios.tcgetattr(theirs) != before
            os.write(ours, b"+x- ")
            assert came.wait(20)
            raise RuntimeError("odd")

    with pytest.raises(RuntimeError, match="odd"):
        typed()
    assert pressed == ["up", "down", "switch"]
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_without_a_terminal_there_are_no_keys() -> None:
    with Keys(lambda _: None) as keys:
        assert keys._thread is None

"""The panel, the plain line and the keys of `rtdenoise live`."""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import Any

import pytest

from rtdenoise.commands import live_panel
from rtdenoise.commands.live_panel import Keys, Status, line, noise_db, panel
from rtdenoise.denoisers import Passthrough
from rtdenoise.stream import LiveReport
from rtdenoise.stream.demand import Demand

STAGES = {"decode": (9.0, 12.0), "convert": (1.0, 2.0), "clean": (18.0, 25.0)}
STAGES |= {"publish": (1.5, 2.0), "delay": (31.0, 44.0)}
REPORT = LiveReport(100, 98, 2, 1, 3.3, 29.7, STAGES)


class Loop:
    strength = 0.8
    sink_name = "null"
    demand = Demand.WATCHED

    def wanted(self) -> Demand:
        return self.demand

    def report(self, last: int | None = None) -> LiveReport:
        return REPORT


class Denoiser:
    name, engine_name = "nano", "compiled, AVX2, 1 thread"
    current: Any = None
    preparing = False


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


def test_a_narrow_terminal_gets_all_of_it() -> None:
    from rich.console import Console

    out = Console(file=io.StringIO(), width=40)
    shown = panel(
        REPORT,
        title="Cam",
        sink="/dev/video9 (x)",
        denoiser="nano without following what moves",
        engine="compiled, AVX2, 1 thread",
        strength=None,
        load=0.5,
        noise_db=31.25,
        narrow=True,
    )
    out.print(shown)
    said = out.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "29.7",
        "2 dropped, 1",
        "31 ms (44)",
        "18.0 ms (25.0)",
        "50%",
        "31.2 dB",
        "video9",
    ):
        assert words in said
    assert max(map(len, said.splitlines())) <= 40


def status(out: io.StringIO | None = None) -> tuple[Status, Loop, Denoiser]:
    from rich.console import Console

    loop, denoiser = Loop(), Denoiser()
    out = out or io.StringIO()
    made = Status(loop, denoiser, "Cam", Console(file=out, width=150))  # type: ignore[arg-type]
    return made, loop, denoiser


def test_keys_leave_the_strength_alone_where_the_cameras_picture_is_shown() -> None:
    made, loop, denoiser = status()
    denoiser.current = Passthrough()
    made.pressed("down")
    assert loop.strength == 0.8
    made.pressed("switch")
    assert loop.strength == 0.0


def said_in(monkeypatch: pytest.MonkeyPatch, seconds: float, journal: bool) -> list[str]:
    """The lines of so many seconds; it begins to clean at 5 s, and nobody looks from 60 s on."""
    clock = [0.0]
    monkeypatch.setattr("rtdenoise.commands.live_panel.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("rtdenoise.commands.live_panel._in_journal", lambda: journal)
    out = io.StringIO()
    made, loop, denoiser = status(out)
    while clock[0] < seconds:
        denoiser.preparing = clock[0] < 5
        loop.demand = Demand.DARK if clock[0] >= 60 else Demand.WATCHED
        made.update()
        clock[0] += 0.5
    return out.getvalue().splitlines()


def test_lines_come_every_ten_seconds_and_none_before_it_cleans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert said_in(monkeypatch, 5.5, False) == []
    lines = said_in(monkeypatch, 100, False)
    assert len(lines) == 10
    assert "nano → null" in lines[0]
    assert "nothing: nobody looks" in lines[-1]


def test_a_journal_gets_changes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said_in(monkeypatch, 1000, True)
    assert len(lines) == 2
    assert "nano → null" in lines[0]
    assert "nobody looks" in lines[1]


def test_a_journal_is_known_by_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    with (tmp_path / "log").open("w") as log:
        monkeypatch.setattr(sys, "stderr", log)
        found = os.fstat(log.fileno())
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert not live_panel._in_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert live_panel._in_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")
        assert not live_panel._in_journal()


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

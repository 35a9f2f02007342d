"""What a person sees while a camera is filmed."""

from __future__ import annotations

import io
import re

from rich.console import Console

from capture.meter import Reading
from capture.panel import FilmPanel


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(panel: FilmPanel, width: int = 80) -> str:
    out = Console(file=io.StringIO(), width=width)
    out.print(panel.shown())
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_terminal_sees_how_far_it_is_and_what_the_meter_says() -> None:
    out = Console(file=io.StringIO(), force_terminal=True, width=80)
    with FilmPanel("Filming 2 scenes", 300, out) as panel:
        panel.watch(Reading("shift", shift_px=3.2))
        before = shown(panel)
        panel.advance(150)
        panel.watch(Reading("good", good=149, drift_levels=0.4))
        after = shown(panel)
    assert "Waiting" in before
    assert "0 of 300 frames" in before
    assert "The camera moved by 3 pixels: put it down and let go of it." in before
    assert "Filming 2 scenes" in after
    assert "150 of 300 frames" in after
    assert "Hold still." in after
    assert "149 good frames of this scene · light 0.4 levels off" in after
    assert max(len(line) for line in after.splitlines()) <= 80
    assert isinstance(out.file, io.StringIO)
    assert "Hold still." in out.file.getvalue()


def test_without_a_terminal_there_are_lines_where_something_is_new_and_now_and_then() -> None:
    clock, out = Clock(), Console(file=io.StringIO(), width=150)
    with FilmPanel("Recording", 300, out, clock) as panel:
        for frame in range(600):
            clock.now = frame / 30
            panel.advance(1)
            panel.watch(Reading("moving" if 90 < frame < 150 else "good", good=frame))
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    said = [re.sub(r"^Recording: \d+ of 300 frames  ", "", line) for line in lines]
    assert said[0] == "Hold still."
    assert said[1].startswith("The whole picture moves:")
    assert said[2:] == ["Hold still.", "Hold still."]

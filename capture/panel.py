"""What a person sees while a camera is filmed: how far it is, and what the meter says. Plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from .guidance import words
from .meter import Reading

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_EVERY_S = 0.25  # a terminal
_PLAIN_S, _NEWS_S = 10.0, 2.0  # elsewhere: lines, and those that say something new
_BAR = 30
_FINE = ("good", "waiting")


class FilmPanel:
    """Shows how filming goes.

    Args:
        label: What is done.
        total: How many frames are wanted.
        out: Where it is shown.
        clock: The time in s.
    """

    def __init__(
        self,
        label: str,
        total: float,
        out: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._total, self._out, self._clock = label, total, out, clock
        self._done = 0.0
        self._reading: Reading | None = None
        self._said, self._said_at = "", clock()
        self._stack = ExitStack()
        self._live = False

    def __enter__(self) -> FilmPanel:
        if self._out.is_terminal:
            from rich.live import Live

            self._live = True
            self._stack.enter_context(
                Live(
                    console=self._out,
                    get_renderable=self.shown,
                    refresh_per_second=1 / _EVERY_S,
                    transient=True,
                )
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def advance(self, frames: float) -> None:
        """So many more frames count."""
        self._done += frames

    def watch(self, reading: Reading) -> None:
        """Takes what the meter says of a frame."""
        self._reading = reading
        if not self._live:
            self._line(words(reading))

    def _line(self, said: str) -> None:
        """A line where something new is to be said, and now and then."""
        now = self._clock()
        new = said != self._said
        if now - self._said_at < (_NEWS_S if new else _PLAIN_S):
            return
        self._said, self._said_at = said, now
        with suppress(OSError):  # nobody reads it any more
            self._out.print(f"{self._title()}: {self._figures()}  {said}", markup=False)

    def shown(self) -> RenderableType:
        """The panel as it is now."""
        from rich.console import Group
        from rich.text import Text

        share = min(self._done / max(self._total, 1.0), 1.0)
        filled = round(_BAR * share)
        bar = Text.assemble(
            f"{self._title()} ",
            ("━" * filled, "green"),
            ("━" * (_BAR - filled), "dim"),
            f" {self._figures()}",
        )
        if self._reading is None:
            return Group(bar)
        fine = self._reading.state in _FINE
        return Group(
            bar,
            Text.assemble(("● ", "green" if fine else "yellow"), words(self._reading)),
            Text(_scene(self._reading), style="dim"),
        )

    def _title(self) -> str:
        return self._label if self._done else "Waiting"

    def _figures(self) -> str:
        return f"{self._done:.0f} of {self._total:.0f} frames"


def _scene(reading: Reading) -> str:
    """What is known of the scene so far."""
    told = [f"{reading.good} good frames of this scene"]
    if reading.drift_levels >= 0.05:
        told.append(f"light {reading.drift_levels:.1f} levels off")
    if reading.lag1 > 0:
        told.append(f"noise alike from frame to frame: {reading.lag1:.2f}")
    return "  " + " · ".join(told)

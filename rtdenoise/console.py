"""What a person sees in the terminal: notes, tables, progress with time left; plain lines without a terminal.

Results go to standard output, everything said along the way to standard error, so that ``--json`` output
can be piped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console


@lru_cache(maxsize=2)
def console(stderr: bool = False) -> Console:
    """The rich console for results (or, with ``stderr``, for what is said along the way)."""
    from rich.console import Console

    class Said(Console):
        """What is said along the way must not end the work where nobody reads it any more."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    out = (Said if stderr else Console)(stderr=stderr, highlight=False, soft_wrap=True)
    if not out.is_terminal:
        out.width = max(out.width, 150)  # in a file or a pipe there is no edge to wrap at
    return out


def say(text: str = "") -> None:
    """A line on standard error; rich markup such as ``[bold]…[/]`` and ``[green]✓[/]`` is allowed.

    Where nobody reads it any more (a closed terminal, a pipe whose reader is gone), work goes on without it.
    """
    with suppress(OSError):
        console(stderr=True).print(text)


def show(renderable: Any) -> None:
    """A result (text with markup, or a rich table) on standard output."""
    console().print(renderable)


def show_json(value: Any) -> None:
    """A result for scripts, on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


class Ticker:
    """What work calls as it goes on. ``advance`` is cheap enough to call once a frame."""

    def advance(self, amount: float = 1, note: str = "") -> None:
        """So much more is done; ``note`` is shown beside the bar."""


class _PlainTicker(Ticker):
    """Lines every few seconds, for logs and pipes."""

    def __init__(self, label: str, total: float | None, unit: str, every_s: float = 10.0) -> None:
        self._label, self._total, self._unit, self._every_s = label, total, unit, every_s
        self._done, self._started = 0.0, time.monotonic()
        self._said = self._started

    def advance(self, amount: float = 1, note: str = "") -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._said < self._every_s:
            return
        self._said = now
        text = f"{self._label}: {self._done:.0f}"
        if self._total:
            left = (now - self._started) * (self._total - self._done) / max(self._done, 1e-9)
            text += f" of {self._total:.0f} {self._unit}, {max(left, 0):.0f} s left"
        else:
            text += f" {self._unit}"
        click.echo(f"{text}  {note}".rstrip(), err=True)


@contextmanager
def progress(label: str, total: float | None, unit: str = "frames") -> Iterator[Ticker]:
    """A progress bar with time left (``total`` None: without an end known beforehand)."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield _PlainTicker(label, total, unit)
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=30),
        bars.TextColumn("{task.completed:.0f}" + (f"/{total:.0f} {unit}" if total else f" {unit}")),
        bars.TimeRemainingColumn() if total else bars.TimeElapsedColumn(),
        bars.TextColumn("[dim]{task.fields[note]}"),
    )
    with bars.Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(label, total=total, note="")

        class BarTicker(Ticker):
            def advance(self, amount: float = 1, note: str = "") -> None:
                bar.advance(task, amount)
                if note:
                    bar.update(task, note=note)

        yield BarTicker()

"""What a person sees in the terminal: notes, tables, progress with time left; plain lines without a terminal.

Results go to standard output, everything said along the way to standard error, so that ``--json`` output
can be piped.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import click

from .charset import narrow, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


@lru_cache(maxsize=2)
def console(stderr: bool = False) -> Console:
    """The rich console for results (or, with ``stderr``, for what is said along the way)."""
    from rich.console import Console

    class Narrow(Console):
        """A console on an output that may lack some characters, and whose reader may go away."""

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(narrow(text, self.encoding), **options)

        def on_broken_pipe(self) -> None:
            if stderr:
                raise BrokenPipeError
            _nobody_reads()

    # Without emoji: ":cat:" in a file's name is no picture of a cat.
    out = Narrow(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)
    if not out.is_terminal:
        out.width = max(out.width, 150)  # in a file or a pipe there is no edge to wrap at
    return out


_END = "\x00"  # no value holds one: control characters are written out


def plain(value: object) -> str:
    """A value's text as markup that shows just this text: names may hold brackets, line breaks and any byte."""
    from rich.markup import escape

    return escape(visible(str(value)))


def markup(text: str, *values: object) -> str:
    """Markup with values in place of ``{}``, as :meth:`str.format` does; texts and paths mean only themselves."""
    if not values:
        return text
    filled = text.format(*(v if isinstance(v, (int, float)) else plain(v) + _END for v in values))
    # A backslash at the end of a value would make plain text of a tag behind it, and only then must it be doubled.
    return filled.replace(f"\\\\{_END}[", "\\\\[").replace(f"\\\\{_END}", "\\").replace(_END, "")


def counted(number: int, what: str) -> str:
    """A number of things in words: 1 frame, 2 frames."""
    return f"{number} {what}{'s' * (number != 1)}"


def say(text: str = "", *values: object) -> None:
    """A line on standard error; rich markup such as ``[bold]…[/]`` and ``[green]✓[/]`` is allowed.

    Where nobody reads it any more (a closed terminal, a pipe whose reader is gone), work goes on without it.

    Args:
        text: What is said.
        values: Take the places of ``{}`` in it. What may hold a bracket (a name, a path, an error) belongs here.
    """
    with suppress(OSError):
        console(stderr=True).print(markup(text, *values))


def show(renderable: Any, *values: object) -> None:
    """A result (text with markup and ``values`` as in :func:`say`, or a rich table) on standard output."""
    text = isinstance(renderable, str)
    console().print(markup(renderable, *values) if text else renderable)


def show_json(value: Any) -> None:
    """A result for scripts, on standard output: valid JSON in any encoding."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = json.dumps(value, indent=2, ensure_ascii=not encoding.lower().startswith("utf"))
    try:
        # A byte of a name that isn't UTF-8 becomes \udcff, which is JSON.
        click.echo(text.encode("utf-8", "backslashreplace").decode())
    except BrokenPipeError:
        _nobody_reads()


def to_nowhere(stream: IO[str]) -> None:
    """Throws away what an output that failed still holds, and all that follows."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _nobody_reads() -> None:
    """After the reader of standard output went away: what follows is no failure."""
    to_nowhere(sys.stdout)


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
        with suppress(OSError):  # nobody reads it any more
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
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=30),
        bars.TextColumn("{task.completed:.0f}" + (f"/{total:.0f} {unit}" if total else f" {unit}")),
        bars.TimeRemainingColumn() if total else bars.TimeElapsedColumn(),
        bars.TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with bars.Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(label, total=total, note="")

        class BarTicker(Ticker):
            def advance(self, amount: float = 1, note: str = "") -> None:
                bar.advance(task, amount)
                if note:
                    bar.update(task, note=note)

        yield BarTicker()

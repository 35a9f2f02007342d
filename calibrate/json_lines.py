"""How a calibration goes on, told to a program: a JSON object in each line of standard output.

``{"stage": …, "done": …, "total": …, "unit": …, "left_s": …, "note": …}`` several times a second while a stage of the
work goes on (``total`` and ``left_s`` are null where they aren't known), ``{"said": …}`` for what a person would be
told, and at the end ``{"result": {…}}`` or ``{"error": …, "cure": …}``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.text import Text

from rtdenoise.console import Ticker, markup, to_nowhere
from rtdenoise.errors import RtdenoiseError

_EVERY_S = 0.25


def emit(**value: Any) -> None:
    """Writes one line. Where nobody reads it any more, work goes on without it."""
    try:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        to_nowhere(sys.stdout)


def say(text: str = "", *values: object) -> None:
    """Like :func:`rtdenoise.console.say`."""
    emit(said=Text.from_markup(markup(text, *values)).plain)


def failed(error: RtdenoiseError) -> None:
    """Tells why it ended."""
    emit(error=error.message, cure=error.hint)


class _LineTicker(Ticker):
    def __init__(self, label: str, total: float | None, unit: str) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._done, self._note = 0.0, ""
        self._started = self._told = time.monotonic()
        self._before: float | None = None  # what was done before this run: a training that goes on
        self.tell()

    def advance(self, amount: float = 1, note: str = "") -> None:
        self._done += amount
        self._note = note or self._note
        now = time.monotonic()
        if self._before is None:
            quick = now - self._started < _EVERY_S
            self._before = amount if quick and self._unit == "s" else 0.0
        if now - self._told >= _EVERY_S:
            self.tell()

    def tell(self) -> None:
        """Writes how far it is."""
        self._told = now = time.monotonic()
        left = None
        own = self._done - (self._before or 0.0)
        if self._total is not None and own > 0:
            left = round(max(0.0, (now - self._started) * (self._total - self._done) / own), 1)
        emit(
            stage=self._label,
            done=round(self._done, 2),
            total=self._total,
            unit=self._unit,
            left_s=left,
            note=self._note,
        )


@contextmanager
def progress(label: str, total: float | None, unit: str = "frames") -> Iterator[Ticker]:
    """Like :func:`rtdenoise.console.progress`."""
    ticker = _LineTicker(label, total, unit)
    yield ticker
    ticker.tell()

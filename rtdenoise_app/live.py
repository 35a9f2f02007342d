"""The running call, in a thread of its own: the one that `rtdenoise live` runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.text import Text

from rtdenoise.commands.live_panel import cleaning
from rtdenoise.console import markup
from rtdenoise.cores import available_cores
from rtdenoise.errors import RtdenoiseError
from rtdenoise.stream.call import Call, CallOptions
from rtdenoise.stream.demand import Demand

from .preview import Preview

_LAST = 60  # frames that figures are of
_CPU_EVERY_S = 1.0
_END_S = 20.0  # a driver that hangs is not waited for longer


def _readers(call: Call) -> bool | None:
    """Whether a program reads the virtual camera; None where that can't be told, or it is being closed."""
    with suppress(OSError, RtdenoiseError):
        return call.loop.watched
    return None


class LiveRun:
    """One run.

    Args:
        options: What is wanted.
        home: The folder for profiles.
        preview: Gets the frames.
        note: Told in a sentence what happens.
        over: Told when it has ended, in its thread: this run, and the error that ended it or None.
    """

    def __init__(
        self,
        options: CallOptions,
        home: Path | None,
        preview: Preview,
        note: Callable[[str], None],
        over: Callable[[LiveRun, BaseException | None], None],
    ) -> None:
        self._options, self._home, self._preview = options, home, preview
        self._note, self._over = note, over
        self._call: Call | None = None
        self._stopping = False
        self._strength = options.strength
        self._why, self._rung = "", 0
        self._last_note = ""
        self._cpu = (time.monotonic(), time.process_time())
        self._cpu_share: float | None = None
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    @property
    def doing(self) -> str:
        """What a page calls it: "starting" until the first frame was published, then "live"."""
        call = self._call
        return "live" if call is not None and call.loop.report(last=1).frames_out else "starting"

    @property
    def away(self) -> str:
        """What was said last, while the camera is gone; empty while it is there, or nobody wants it."""
        call = self._call
        if call is None or not call.loop.away or call.loop.wanted() is Demand.DARK:
            return ""
        return self._last_note

    def set_strength(self, strength: float) -> None:
        """Changes how much of the noise is removed, from the next frame on."""
        self._strength = strength
        if self._call is not None:
            self._call.loop.strength = strength

    def stop(self) -> None:
        """Ends it, and waits for that."""
        self._stopping = True
        if self._call is not None:
            self._call.loop.stop()
        self._thread.join(timeout=_END_S)

    def figures(self) -> dict[str, Any] | None:
        """How it goes, as plain values; None until there are frames."""
        call = self._call
        if call is None:
            return None
        report = call.loop.report(last=_LAST)
        if not report.frames_out:
            return None
        denoiser, grain = call.denoiser, self._preview.grain
        p50, p95 = report.stages_ms["delay"]
        if denoiser.rung != self._rung:
            self._rung, self._why = denoiser.rung, self._last_note
        return {
            "rate_fps": round(report.rate_fps, 1),
            "frames": report.frames_out,
            "dropped": report.dropped,
            "delay_ms": {"p50": round(p50, 1), "p95": round(p95, 1)},
            "removed_db": None if grain is None else round(grain.removed_db, 1),
            "noise_levels": None if grain is None else round(grain.levels, 2),
            "cpu_share": self._measured_cpu(),
            "network": cleaning(call.loop, denoiser),
            "why": self._why,
            "engine": denoiser.engine_name,
            "readers": _readers(call),
            "sink": call.loop.sink_name,
            "mode": str(call.mode),
        }

    def _measured_cpu(self) -> float | None:
        """The share of all cores that this program took lately; of the time, not of the frames."""
        now, used = time.monotonic(), time.process_time()
        before, used_before = self._cpu
        if now - before >= _CPU_EVERY_S:
            self._cpu = (now, used)
            self._cpu_share = round((used - used_before) / (now - before) / available_cores(), 3)
        return self._cpu_share

    # --- the call's thread ---

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            call = Call(
                self._options,
                self._home,
                say=self._said,
                note=self._noted,
                tap=self._preview.offer,
                looked_at=lambda: self._preview.looked_at,
            )
            self._call = call
            call.loop.strength = self._strength
            if self._stopping:
                call.loop.stop()
            call.run()
        except BaseException as error:
            failure = error
        self._preview.forget()
        self._over(self, failure)

    def _said(self, text: str, *values: object) -> None:
        """What the call says: which network it took, and why, comes as a sentence alone."""
        plain = Text.from_markup(markup(text, *values)).plain
        if text == "{}":
            self._why = plain
        else:
            self._note(plain)

    def _noted(self, text: str) -> None:
        self._last_note = text
        self._note(text)

"""What a person sees while `rtdenoise live` runs: a panel on a terminal, and plain lines elsewhere; and its keys."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from ..stream import LiveLoop, LiveReport
    from ..stream.adaptive import AdaptiveDenoiser

_LAST = 60  # frames that figures are of
_FIRST_S = 1.0  # after it began to clean: before, a rate says nothing
_WIDE = 80  # columns of a terminal that the panel's four take
_STEP = 0.1
_KEYS = {"+": "up", "=": "up", "-": "down", " ": "switch", "\x1b[A": "up", "\x1b[B": "down"}


def line(report: LiveReport, sink: str, denoiser: str) -> str:
    """One plain line."""
    stages = " · ".join(f"{name} {p50:.1f}" for name, (p50, _) in report.stages_ms.items())
    return f"{report.rate_fps:5.1f} fps, {report.dropped} dropped, {stages} ms  {denoiser} → {sink}"


def panel(
    report: LiveReport,
    *,
    title: str,
    sink: str,
    denoiser: str,
    engine: str,
    strength: float | None,
    load: float | None,
    noise_db: float | None,
    narrow: bool = False,
) -> RenderableType:
    """The panel.

    Args:
        report: Of the last frames.
        title: The camera and its mode.
        sink: Where frames go.
        denoiser: What cleans now.
        engine: What runs it; may be empty.
        strength: From 0 to 1; None: nothing is cleaned that could be more or less.
        load: The share of all cores that are busy; None: not known.
        noise_db: The camera's noise as a peak signal-to-noise ratio in dB; None: not known yet.
        narrow: Two columns instead of four, one below the other.
    """
    from rich.panel import Panel
    from rich.table import Table

    from ..console import plain

    below: list[tuple[str, str]] = []

    def row(*cells: str) -> None:
        if narrow:
            grid.add_row(*cells[:2])
            below.append((cells[2], cells[3]))
        else:
            grid.add_row(*cells)

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(min_width=0 if narrow else 34, overflow="fold")
    if not narrow:
        grid.add_column(style="dim")
        grid.add_column(min_width=18)
    bar = "–"
    if strength is not None:
        filled = round(10 * strength)
        bar = f"[green]{'━' * filled}[/][dim]{'━' * (10 - filled)}[/] {strength:.0%}"
    p50, p95 = report.stages_ms["delay"]
    row("rate", f"[bold]{report.rate_fps:.1f}[/] frames/s", "delay", f"{p50:.0f} ms ({p95:.0f})")
    stages = [(name, report.stages_ms[name]) for name in ("decode", "clean", "publish")]
    lost = f"{report.dropped} dropped"
    lost += f", {report.damaged} damaged" if report.damaged else ""
    row("frames", lost, *_stage(stages[0]))
    row("cleaning", plain(denoiser), *_stage(stages[1]))
    row("engine", plain(engine) or "–", *_stage(stages[2]))
    noise = "measuring …" if noise_db is None else f"{noise_db:.1f} dB PSNR from the camera"
    row("noise", noise, "load", "–" if load is None else f"{load:.0%}")
    row("strength", bar, "to", plain(sink))
    for cells in below:
        grid.add_row(*cells)
    return Panel(
        grid,
        title=f"[bold]{plain(title)}[/]",
        title_align="left",
        subtitle="[dim]+ − strength · space on/off · Ctrl-C ends[/]",
        subtitle_align="left",
        expand=False,
        border_style="dim",
    )


def _stage(stage: tuple[str, tuple[float, float]]) -> tuple[str, str]:
    name, (p50, p95) = stage
    return name, f"{p50:.1f} ms ({p95:.1f})"


def noise_db(denoiser: object) -> float | None:
    """The camera's noise in luma by a denoiser's running model, at middle grey, as PSNR in dB; None: not known."""
    import numpy as np

    model = getattr(getattr(denoiser, "_noise", None), "model", None)
    if model is None:
        return None
    variance = float(model.y.curve.variance(np.array([128.0], np.float32))[0])
    return 10 * float(np.log10(255**2 / variance)) if variance > 0 else None


def _load() -> float | None:
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return None


class Keys:
    """Reads single keys from a terminal, which is put right again at the end, however that comes.

    Args:
        pressed: Told "up", "down" or "switch", in another thread.
    """

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._restore = ExitStack()

    def __enter__(self) -> Keys:
        with suppress(ImportError, OSError, ValueError, AttributeError):
            import termios
            import tty

            descriptor = sys.stdin.fileno()
            # A program in the background that changes the terminal is stopped by it.
            if os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp():
                before = termios.tcgetattr(descriptor)
                self._restore.callback(termios.tcsetattr, descriptor, termios.TCSADRAIN, before)
                tty.setcbreak(descriptor)  # Ctrl-C stays a signal
                self._thread = threading.Thread(
                    target=self._read, args=(descriptor,), name="keys", daemon=True
                )
                self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        try:
            if self._thread is not None:
                self._thread.join(timeout=1.0)
        finally:
            self._restore.close()

    def _read(self, descriptor: int) -> None:
        import select

        while not self._stop.is_set():
            if not select.select([descriptor], [], [], 0.2)[0]:
                continue
            try:
                text = os.read(descriptor, 8).decode(errors="ignore")
            except OSError:
                return
            if not text:
                return
            for key in [text] if text in _KEYS else text:
                if key in _KEYS:
                    self._pressed(_KEYS[key])


class Status:
    """Shows how it goes: a panel in place on a terminal, with keys; a line every ten seconds elsewhere.

    Args:
        loop: What runs.
        denoiser: What cleans.
        title: The camera and its mode.
        out: Where it is shown.
    """

    def __init__(
        self, loop: LiveLoop, denoiser: AdaptiveDenoiser, title: str, out: Console
    ) -> None:
        self._loop, self._denoiser, self._title, self._out = loop, denoiser, title, out
        self._next_s = 0.0
        self._begun: int | None = None  # how many frames had come out when it began to clean
        self._said = ""
        self._live: Live | None = None
        self._before = loop.strength or 1.0
        self._stack = ExitStack()

    def __enter__(self) -> Status:
        if self._out.is_terminal:
            from rich.live import Live

            with ExitStack() as stack:
                self._live = stack.enter_context(
                    Live("starting …", console=self._out, auto_refresh=False)
                )
                stack.enter_context(Keys(self.pressed))
                self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pressed(self, key: str) -> None:
        """Changes the strength: "up", "down", or "switch" between 0 and what it was."""
        strength = self._loop.strength
        if key == "switch":
            if strength > 0:
                self._before = strength
            self._loop.strength = 0.0 if strength > 0 else self._before
            return
        if self._shows_picture():
            return  # nothing would become of it that anyone could see
        step = _STEP if key == "up" else -_STEP
        self._loop.strength = min(1.0, max(0.0, round(strength + step, 2)))

    def update(self) -> None:
        """Called after every frame; does something once a second (ten without a terminal)."""
        now = time.monotonic()
        if self._begun is None:
            if self._denoiser.preparing and not _rests(self._loop):
                return
            self._begun = self._loop.report(last=1).frames_out
            self._next_s = now + _FIRST_S
        if now < self._next_s:
            return
        self._next_s = now + (1.0 if self._live else 10.0)
        with suppress(OSError):  # nobody reads it any more: the call goes on
            self._show()

    def _shows_picture(self) -> bool:
        """Whether the camera's own picture is what is shown."""
        from ..denoisers import Passthrough

        return isinstance(self._denoiser.current, Passthrough)

    def _show(self) -> None:
        from ..console import plain

        denoiser = self._denoiser
        frames = self._loop.report(last=1).frames_out - (self._begun or 0)
        report = self._loop.report(last=min(_LAST, max(frames, 1)))
        doing = cleaning(self._loop, denoiser)
        if self._live is None:
            if _in_journal() and doing == self._said:
                return  # a journal keeps what changes
            self._said = doing
            self._out.print(plain(line(report, self._loop.sink_name, doing)))
            return
        shown = panel(
            report,
            title=self._title,
            sink=self._loop.sink_name,
            denoiser=doing,
            engine=denoiser.engine_name,
            strength=None if self._shows_picture() else self._loop.strength,
            load=_load(),
            noise_db=noise_db(denoiser.current),
            narrow=self._out.width < _WIDE,
        )
        self._live.update(shown, refresh=True)


def _rests(loop: LiveLoop) -> bool:
    from ..stream.demand import Demand

    return loop.wanted() is not Demand.WATCHED


def cleaning(loop: LiveLoop, denoiser: AdaptiveDenoiser) -> str:
    """What cleans now, for people."""
    if _rests(loop):
        return "nothing: nobody looks"
    if loop.strength == 0:
        return "off"
    return "starting …" if denoiser.preparing else denoiser.name


def _in_journal() -> bool:
    """Whether what is said goes to systemd's journal; see systemd.exec(5), JOURNAL_STREAM."""
    try:
        device, number = os.environ["JOURNAL_STREAM"].split(":")
        found = os.fstat(sys.stderr.fileno())
        return (found.st_dev, found.st_ino) == (int(device), int(number))
    except (KeyError, OSError, ValueError, AttributeError):
        return False

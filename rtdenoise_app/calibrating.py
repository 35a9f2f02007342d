"""A calibration, in a program of its own: `rtdenoise calibrate`, as a person would type it.

It tells how it goes in a JSON object per line. It is ended as by Ctrl-C, and goes on the next time.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rtdenoise.errors import RtdenoiseError

_END_S = 30.0  # in which the training is kept
# Where the stages of a calibration end, as shares of all of it: training takes the time that was asked for.
_BEFORE = ("Looking for still series", "Measuring the noise", "Reading the series", "Making clips")
_TRAINING = ("Fine-tuning", "Training")
_PREPARED, _TRAINED = 0.15, 0.85


class CalibrateRun:
    """One run.

    Args:
        clip: The recording to learn from.
        minutes: How long to train.
        home: The folder for profiles.
        note: Told in a sentence what is worth knowing.
        over: Told when it has ended, in another thread: this run, and the error that ended it or None.
    """

    def __init__(
        self,
        clip: Path,
        minutes: float,
        home: Path | None,
        note: Callable[[str], None],
        over: Callable[[CalibrateRun, RtdenoiseError | None], None],
    ) -> None:
        self._minutes, self._note, self._over = minutes, note, over
        self._stopped = False
        self._stage: dict[str, Any] = {}
        self._since = time.monotonic()
        where = [] if home is None else ["--home", str(home.absolute())]
        words = [sys.executable, "-m", "rtdenoise", *where, "calibrate", "--json-lines"]
        words += ["--clip", str(clip.absolute()), "--minutes", f"{minutes:g}"]
        # A group of its own: Ctrl-C in a terminal goes to this program, which ends that one.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            **apart,
        )
        self._thread = threading.Thread(target=self._follow, name="calibrate", daemon=True)
        self._thread.start()

    @property
    def doing(self) -> str:
        """What a page calls it."""
        return "calibrating"

    def stop(self) -> None:
        """Ends it, and waits for that; what was learned is kept."""
        self._stopped = True
        if self._process.poll() is None:
            self._process.send_signal(_ctrl_c())
        self._thread.join(timeout=_END_S)
        if self._process.poll() is None:
            self._process.kill()
            self._thread.join(timeout=1.0)

    def figures(self) -> dict[str, Any]:
        """How far it is, as plain values."""
        stage = self._stage
        name, total, done = stage.get("stage", ""), stage.get("total"), stage.get("done", 0.0)
        share = min(1.0, done / total) if total else 0.0
        left = stage.get("left_s")
        if name in _TRAINING:
            whole = _PREPARED + (_TRAINED - _PREPARED) * share
            left = None if total is None else max(0.0, total - done) + _judging_s(self._minutes)
        elif name in _BEFORE or not name:
            known = _BEFORE.index(name) if name in _BEFORE else 0
            whole = _PREPARED * (known + share) / len(_BEFORE)
            left = self._minutes * 60 + _judging_s(self._minutes)
        else:
            whole = _TRAINED + (1 - _TRAINED) * share
        return {
            "stage": name or "Starting",
            "share": round(whole, 3),
            "left_s": None if left is None else round(left),
            "gain_db": None,
            "said": stage.get("note", ""),
            "done": False,
        }

    def _follow(self) -> None:
        failure: RtdenoiseError | None = None
        said: list[str] = []
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        reading = threading.Thread(
            target=_read_last,
            args=(self._process.stderr, said),
            name="calibrate-stderr",
            daemon=True,
        )
        reading.start()
        for line in self._process.stdout:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if "stage" in value:
                self._stage = value
            elif "said" in value:
                self._note(str(value["said"]))
            elif "error" in value:
                failure = RtdenoiseError(value["error"], value.get("cure", ""))
        code = self._process.wait()
        reading.join(timeout=1.0)
        if code and failure is None and not self._stopped:
            why = said[-1] if said else f"exit code {code}"
            failure = RtdenoiseError(f"The calibration failed: {why}", "Start it again.")
        self._over(self, None if self._stopped else failure)


def _ctrl_c() -> signal.Signals:
    if sys.platform == "win32":
        return signal.CTRL_BREAK_EVENT
    return signal.SIGINT


def _judging_s(minutes: float) -> float:
    """About how long what follows on the training takes."""
    return 20 + 0.1 * minutes * 60


def _read_last(stream: IO[str], lines: list[str]) -> None:
    """Reads to the end, and keeps the last line that says something."""
    for line in stream:
        if line.strip():
            lines[:] = [line.strip()]

"""Holds a camera's settings still while it is recorded, and puts them back whatever happens.

Exposure, gain, white balance and focus that change by themselves would change the noise within a series,
and a camera that lengthens its exposure in dim light drops from 30 frames/s to 16.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import StorageError
from ..files import write_json
from .base import Camera, CameraInfo
from .v4l2 import Control, Device
from .v4l2_structs import FLAG_READ_ONLY

_GUARD = Path(__file__).with_name("controls_guard.py")


@dataclass(frozen=True)
class Lock:
    """An automatic setting, what switches it off, and the settings by hand that it rules."""

    name: str
    control: int
    off: int
    held: tuple[tuple[str, int], ...] = ()


# Numbers from linux/v4l2-controls.h, names as v4l2-ctl prints them. Exposure first: others lean on it.
LOCKS = (
    Lock("auto_exposure", 0x009A0901, 1, (("exposure_time_absolute", 0x009A0902),)),
    Lock("exposure_dynamic_framerate", 0x009A0903, 0),
    Lock("iso_sensitivity_auto", 0x009A0918, 0, (("iso_sensitivity", 0x009A0917),)),
    Lock("gain_automatic", 0x00980912, 0, (("gain", 0x00980913),)),
    Lock(
        "white_balance_automatic",
        0x0098090C,
        0,
        (
            ("white_balance_temperature", 0x0098091A),
            ("red_balance", 0x0098090E),
            ("blue_balance", 0x0098090F),
        ),
    ),
    Lock("focus_automatic_continuous", 0x009A090C, 0, (("focus_absolute", 0x009A090A),)),
)


_GAINS = ("gain", "iso_sensitivity")


def gain_of(settings: Mapping[str, int]) -> int | None:
    """The camera's gain among its settings by their kernel's names; None where they hold none."""
    return next((settings[name] for name in _GAINS if name in settings), None)


def present_gain(camera: CameraInfo) -> int | None:
    """The gain that a webcam is set to now; None where it tells none (files, other systems than Linux)."""
    if camera.kind != "webcam" or not sys.platform.startswith("linux"):
        return None
    numbers = {number: name for lock in LOCKS for name, number in lock.held}
    try:
        with Device(camera.spec) as device:
            found = device.controls()
    except OSError:
        return None
    return gain_of({numbers[n]: control.value for n, control in found.items() if n in numbers})


@contextmanager
def locked_controls(camera: Camera, journal: Path | None = None) -> Iterator[dict[str, int]]:
    """Locks exposure, gain, white balance and focus at what they are now, for the length of the block.

    Gives what was set, by the kernel's names for the settings; empty for cameras that have none of them (files,
    the simulated camera, other systems than Linux). Everything is put back at the end: by this
    process where it can, else by a small process that watches over it, so that neither Ctrl-C nor a crash
    leaves a camera with a fixed exposure. ``journal`` is a file that says what puts it back as long as nobody has:
    it is left where both processes were killed, or the camera was gone
    (:func:`rtdenoise.cameras.kept_controls.undo_lock`).
    """
    if camera.info.kind != "webcam" or not sys.platform.startswith("linux"):
        yield {}
        return
    path = camera.info.spec
    try:
        device = Device(path)
    except OSError:  # a camera without a node of its own: nothing to lock
        yield {}
        return
    with device:
        plan = _plan(device.controls())
        if plan.undo:
            _note_lock(journal, plan.undo)
        guard = _Guard(path, plan.undo, journal) if plan.undo else None
        try:
            yield plan.carry_out(device)
        finally:
            back = 0
            for control, value in plan.undo:
                with suppress(OSError):  # the camera may be gone
                    device.set(control, value)
                    back += 1
            if guard:
                guard.dismiss()
            if journal is not None and back:
                with suppress(OSError):
                    journal.unlink(missing_ok=True)


def _note_lock(journal: Path | None, undo: tuple[tuple[int, int], ...]) -> None:
    """Notes what puts a lock back; a disk that can't take it doesn't stop a recording."""
    if journal is not None:
        with suppress(StorageError):
            write_json(journal, {"undo": undo})


@dataclass(frozen=True)
class _Plan:
    """What is to be set, in order, and what puts it back, in order: (control, value)."""

    steps: tuple[tuple[str, int, int], ...]
    undo: tuple[tuple[int, int], ...]

    def carry_out(self, device: Device) -> dict[str, int]:
        """Sets what can be set and returns it by name."""
        done: dict[str, int] = {}
        for name, control, value in self.steps:
            # Cameras announce settings that they then refuse; the rest still counts.
            with suppress(OSError):
                done[name] = device.set(control, value)
        return done


def _plan(controls: dict[int, Control]) -> _Plan:
    """What locks a camera with these settings at their present values."""
    steps: list[tuple[str, int, int]] = []
    by_hand: list[tuple[int, int]] = []
    automatic: list[tuple[int, int]] = []
    for lock in LOCKS:
        ruler = settable(controls.get(lock.control))
        if ruler and ruler.minimum <= lock.off <= ruler.maximum:
            steps.append((lock.name, ruler.id, lock.off))
            automatic.append((ruler.id, ruler.value))
        for name, number in lock.held:
            held = settable(controls.get(number))
            if held:
                value = min(max(held.value, held.minimum), held.maximum)
                steps.append((name, number, value))
                by_hand.append((number, held.value))
    # Back: first what is set by hand, which a camera refuses while the automatic is on.
    return _Plan(tuple(steps), tuple(by_hand + automatic))


def settable(control: Control | None) -> Control | None:
    """The setting itself where the camera has it and lets it be set, else None."""
    return control if control and not control.flags & FLAG_READ_ONLY else None


class _Guard:
    """A process that puts the settings back when this one dies without having done so.

    It reads from a pipe whose other end lies here: when that end closes without the word to leave, this
    process is gone.
    """

    def __init__(
        self,
        path: str,
        undo: tuple[tuple[int, int], ...],
        journal: Path | None = None,
        start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = start(
                [sys.executable, "-I", "-S", str(_GUARD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to the whole group, and it must outlive us
            )
            self._tell(json.dumps([path, undo, journal and str(journal)]).encode() + b"\n")

    def _tell(self, words: bytes) -> None:
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.write(words)
                self._process.stdin.flush()

    def dismiss(self) -> None:
        """All is put back: the guard may go."""
        if self._process is None:
            return
        self._tell(b"done\n")
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

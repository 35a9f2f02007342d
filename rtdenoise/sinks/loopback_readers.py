"""Whether a program reads a v4l2loopback device.

Since version 0.13 the driver says so: it queues an event when a reader starts or stops streaming, and to whoever asks
anew it tells how things are. Before that, inotify says when the device node is opened or closed, and /proc who has it
open; programs of other users are not seen then.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress

from ..cameras import discovery, v4l2

CLIENT_USAGE = 0x08000000 + 0x08E00000 + 1  # V4L2_EVENT_PRI_CLIENT_USAGE in v4l2loopback.c
_ASK_AGAIN_S = 2.0  # an event may be lost; asked anew the driver tells the truth
_SCAN_S = (
    10.0  # without an event /proc is looked at so often, and every second where there is no inotify
)
_IN_OPEN_OR_CLOSE = 0x20 | 0x08 | 0x10


class LoopbackReaders:
    """Tells whether a device is read. To be asked several times a second, which costs microseconds.

    Args:
        path: ``/dev/video10``.
        clock: Seconds that only rise.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._device: v4l2.Device | None = None
        self._changes: _Changes | None = None
        self._read = False
        self._next_s = float("-inf")
        self._device = self._subscribed()
        if self._device is None:
            self._changes = _Changes(path)

    def watched(self) -> bool:
        """Whether a program reads it now."""
        if self._device is not None:
            self._ask_driver(self._device)
        elif self._changes is not None:
            self._ask_system(self._changes)
        return self._read

    def close(self) -> None:
        """Lets go. Safe to call twice."""
        if self._device is not None:
            self._device.close()
        if self._changes is not None:
            self._changes.close()
        self._device = self._changes = None

    def _subscribed(self) -> v4l2.Device | None:
        """A descriptor that gets the driver's events, the first of which says how things are; None before 0.13."""
        try:
            device = v4l2.Device(self._path)
        except OSError:
            return None
        try:
            device.subscribe(CLIENT_USAGE)
        except OSError:
            device.close()
            return None
        return device

    def _ask_driver(self, device: v4l2.Device) -> None:
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + _ASK_AGAIN_S
            if fresh := self._subscribed():
                device.close()
                self._device = device = fresh
        with suppress(OSError):
            while (event := device.next_event()) is not None:
                if event[0] == CLIENT_USAGE:
                    self._read = event[1] > 0

    def _ask_system(self, changes: _Changes) -> None:
        if changes.any() or self._clock() >= self._next_s:
            self._next_s = self._clock() + (_SCAN_S if changes.known else 1.0)
            self._read = bool(discovery.holders(self._path))


class _Changes:
    """Whether a device node was opened or closed by anyone since the last question (inotify)."""

    def __init__(self, path: str) -> None:
        self._descriptor = -1
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            watch = libc.inotify_add_watch(self._descriptor, os.fsencode(path), _IN_OPEN_OR_CLOSE)
            if watch < 0:
                self.close()

    @property
    def known(self) -> bool:
        """Whether the system tells at all."""
        return self._descriptor >= 0

    def any(self) -> bool:
        """Whether there was one."""
        seen = False
        with suppress(OSError):  # EAGAIN: no more
            while self.known and os.read(self._descriptor, 4096):
                seen = True
        return seen

    def close(self) -> None:
        """Stops watching. Safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

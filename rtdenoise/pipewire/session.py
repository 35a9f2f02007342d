"""What there is of PipeWire on this machine, without making a camera."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import SinkError
from . import library

_MANAGERS = ("wireplumber", "pipewire-media-s")  # names of processes end after 15 characters
_PROC = Path("/proc")
_PORTAL = Path("/usr/share/dbus-1/services/org.freedesktop.portal.Desktop.service")


@dataclass(frozen=True)
class PipeWireState:
    """What works.

    ``version`` is the library's, empty where it can't be loaded (``problem`` says why); ``answers`` tells that a daemon
    runs for this user, ``managed`` that something links readers to cameras there, ``portal`` that sandboxed programs
    and browsers can ask for a camera.
    """

    version: str = ""
    answers: bool = False
    managed: bool = False
    portal: bool = False
    problem: str = ""

    @property
    def works(self) -> bool:
        """Whether a camera can be made that programs can read."""
        return bool(self.version) and self.answers and self.managed


def look() -> PipeWireState:
    """Looks at the machine; takes milliseconds."""
    try:
        version = library.load().pw_get_library_version().decode("ascii", "replace")
    except SinkError as error:
        return PipeWireState(problem=error.message)
    return PipeWireState(version, _answers(), _managed(), _PORTAL.exists())


def _answers() -> bool:
    """Whether the daemon's socket takes a connection (systemd starts the daemon then)."""
    remote = os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0"
    folder = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR") or ""
    if not folder and not remote.startswith("/"):
        return False
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(Path(folder) / remote))
        return True
    return False


def _managed() -> bool:
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "comm").read_text(encoding="utf-8").strip() in _MANAGERS:
                return True
    return False

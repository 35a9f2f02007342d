"""What a sink is: where cleaned frames go."""

from __future__ import annotations

from typing import Protocol

from ..frames import Planes


class Sink(Protocol):
    """Takes frames in order. Opened by its constructor; ``close`` finishes (a file is renamed into place)."""

    @property
    def name(self) -> str:
        """What a person calls it: ``/dev/video11 (Virtual)``, ``clean.mp4``, ``null``."""

    def write(self, planes: Planes) -> None:
        """Takes one frame.

        Raises:
            SinkError: the device went away.
            StorageError: the disk is full.
        """

    def close(self) -> None:
        """Finishes and lets go. Safe to call twice."""

    def abort(self) -> None:
        """Lets go without finishing: a file is removed, never left half written."""

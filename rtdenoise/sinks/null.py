"""A sink for measuring: takes frames and forgets them."""

from __future__ import annotations

from ..frames import Planes


class NullSink:
    """Takes frames and counts them."""

    def __init__(self) -> None:
        self.frames = 0

    @property
    def name(self) -> str:
        """``null``."""
        return "null"

    def write(self, planes: Planes) -> None:
        """Takes one frame."""
        self.frames += 1

    def close(self) -> None:
        """Nothing to do."""

    def abort(self) -> None:
        """Nothing to do."""

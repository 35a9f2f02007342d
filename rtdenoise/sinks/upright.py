"""Frames that were stored lying on their side or mirrored, the right way up for another sink."""

from __future__ import annotations

from ..frames import Planes
from ..frames.orientation import Orientation, turned
from .base import Sink, watched


class UprightSink:
    """Turns each frame before it goes on; see :class:`~rtdenoise.sinks.base.Sink`.

    Args:
        sink: Where it goes, opened for upright frames.
        way: How frames are turned.
    """

    def __init__(self, sink: Sink, way: Orientation) -> None:
        self._sink, self._way = sink, way

    @property
    def name(self) -> str:
        """That of the other sink."""
        return self._sink.name

    @property
    def watched(self) -> bool | None:
        """Whether a program reads the other sink; None where that can't be told."""
        return watched(self._sink)

    def write(self, planes: Planes) -> None:
        """Takes one frame; raises as the other sink does."""
        self._sink.write(turned(planes, self._way))

    def close(self) -> None:
        """Finishes the other sink."""
        self._sink.close()

    def abort(self) -> None:
        """Lets the other sink go without finishing."""
        self._sink.abort()

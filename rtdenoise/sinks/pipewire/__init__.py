"""A virtual camera on Linux without a kernel module: a video source in the user's PipeWire session.

``pod`` writes the plain-old-data objects in which PipeWire states formats, ``library`` knows the functions and
structures of libpipewire, ``stream`` holds one video source in the session, ``sink`` feeds it, and ``session`` says
what the session has.
"""

from __future__ import annotations

from .sink import PipeWireSink

__all__ = ["PipeWireSink"]

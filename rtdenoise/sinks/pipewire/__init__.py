"""A virtual camera on Linux without a kernel module: a video source in the user's PipeWire session.

``stream`` holds one video source in the session, and ``sink`` feeds it; what both rest on is in
``rtdenoise.pipewire``.
"""

from __future__ import annotations

from .sink import PipeWireSink

__all__ = ["PipeWireSink"]

"""Which field of an interlaced frame is shown first, as each decoded frame itself says it.

PyAV tells that a frame is interlaced, but not its order, and lets neither be set: two of FFmpeg's filters do.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from .facts import FieldOrder

_MODES: dict[FieldOrder, str] = {"progressive": "prog", "top": "tff", "bottom": "bff"}


def field_order_of(frame: VideoFrame) -> FieldOrder:
    """The order that a frame says it has."""
    if not frame.interlaced_frame:
        return "progressive"
    graph = _graph(frame, "select", "eq(interlace_type\\,TOPFIRST)")
    graph.push(frame)
    try:
        graph.pull()
    except (av.BlockingIOError, av.EOFError):
        return "bottom"
    return "top"


class FieldMarker:
    """Marks frames of one size and pixel format with an order; encoders go by that, whatever else they are told."""

    def __init__(self, order: FieldOrder) -> None:
        self._order = order
        self._graph: Graph | None = None

    def mark(self, frame: VideoFrame) -> VideoFrame:
        """The same picture and time, marked."""
        if self._graph is None:
            self._graph = _graph(frame, "setfield", _MODES[self._order])
        self._graph.push(frame)
        marked = self._graph.pull()
        if not isinstance(marked, VideoFrame):
            raise TypeError("setfield gives frames of video")
        marked.pts, marked.time_base = frame.pts, frame.time_base
        return marked


def _graph(frame: VideoFrame, name: str, options: str) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 90_000),
    )
    work, sink = graph.add(name, options), graph.add("buffersink")
    source.link_to(work)
    work.link_to(sink)
    graph.configure()
    return graph

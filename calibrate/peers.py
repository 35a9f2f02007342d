"""Other people's filters, run side by side with ours: FFmpeg's through PyAV's filter graph, and OpenCV's.

Each takes a clip of still or moving frames in order and gives as many back. Some look ahead; none knows the camera.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from rtdenoise.arrays import Bytes
from rtdenoise.frames import Planes, convert, frame_from_planes, planes_from_frame

Clean = Callable[[Iterable[Planes]], Iterator[Planes]]


@dataclass(frozen=True)
class Peer:
    """A filter with one setting: ``setting`` is what a person would type."""

    name: str
    setting: str
    clean: Clean


def ffmpeg_filter(filter_name: str, options: str) -> Clean:
    """One of FFmpeg's filters on Y, U and V as they are, such as ``("nlmeans", "s=3")``."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        source = iter(frames)
        first = next(source, None)
        if first is None:
            return
        graph, buffer, sink = _graph(filter_name, options, frame_from_planes(first))
        waiting: deque[Planes] = deque()

        def pull() -> Iterator[Planes]:
            while True:
                try:
                    frame = sink.pull()
                except (av.BlockingIOError, av.EOFError):
                    return
                assert isinstance(frame, VideoFrame)
                cleaned, came = planes_from_frame(frame), waiting.popleft()
                yield Planes(
                    cleaned.y, cleaned.u, cleaned.v, came.format, came.time_s, cleaned.owner
                )

        for index, planes in enumerate(chain([first], source)):
            frame = frame_from_planes(planes)
            frame.pts = index
            waiting.append(planes)
            buffer.push(frame)
            yield from pull()
        buffer.push(None)
        yield from pull()
        del graph

    return clean


def _graph(
    filter_name: str, options: str, frame: VideoFrame
) -> tuple[Graph, av.filter.context.FilterContext, av.filter.context.FilterContext]:
    graph = Graph()
    buffer = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    middle = graph.add(filter_name, options)
    sink = graph.add("buffersink")
    buffer.link_to(middle)
    middle.link_to(sink)
    graph.configure()
    return graph, buffer, sink


def opencv_nlmeans(h: float) -> Clean:
    """OpenCV's colour non-local means, frame by frame (the paper compares with this one)."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        for planes in frames:
            cleaned = cv2.fastNlMeansDenoisingColored(bgr(planes), None, h, h, 7, 21)
            yield planes_of_bgr(np.asarray(cleaned, np.uint8), planes)

    return clean


def bgr(planes: Planes) -> Bytes:
    """A frame as OpenCV takes it, (H, W, 3) B'G'R'."""
    return np.asarray(frame_from_planes(planes).to_ndarray(format="bgr24"), np.uint8)


def planes_of_bgr(picture: Bytes, like: Planes) -> Planes:
    """A picture of OpenCV's as a frame of the format of another one."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
    full = planes_from_frame(frame.reformat(format="yuvj444p"))
    back = convert(full, like.format.chroma, like.format.full_range)
    return Planes(back.y, back.u, back.v, like.format, like.time_s, back.owner)


def peers(names: Iterable[str]) -> list[Peer]:
    """The filters of those names, each in several strengths, so that its best can be told.

    Raises:
        KeyError: there is no filter of that name; :data:`NAMES` lists them.
    """
    return [peer for name in names for peer in _ALL[name]()]


def _ffmpeg(name: str, settings: Iterable[str]) -> list[Peer]:
    return [Peer(name, setting, ffmpeg_filter(name, setting)) for setting in settings]


def atadenoise_options(a: float) -> str:
    """The same thresholds for all planes; the second, for the sum of differences, is twice the first as by default."""
    return ":".join(f"{plane}a={a}:{plane}b={2 * a}" for plane in range(3))


_ALL: dict[str, Callable[[], list[Peer]]] = {
    "opencv-nlmeans": lambda: [
        Peer("opencv-nlmeans", f"h={h}", opencv_nlmeans(h)) for h in (1, 2, 3, 5, 8)
    ],
    "nlmeans": lambda: _ffmpeg("nlmeans", [f"s={s}" for s in (1, 2, 3, 5, 8)]),
    "atadenoise": lambda: [
        Peer("atadenoise", f"a={a}", ffmpeg_filter("atadenoise", atadenoise_options(a)))
        for a in (0.02, 0.05, 0.1, 0.2, 0.3)
    ],
    "fftdnoiz": lambda: [
        Peer("fftdnoiz", f"sigma={s}", ffmpeg_filter("fftdnoiz", f"sigma={s}:prev=1:next=1"))
        for s in (2, 4, 8, 16, 32, 64)
    ],
    "bm3d": lambda: _ffmpeg("bm3d", [f"sigma={s}" for s in (2, 4, 8)]),
}
NAMES = tuple(_ALL)
"""The filters that are known here."""

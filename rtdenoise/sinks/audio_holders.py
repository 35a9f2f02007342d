"""Which of the containers that a film can be written in hold given audio."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import av
from av.audio.stream import AudioStream

_FORMATS = {".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".nut": "nut", ".avi": "avi"}


def holders(streams: Sequence[AudioStream], suffixes: Iterable[str]) -> list[str]:
    """Those of ``suffixes`` whose container holds all the streams as they are.

    FFmpeg's own list of what a container takes promises too much: each is tried, up to its header, in memory.
    """
    return [suffix for suffix in suffixes if _holds(_FORMATS[suffix], streams)]


def _holds(format: str, streams: Sequence[AudioStream]) -> bool:
    if format == "mp4" and any(s.codec_context.name.startswith("pcm_") for s in streams):
        return False  # FFmpeg finds out at the very end, and few players play it
    try:
        with av.open(io.BytesIO(), "w", format=format) as container:
            for stream in streams:
                container.add_stream_from_template(stream)
            container.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True

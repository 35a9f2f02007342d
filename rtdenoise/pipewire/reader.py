"""Reads one camera of the user's PipeWire session."""

from __future__ import annotations

import ctypes
import json
import threading
import time
from collections import deque
from dataclasses import dataclass

from . import library, pod

_QUEUE = 32  # pictures that are kept for a reader that is late, as V4L2 does


@dataclass(frozen=True)
class Received:
    """A picture as it came.

    Args:
        blocks: Its bytes and how many a row takes (0: not told), for each block of memory.
        time_ns: When it was taken, on the monotonic clock.
        damaged: The camera says that it is.
    """

    blocks: tuple[tuple[bytes, int], ...]
    time_ns: int
    damaged: bool


class VideoReader:
    """An open stream from a camera of the session.

    Args:
        target: The camera's name in the session.
        wanted: The format that it is to send, by :func:`rtdenoise.pipewire.pod.wanted_format`.

    Raises:
        SinkError: libpipewire is missing.
    """

    def __init__(self, target: str, wanted: bytes) -> None:
        self._lib = library.load()
        self._came = threading.Condition()
        self._waiting: deque[Received] = deque(maxlen=_QUEUE)
        self._state, self._error = library.STATE_CONNECTING, ""
        self.format: dict[int, pod.Choice] = {}
        """What was agreed on; empty before the first picture."""
        self.streaming_since: float | None = None
        """Since when it runs, by time.monotonic(); None while it doesn't."""
        self._events = library.StreamEvents(
            version=2,
            state_changed=library.OnState(self._on_state),
            param_changed=library.OnParam(self._on_param),
            process=library.OnProcess(self._on_process),
        )
        self._offered = library.Params([wanted])
        self._buffers = library.Params([pod.readable_buffers(), pod.header_meta()])
        self._loop = self._lib.pw_thread_loop_new(b"rtdenoise-reader", None)
        self._stream: int | None = None
        words = {
            "media.type": "Video",
            "media.category": "Capture",
            "media.role": "Camera",
            "node.name": "rtdenoise-reader",
            "target.object": target,
            "node.dont-reconnect": "true",  # another camera is none that was asked for
        }
        properties = self._lib.pw_properties_new_string(json.dumps(words).encode())
        loop = self._lib.pw_thread_loop_get_loop(self._loop)
        self._stream = self._lib.pw_stream_new_simple(
            loop, b"rtdenoise-reader", properties, ctypes.byref(self._events), None
        )
        flags = library.FLAG_AUTOCONNECT | library.FLAG_MAP_BUFFERS | library.FLAG_DONT_RECONNECT
        result = self._lib.pw_stream_connect(
            self._stream,
            library.DIRECTION_INPUT,
            library.ANY_ID,
            flags,
            self._offered.array,
            self._offered.count,
        )
        if result < 0:
            self._state, self._error = library.STATE_ERROR, "no session answers"
        self._lib.pw_thread_loop_start(self._loop)

    @property
    def failure(self) -> str | None:
        """Why it has ended; None while it hasn't."""
        if self._state in (library.STATE_ERROR, library.STATE_UNCONNECTED):
            return self._error or "the connection has ended"
        return None

    @property
    def waiting(self) -> int:
        """How many pictures nobody has taken yet."""
        return len(self._waiting)

    def take(self, timeout_s: float) -> Received | None:
        """The oldest picture that nobody has taken; None if none came in time."""
        with self._came:
            self._came.wait_for(lambda: self._waiting or self.failure is not None, timeout_s)
            return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        """Ends the stream. Safe to call twice."""
        with self._came:
            loop, self._loop = self._loop, None
            self._came.notify_all()
        if not loop:
            return
        self._lib.pw_thread_loop_stop(loop)
        if self._stream:
            self._lib.pw_stream_destroy(self._stream)
        self._lib.pw_thread_loop_destroy(loop)
        self._stream, self._state = None, library.STATE_UNCONNECTED

    # --- called back, in PipeWire's thread

    def _on_state(self, _data: object, _old: int, state: int, error: bytes | None) -> None:
        with self._came:
            self._state = state
            runs = state == library.STATE_STREAMING
            self.streaming_since = time.monotonic() if runs else None
            if error:
                self._error = error.decode("utf-8", "replace")
            self._came.notify_all()

    def _on_param(self, _data: object, param: int, value: int | None) -> None:
        if param != pod.PARAM_FORMAT or not value:
            return
        length = ctypes.c_uint32.from_address(value).value
        try:
            self.format = pod.properties(ctypes.string_at(value, 8 + length))
        except ValueError:
            return
        wanted = self._buffers
        self._lib.pw_stream_update_params(self._stream, wanted.array, wanted.count)

    def _on_process(self, _data: object) -> None:
        pointer = self._lib.pw_stream_dequeue_buffer(self._stream)
        if not pointer:
            return
        buffer = ctypes.cast(pointer, ctypes.POINTER(library.Buffer)).contents.buffer.contents
        received = _received(buffer)
        self._lib.pw_stream_queue_buffer(self._stream, pointer)
        if received is not None:
            with self._came:
                self._waiting.append(received)
                self._came.notify_all()


def _received(buffer: library.SpaBuffer) -> Received | None:
    """A buffer's bytes, copied; None where it holds none."""
    blocks, damaged = [], False
    for data in buffer.datas[: buffer.n_datas]:
        chunk = data.chunk.contents
        if not data.data or not chunk.size or not data.maxsize:
            return None
        offset = chunk.offset % data.maxsize
        size = min(chunk.size, data.maxsize - offset)
        blocks.append((ctypes.string_at(data.data + offset, size), max(chunk.stride, 0)))
        damaged |= bool(chunk.flags & library.CHUNK_CORRUPTED)
    time_ns = time.monotonic_ns()
    for meta in buffer.metas[: buffer.n_metas]:
        if meta.type == pod.META_HEADER and meta.size >= pod.META_HEADER_BYTES and meta.data:
            stamp = ctypes.cast(meta.data, ctypes.POINTER(library.Header)).contents.pts
            time_ns = stamp if stamp > 0 else time_ns
    return Received(tuple(blocks), time_ns, damaged) if blocks else None

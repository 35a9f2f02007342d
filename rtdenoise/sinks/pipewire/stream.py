"""One video source in the user's PipeWire session.

PipeWire runs a thread of its own, which calls back when readers come and go and when it wants a frame. The source is
the *driver* of its readers: a frame is handed on when one is there, not when somebody's clock ticks.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import threading
import time
from fractions import Fraction

import numpy as np

from ...arrays import Bytes
from ...errors import SinkError
from ...pipewire import library, pod
from ...pipewire.session import look

_SETTLES_S = 3.0  # a session that hasn't taken the source by then is as good as none
_DAEMON_CURE = (
    "Run systemctl --user enable --now pipewire wireplumber (if there is no such unit: {install})."
)


class VideoSource:
    """A camera that other programs of this user can choose, until it is closed.

    Args:
        name: What programs call it.
        width: Width in pixels, a multiple of 8, since readers disagree about the line sizes of others.
        height: Height in pixels, even.
        rate_fps: The rate that programs are told.

    Raises:
        SinkError: libpipewire is missing, or no PipeWire session answers.
    """

    def __init__(self, name: str, width: int, height: int, rate_fps: Fraction) -> None:
        self._lib = library.load()
        self._width, self._frame_bytes = width, width * height * 3 // 2
        self._frame = np.zeros(self._frame_bytes, np.uint8)
        self._frames = 0
        self._settled = threading.Event()
        self._state, self._error = library.STATE_UNCONNECTED, ""
        # Whatever libpipewire holds a pointer to must live as long as the stream.
        self._events = library.StreamEvents(
            version=2,
            state_changed=library.OnState(self._on_state),
            param_changed=library.OnParam(self._on_param),
            process=library.OnProcess(self._on_process),
        )
        self._offered = library.Params([pod.video_format(width, height, rate_fps)])
        self._wanted = library.Params([pod.buffers(self._frame_bytes, width), pod.header_meta()])
        self._loop = self._lib.pw_thread_loop_new(b"rtdenoise-camera", None)
        self._stream: int | None = None
        if not self._loop:
            raise SinkError("PipeWire can't start a thread.", "Close some programs.")
        try:
            self._open(name)
        except BaseException:
            self.close()
            raise

    def _open(self, name: str) -> None:
        words = {
            "media.type": "Video",
            "media.class": "Video/Source",
            "media.role": "Camera",
            "node.name": name,
            "node.description": name,
        }
        properties = self._lib.pw_properties_new_string(json.dumps(words).encode())
        loop = self._lib.pw_thread_loop_get_loop(self._loop)
        self._stream = self._lib.pw_stream_new_simple(
            loop, name.encode(), properties, ctypes.byref(self._events), None
        )
        flags = library.FLAG_MAP_BUFFERS | library.FLAG_DRIVER
        result = self._lib.pw_stream_connect(
            self._stream,
            library.DIRECTION_OUTPUT,
            library.ANY_ID,
            flags,
            self._offered.array,
            self._offered.count,
        )
        if result < 0:
            raise _no_session(os.strerror(-result) if -result in errno.errorcode else str(result))
        self._lib.pw_thread_loop_start(self._loop)
        if not self._settled.wait(_SETTLES_S):
            raise _no_session("it doesn't answer")
        if not self.alive:
            raise _no_session(self._error or "it refused")

    @property
    def alive(self) -> bool:
        """Whether the session still has the source."""
        return self._state in (library.STATE_PAUSED, library.STATE_STREAMING)

    @property
    def watched(self) -> bool:
        """Whether a program reads it now."""
        return self._state == library.STATE_STREAMING

    def send(self, planes: tuple[Bytes, Bytes, Bytes]) -> None:
        """Hands a frame on: luma (H, W), then both chroma planes (H/2, W/2)."""
        self._lib.pw_thread_loop_lock(self._loop)
        try:
            place = 0
            for plane in planes:
                target = self._frame[place : place + plane.size].reshape(plane.shape)
                np.copyto(target, plane)
                place += plane.size
            if self.watched:
                self._lib.pw_stream_trigger_process(self._stream)
        finally:
            self._lib.pw_thread_loop_unlock(self._loop)

    def close(self) -> None:
        """Takes the source out of the session. Safe to call twice."""
        if not self._loop:
            return
        self._lib.pw_thread_loop_stop(self._loop)
        if self._stream:
            self._lib.pw_stream_destroy(self._stream)
        self._lib.pw_thread_loop_destroy(self._loop)
        self._loop = self._stream = None
        self._state = library.STATE_UNCONNECTED

    # --- called back, in PipeWire's thread, which then holds the loop's lock ---

    def _on_state(self, _data: object, old: int, state: int, error: bytes | None) -> None:
        self._state = state
        if (old, state) == (library.STATE_STREAMING, library.STATE_PAUSED):
            # The last reader has gone, and may have kept buffers: a program that knows V4L2 only, by pw-v4l2, keeps
            # all of them, and the next reader would get no frame. A format that is offered anew gets new ones.
            offered = self._offered
            self._lib.pw_stream_update_params(self._stream, offered.array, offered.count)
        if error:
            self._error = error.decode("utf-8", "replace")
        if state != library.STATE_CONNECTING:
            self._settled.set()

    def _on_param(self, _data: object, param: int, value: int | None) -> None:
        if param == pod.PARAM_FORMAT and value:
            wanted = self._wanted
            self._lib.pw_stream_update_params(self._stream, wanted.array, wanted.count)

    def _on_process(self, _data: object) -> None:
        pointer = self._lib.pw_stream_dequeue_buffer(self._stream)
        if not pointer:
            return  # readers hold all of them: this frame is left out for them
        buffer = ctypes.cast(pointer, ctypes.POINTER(library.Buffer)).contents.buffer.contents
        data = buffer.datas[0]
        chunk = data.chunk.contents
        fits = bool(data.data) and data.maxsize >= self._frame_bytes
        if fits:
            ctypes.memmove(data.data, self._frame.ctypes.data, self._frame_bytes)
        chunk.offset, chunk.size = 0, self._frame_bytes if fits else 0
        chunk.stride, chunk.flags = self._width, 0
        for meta in buffer.metas[: buffer.n_metas]:
            if meta.type == pod.META_HEADER and meta.size >= pod.META_HEADER_BYTES and meta.data:
                header = ctypes.cast(meta.data, ctypes.POINTER(library.Header)).contents
                header.flags = header.offset = header.dts_offset = 0
                header.pts, header.seq = time.monotonic_ns(), self._frames
        self._frames += 1
        self._lib.pw_stream_queue_buffer(self._stream, pointer)


def _no_session(why: str) -> SinkError:
    install = library.install_command()
    return SinkError(
        f"No PipeWire session can be reached: {why}.", _DAEMON_CURE.format(install=install)
    )


def check_session() -> None:
    """Refuses what :class:`VideoSource` would refuse anyway, without making a camera.

    Raises:
        SinkError: the library is missing, or no PipeWire daemon answers.
    """
    library.load()
    if not look().answers:
        raise _no_session("none answers")

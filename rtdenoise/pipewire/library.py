"""libpipewire: its functions and structures, by ctypes.

Its interface is stable since 0.3.50, and the library is there wherever PipeWire is. A binding would be one more package
to build on every machine; GStreamer's ``pipewiresink`` stays stuck when a reader leaves it in the middle.
"""

from __future__ import annotations

import ctypes
import shutil
from functools import lru_cache
from typing import Any

from ..errors import SinkError

_NAME = "libpipewire-0.3.so.0"
_pointer = ctypes.c_void_p
_text = ctypes.c_char_p
_u32, _i32 = ctypes.c_uint32, ctypes.c_int32

DIRECTION_INPUT, DIRECTION_OUTPUT = 0, 1
ANY_ID = 0xFFFFFFFF
FLAG_AUTOCONNECT, FLAG_MAP_BUFFERS, FLAG_DRIVER, FLAG_DONT_RECONNECT = 1, 1 << 2, 1 << 3, 1 << 7
CHUNK_CORRUPTED = 1
STATE_ERROR, STATE_UNCONNECTED, STATE_CONNECTING, STATE_PAUSED, STATE_STREAMING = -1, 0, 1, 2, 3

# name: (type of the result, types of the arguments)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "pw_init": (None, (_pointer, _pointer)),
    "pw_get_library_version": (_text, ()),
    "pw_thread_loop_new": (_pointer, (_text, _pointer)),
    "pw_thread_loop_get_loop": (_pointer, (_pointer,)),
    "pw_thread_loop_start": (ctypes.c_int, (_pointer,)),
    "pw_thread_loop_lock": (None, (_pointer,)),
    "pw_thread_loop_unlock": (None, (_pointer,)),
    "pw_thread_loop_stop": (None, (_pointer,)),
    "pw_thread_loop_destroy": (None, (_pointer,)),
    "pw_properties_new_string": (_pointer, (_text,)),
    "pw_stream_new_simple": (_pointer, (_pointer, _text, _pointer, _pointer, _pointer)),
    "pw_stream_connect": (
        ctypes.c_int,
        (_pointer, ctypes.c_int, _u32, ctypes.c_int, _pointer, _u32),
    ),
    "pw_stream_update_params": (ctypes.c_int, (_pointer, _pointer, _u32)),
    "pw_stream_dequeue_buffer": (_pointer, (_pointer,)),
    "pw_stream_queue_buffer": (ctypes.c_int, (_pointer, _pointer)),
    "pw_stream_trigger_process": (ctypes.c_int, (_pointer,)),
    "pw_stream_destroy": (None, (_pointer,)),
    "pw_context_new": (_pointer, (_pointer, _pointer, ctypes.c_size_t)),
    "pw_context_connect": (_pointer, (_pointer, _pointer, ctypes.c_size_t)),
    "pw_context_destroy": (None, (_pointer,)),
    "pw_core_disconnect": (ctypes.c_int, (_pointer,)),
    "pw_proxy_add_object_listener": (None, (_pointer, _pointer, _pointer, _pointer)),
}


class Chunk(ctypes.Structure):
    """struct spa_chunk: which part of a block is filled."""

    _fields_ = (("offset", _u32), ("size", _u32), ("stride", _i32), ("flags", _i32))


class Data(ctypes.Structure):
    """struct spa_data: one block of memory of a buffer; ``data`` is None where it isn't mapped."""

    _fields_ = (
        ("type", _u32),
        ("flags", _u32),
        ("fd", ctypes.c_int64),
        ("mapoffset", _u32),
        ("maxsize", _u32),
        ("data", _pointer),
        ("chunk", ctypes.POINTER(Chunk)),
    )


class Meta(ctypes.Structure):
    """struct spa_meta: one piece of metadata of a buffer."""

    _fields_ = (("type", _u32), ("size", _u32), ("data", _pointer))


class Header(ctypes.Structure):
    """struct spa_meta_header; ``pts`` in nanoseconds of the monotonic clock."""

    _fields_ = (
        ("flags", _u32),
        ("offset", _u32),
        ("pts", ctypes.c_int64),
        ("dts_offset", ctypes.c_int64),
        ("seq", ctypes.c_uint64),
    )


class SpaBuffer(ctypes.Structure):
    """struct spa_buffer."""

    _fields_ = (
        ("n_metas", _u32),
        ("n_datas", _u32),
        ("metas", ctypes.POINTER(Meta)),
        ("datas", ctypes.POINTER(Data)),
    )


class Buffer(ctypes.Structure):
    """struct pw_buffer, as far as it is used."""

    _fields_ = (("buffer", ctypes.POINTER(SpaBuffer)), ("user_data", _pointer))


OnState = ctypes.CFUNCTYPE(None, _pointer, ctypes.c_int, ctypes.c_int, _text)
OnParam = ctypes.CFUNCTYPE(None, _pointer, _u32, _pointer)
OnProcess = ctypes.CFUNCTYPE(None, _pointer)


class StreamEvents(ctypes.Structure):
    """struct pw_stream_events."""

    _fields_ = (
        ("version", _u32),
        ("destroy", _pointer),
        ("state_changed", OnState),
        ("control_info", _pointer),
        ("io_changed", _pointer),
        ("param_changed", OnParam),
        ("add_buffer", _pointer),
        ("remove_buffer", _pointer),
        ("process", OnProcess),
        ("drained", _pointer),
        ("command", _pointer),
        ("trigger_done", _pointer),
    )


def install_command() -> str:
    """What installs PipeWire here."""
    if shutil.which("dnf"):
        return "sudo dnf install pipewire wireplumber"
    if shutil.which("pacman"):
        return "sudo pacman -S pipewire wireplumber"
    return "sudo apt install pipewire wireplumber"


@lru_cache(maxsize=1)
def load() -> Any:
    """The library, ready for use.

    Raises:
        SinkError: it isn't there; the hint says what installs it.
    """
    try:
        library = ctypes.CDLL(_NAME)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise SinkError(
            f"PipeWire's library can't be loaded: {error}.", f"Run {install_command()}"
        ) from error
    library.pw_init(None, None)
    return library


class Params:
    """PODs as libpipewire takes them: ``array`` holds their addresses, valid as long as this object lives."""

    def __init__(self, pods: list[bytes]) -> None:
        self._held = [ctypes.create_string_buffer(pod, len(pod)) for pod in pods]
        self.count = len(pods)
        self.array = (_pointer * len(pods))(*(ctypes.addressof(pod) for pod in self._held))

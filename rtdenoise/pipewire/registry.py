"""The cameras of the user's PipeWire session, with the formats that each offers."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import library, pod
from .session import look

_ANSWERS_S = 2.0
_NODE, _NODE_VERSION, _REGISTRY_VERSION = b"PipeWire:Interface:Node", 3, 3
# Where methods stand in the tables of <pipewire/core.h> and <pipewire/node.h>, after the version.
_SYNC, _GET_REGISTRY, _BIND, _ENUM_PARAMS = 3, 6, 2, 3
_HOOK_BYTES = 64  # struct spa_hook, and some

_pointer, _u32, _int = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int
_OnDone = ctypes.CFUNCTYPE(None, _pointer, _u32, _int)
_OnParam = ctypes.CFUNCTYPE(None, _pointer, _int, _u32, _u32, _u32, _pointer)


class _Interface(ctypes.Structure):
    """struct spa_interface, which every proxy begins with."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("version", _u32),
        ("methods", ctypes.POINTER(_pointer)),
        ("object", _pointer),
    )


class _Dict(ctypes.Structure):
    """struct spa_dict: names and values in turn."""

    _fields_ = (("flags", _u32), ("count", _u32), ("items", ctypes.POINTER(ctypes.c_char_p)))


_OnGlobal = ctypes.CFUNCTYPE(
    None, _pointer, _u32, _u32, ctypes.c_char_p, _u32, ctypes.POINTER(_Dict)
)


class _CoreEvents(ctypes.Structure):
    _fields_ = (("version", _u32), ("info", _pointer), ("done", _OnDone), ("more", _pointer * 6))


class _RegistryEvents(ctypes.Structure):
    _fields_ = (("version", _u32), ("added", _OnGlobal), ("removed", _pointer))


class _NodeEvents(ctypes.Structure):
    _fields_ = (("version", _u32), ("info", _pointer), ("param", _OnParam))


@dataclass
class SessionCamera:
    """A camera of the session.

    ``number`` is PipeWire's for this object; ``name`` stays the same at every start, ``description`` is for people;
    ``path`` says what it was made of ("v4l2:/dev/video0", say; empty for a program's); ``formats`` are those that it
    offers, as :func:`rtdenoise.pipewire.pod.properties` reads them.
    """

    number: int
    name: str
    description: str
    path: str
    formats: list[dict[int, pod.Choice]] = field(default_factory=list)


def session_cameras(*, formats: bool = True) -> list[SessionCamera]:
    """The cameras of the session; none where there is no session. Takes milliseconds.

    Args:
        formats: Whether to ask each for what it offers.

    Raises:
        SinkError: libpipewire is missing.
    """
    lib = library.load()
    if not look().answers:
        return []
    with ExitStack() as stack:
        loop = lib.pw_thread_loop_new(b"rtdenoise-registry", None)
        if not loop:
            return []
        stack.callback(lib.pw_thread_loop_destroy, loop)
        context = lib.pw_context_new(lib.pw_thread_loop_get_loop(loop), None, 0)
        if not context:
            return []
        stack.callback(lib.pw_context_destroy, context)
        core = lib.pw_context_connect(context, None, 0)
        if not core:
            return []
        stack.callback(lib.pw_core_disconnect, core)
        stack.callback(lib.pw_thread_loop_stop, loop)
        return _Look(lib, loop, core).cameras(formats)


class _Look:
    """One look at a session; whatever libpipewire holds a pointer to lives as long as this."""

    def __init__(self, lib: Any, loop: int, core: int) -> None:
        self._lib, self._loop, self._core = lib, loop, core
        self._held: list[Any] = []
        self._found: dict[int, SessionCamera] = {}
        self._done = threading.Event()
        self._listen(core, _CoreEvents(version=0, done=_OnDone(lambda *_: self._done.set())))

    def cameras(self, formats: bool) -> list[SessionCamera]:
        registry = self._call(
            self._core, _GET_REGISTRY, _pointer, (_u32, _REGISTRY_VERSION), (_u32, 0)
        )
        self._listen(registry, _RegistryEvents(version=0, added=_OnGlobal(self._on_global)))
        self._sync()
        self._lib.pw_thread_loop_start(self._loop)
        if not self._done.wait(_ANSWERS_S):
            return []
        found = list(self._found.values())
        if formats and found:
            self._lib.pw_thread_loop_lock(self._loop)
            try:
                for camera in found:
                    self._ask(registry, camera)
                self._done.clear()
                self._sync()
            finally:
                self._lib.pw_thread_loop_unlock(self._loop)
            self._done.wait(_ANSWERS_S)
        return found

    def _ask(self, registry: int, camera: SessionCamera) -> None:
        words = ((_u32, camera.number), (ctypes.c_char_p, _NODE), (_u32, _NODE_VERSION))
        node = self._call(registry, _BIND, _pointer, *words, (ctypes.c_size_t, 0))
        if node:
            self._listen(node, _NodeEvents(version=0, param=_OnParam(partial(_take, camera))))
            asked = ((_u32, pod.PARAM_ENUM_FORMAT), (_u32, 0), (_u32, library.ANY_ID))
            self._call(node, _ENUM_PARAMS, _int, (_int, 0), *asked, (_pointer, None))

    def _sync(self) -> None:
        self._call(self._core, _SYNC, _int, (_u32, 0), (_int, 0))

    def _listen(self, proxy: int, events: Any) -> None:
        hook = ctypes.create_string_buffer(_HOOK_BYTES)
        self._held += [hook, events]
        self._lib.pw_proxy_add_object_listener(
            proxy, ctypes.addressof(hook), ctypes.addressof(events), None
        )

    @staticmethod
    def _call(proxy: int, index: int, result: Any, *arguments: tuple[Any, Any]) -> Any:
        """Calls a method of a proxy, which stands in its table."""
        interface = ctypes.cast(proxy, ctypes.POINTER(_Interface)).contents
        kinds = [kind for kind, _ in arguments]
        method: Callable[..., Any] = ctypes.CFUNCTYPE(result, _pointer, *kinds)(
            interface.methods[index]
        )
        return method(interface.object, *(value for _, value in arguments))

    # --- called back, in PipeWire's thread

    def _on_global(
        self, _data: object, number: int, _may: int, kind: bytes, _version: int, words: Any
    ) -> None:
        if kind != _NODE or not words:
            return
        items = words.contents.items
        known = {items[2 * i]: items[2 * i + 1] or b"" for i in range(words.contents.count)}
        said = {key.decode(): value.decode("utf-8", "replace") for key, value in known.items()}
        if said.get("media.class") == "Video/Source" and said.get("media.role") == "Camera":
            name = said.get("node.name", str(number))
            self._found[number] = SessionCamera(
                number, name, said.get("node.description", name), said.get("object.path", "")
            )


def _take(
    camera: SessionCamera, _data: object, _seq: int, kind: int, _index: int, _next: int, param: int
) -> None:
    if kind != pod.PARAM_ENUM_FORMAT or not param:
        return
    length = ctypes.c_uint32.from_address(param).value
    try:
        camera.formats.append(pod.properties(ctypes.string_at(param, 8 + length)))
    except ValueError:
        return

"""Keeps the stack on which this thread handles signals, whatever a library does to it.

OpenVINO's CPU plugin gives the thread that compiles a graph a signal stack of its own, and takes it back with the
graph. Where two graphs go in the order in which they came, the thread is left with the first one's, which is unmapped
by then: the next signal, a Ctrl-C, kills the process.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """``stack_t`` of Linux."""

    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def same_signal_stack() -> Iterator[None]:
    """After the block, the calling thread handles signals on the stack that it had before."""
    if not sys.platform.startswith("linux"):
        yield
        return
    libc, before = ctypes.CDLL(None), _Stack()
    known = libc.sigaltstack(None, ctypes.byref(before)) == 0
    try:
        yield
    finally:
        if known:
            libc.sigaltstack(ctypes.byref(before), None)

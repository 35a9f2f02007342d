"""Memory that the C library keeps after use, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache


@cache
def _trim() -> ctypes._CFuncPtr | None:  # type: ignore[name-defined]
    """The function of glibc; None where the C library has none of the name."""
    if sys.platform != "linux":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # musl
        return None


def give_back() -> None:
    """Gives back what is free, which takes a millisecond; does nothing where the C library isn't glibc.

    glibc keeps a heap per thread, up to eight per core, and what a thread has freed stays with its heap when it ends. A
    program that starts threads for large work now and then, as a long call does, grows by tens of megabytes otherwise.
    """
    trim = _trim()
    if trim is not None:
        trim(0)

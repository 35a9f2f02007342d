"""Keeps the memory that large arrays leave, instead of giving it back to the system each time."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h
_LARGE = 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Tells glibc's allocator to keep what is freed for the next array; True where that could be said.

    By default every array above some 32 MB, and many below, is mapped afresh, and the system clears each of its pages:
    measured, a training step on a CPU takes up to five times as long, most of it in the kernel. It costs the memory
    that was needed at the peak.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    settings = ((_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE), (_M_TOP_PAD, 64 << 20))
    said = [mallopt(name, value) for name, value in settings]
    return said == [1] * len(settings)

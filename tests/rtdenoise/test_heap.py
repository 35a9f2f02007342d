"""Memory that the C library keeps after use."""

import subprocess
import sys
from ctypes import CDLL

import pytest

from rtdenoise import heap

# Pieces that are too small to be mapped one by one, of a thread that ends; one that stays holds its heap open.
LEFT_BEHIND = """
import ctypes, threading
from rtdenoise import heap
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def work():
    pieces = [libc.malloc(50_000) for _ in range(1000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 50_000)
    libc.malloc(50_000)
    for piece in pieces:
        libc.free(piece)

before = resident_mb()
thread = threading.Thread(target=work)
thread.start()
thread.join()
kept = resident_mb() - before
heap.give_back()
print(kept, resident_mb() - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(CDLL(None), "malloc_trim"), reason="needs glibc"
)
def test_what_a_thread_has_freed_goes_back() -> None:
    shown = subprocess.check_output([sys.executable, "-c", LEFT_BEHIND], text=True)
    kept, left = map(float, shown.split())
    assert kept > 40
    assert left < 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    heap._trim.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    try:
        heap.give_back()
        assert heap._trim() is None
    finally:
        heap._trim.cache_clear()

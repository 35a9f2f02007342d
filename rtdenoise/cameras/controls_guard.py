"""Puts a camera's settings back when the program that locked them dies; see ``controls.py``.

Runs as a script of its own with nothing but the standard library, so that it starts quickly. Its first line of
input says what to put back; a second line says that it isn't needed; the end of the input without one
says that the program is gone.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from contextlib import suppress

S_CTRL = 0xC008561C


def main() -> None:
    """Waits, and puts back what has to be put back."""
    import fcntl

    path, undo, journal = json.loads(sys.stdin.readline())
    if sys.stdin.readline():
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    for control, value in undo:
        with suppress(OSError):
            fcntl.ioctl(descriptor, S_CTRL, struct.pack("=Ii", control, value))
    if journal:
        with suppress(OSError):
            os.unlink(journal)


if __name__ == "__main__":
    main()

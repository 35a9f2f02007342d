"""Unfinished files: who is at work on one, and which were left by a program that was killed.

A program that is at work on a file holds a lock on it, which ends with the program, however that ends.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What files.whole_file and capture's writer call them.
_NAME = re.compile(r"\..*\.[0-9a-f]{8}\.(part(\.\w+)?|reserve)")
_OLD_S = (
    24 * 3600.0
)  # where there are no such locks (Windows), one that was not written to for so long is nobody's

_swept: set[Path] = set()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Makes a file and holds it as long as the block runs, so that no other program takes it for a left one.

    Raises:
        OSError: it can't be made.
    """
    descriptor = _locked(path, os.O_RDWR | os.O_CREAT, wait=True)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Removes the unfinished files in a folder that no living program holds; once for each folder."""
    folder = folder.absolute()
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    _remove_if_left(Path(entry.path))


def _remove_if_left(path: Path) -> None:
    try:
        import fcntl  # noqa: F401
    except ImportError:
        if time.time() - path.stat().st_mtime > _OLD_S:
            path.unlink()
        return
    descriptor = _locked(path, os.O_RDWR | os.O_NOFOLLOW, wait=False)
    if descriptor is not None:
        try:
            path.unlink()
        finally:
            os.close(descriptor)


def _locked(path: Path, flags: int, *, wait: bool) -> int | None:
    """A descriptor that locks the file which has that name now; None where there are no locks, or another holds it."""
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            # A sweep may have removed it between its making and its lock.
            if not wait or _is_at(descriptor, path):
                return descriptor
        except OSError:  # held, or on a file system without locks
            os.close(descriptor)
            return None
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

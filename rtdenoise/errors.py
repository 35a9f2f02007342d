"""Every error that rtdenoise raises on purpose.

    RtdenoiseError
    ├── CameraError      a camera is missing, busy, or refuses the mode
    ├── ClipError        a recording or picture can't be read, or is too short
    ├── ProfileError     what is known about a camera is missing or unfit for the request
    ├── NetworkError     a network file is corrupt, or belongs to another camera
    ├── SinkError        the place where frames go can't be opened or went away
    ├── StorageError     a folder can't be written: full, read-only, no permission
    └── ClusterError     other machines don't answer, or can't do the work

Each carries a one-sentence ``message`` and a ``hint``: one sentence that says what to do about it. The
command line prints both and exits with 1.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RtdenoiseError(Exception):
    """Something went wrong that a user can understand and mend.

    Args:
        message: What happened, one sentence that names the thing concerned.
        hint: What to do about it, one sentence; empty if there is nothing to add.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class CameraError(RtdenoiseError):
    """A camera is missing, busy, or refuses the mode asked for."""


class ClipError(RtdenoiseError):
    """A recording or picture can't be read, or doesn't hold what is needed."""


class ProfileError(RtdenoiseError):
    """What is known about a camera is missing, or unfit for what was asked."""


class NetworkError(RtdenoiseError):
    """A network file is corrupt, unknown, or belongs to another camera."""


class ClusterError(RtdenoiseError):
    """Other machines don't answer, or can't do the work."""


class SinkError(RtdenoiseError):
    """The place where frames go can't be opened, or went away."""


class StorageError(RtdenoiseError):
    """A file or folder can't be written."""


_ELSEWHERE = (
    "Choose a folder that you may write; that of the cameras is named by --home or RTDENOISE_HOME."
)
_CURES = {
    errno.ENOSPC: ("The disk that holds {path} is full.", "Free some space and run it again."),
    errno.EDQUOT: ("The disk quota for {path} is used up.", "Free some space and run it again."),
    errno.EROFS: (
        "{path} lies on a read-only disk.",
        _ELSEWHERE,
    ),
    errno.EACCES: (
        "There is no permission to write {path}.",
        _ELSEWHERE,
    ),
    errno.EPERM: (
        "There is no permission to write {path}.",
        _ELSEWHERE,
    ),
    errno.ENOTDIR: (
        "{path} can't be made: a part of its path is a file.",
        "Choose another folder.",
    ),
    errno.EISDIR: ("{path} is a folder, and a file is to be written there.", "Choose a file name."),
    errno.ENOENT: ("The folder of {path} does not exist.", "Make it first, or choose another."),
    errno.ENAMETOOLONG: ("The name {path} is too long.", "Choose a shorter one."),
    errno.ELOOP: ("{path} is a link that leads back to itself.", "Name another file."),
    errno.EPIPE: ("Nobody reads {path} any more.", "What was to be written there is incomplete."),
    errno.EIO: ("The disk that holds {path} reports an input/output error.", "Try another disk."),
}


def storage_error(error: OSError, path: Path) -> StorageError:
    """Says in one sentence why ``path`` could not be written, and what to do."""
    if error.errno == errno.ENOENT and path.parent.is_dir():  # /proc, say, takes no files
        return StorageError(f"{path.parent} takes no files.", "Choose another folder.")
    message, hint = _CURES.get(
        error.errno or 0, ("{path} can't be written: " + (error.strerror or str(error)) + ".", "")
    )
    return StorageError(message.format(path=path), hint)


def refused_by_system(error: Exception) -> RtdenoiseError | None:
    """The error for a path that the system refuses, wherever it was used; None for any other one."""
    if not isinstance(error, OSError) or not isinstance(error.filename, (str, bytes)):
        return None
    if error.errno in (errno.EACCES, errno.EPERM):
        message, hint = (
            "There is no permission for {path}.",
            "Change its permissions, or name another.",
        )
    elif error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS, errno.EIO, errno.ENOSPC):
        message, hint = _CURES[error.errno]
    else:
        return None
    return RtdenoiseError(message.format(path=os.fsdecode(error.filename)), hint)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` raised inside into a :class:`StorageError` about ``path``.

    PyAV's errors are ``OSError`` too, so this also covers a disk that fills up while a clip is written.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


_NO_MEMORY = ("can't allocate memory", "Insufficient memory", "out of memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: PyTorch and OpenCV say so in errors of their own."""
    named = any(words in str(error) for words in _NO_MEMORY)
    return isinstance(error, MemoryError) or named

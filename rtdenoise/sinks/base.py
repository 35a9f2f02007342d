"""What a sink is: where cleaned frames go."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..cameras.base import CameraInfo
from ..cameras.images import pictures_in
from ..errors import SinkError, StorageError, writing
from ..files import destination, is_folder, refuse_protected, same_file, user_path
from ..frames import Planes


class Sink(Protocol):
    """Takes frames in order. Opened by its constructor; ``close`` finishes (a file is renamed into place)."""

    @property
    def name(self) -> str:
        """What a person calls it: ``/dev/video11 (Virtual)``, ``clean.mp4``, ``null``."""

    def write(self, planes: Planes) -> None:
        """Takes one frame.

        Raises:
            SinkError: the device went away.
            StorageError: the disk is full.
        """

    def close(self) -> None:
        """Finishes and lets go. Safe to call twice."""

    def abort(self) -> None:
        """Lets go without finishing: a file is removed, never left half written."""


@runtime_checkable
class KnowsReaders(Protocol):
    """A sink that can tell whether anyone looks at what it shows."""

    @property
    def watched(self) -> bool | None:
        """Whether a program reads it now; None where that can't be told."""


def watched(sink: Sink) -> bool | None:
    """Whether a program reads the sink now; None where that can't be told, as of a file."""
    return sink.watched if isinstance(sink, KnowsReaders) else None


def refuse_overwriting(source: CameraInfo, output: str) -> None:
    """Refuses an output that is the very file that is read, or one of the pictures, also by another name of it.

    Raises:
        SinkError: it is.
    """
    if source.kind != "file":
        return
    read = Path(source.spec.partition(":")[2])
    others = [read, *(pictures_in(read) if is_folder(read) else ())]
    same = same_file(user_path(output), [*others, read.with_suffix(".json")])
    if same == read:
        raise SinkError(f"{output} is the input itself.", "Give the output another name.")
    if same is not None:
        raise SinkError(f"{output} belongs to the input.", "Give the output another name.")


def require_place(path: Path) -> None:
    """Refuses a file whose folder isn't there, or that is protected; where it is a link, what it leads to.

    Raises:
        StorageError: it is, or a part of its path is a file.
    """
    with writing(path):
        path = destination(path)
    with writing(path):
        path.parent.stat()
        refuse_protected(path)
    if not is_folder(path.parent):
        raise StorageError(f"{path.parent} is a file, not a folder.", "Choose another folder.")


class PathSink:
    """What sinks that write one file have in common; see :class:`Sink`.

    Args:
        path: The file. Its folder has to be there: one that was mistyped isn't made.

    Raises:
        StorageError: it isn't, or the file is there and may not be written.
    """

    def __init__(self, path: Path) -> None:
        require_place(path)
        self._path = path

    @property
    def name(self) -> str:
        """The file's name."""
        return self._path.name

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

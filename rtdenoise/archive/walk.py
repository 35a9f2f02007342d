"""What of a folder is to be cleaned, and what the clean files are called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..cameras.images import PICTURE_SUFFIXES
from ..cameras.raw import RAW_SUFFIXES
from ..errors import ClipError, SinkError
from ..sinks.storage import VIDEO_SUFFIXES

READ_SUFFIXES = (
    *VIDEO_SUFFIXES,
    *(".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".wmv", ".flv", ".3gp"),
    *(".ogv", ".mxf", ".dv", ".y4m"),
)
"""Recordings; other files are taken for something else."""
_PICTURES_AS_THEY_ARE = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Item:
    """A file to be cleaned: both paths relative to their folders, and what tells whether it was changed since."""

    source: str
    target: str
    size: int
    mtime_ns: int


@dataclass
class Found:
    """What a folder holds: what is to be cleaned, and beside it (path, reason) of what isn't."""

    items: list[Item] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def target_of(source: str) -> str:
    """What the clean copy of a file is called, relative to its folder.

    The name stays where a file of that kind can be written. Else its whole name gets the suffix of one that can:
    ``a.webm`` becomes ``a.webm.mkv``, and ``a.tif`` ``a.tif.png``.
    """
    suffix = os.path.splitext(source)[1].lower()
    if suffix in VIDEO_SUFFIXES or suffix in _PICTURES_AS_THEY_ARE:
        return source
    return source + (".mkv" if suffix in READ_SUFFIXES else ".png")


def walk(source: Path, target: Path) -> Found:
    """What is below a folder. Hidden files are left out, and links to folders, which may lead in a circle.

    Raises:
        ClipError: the folder isn't there, or holds nothing to be cleaned.
        SinkError: the folders are one, or the first lies in the second.
    """
    if not source.is_dir():
        raise ClipError(f"There is no folder {source}.", "Check the path.")
    here, there = source.resolve(), target.resolve()
    if here == there:
        raise SinkError(f"{target} is the folder that is to be cleaned.", "Name another one.")
    if there in here.parents:
        raise SinkError(f"{source} lies in {target}.", "Name another folder for the clean files.")
    found = Found()
    for path in _files(source, there, found):
        name = os.path.relpath(path, source)
        suffix = os.path.splitext(name)[1].lower()
        if suffix not in (*READ_SUFFIXES, *PICTURE_SUFFIXES, *RAW_SUFFIXES):
            found.passed_over.append((name, "no recording or picture, by its name"))
            continue
        try:
            stat = os.stat(path)
        except OSError as error:
            found.passed_over.append((name, error.strerror or str(error)))
            continue
        found.items.append(Item(name, target_of(name), stat.st_size, stat.st_mtime_ns))
    found.items = _without_collisions(found)
    if not found.items:
        raise ClipError(f"The folder {source} holds no recordings or pictures.", "Check the path.")
    return found


def _files(source: Path, target: Path, found: Found) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        name = os.path.relpath(error.filename or source, source)
        found.passed_over.append((name, error.strerror or str(error)))

    for folder, folders, files in os.walk(source, onerror=unreadable):
        kept = []
        for name in sorted(folders):
            path = os.path.join(folder, name)
            if name.startswith(".") or Path(path).resolve() == target:
                continue
            if os.path.islink(path):
                found.passed_over.append((os.path.relpath(path, source), "a link to a folder"))
                continue
            kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.startswith("."):
                continue
            if os.path.exists(path) and not os.path.isfile(path):
                found.passed_over.append((os.path.relpath(path, source), "no plain file"))
                continue
            yield path


def _without_collisions(found: Found) -> list[Item]:
    """Those whose clean copy has a name of its own. Names that differ in capitals only count as one."""
    kept: dict[str, Item] = {}
    # First those that keep their names.
    for item in sorted(found.items, key=lambda i: i.source != i.target):
        other = kept.setdefault(item.target.casefold(), item)
        if other is not item:
            reason = f"its clean copy would be called as that of {other.source}"
            found.passed_over.append((item.source, reason))
    return sorted(kept.values(), key=lambda i: i.source)

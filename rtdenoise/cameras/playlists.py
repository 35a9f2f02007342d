"""Lists of files that are played one after the other (HTTP Live Streaming's, FFmpeg's ffconcat): what they name."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from pathlib import Path

from ..errors import ClipError

_STREAMING, _JOINED = b"#EXTM3U", b"ffconcat version"
_MOST_BYTES = 4_000_000
_MOST_LISTS = 100  # that one list names
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:", re.I)  # a protocol
# What FFmpeg takes for a safe name in ffconcat: none that leads out of the folder, nor anything unusual.
_SAFE = re.compile(r"(?!\.)[\w-][\w.-]*(/(?!\.)[\w-][\w.-]*)*", re.A)


def is_streaming(path: Path) -> bool:
    """Whether a file is a playlist of HTTP Live Streaming."""
    return _beginning(path).startswith(_STREAMING)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_JOINED))


def absent(path: Path) -> list[str]:
    """Which of the files that a list (or one that it names) tells to be beside it can't be read.

    Of any other file there are none.
    """
    missing: dict[str, None] = {}
    waiting, known = [path], {path}
    while waiting:
        at = waiting.pop()
        for name in (told.removeprefix("file:") for told in _named(at)):
            file = at.parent / name
            if _ELSEWHERE.match(name):
                continue
            if not (os.path.isfile(file) and os.access(file, os.R_OK)):
                missing[name] = None
            elif file not in known and len(known) < _MOST_LISTS and is_streaming(file):
                waiting.append(file)
                known.add(file)
    return list(missing)


def unsafe_name(path: Path) -> ClipError | None:
    """The error for a name in ffconcat that FFmpeg refuses to read; None where it names none such."""
    unsafe = [name for name in _named(path) if not _SAFE.fullmatch(name)]
    if not unsafe or is_streaming(path):
        return None
    return ClipError(
        f"{path} names {unsafe[0]}: from such a list FFmpeg reads only files in its own folder and below it, whose "
        "names are of plain letters, digits, hyphens and dots.",
        f"Put them together first: ffmpeg -f concat -safe 0 -i {shlex.quote(str(path))} -c copy clip.mkv.",
    )


def _named(path: Path) -> list[str]:
    """The files that a list names, in its order and words; none where it can't be read."""
    data = b""
    with suppress(OSError), path.open("rb") as file:
        if file.read(len(_JOINED)).startswith((_STREAMING, _JOINED)):
            file.seek(0)
            data = file.read(_MOST_BYTES)
    names: list[str] = []
    for line in os.fsdecode(data).splitlines():
        if data.startswith(_JOINED):
            with suppress(ValueError):  # a quote that isn't closed
                words = shlex.split(line)
                names += words[1:2] if words[:1] == ["file"] else []
        elif found := re.match(r'#EXT-X-(?:MAP|MEDIA):.*?URI="([^"]*)"', line):
            names.append(found[1])
        elif line.strip() and not line.startswith("#"):
            names.append(line.strip())
    return names

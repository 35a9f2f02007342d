"""Recordings through pipes, for a command that reads its input more than once and finishes its output at the end."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ClipError, SinkError, writing
from ..files import STANDARD, descriptor, is_device

STREAMED_SUFFIX = ".mkv"
"""How what is written to standard output is stored: it has no name that says so."""


@contextmanager
def file_from(source: str) -> Iterator[str]:
    """A file with what comes through a pipe, as long as the block lasts; anything else is given back as it is.

    Args:
        source: ``-``, ``/dev/stdin``, a named pipe, or any other input.

    Raises:
        ClipError: nothing comes, or standard input is a terminal.
        StorageError: there is no room for it in the folder for temporary files.
    """
    number = 0 if source == STANDARD else descriptor(Path(source))
    if number is None and not _is_pipe(source):
        yield source
        return
    if number is not None and os.isatty(number):
        raise ClipError(
            "Standard input is a terminal, and a recording is to be read.",
            "Name a file, or send one: cat clip.mkv | rtdenoise denoise - clean.mkv",
        )
    with tempfile.TemporaryDirectory(prefix="rtdenoise-") as folder:
        kept = Path(folder) / ("standard-input" if number == 0 else Path(source).name or "pipe")
        try:
            opened = open(source if number is None else os.dup(number), "rb")  # noqa: SIM115
        except OSError as error:
            raise ClipError(f"{source} can't be read: {error.strerror}.", "Check it.") from error
        with opened, writing(kept), kept.open("wb") as file:
            shutil.copyfileobj(opened, file, 1 << 20)
        if not kept.stat().st_size:
            raise ClipError(
                f"Nothing came from {kept.name}.", "Look what the program before it says."
            )
        yield str(kept)


def _is_pipe(source: str) -> bool:
    try:
        mode = os.stat(source).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def file_to(output: str) -> Iterator[str]:
    """A file that goes to standard output, or to a pipe without a suffix, when the block ends well.

    Anything else is given back as it is.

    Raises:
        SinkError: standard output is a terminal.
        StorageError: nobody reads it any more, or there is no room for it in the folder for temporary files.
    """
    path = Path(output)
    number = 1 if output == STANDARD else descriptor(path)
    if number is None and (path.suffix or not is_device(path)):
        yield output
        return
    if number == 1 and sys.__stdout__ is None:
        raise SinkError("Standard output is closed.", "Send it somewhere, or name a file.")
    if number is not None and os.isatty(number):
        raise SinkError(
            "Standard output is a terminal, and a film is to be written.",
            "Name a file, or send it on: rtdenoise denoise clip.mkv - | ffplay -",
        )
    with tempfile.TemporaryDirectory(prefix="rtdenoise-") as folder:
        kept = Path(folder) / f"standard-output{STREAMED_SUFFIX}"
        yield str(kept)
        sys.stdout.flush()
        shown = path if number is None else Path("standard output")
        with (
            writing(shown),
            kept.open("rb") as file,
            open(path if number is None else os.dup(number), "wb") as opened,
        ):
            shutil.copyfileobj(file, opened, 1 << 20)


def is_standard_output(output: str) -> bool:
    """Whether an output is standard output, so that nothing else may be said there."""
    return output == STANDARD or descriptor(Path(output)) == 1

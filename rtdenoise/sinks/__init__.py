"""Where frames go: a virtual camera, a file, or nowhere."""

from __future__ import annotations

import difflib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SinkError

if TYPE_CHECKING:
    from ..frames import PlaneFormat
    from .base import Sink

__all__ = ["check_output", "open_sink"]


def open_sink(output: str, *, format: PlaneFormat, rate_fps: Fraction) -> Sink:
    """Opens a sink.

    Args:
        output: ``null``, ``virtual``, ``virtual:LABEL``, or a file name whose suffix says how it is stored
            (``rtdenoise.sinks.file.VIDEO_SUFFIXES``, ``rtdenoise.sinks.picture.PICTURE_SUFFIXES``).
        format: What the frames will be.
        rate_fps: Their nominal rate.

    Raises:
        SinkError: the output is unknown, or can't be opened.
        StorageError: the file can't be written.
    """
    kind, colon, label = output.partition(":")
    if output == "null":
        from .null import NullSink

        return NullSink()
    if kind == "virtual":
        from .virtual import open_virtual

        return open_virtual(label if colon and label else None, format=format, rate_fps=rate_fps)
    from .file import VIDEO_SUFFIXES, FileSink
    from .picture import PICTURE_SUFFIXES, PictureSink

    path = Path(output).expanduser()
    suffix = path.suffix.lower()
    if path.is_dir():
        raise _unknown(output)
    if suffix in VIDEO_SUFFIXES:
        return FileSink(path, format=format, rate_fps=rate_fps)
    if suffix in PICTURE_SUFFIXES:
        return PictureSink(path)
    raise _unknown(output)


def check_output(output: str) -> None:
    """Refuses what :func:`open_sink` would refuse anyway, without opening it, in a fraction of a second.

    Raises:
        SinkError: there is no such virtual camera, several fit, it is in use or forbidden, or the suffix is unknown.
        StorageError: the file's folder is missing or can't be written.
    """
    kind, colon, label = output.partition(":")
    if kind == "virtual":
        from .virtual import check_virtual

        check_virtual(label if colon and label else None)
        return
    if kind == "null":
        return
    from ..files import check_writable
    from .file import VIDEO_SUFFIXES
    from .picture import PICTURE_SUFFIXES

    path = Path(output).expanduser()
    if path.is_dir() or path.suffix.lower() not in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES):
        raise _unknown(output)
    check_writable(path)


def _unknown(output: str) -> SinkError:
    """Why an output is none."""
    from .file import VIDEO_SUFFIXES
    from .picture import PICTURE_SUFFIXES

    path = Path(output).expanduser()
    if path.is_dir():
        return SinkError(
            f"{output} is a folder, and a file is to be written.", "Name a file in it."
        )
    kind, colon, label = output.partition(":")
    suffix = path.suffix.lower()
    close = difflib.get_close_matches(kind.lower(), ("virtual", "null"), n=1, cutoff=0.75)
    if close and not suffix:
        return SinkError(f"There is no output {output}.", f"Did you mean {close[0]}{colon}{label}?")
    known = ", ".join((*VIDEO_SUFFIXES, *PICTURE_SUFFIXES))
    return SinkError(
        f"The output {output} has {'the unknown' if suffix else 'no'} suffix{' ' + suffix if suffix else ''}.",
        f"Name a file that ends in {known}, or write virtual or null.",
    )

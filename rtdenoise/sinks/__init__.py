"""Where frames go: a virtual camera, a file, or nowhere."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SinkError

if TYPE_CHECKING:
    from ..frames import PlaneFormat
    from .base import Sink

__all__ = ["open_sink", "open_sinks"]


def open_sink(output: str, *, format: PlaneFormat, rate_fps: Fraction) -> Sink:
    """Opens a sink.

    Args:
        output: ``null``, ``virtual``, ``virtual:LABEL``, ``pipewire``, ``pipewire:NAME``, or a file name whose suffix
            says how it is stored (``rtdenoise.sinks.file.VIDEO_SUFFIXES``,
            ``rtdenoise.sinks.picture.PICTURE_SUFFIXES``).
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
        return _virtual(label or None, format, rate_fps)
    if kind == "pipewire":
        return _pipewire(label or None, format, rate_fps)
    from .file import VIDEO_SUFFIXES, FileSink
    from .picture import PICTURE_SUFFIXES, PictureSink

    path = Path(output).expanduser()
    suffix = path.suffix.lower()
    if path.is_dir():
        raise SinkError(f"{output} is a folder, and a file is to be written.", "Name a file in it.")
    if suffix in VIDEO_SUFFIXES:
        return FileSink(path, format=format, rate_fps=rate_fps)
    if suffix in PICTURE_SUFFIXES:
        return PictureSink(path)
    close = difflib.get_close_matches(
        kind.lower(), ("virtual", "pipewire", "null"), n=1, cutoff=0.75
    )
    if close and not suffix:
        raise SinkError(f"There is no output {output}.", f"Did you mean {close[0]}{colon}{label}?")
    known = ", ".join((*VIDEO_SUFFIXES, *PICTURE_SUFFIXES))
    raise SinkError(
        f"The output {output} has {'the unknown' if suffix else 'no'} suffix{' ' + suffix if suffix else ''}.",
        f"Name a file that ends in {known}, or write virtual, pipewire or null.",
    )


def open_sinks(
    outputs: Sequence[str],
    *,
    format: PlaneFormat,
    rate_fps: Fraction,
    note: Callable[[str], None] = lambda _: None,
) -> Sink:
    """Opens one sink, or several that all get every frame.

    Args:
        outputs: At least one; see :func:`open_sink`.
        format: What the frames will be.
        rate_fps: Their nominal rate.
        note: Told in one sentence when one of several failed.

    Raises:
        SinkError: an output is unknown, or can't be opened.
        StorageError: a file can't be written.
    """
    if len(outputs) == 1:
        return open_sink(outputs[0], format=format, rate_fps=rate_fps)
    from .several import SeveralSinks

    with ExitStack() as opened:
        sinks = []
        for output in outputs:
            sink = open_sink(output, format=format, rate_fps=rate_fps)
            opened.callback(sink.abort)
            sinks.append(sink)
        opened.pop_all()
    return SeveralSinks(sinks, note)


def _virtual(label: str | None, format: PlaneFormat, rate_fps: Fraction) -> Sink:
    """A v4l2loopback device (elsewhere OBS's camera); on a Linux without one, a camera in PipeWire."""
    from .virtual import open_virtual, virtual_devices

    if sys.platform.startswith("linux") and label is None and not virtual_devices():
        try:
            return _pipewire(None, format, rate_fps)
        except SinkError as error:
            raise SinkError(
                f"There is no virtual camera: no v4l2loopback device, and {_lower(error.message)}",
                error.hint,
            ) from error
    return open_virtual(label, format=format, rate_fps=rate_fps)


def _lower(sentence: str) -> str:
    return sentence if sentence.startswith("PipeWire") else sentence[:1].lower() + sentence[1:]


def _pipewire(label: str | None, format: PlaneFormat, rate_fps: Fraction) -> Sink:
    if not sys.platform.startswith("linux"):
        raise SinkError("PipeWire is there on Linux only.", "Use --output virtual.")
    from .pipewire.sink import NAME, PipeWireSink

    return PipeWireSink(label or NAME, format=format, rate_fps=rate_fps)

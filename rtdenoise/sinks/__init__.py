"""Where frames go: a virtual camera, a file, or nowhere."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import SinkError
from ..files import user_path

if TYPE_CHECKING:
    from ..frames import PlaneFormat
    from .base import Sink

__all__ = ["check_output", "open_sink", "open_sinks"]


_SPARE_BYTES = 8_000_000  # a film's end is written where the disk is full else


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
    kind, _, label = output.partition(":")
    if output == "null":
        from .null import NullSink

        return NullSink()
    if kind == "virtual":
        return _virtual(label or None, format, rate_fps)
    if kind == "pipewire":
        return _pipewire(label or None, format, rate_fps)
    from .file import VIDEO_SUFFIXES, FileSink
    from .picture import PICTURE_SUFFIXES, PictureSink

    path = user_path(output)
    suffix = path.suffix.lower()
    if path.is_dir():
        raise _unknown(output)
    if suffix in VIDEO_SUFFIXES:
        return FileSink(path, format=format, rate_fps=rate_fps, spare_bytes=_SPARE_BYTES)
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
        _check_virtual(label if colon and label else None)
        return
    if kind == "pipewire":
        _check_pipewire()
        return
    if kind == "null":
        return
    from ..files import check_writable
    from .file import VIDEO_SUFFIXES
    from .picture import PICTURE_SUFFIXES

    path = user_path(output)
    if (
        not output
        or path.is_dir()
        or path.suffix.lower() not in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES)
    ):
        raise _unknown(output)
    check_writable(path)


def _unknown(output: str) -> SinkError:
    """Why an output is none."""
    from .file import VIDEO_SUFFIXES
    from .picture import PICTURE_SUFFIXES

    path = user_path(output)
    if not output:
        return SinkError("The output has no name.", "Name a file, or write virtual or pipewire.")
    if path.is_dir():
        return SinkError(
            f"{output} is a folder, and a file is to be written.", "Name a file in it."
        )
    kind, colon, label = output.partition(":")
    suffix = path.suffix.lower()
    close = difflib.get_close_matches(
        kind.lower(), ("virtual", "pipewire", "null"), n=1, cutoff=0.75
    )
    if close and not suffix:
        return SinkError(f"There is no output {output}.", f"Did you mean {close[0]}{colon}{label}?")
    known = ", ".join((*VIDEO_SUFFIXES, *PICTURE_SUFFIXES))
    return SinkError(
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
    if _pipewire_instead(label):
        with _no_loopback():
            return _pipewire(None, format, rate_fps)
    from .virtual import open_virtual

    return open_virtual(label, format=format, rate_fps=rate_fps)


def _check_virtual(label: str | None) -> None:
    if _pipewire_instead(label):
        with _no_loopback():
            _check_pipewire()
        return
    from .virtual import check_virtual

    check_virtual(label)


def _pipewire_instead(label: str | None) -> bool:
    """Whether any virtual camera is wanted, and no v4l2loopback device is there."""
    from .virtual import virtual_devices

    return sys.platform.startswith("linux") and label is None and not virtual_devices()


@contextmanager
def _no_loopback() -> Iterator[None]:
    """Says of what PipeWire can't that there is no v4l2loopback device either."""
    try:
        yield
    except SinkError as error:
        raise SinkError(
            f"There is no virtual camera: no v4l2loopback device, and {_lower(error.message)}",
            error.hint,
        ) from error


def _lower(sentence: str) -> str:
    return sentence if sentence.startswith("PipeWire") else sentence[:1].lower() + sentence[1:]


def _pipewire(label: str | None, format: PlaneFormat, rate_fps: Fraction) -> Sink:
    if not sys.platform.startswith("linux"):
        raise _linux_only()
    from .pipewire.sink import NAME, PipeWireSink

    return PipeWireSink(label or NAME, format=format, rate_fps=rate_fps)


def _check_pipewire() -> None:
    if not sys.platform.startswith("linux"):
        raise _linux_only()
    from .pipewire.stream import check_session

    check_session()


def _linux_only() -> SinkError:
    return SinkError("PipeWire is there on Linux only.", "Use --output virtual.")

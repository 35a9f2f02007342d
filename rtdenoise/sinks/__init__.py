"""Where frames go: a virtual camera, a file, or nowhere."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import SinkError
from ..files import is_folder, user_path

if TYPE_CHECKING:
    from ..frames import PlaneFormat
    from ..frames.facts import VideoFacts
    from .base import Sink

__all__ = ["check_output", "check_outputs", "open_sink", "open_sinks"]


_SPARE_BYTES = 8_000_000  # a film's end is written where the disk is full else


def open_sink(
    output: str,
    *,
    format: PlaneFormat,
    rate_fps: Fraction,
    note: Callable[[str], None] = lambda _: None,
    facts: VideoFacts | None = None,
) -> Sink:
    """Opens a sink.

    Args:
        output: ``null``, ``virtual``, ``virtual:LABEL``, ``pipewire``, ``pipewire:NAME``, or a file name whose suffix
            says how it is stored (``rtdenoise.sinks.file.VIDEO_SUFFIXES``,
            ``rtdenoise.sinks.picture.PICTURE_SUFFIXES``).
        format: What the frames will be.
        rate_fps: Their nominal rate.
        note: Told in one sentence what happens to it later on (PipeWire has ended, say).
        facts: What the recording says about its picture; frames come as they are stored, and are turned here.

    Raises:
        SinkError: the output is unknown, or can't be opened, or would show other colours.
        StorageError: the file can't be written.
    """
    from ..frames.orientation import UPRIGHT
    from .storage import VIDEO_SUFFIXES, refuse_colours

    kind, _, label = output.partition(":")
    virtual = kind in ("virtual", "pipewire")
    turns = virtual or user_path(output).suffix.lower() in VIDEO_SUFFIXES
    if facts is not None and turns and facts.orientation != UPRIGHT:
        return _upright(output, format, rate_fps, note, facts)
    if facts is not None and virtual:
        refuse_colours("a virtual camera", "", facts)
    if output == "null":
        from .null import NullSink

        return NullSink()
    if kind == "virtual":
        return _virtual(label or None, format, rate_fps, note)
    if kind == "pipewire":
        return _pipewire(label or None, format, rate_fps, note)
    from .file import FileSink
    from .picture import PICTURE_SUFFIXES, PictureSink

    path = user_path(output)
    suffix = path.suffix.lower()
    if is_folder(path):
        raise _unknown(output, (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES))
    if suffix in VIDEO_SUFFIXES:
        if facts is not None and facts.colour.hdr:
            refuse_colours("live", "", facts)  # frames of 8 bits are handed over
        return FileSink(
            path, format=format, rate_fps=rate_fps, facts=facts, spare_bytes=_SPARE_BYTES
        )
    if suffix in PICTURE_SUFFIXES:
        return PictureSink(path, facts)
    raise _unknown(output, (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES))


def _upright(
    output: str,
    format: PlaneFormat,
    rate_fps: Fraction,
    note: Callable[[str], None],
    facts: VideoFacts,
) -> Sink:
    """A sink for frames that are turned before they go there."""
    from ..frames.orientation import turned_format
    from .upright import UprightSink

    way = facts.orientation
    layout = turned_format(format, way)
    return UprightSink(
        open_sink(output, format=layout, rate_fps=rate_fps, note=note, facts=facts.upright()), way
    )


def check_output(output: str) -> None:
    """Refuses what is no output of a stream, without opening it, in a fraction of a second.

    Raises:
        SinkError: there is no such virtual camera, several fit, it is in use or forbidden, or the suffix is unknown
            or a picture's.
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
    from .base import require_place
    from .picture import PICTURE_SUFFIXES
    from .storage import VIDEO_SUFFIXES

    path = user_path(output)
    if path.suffix.lower() in PICTURE_SUFFIXES and not is_folder(path):
        raise SinkError(
            f"{output} is one picture, and a camera's stream has many frames.",
            "Name a video, such as one that ends in .mp4; rtdenoise denoise cleans pictures.",
        )
    if not output or is_folder(path) or path.suffix.lower() not in VIDEO_SUFFIXES:
        raise _unknown(output, VIDEO_SUFFIXES)
    require_place(path)
    check_writable(path)


def check_outputs(outputs: Sequence[str]) -> None:
    """Refuses what :func:`check_output` refuses, and outputs that are the same.

    Raises:
        SinkError, StorageError: as there; or two of them are one file or one camera.
    """
    seen: dict[object, str] = {}
    for output in outputs:
        check_output(output)
        for identity in _identities(output):
            if identity in seen:
                raise _same(seen[identity], output)
            seen[identity] = output


def _identities(output: str) -> list[object]:
    """What an output really is, by all that tells it from others."""
    kind, _, label = output.partition(":")
    if kind == "null":
        return [kind]
    if kind == "pipewire" or (kind == "virtual" and _pipewire_instead(label or None)):
        from .pipewire.sink import NAME

        return [("pipewire", (label if kind == "pipewire" else "") or NAME)]
    if kind == "virtual":
        from .virtual import choose_device, virtual_devices

        linux = sys.platform.startswith("linux")
        return [choose_device(label or None, virtual_devices()).path if linux else (kind, label)]
    path = user_path(output)
    known: list[object] = [path.resolve()]
    with suppress(OSError):  # a hard link is the same file under another name
        known.append((path.stat().st_dev, path.stat().st_ino))
    return known


def _same(first: str, second: str) -> SinkError:
    kinds = {output.partition(":")[0] for output in (first, second)}
    if kinds == {"virtual", "pipewire"}:
        return SinkError(
            f"{first} and {second} are one camera: without a v4l2loopback device, virtual is made in PipeWire.",
            "Leave one of them out, or name the other with pipewire:NAME.",
        )
    same = f"The output {first} is given twice."
    if first != second:
        same = f"{first} and {second} are the same output."
    return SinkError(same, "Give each output once.")


def _unknown(output: str, suffixes: Sequence[str]) -> SinkError:
    """Why an output is none, where files may have those suffixes."""
    path = user_path(output)
    if not output:
        return SinkError("The output has no name.", "Name a file, or write virtual or pipewire.")
    if is_folder(path):
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
    known = ", ".join(suffixes)
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
    facts: VideoFacts | None = None,
) -> Sink:
    """Opens one sink, or several that all get every frame.

    Args:
        outputs: At least one; see :func:`open_sink`.
        format: What the frames will be.
        rate_fps: Their nominal rate.
        note: Told in one sentence when one of several failed, or something happened to one.
        facts: What the recording says about its picture.

    Raises:
        SinkError: an output is unknown, or can't be opened.
        StorageError: a file can't be written.
    """
    if len(outputs) == 1:
        return open_sink(outputs[0], format=format, rate_fps=rate_fps, note=note, facts=facts)
    from .several import SeveralSinks

    with ExitStack() as opened:
        sinks = []
        for output in outputs:
            sink = open_sink(output, format=format, rate_fps=rate_fps, note=note, facts=facts)
            opened.callback(sink.abort)
            sinks.append(sink)
        opened.pop_all()
    return SeveralSinks(sinks, note)


def _virtual(
    label: str | None, format: PlaneFormat, rate_fps: Fraction, note: Callable[[str], None]
) -> Sink:
    """A v4l2loopback device (elsewhere OBS's camera); on a Linux without one, a camera in PipeWire."""
    if _pipewire_instead(label):
        with _no_loopback():
            return _pipewire(None, format, rate_fps, note)
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


def _pipewire(
    label: str | None, format: PlaneFormat, rate_fps: Fraction, note: Callable[[str], None]
) -> Sink:
    if not sys.platform.startswith("linux"):
        raise _linux_only()
    from .pipewire.sink import NAME, PipeWireSink

    return PipeWireSink(label or NAME, format=format, rate_fps=rate_fps, note=note)


def _check_pipewire() -> None:
    if not sys.platform.startswith("linux"):
        raise _linux_only()
    from .pipewire.stream import check_session

    check_session()


def _linux_only() -> SinkError:
    return SinkError("PipeWire is there on Linux only.", "Use --output virtual.")

"""Opens media files: which of them can be read, and which of their streams is the picture."""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from ..errors import ClipError
from .decoding import LIMITS
from .iso_boxes import iso_facts
from .picture_headers import sizeless
from .playlists import absent, is_streaming, unsafe_name
from .png import grey_with_transparency
from .raw import developed, is_raw
from .tiff import read_otherwise

# FFmpeg plays text files and old character art as video; here they are a mistake.
_TEXT_CODECS = {"ansi", "bintext", "xbin", "idf"}
_ICON = "ico"
# HTTP Live Streaming's list of files: one without its last line, as a recorder leaves that was killed, is a
# broadcast for FFmpeg, which plays its last files only and then waits for more, for minutes.
_PLAYLIST = {**LIMITS, "live_start_index": "0", "max_reload": "1"}
# As of 19 PyAV reads texts that aren't UTF-8 without being told.
READ_ANY_TEXT: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""Arguments of ``av.open``, with which a title in another encoding is no error."""
PLAYLIST_WAIT_S = 20.0
"""How long the files of a playlist may take to come, and at its end the one that isn't there."""
CURE = "If a player shows it, convert it first: ffmpeg -i FILE clip.mkv."
PICTURE_CURE = "If another program shows it, convert it first: ffmpeg -i FILE photo.png."


def open_container(path: Path) -> InputContainer:
    """Opens a media file for reading; a raw file as the picture that it is developed into, odd TIFFs and PNGs as PNG.

    Raises:
        ClipError: there is no such file, or it isn't a media file.
    """
    av.logging.set_level(None)
    _check_that_it_is_a_file(path)
    try:
        if is_raw(path):
            return av.open(io.BytesIO(developed(path)), "r", options=LIMITS)
        png = read_otherwise(path) or grey_with_transparency(path)
        if png is not None:
            return av.open(io.BytesIO(png), "r", options=LIMITS)
        options, timeout = (_PLAYLIST, PLAYLIST_WAIT_S) if is_streaming(path) else (LIMITS, None)
        # The prefix keeps FFmpeg from reading a colon in the name as a protocol.
        container: InputContainer = av.open(
            f"file:{path}", options=options, timeout=timeout, **READ_ANY_TEXT
        )
    except PermissionError as error:
        raise unsafe_name(path) or _forbidden(path) from error
    except av.EOFError as error:
        if path.stat().st_size:
            raise ClipError(f"{path} holds no frames.", CURE) from error
        raise _unreadable(path) from error
    except (av.FFmpegError, OSError) as error:
        raise _unreadable(path) from error
    return container


def _check_that_it_is_a_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ClipError(f"There is no file {path}.", "Check the path.") from error
    except PermissionError as error:
        raise _forbidden(path) from error
    except (OSError, ValueError) as error:
        raise ClipError(
            f"{path} can't be read: {getattr(error, 'strerror', None) or error}.", "Check the path."
        ) from error
    if stat.S_ISDIR(mode):
        raise ClipError(f"{path} is a folder, not a video.", "Name a file in it.")
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise ClipError(
            f"{path} is a pipe, which can be read only once.",
            "Let rtdenoise denoise read it, or write it to a file first.",
        )
    if not stat.S_ISREG(mode):
        raise ClipError(
            f"{path} is a device, not a file.", "A webcam is named without file: in front."
        )


def _forbidden(path: Path) -> ClipError:
    return ClipError(
        f"There is no permission to read {path}.",
        "Change the permissions of the file or of its folder.",
    )


def _unreadable(path: Path) -> ClipError:
    """Why FFmpeg can't make anything of a file."""
    if path.stat().st_size == 0:
        return ClipError(f"{path} is empty.", "Copy or record it again.")
    if missing := absent(path):
        return ClipError(
            f"{path} names {missing[0]}, which can't be read.",
            "Put it there, or name another file.",
        )
    with suppress(OSError), path.open("rb") as file:
        # What cameras and phones write has its index at the end, and the sizes of all frames are in it.
        if file.read(12)[4:8] == b"ftyp" and not _has_box(file, b"moov"):
            return ClipError(
                f"{path} was cut off: the index at its end is missing, without which nobody can read it.",
                "Copy it again; if it was never finished, a program such as untrunc may rebuild the index.",
            )
    return ClipError(
        f"{path} is no video or picture that FFmpeg knows, or is damaged.",
        "Name another file; one from rtdenoise capture ends in .mkv or .nut.",
    )


def _has_box(file: BinaryIO, name: bytes) -> bool:
    """Whether an MP4 file has a box of that name at its top level."""
    file.seek(0)
    while len(head := file.read(16)) >= 8:
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if head[4:8] == name:
            return True
        if size < 8:
            return False
        file.seek(size - len(head), os.SEEK_CUR)
    return False


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream whose frames are read.

    Raises:
        ClipError: there is none that can be read.
    """
    hint = "Name a clip such as one from capture."
    if not container.streams.video:
        raise ClipError(f"{path} holds no video.", hint)
    if container.streams.audio and all(is_cover(s) for s in container.streams.video):
        name = "cover.png" if container.streams.video[0].name == "png" else "cover.jpg"
        raise ClipError(
            f"{path} is a sound file with a cover picture, not a film.",
            f"Take the cover out if you want it cleaned: ffmpeg -i FILE -map 0:v:0 -c copy {name}.",
        )
    stream = _chosen(list(container.streams.video), path)
    codec = stream.codec_context
    if codec is None:
        picture = holds_picture(container)
        what = "is a picture" if picture else "holds video"
        raise ClipError(
            f"{path} {what} in a codec that FFmpeg can't decode here.",
            PICTURE_CURE if picture else CURE,
        )
    if codec.name in _TEXT_CODECS:
        raise ClipError(f"{path} is a text file, not a video.", hint)
    # FFmpeg tells no size either of what is beyond the limits.
    if not stream.width or not stream.height:
        raise sizeless(path, holds_picture(container))
    return stream


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is a picture that stands for the file."""
    return bool(stream.disposition & Disposition.attached_pic)


def is_still_of(stream: VideoStream, streams: list[VideoStream]) -> bool:
    """Whether a stream is the single picture that an animated AVIF has beside its frames."""
    return stream.frames == 1 and any(
        other.frames > 1 and (other.width, other.height) == (stream.width, stream.height)
        for other in streams
    )


def holds_picture(container: InputContainer) -> bool:
    """Whether a file is one picture by its format, and no film; an icon's sizes are one picture."""
    name = container.format.name
    return name in ("image2", _ICON) or name.endswith("_pipe")


def _chosen(streams: list[VideoStream], path: Path) -> VideoStream:
    """The stream that players show: the default one, no cover picture, no tile of a larger picture."""
    films = [s for s in streams if not is_cover(s)] or streams
    if streams[0].container.format.name == _ICON:
        return max(films, key=lambda s: s.width * s.height)
    films = [s for s in films if not is_still_of(s, films)]
    default = next((s for s in films if s.disposition & Disposition.default), None)
    # Tiles belong to a picture that is no stream itself; beside them there may be a thumbnail.
    tiles = default is None and any(s.disposition & Disposition.dependent for s in films)
    facts = iso_facts(path) if tiles else None
    if facts is not None and facts.still:
        raise ClipError(
            f"{path} is one picture in {len(films)} tiles, which can't be put together here.",
            "Save it as JPEG or PNG first, with the program that shows it.",
        )
    return default or films[0]

"""Which of the containers that a film can be written in hold given audio, and what is said where one doesn't."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import av
from av.audio.stream import AudioStream

from ..errors import SinkError

CONVERT_SOUND = "Convert its sound first: ffmpeg -i FILE -c:v copy -c:a aac clip.mkv."
_UNEVEN = ("vorbis", "flac")  # whose packets differ in how long they last
_LEAST_SAMPLES = 64  # of a packet, in any codec that .avi holds
_FORMATS = {".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".nut": "nut", ".avi": "avi"}


def audio_codec(stream: AudioStream) -> str:
    """FFmpeg's name of a stream's codec, whichever of its decoders reads it."""
    return str(stream.codec_context.codec.canonical_name)


def audio_name(stream: AudioStream) -> str:
    """What a person calls a stream's codec: MP3, AAC, pcm_s16le."""
    name = audio_codec(stream)
    return name if "_" in name else name.upper()


def is_pcm(stream: AudioStream) -> bool:
    """Whether a stream's samples are stored as they are."""
    return audio_codec(stream).startswith("pcm_")


def is_out_of_step(target: AudioStream) -> bool:
    """Whether .avi would play a stream at a wrong rate, once its header is written.

    It plays one packet or block in a tick, but for PCM. Where FFmpeg doesn't know how long a packet lasts (E-AC-3, DTS)
    or how large a block is (ADPCM and WMA of .nut), its tick is that of a byte, or of a sample: the times are wrong,
    thousands of empty packets are put in, or nobody can decode it.
    """
    if is_pcm(target):
        return False
    assert target.time_base is not None
    return audio_codec(target) in _UNEVEN or target.time_base * target.rate < _LEAST_SAMPLES


def holders(streams: Sequence[AudioStream], suffixes: Iterable[str]) -> list[str]:
    """Those of ``suffixes`` whose container holds all the streams as they are.

    FFmpeg's own list of what a container takes promises too much: each is tried, up to its header, in memory.
    """
    return [suffix for suffix in suffixes if _holds(_FORMATS[suffix], streams)]


def _holds(format: str, streams: Sequence[AudioStream]) -> bool:
    if format == "mp4" and any(is_pcm(stream) for stream in streams):
        return False  # FFmpeg finds out at the very end, and few players play it
    try:
        with av.open(io.BytesIO(), "w", format=format) as container:
            targets = [container.add_stream_from_template(stream) for stream in streams]
            container.start_encoding()
            return format != "avi" or not any(is_out_of_step(target) for target in targets)
    except (av.FFmpegError, ValueError):
        return False


def refusal(suffix: str, what: str, error: Exception) -> SinkError:
    """The error for what FFmpeg doesn't store, whose own words name a temporary file.

    Args:
        suffix: The output's suffix.
        what: The picture, or the sound in some codec.
        error: FFmpeg's, or PyAV's.
    """
    reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
    message = f"A file that ends in {suffix} can't hold {what} of this recording ({reason})."
    if what.startswith("the sound"):
        return SinkError(message, CONVERT_SOUND)
    others = " or ".join(other for other in (".mkv", ".nut") if other != suffix)
    return SinkError(message, f"Name an output that ends in {others}.")

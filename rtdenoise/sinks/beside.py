"""What a recording holds beside its picture and sound, put into another file: subtitles, chapters, covers, titles."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext

from ..cameras.containers import is_cover

# What containers and encoders write of their own, and what no longer holds.
_OWN_KEYS = re.compile(
    r"encoder|encoded_by|major_brand|minor_version|compatible_brands|duration|bps|vendor_id"
    r"|number_of_(frames|bytes)|_statistics_.*|color_range|color_space|alpha_mode|variant_bitrate|.*-eng",
    re.I,
)
_OWN_HANDLERS = re.compile(r".*(handler|media handler)\W*", re.I)
# The older codes of ISO 639-2, which QuickTime knows.
_BIBLIOGRAPHIC = {
    "ces": "cze", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fra": "fre", "hye": "arm",
    "isl": "ice", "kat": "geo", "mkd": "mac", "mri": "mao", "msa": "may", "mya": "bur", "nld": "dut", "ron": "rum",
    "slk": "slo", "sqi": "alb", "zho": "chi",
}  # fmt: skip
_TEXT_SUBTITLES = ("subrip", "text", "webvtt", "ass", "ssa", "mov_text")
_ASS_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    b"Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, "
    b"MarginR, MarginV, Encoding\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
_MIME = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


def passed_on(metadata: dict[str, str], suffix: str = "") -> dict[str, str]:
    """The entries of a file or stream that another one takes over, in the words of files of that suffix."""
    kept = {key: text for key, text in metadata.items() if not _OWN_KEYS.fullmatch(key)}
    if "name" in kept and "title" not in kept:  # what MP4 calls it
        kept["title"] = kept.pop("name")
    if suffix == ".mov" and kept.get("language") in _BIBLIOGRAPHIC:
        kept["language"] = _BIBLIOGRAPHIC[kept["language"]]
    if _OWN_HANDLERS.fullmatch(kept.get("handler_name", "")):
        del kept["handler_name"]
    if kept.get("language") == "und":
        del kept["language"]
    return kept


def time_code(recording: InputContainer) -> str:
    """The first frame's time code, which containers keep for the whole or with a stream; empty where there is none."""
    for tags in (recording.metadata, *(stream.metadata for stream in recording.streams)):
        for key, text in tags.items():
            if key.casefold() == "timecode":  # Matroska shouts
                return text
    return ""


def same_language(one: str | None, other: str | None) -> bool:
    """Whether two codes stand for one language, or neither for any."""
    a, b = ("" if code in (None, "und") else code for code in (one, other))
    return _BIBLIOGRAPHIC.get(a or "", a) == _BIBLIOGRAPHIC.get(b or "", b)


@dataclass(frozen=True)
class Cover:
    """A picture that stands for the file: its stream, and its bytes as they are stored."""

    stream: Stream
    data: bytes


class Beside:
    """What goes along with picture and sound.

    Args:
        recording: The file, opened for this only: its covers are read here, packets come from elsewhere.
        seconds: How much of the recording is kept; None for all.
    """

    def __init__(self, recording: InputContainer, seconds: float | None = None) -> None:
        self._recording = recording
        self._seconds = seconds
        self._targets: dict[int, Stream] = {}
        self._converted: dict[int, str] = {}  # what a subtitle stream becomes, by its index
        self.subtitles = [s for s in recording.streams.subtitles if s.codec_context is not None]
        self._covers = [
            c for s in recording.streams.video if is_cover(s) and (c := _cover(recording, s))
        ]

    def options(self, suffix: str) -> dict[str, str]:
        """What FFmpeg's muxer must be told so that all that the container takes is written."""
        keys = passed_on(self._recording.metadata)
        if suffix == ".mov" and any(key.startswith("com.apple.quicktime.") for key in keys):
            return {"movflags": "use_metadata_tags"}  # a phone's place, make and model
        return {}

    def add_to(self, output: OutputContainer, suffix: str, start_s: float) -> None:
        """Adds all that the container takes; to be called before its header is written."""
        output.metadata.update(passed_on(self._recording.metadata))
        if suffix == ".avi" and (code := time_code(self._recording)):
            output.metadata["timecode"] = code  # it has no place with a stream
        output.set_chapters(cast(Any, self._chapters(start_s)))
        for stream in self.subtitles:
            self._add_subtitles(output, suffix, stream)
        if suffix != ".mkv":
            return
        for attachment in self._recording.streams.attachments:
            with suppress(ValueError):
                output.add_stream_from_template(attachment)
        for cover in self._covers:
            name, mime = _MIME.get(cover.stream.name or "", ("", ""))
            if name:
                output.add_attachment(cover.stream.metadata.get("filename", name), mime, cover.data)

    def add_covers(self, output: OutputContainer, suffix: str) -> list[av.Packet[Any]]:
        """Adds the covers that are streams in the container, and gives their packets, to be stored first."""
        packets = []
        for cover in self._covers if suffix == ".mp4" else []:
            with suppress(ValueError):
                stream = output.add_stream_from_template(cover.stream, opaque=True)
                stream.disposition = cover.stream.disposition
                packet = av.Packet(cover.data)
                packet.pts = packet.dts = 0
                packet.time_base = Fraction(1, 90_000)
                packet.is_keyframe = True
                packet.stream = stream
                packets.append(packet)
        return packets

    def copied(self, packet: av.Packet[Any]) -> av.Packet[Any] | None:
        """A packet of a subtitle stream as the output stores it; None where it isn't wanted."""
        target = self._targets.get(packet.stream.index)
        if target is None:
            return None
        kind = self._converted.get(packet.stream.index)
        if kind is not None:
            text = _plain_text(packet.stream.codec_context.codec.canonical_name, bytes(packet))
            data = text.encode()[:65_000]
            made: av.Packet[Any] = av.Packet(
                struct.pack(">H", len(data)) + data if kind == "mov_text" else data
            )
            made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
            made.time_base = packet.time_base
            packet = made
        packet.stream = target
        return packet

    def _add_subtitles(self, output: OutputContainer, suffix: str, stream: Any) -> None:
        codec = stream.codec_context.codec.canonical_name
        try:
            if suffix in (".mp4", ".mov") and codec in _TEXT_SUBTITLES and codec != "mov_text":
                target: Any = output.add_stream("mov_text")
                cast(SubtitleCodecContext, target.codec_context).subtitle_header = _ASS_HEADER
                self._converted[stream.index] = "mov_text"
            elif suffix == ".mkv" and codec == "mov_text":
                target = output.add_mux_stream("subrip")
                self._converted[stream.index] = "subrip"
            else:
                target = output.add_stream_from_template(stream)
        except (ValueError, AttributeError):  # not in this container, or not with this PyAV
            return
        target.time_base = Fraction(1, 1000)
        target.metadata.update(passed_on(stream.metadata, suffix))
        target.disposition = stream.disposition
        self._targets[stream.index] = target

    def _chapters(self, start_s: float) -> list[dict[str, Any]]:
        chapters = []
        for chapter in self._recording.chapters():
            base = chapter["time_base"] or Fraction(1, 1000)
            begin, end = (float(chapter[key] * base) - start_s for key in ("start", "end"))
            if self._seconds is not None:
                end = min(end, self._seconds)
            if end <= max(begin, 0):
                continue
            entry = {
                "id": chapter["id"],
                "start": round(max(begin, 0) * 1000),
                "end": round(end * 1000),
            }
            chapters.append(
                {**entry, "time_base": Fraction(1, 1000), "metadata": chapter["metadata"]}
            )
        return chapters


def _cover(recording: InputContainer, stream: Stream) -> Cover | None:
    with suppress(av.FFmpegError):
        for packet in recording.demux(stream):
            if packet.size:
                return Cover(stream, bytes(packet))
    return None


def _plain_text(codec: str, data: bytes) -> str:
    """The words of one subtitle, without what only its own format understands."""
    if codec == "mov_text":
        return data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8", "replace")
    text = data.decode("utf-8", "replace")
    if codec in ("ass", "ssa"):
        text = text.split(",", 8)[-1]
        text = re.sub(r"\{[^}]*\}", "", text).replace(r"\N", "\n").replace(r"\n", "\n")
        return text.replace(r"\h", " ")
    return re.sub(r"</?[a-zA-Z][^<>]*>", "", text).strip()

"""Small recordings in many containers and codecs, each with something to say, and how a file is read back.

What a file says is read with PyAV alone, nothing of rtdenoise's: its frames' times, the colours that a player
shows, the tags, and what lies beside the picture.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.frame import VideoFrame

from rtdenoise.cameras.containers import READ_ANY_TEXT

SIZE = (96, 64)
FRAMES = 6
RATE_FPS = 25
UNEVEN_MS = (0, 40, 55, 160, 200, 333)
LATE_S = 0.4
START_S = 2.0
CHAPTERS = ((0, 80, "One"), (80, 200, "Two"))
TARGETS = (".mp4", ".mov", ".mkv", ".avi", ".nut")


@dataclass(frozen=True)
class Source:
    """A container and the codecs in it; ``says`` names what it can be made to say."""

    suffix: str
    codec: str
    pixel_format: str
    audio: str
    says: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Fit for a file name."""
        return f"{self.codec}-{self.pixel_format}{self.suffix}"


_X264 = {"preset": "ultrafast", "qp": "4"}
_X265 = {"preset": "ultrafast", "x265-params": "log-level=none:qp=4"}
_ALL = (
    "nothing",
    "colours",
    "full",
    "aspect",
    "turned",
    "late",
    "uneven",
    "titles",
    "chapters",
    "subtitles",
)
SOURCES = (
    Source(".mp4", "libx264", "yuv420p", "aac", (*_ALL, "fields", "cover")),
    Source(".mov", "libx264", "yuv420p", "aac", (*_ALL, "fields")),
    Source(".mkv", "libx264", "yuv420p", "aac", (*_ALL, "fields", "cover", "attachment")),
    Source(".mkv", "libx264", "yuv444p", "flac", ("colours", "full", "aspect"), _X264),
    Source(".mp4", "libx265", "yuv420p10le", "aac", ("nothing", "hlg", "pq", "turned", "titles"), _X265),
    Source(".mkv", "libx265", "yuv420p", "aac", ("nothing", "colours", "uneven"), _X265),
    Source(".mov", "prores_ks", "yuv422p10le", "pcm_s16le", ("nothing", "colours", "aspect", "turned", "hlg")),
    Source(".ts", "libx264", "yuv420p", "mp2", ("nothing", "colours", "late", "titles"), _X264),
    Source(".ts", "mpeg2video", "yuv420p", "mp2", ("nothing", "aspect", "late"), {"qscale": "2"}),
    Source(".webm", "libvpx", "yuv420p", "libopus", ("nothing", "uneven", "titles", "chapters")),
    Source(".webm", "libvpx-vp9", "yuv420p", "libopus", ("colours", "full", "late", "alpha")),
    Source(".avi", "mjpeg", "yuvj422p", "pcm_s16le", ("nothing", "aspect")),
    Source(".avi", "mpeg4", "yuv420p", "libmp3lame", ("nothing", "aspect"), {"qscale": "2"}),
    Source(".mkv", "ffv1", "yuv422p10le", "pcm_s16le", ("nothing", "colours")),
    Source(".mkv", "mjpeg", "yuvj420p", "pcm_s16le", ("nothing", "uneven")),
    Source(".nut", "rawvideo", "yuv420p", "pcm_s16le", ("nothing", "uneven", "titles")),
    Source(".flv", "libx264", "yuv420p", "aac", ("nothing", "late"), _X264),
)  # fmt: skip

_COLOURS = {  # primaries, transfer, matrix, range
    "colours": (1, 1, 1, 1),
    "full": (1, 13, 1, 2),
    "hlg": (9, 18, 9, 1),
    "pq": (9, 16, 9, 1),
}


@dataclass
class Reading:
    """What a file says. Times are seconds from the start of the file.

    ``chroma`` counts samples of a colour in 64×64 pixels.
    ``shown`` has the mean R', G', B' of the upper left quarter of each frame as it is shown, 0…255.
    """

    times_s: list[float]
    shown: list[tuple[float, ...]]
    size: tuple[int, int]
    colours: tuple[int, int, int, int]
    bits: int
    chroma: int
    aspect: Fraction
    fields: str
    sound_late_s: list[float]
    languages: list[str]
    names: list[str]
    defaults: list[bool]
    title: str
    creation: str
    chapters: list[tuple[float, float, str]]
    words: list[tuple[float, str]]
    attachments: list[str]
    covers: int
    alpha: bool


def pictures(pixel_format: str) -> list[VideoFrame]:
    """Frames that differ from each other, and in each of their quarters."""
    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    left, top = columns < SIZE[0] // 2, rows < SIZE[1] // 2
    frames = []
    for n in range(FRAMES):
        rgb = np.stack([50 + 20 * n + 60 * left, 60 + 70 * top, 200 - 90 * (left & top)], axis=-1)
        frame = VideoFrame.from_ndarray(rgb.astype(np.uint8), format="rgb24")
        full = pixel_format.startswith("yuvj")
        frames.append(
            frame.reformat(format=pixel_format, dst_colorspace=5, dst_color_range=2 if full else 1)
        )
    return frames


def build(source: Source, says: str, path: Path) -> None:
    """Writes a recording of ``source`` that says one thing."""
    container = av.open(str(path), "w")
    options = {**source.options}
    if says == "fields":
        options["x264-params"] = "tff=1"
    video: Any = container.add_stream(source.codec, rate=RATE_FPS, options=options)
    video.width, video.height, video.pix_fmt = *SIZE, source.pixel_format
    if says == "alpha":
        video.pix_fmt = "yuva420p"
    context = video.codec_context
    context.time_base = Fraction(1, 1000 if says == "uneven" else RATE_FPS)
    if "qscale" in source.options:
        context.qmin = context.qmax = int(source.options["qscale"])
    if says in _COLOURS:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
            _COLOURS[says]
        )
    if says == "aspect":
        context.sample_aspect_ratio = Fraction(16, 11)
    if says == "turned":
        video.set_display_rotation(90)
    sounds: list[Any] = [container.add_stream(source.audio, rate=48000)]
    if says == "titles":
        sounds.append(container.add_stream(source.audio, rate=48000))
        container.metadata.update(title="Birthday", creation_time="2024-05-01T10:00:00Z")
        for sound, language, name in zip(sounds, ("deu", "eng"), ("Ton", "Sound"), strict=True):
            sound.metadata.update(language=language, title=name)
        sounds[0].disposition, sounds[1].disposition = Disposition(0), Disposition.default
    if says == "chapters":
        container.set_chapters(
            [
                {
                    "id": n,
                    "start": a,
                    "end": b,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": t},
                }
                for n, (a, b, t) in enumerate(CHAPTERS)
            ]
        )
    if says == "attachment":
        container.add_attachment("font.ttf", "application/x-truetype-font", b"letters" * 9)
    words: Any = None
    if says == "subtitles":
        kind = "subrip" if source.suffix == ".mkv" else "mov_text"
        words = container.add_stream(kind)
        words.codec_context.subtitle_header = _ASS
        words.metadata["language"] = "fra"
        words.time_base = Fraction(1, 1000)
    cover: Any = None
    if says == "cover" and source.suffix == ".mp4":
        cover = container.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 16, 16, "rgb24"
        cover.disposition = Disposition.attached_pic
    elif says == "cover":
        container.add_attachment("cover.png", "image/png", _png())
    container.start_encoding()
    if cover is not None:
        packet: Any = av.Packet(_png())
        packet.pts = packet.dts = 0
        packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 90000), cover, True
        container.mux(packet)
    offset = START_S if says == "late" else 0.0
    for n, frame in enumerate(pictures(video.pix_fmt)):
        time_s = UNEVEN_MS[n] / 1000 if says == "uneven" else n / RATE_FPS
        frame.time_base = context.time_base
        frame.pts = round((time_s + offset) / context.time_base)
        frame.colorspace, frame.color_range = context.colorspace, context.color_range
        frame.color_primaries, frame.color_trc = context.color_primaries, context.color_trc
        container.mux(video.encode(frame))
    if words is not None:
        text = b"hello"
        data = text if source.suffix == ".mkv" else len(text).to_bytes(2, "big") + text
        packet = av.Packet(data)
        packet.pts = packet.dts = 40
        packet.duration, packet.time_base, packet.stream = 100, Fraction(1, 1000), words
        container.mux(packet)
    for sound in sounds:
        _tone(container, sound, offset + (LATE_S if says == "late" else 0.0))
    for stream in (video, *sounds):
        container.mux(stream.encode(None))
    container.close()


_ASS = b"[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n[Events]\n"


def _tone(container: Any, stream: Any, start_s: float) -> None:
    wave = (np.sin(np.arange(14_400) * 0.06) * 8000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 48000, round(start_s * 48000)
    frame.time_base = Fraction(1, 48000)
    resampler = av.AudioResampler(
        stream.format.name, stream.layout, stream.rate, stream.codec_context.frame_size or None
    )
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(part))


def _png() -> bytes:
    context: Any = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = 16, 16, "rgb24"
    context.time_base = Fraction(1, 25)
    return b"".join(bytes(p) for p in context.encode(VideoFrame(16, 16, "rgb24")))


_FIELDS = {2: "top", 3: "bottom", 4: "top", 5: "bottom"}


def read(path: Path) -> Reading:
    """Reads a file as a player does."""
    with av.open(str(path), **READ_ANY_TEXT) as container:
        films = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        video = films[0]
        start_s = (container.start_time or 0) / av.time_base
        frames: list[VideoFrame] = []
        first_sound: dict[int, float] = {}
        words = []
        for packet in container.demux():
            if not packet.size or packet.pts is None:
                if packet.stream is video:
                    frames += video.decode(packet)
                continue
            at = float(packet.pts * packet.time_base)
            kind = packet.stream.type
            if packet.stream is video:
                with suppress(av.EOFError):
                    frames += video.decode(packet)
            elif kind == "audio":
                first_sound.setdefault(packet.stream.index, at)
            elif kind == "subtitle":
                data = bytes(packet)
                if packet.stream.codec_context.name == "mov_text":
                    data = data[2:]
                if data.strip(b"\0"):
                    words.append((at - start_s, data.decode()))
        with suppress(av.EOFError):
            frames += video.decode(None)
        times = [
            float(f.pts * (f.time_base or video.time_base or 1))
            for f in frames
            if f.pts is not None
        ]
        sound = list(container.streams.audio)
        context = video.codec_context
        first = frames[0]
        full = first.format.name.startswith("yuvj") or first.color_range == 2
        chapters = []
        for chapter in container.chapters():
            base = chapter["time_base"] or Fraction(1)
            begin, end = (float(t * base) - start_s for t in (chapter["start"], chapter["end"]))
            chapters.append((begin, end, chapter["metadata"].get("title", "")))
        shown = [_corner(frame, full) for frame in frames]
        turned = first.rotation % 180 == 90
        return Reading(
            times_s=[time - start_s for time in times],
            shown=shown,
            size=(first.height, first.width) if turned else (first.width, first.height),
            colours=(first.color_primaries, first.color_trc, first.colorspace, 2 if full else first.color_range),
            bits=max(c.bits for c in first.format.components),
            chroma=first.format.chroma_width(64) * first.format.chroma_height(64),
            aspect=Fraction(video.sample_aspect_ratio or 1),
            fields=_FIELDS.get(context.field_order, "unknown" if first.interlaced_frame else "progressive"),
            sound_late_s=[first_sound[s.index] - times[0] for s in sound if s.index in first_sound],
            languages=[s.metadata.get("language", "") for s in sound],
            names=[s.metadata.get("title", "") or s.metadata.get("name", "") for s in sound],
            defaults=[bool(s.disposition & Disposition.default) for s in sound],
            title=_either_case(container.metadata, "title"),
            creation=_either_case(container.metadata, "creation_time")[:19],
            chapters=chapters,
            words=words,
            attachments=[str(s.metadata.get("filename")) for s in container.streams.attachments],
            covers=len(container.streams.video) - len(films),
            alpha=video.metadata.get("alpha_mode") == "1",
        )  # fmt: skip


def _either_case(metadata: dict[str, str], key: str) -> str:
    return metadata.get(key) or metadata.get(key.upper()) or ""


def _corner(frame: VideoFrame, full: bool) -> tuple[float, ...]:
    matrix = 5 if frame.colorspace == 2 else frame.colorspace
    rgb = frame.reformat(
        format="rgb24",
        src_colorspace=matrix,
        src_color_range=2 if full else 1,
        dst_color_range=2,
    ).to_ndarray()
    upright = np.rot90(rgb, frame.rotation // 90)
    quarter = upright[: upright.shape[0] // 2 - 4, : upright.shape[1] // 2 - 4]
    return tuple(round(float(x), 1) for x in quarter.mean(axis=(0, 1)))

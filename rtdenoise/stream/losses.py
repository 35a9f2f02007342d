"""What a recording says or holds that its cleaned copy does not: found by reading the copy."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ..cameras.base import Camera
from ..cameras.containers import holds_picture, is_cover, is_still_of, open_container
from ..cameras.file import FileCamera
from ..cameras.picture_notes import picture_notes
from ..cameras.picture_tags import picture_tags
from ..errors import RtdenoiseError
from ..frames.facts import UNSAID, PictureNotes, VideoFacts
from ..frames.png_colours import other_than_srgb
from ..sinks.base import Sink
from ..sinks.beside import passed_on, same_language, time_code
from ..sinks.file import FileSink
from ..sinks.picture import PictureSink

_CHROMA = {1.0: "4:4:4", 0.5: "4:2:2", 0.25: "4:2:0"}
_NEAR_SRGB = (UNSAID, 1, 5, 6, 7)  # primaries: what JPEG means, and those of old television
_ROLES = (
    *("comment", "forced", "hearing_impaired", "visual_impaired", "captions", "descriptions"),
    *("dub", "original", "lyrics", "karaoke", "clean_effects"),
)


def losses(camera: Camera, facts: VideoFacts | None, sink: Sink) -> tuple[str, ...]:
    """What was lost, in a few words each; none where that can't be told.

    Args:
        camera: What was read.
        facts: What it says about its picture.
        sink: What was written, closed.
    """
    if facts is None:
        return ()
    with suppress(RtdenoiseError, OSError, av.FFmpegError):
        if isinstance(sink, PictureSink):
            raw = isinstance(camera, FileCamera) and camera.is_raw
            return (*_of_picture(facts, sink.path), *(("EXIF",) if raw else ()))
        if isinstance(sink, FileSink):
            copy = FileCamera(sink.path)
            try:
                lost = _of_film(facts, copy.facts)
                if isinstance(camera, FileCamera):
                    lost += _beside(camera.path, copy.container)
            finally:
                copy.close()
            return tuple(lost)
    return ()


def _of_picture(facts: VideoFacts, path: Path) -> list[str]:
    exif, icc = picture_tags(path)
    lost = []
    if facts.alpha and path.suffix.lower() != ".png":
        lost.append("transparency")
    kept_bits = 16 if path.suffix.lower() == ".png" else 8
    if facts.bits > kept_bits:
        lost.append(f"{facts.bits - kept_bits} of {facts.bits} bits a sample")
    if facts.inks:
        lost.append("CMYK (it became RGB)")
    if facts.exif and not exif:
        lost.append("EXIF")
    if facts.icc and not icc:
        lost.append("the colour profile")
    notes = picture_notes(path)
    if not notes.colours:
        lost += _colour_space(other_than_srgb(facts.notes.colours, bool(facts.icc)))
        if not (facts.notes.colours or facts.icc) and facts.colour.primaries not in _NEAR_SRGB:
            lost.append("its colours' primaries")
    return lost + _of_notes(facts.notes, notes)


def _of_notes(before: PictureNotes, after: PictureNotes) -> list[str]:
    """What a picture said beside EXIF and profile, and a copy doesn't; in a film that is all of it."""
    lost = [
        name
        for name, was, kept in (
            ("XMP", before.xmp, after.xmp),
            ("IPTC", before.iptc, after.iptc),
            ("its comment", before.comment, after.comment),
            ("the resolution (dpi)", before.density, after.density),
        )
        if was and not kept
    ]
    keywords = [content.partition(b"\0")[0] for _, content in before.texts if not after.texts]
    names = [*before.unkept, *(keyword.decode("latin-1") for keyword in keywords)]
    if names:
        lost.append(f"tags ({', '.join(names[:6])}{', …' * (len(names) > 6)})")
    return lost + further_pictures(before.further)


def _colour_space(chunks: list[str]) -> list[str]:
    return [f"its colour space ({', '.join(chunks)})"] if chunks else []


def further_pictures(count: int) -> list[str]:
    """Names the pictures that a file holds beside the one that was read."""
    return [f"{count} further picture{'s' * (count > 1)}"] if count else []


def _of_film(before: VideoFacts, after: VideoFacts) -> list[str]:
    before = before.upright()
    lost = ["transparency"] if before.alpha else []
    if before.bits > after.bits:
        lost.append(f"{before.bits - after.bits} of {before.bits} bits a sample")
    if before.chroma > after.chroma:
        was = "R'G'B'" if before.rgb else _CHROMA.get(before.chroma, "finer colours")
        lost.append(f"detail of colours ({was} became {_CHROMA.get(after.chroma, 'coarser ones')})")
    if before.aspect != after.aspect:
        lost.append("the shape of its pixels")
    if before.fields != after.fields:
        lost.append("that it is interlaced")
    if before.dolby_vision:
        lost.append("Dolby Vision")
    if before.mastering != after.mastering or before.light != after.light:
        lost.append("what HDR was graded on")
    if before.icc or before.exif:
        lost.append("EXIF and the colour profile")
    lost += _of_notes(replace(before.notes, density=None), PictureNotes())
    said, kept = before.colour, after.colour
    names = []
    for name in ("primaries", "transfer"):
        was = getattr(said, name)
        if was not in (UNSAID, getattr(kept, name)):
            names.append(name)
    if names:
        lost.append(f"its colours' {' and '.join(names)}")
    return lost + _colour_space(other_than_srgb(before.notes.colours, bool(before.icc), said))


def _beside(path: Path, copy: InputContainer) -> list[str]:
    source = open_container(path)
    try:
        lost = []
        old, new = _streams(source), _streams(copy)
        for kind, count in old.items():
            missing = count - new[kind]
            if missing > 0:
                lost.append(
                    f"{missing} {kind}{' stream' if kind != 'cover' else ''}{'s' * (missing > 1)}"
                )
        if len(source.chapters()) > len(copy.chapters()):
            lost.append("chapters")
        lost += _tags(source, copy)
        return lost
    finally:
        source.close()


def _streams(container: InputContainer) -> Counter[str]:
    """How many streams of each kind there are, beside the picture; a time code is a tag here."""
    kinds: Counter[str] = Counter()
    for stream in container.streams:
        kind: str = stream.type
        if isinstance(stream, VideoStream):
            if holds_picture(container) or is_still_of(stream, list(container.streams.video)):
                continue  # told of otherwise, or the same picture
            kind = "cover" if is_cover(stream) else "video"
        elif kind == "data" and ("timecode" in stream.metadata or container.chapters()):
            continue  # how MP4 keeps a time code, or its chapters
        kinds[kind] += 1
    return kinds


def _tags(source: InputContainer, copy: InputContainer) -> list[str]:
    """Entries about the whole, and languages, names and defaults of the streams."""
    kept = {key.casefold(): text for key, text in copy.metadata.items()}
    kept["timecode"] = ""
    gone = [key for key in passed_on(source.metadata) if key.casefold() not in kept]
    lost = [f"tags ({', '.join(sorted(gone)[:6])}{', …' * (len(gone) > 6)})"] if gone else []
    if time_code(source) not in ("", time_code(copy)):
        lost.append("the time code")
    flags = Counter[str]()
    for kind in ("audio", "subtitle"):
        pairs = zip(_of_kind(source, kind), _of_kind(copy, kind), strict=False)
        for one, other in pairs:
            if not same_language(one.metadata.get("language"), other.metadata.get("language")):
                flags["languages"] += 1
            name = passed_on(one.metadata).get("title")
            if name is not None and name not in other.metadata.values():
                flags["names of streams"] += 1
    return lost + list(flags) + _roles(source, copy)


def _roles(source: InputContainer, copy: InputContainer) -> list[str]:
    """What is said of sound and subtitles: which are the default, and what they are for."""
    lost, gone = [], Disposition(0)
    for kind in ("audio", "subtitle"):
        pairs = list(zip(_of_kind(source, kind), _of_kind(copy, kind), strict=False))
        before, after = (
            [pair[n].disposition & Disposition.default for pair in pairs] for n in (0, 1)
        )
        if kind == "subtitle" and any(after) and not any(before):
            lost.append("that no subtitle is the default")  # MP4 always has one
        elif before != after and any(before) and len(before) > 1:
            lost.append("which stream is the default")
        for one, other in pairs:
            gone |= one.disposition & ~other.disposition
    names = [role.replace("_", " ") for role in _ROLES if gone & Disposition[role]]
    return lost + ([f"what tracks are for ({', '.join(names)})"] if names else [])


def _of_kind(container: InputContainer, kind: str) -> list[av.stream.Stream]:
    return [stream for stream in container.streams if stream.type == kind]

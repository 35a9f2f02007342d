"""What a file says about its picture, read from its header and its first frame."""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..frames.facts import UNSAID, ColourTags, FieldOrder, PictureNotes, VideoFacts
from ..frames.field_order import field_order_of
from ..frames.orientation import UPRIGHT, Orientation
from .iso_boxes import IsoFacts
from .picture_tags import exif_orientation

_FIELDS: dict[int, FieldOrder] = {2: "top", 3: "bottom", 4: "top", 5: "bottom"}  # AVFieldOrder
# PyAV must not be asked for the side data of pictures: it doesn't know EXIF, and crashes.
_SIDE_DATA = ("h264", "hevc", "av1", "vp9")
_PQ = 16
_OFF_GRID = 0.25  # intervals that a frame may lie beside its place
AGAIN_S = 0.5
"""So far back no reordering of frames reaches: times that jump by more start again."""
_LIMITED, _FULL = 1, 2


def describe(
    container: InputContainer,
    stream: VideoStream,
    *,
    iso: IsoFacts | None,
    exif: bytes = b"",
    icc: bytes = b"",
    notes: PictureNotes | None = None,
) -> VideoFacts:
    """Reads the facts of a stream; the container is not fit for playing afterwards.

    Args:
        container: A file that was opened for this only.
        stream: Its video stream.
        iso: What its header says where it is an ISO file.
        exif: EXIF of a picture.
        icc: The colour profile of a picture.
        notes: What else a picture says.
    """
    context = stream.codec_context
    frame = _first_frame(container, stream)
    name = frame.format.name if frame is not None else context.pix_fmt or ""
    source = frame if frame is not None else context
    pixels = av.VideoFormat(name) if name else None
    components = pixels.components if pixels is not None else ()
    colours = [c for c in components if not c.is_alpha]
    palette = bool(pixels and pixels.has_palette)
    # TIFF's decoder says of grey what no file says.
    said = context.name != "tiff"
    colour = ColourTags(
        source.color_primaries or UNSAID if said else UNSAID,
        source.color_trc or UNSAID if said else UNSAID,
        # PNG's decoder says of grey too that it is R'G'B'; where there is one colour nothing is mixed.
        UNSAID if len(colours) == 1 and not palette else source.colorspace,
        _FULL if name.startswith("yuvj") else source.color_range,
    )
    mastering, light = _hdr10(frame, context.name) if colour.transfer == _PQ else ("", "")
    order = _FIELDS.get(getattr(context, "field_order", 0), "progressive")
    if frame is not None and frame.interlaced_frame:
        order = field_order_of(frame)  # headers may lack it, or tell how fields are stored
    aspect = stream.sample_aspect_ratio
    return VideoFacts(
        colour=colour,
        aspect=Fraction(aspect) if aspect and aspect != 1 else None,
        fields=order,
        orientation=orientation_of(stream, iso, exif) or turned_by(frame),
        bits=max((c.bits for c in components), default=8),
        chroma=_chroma(pixels),
        rgb=palette or bool(pixels and pixels.is_rgb),
        alpha=stream.metadata.get("alpha_mode") == "1"
        or ((palette or any(c.is_alpha for c in components)) and _see_through(frame)),
        inks=_is_of_inks(context.name, name),
        mastering=mastering,
        light=light,
        dolby_vision=bool(iso and iso.dolby_vision),
        metadata=dict(stream.metadata),
        disposition=int(stream.disposition),
        exif=exif,
        icc=icc,
        notes=notes or PictureNotes(),
    )


def _chroma(pixels: av.VideoFormat | None) -> float:
    """How many samples each plane of colour has to one of luma."""
    if pixels is None or len(pixels.components) < 3:  # grey, with alpha or without; or a palette
        return float(pixels is not None and pixels.has_palette)
    return pixels.chroma_width(64) * pixels.chroma_height(64) / 64**2


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    with suppress(av.FFmpegError, ValueError):
        for packet in container.demux(stream):
            with suppress(av.InvalidDataError):
                for frame in packet.decode():
                    return frame
    return None


def _is_of_inks(codec: str, pixel_format: str) -> bool:
    """Whether a picture is CMYK, which FFmpeg turns into R'G'B': JPEG has no other use for a fourth sample."""
    return (codec, pixel_format) in (("mjpeg", "gbrap"), ("mjpeg", "yuva444p"), ("tiff", "rgb0"))


def _see_through(frame: VideoFrame | None) -> bool:
    """Whether anything of a frame with alpha is not opaque."""
    with suppress(av.FFmpegError, ValueError):
        if frame is not None:
            return bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)
    return True


def orientation_of(stream: VideoStream, iso: IsoFacts | None, exif: bytes) -> Orientation | None:
    """Which way is up by a file's header; None where only its frames may tell. Arguments as of :func:`describe`."""
    if exif:
        return Orientation.from_exif(exif_orientation(exif))
    if iso is not None and stream.id in iso.matrices:
        way = Orientation.from_matrix(iso.matrices[stream.id])
        return way if way != UPRIGHT else None
    return None


def turned_by(frame: VideoFrame | None) -> Orientation:
    """Which way is up by a frame; older PyAV doesn't tell."""
    return Orientation.from_rotation(getattr(frame, "rotation", 0))


def is_uneven(container: InputContainer, stream: VideoStream, rate_fps: Fraction) -> bool:
    """Whether a stream's times don't lie on the grid of its rate, or two in one place, as where two recordings overlap.

    The container is played to its end for this.
    """
    times = []
    with suppress(av.FFmpegError):
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                times.append(float(packet.pts * packet.time_base))
    places = [(time_s - min(times)) * float(rate_fps) for time_s in times]
    taken: set[int] = set()
    for before, place in pairwise([0.0, *places]):
        if place < before - AGAIN_S * rate_fps:
            taken.clear()  # times start again: these pictures will follow those before
        if abs(place - round(place)) > _OFF_GRID or round(place) in taken:
            return True
        taken.add(round(place))
    return False


def _hdr10(frame: VideoFrame | None, codec: str) -> tuple[str, str]:
    """The display that a film was graded on, and its brightest light, as x265 wants to be told."""
    if frame is None or codec not in _SIDE_DATA:
        return "", ""
    mastering = light = ""
    with suppress(ValueError, KeyError, struct.error):
        side = cast(Any, frame.side_data)
        found = {side[n].type.name: bytes(side[n]) for n in range(len(side))}
        if "MASTERING_DISPLAY_METADATA" in found:
            mastering = _mastering(found["MASTERING_DISPLAY_METADATA"])
        if "CONTENT_LIGHT_LEVEL" in found:
            light = "{},{}".format(*struct.unpack("2I", found["CONTENT_LIGHT_LEVEL"][:8]))
    return mastering, light


def _mastering(data: bytes) -> str:
    """AVMasteringDisplayMetadata: red, green, blue and white (x, y), least and most light, all as fractions."""
    words = struct.unpack("22i", data[:88])
    if not words[20] or not words[21]:
        return ""
    values = [
        Fraction(a, b) if b else Fraction(0)
        for a, b in zip(words[0:20:2], words[1:20:2], strict=True)
    ]
    points = [
        f"({round(x * 50_000)},{round(y * 50_000)})"
        for x, y in zip(values[0:8:2], values[1:8:2], strict=True)
    ]
    red, green, blue, white = points
    least, most = (round(value * 10_000) for value in values[8:10])
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"

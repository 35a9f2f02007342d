"""A picture file as a sink, for one frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from ..cameras.picture_tags import upright_exif
from ..errors import SinkError
from ..files import write_bytes
from ..frames import Planes, convert, frame_from_planes
from ..frames.facts import VideoFacts
from ..frames.orientation import UPRIGHT, turned
from ..frames.samples import Samples, changed_like, colours_of, frame_of, samples_of
from .base import PathSink
from .picture_tags import with_tags
from .storage import refuse_colours

_CODECS = {".png": "png", ".jpg": "mjpeg", ".jpeg": "mjpeg"}
PICTURE_SUFFIXES = tuple(_CODECS)
# Formats that PNG keeps as they are.
_PNG_FORMATS = (
    *("rgb24", "rgba", "gray", "ya8", "pal8", "monob"),
    *("rgb48be", "rgba64be", "gray16be", "ya16be"),
)


class PictureSink(PathSink):
    """Takes one frame, and writes it as PNG (R'G'B' or grey) or JPEG (full-range BT.601) when it is closed.

    Args:
        path: The file.
        facts: What the recording says of it: which way it is turned, EXIF, colour profile; None for nothing.

    Raises:
        SinkError: such a picture can't hold the recording's colours.
    """

    def __init__(self, path: Path, facts: VideoFacts | None = None) -> None:
        super().__init__(path)
        self._png = path.suffix.lower() == ".png"
        self._facts = facts or VideoFacts()
        refuse_colours(f"a picture that ends in {path.suffix.lower()}", path.suffix, self._facts)
        self._data: bytes | None = None

    def write(self, planes: Planes) -> None:
        """Takes the frame, and turns it the right way up.

        Raises:
            SinkError: it is the second one.
        """
        planes = turned(planes, self._facts.orientation)
        if self._png:
            self._encode(frame_of(colours_of(planes)))
            return
        chroma = "444" if planes.format.chroma == "gray" else planes.format.chroma
        self._encode(frame_from_planes(convert(planes, chroma, True, "bt601")))

    def write_like(self, planes: Planes, source: VideoFrame, noisy: Planes) -> None:
        """Takes the frame with what its planes have no place for.

        A PNG keeps the R'G'B' of an unchanged picture, which doesn't survive a trip through bytes of Y'CbCr, and of any
        picture its transparency and, where there are more than 8 bits a sample, 16 of them.

        Args:
            planes: The frame.
            source: It as it was decoded.
            noisy: The planes of ``source``.

        Raises:
            SinkError: it is the second one.
        """
        if not self._png:
            self.write(planes)
            return
        way = self._facts.orientation
        unchanged = _same(planes, noisy)
        deep = max(c.bits for c in source.format.components) > 8
        if unchanged and way == UPRIGHT and source.format.name in _PNG_FORMATS:
            self._encode(source)
        elif deep:
            samples = samples_of(source, deep=True)
            if not unchanged:
                samples = changed_like(samples, noisy, planes)
            self._encode(frame_of(way.turn(self._visible(samples))))
        elif unchanged and (source.format.is_rgb or source.format.has_palette):
            self._encode(frame_of(way.turn(self._visible(samples_of(source, deep=False)))))
        else:
            samples = colours_of(planes)
            if self._facts.alpha:
                samples = np.dstack([samples, samples_of(source, deep=False)[..., -1]])
            self._encode(frame_of(way.turn(samples)))

    def _visible(self, samples: Samples) -> Samples:
        """The same without a transparency that says nothing: that of a picture which is opaque everywhere."""
        if samples.shape[-1] % 2 == 0 and not self._facts.alpha:
            return samples[..., :-1]
        return samples

    def _encode(self, frame: VideoFrame) -> None:
        if self._data is not None:
            raise SinkError(
                f"{self._path.name} is one picture, and there is more than one frame.",
                "Name a video, such as one that ends in .mp4.",
            )
        codec = _CODECS[self._path.suffix.lower()]
        context = av.CodecContext.create(codec, "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError(f"{codec} is no video codec")
        context.width, context.height = frame.width, frame.height
        context.pix_fmt = frame.format.name
        context.time_base = frame.time_base or Fraction(1, av.time_base)
        if self._facts.aspect is not None:
            aspect = self._facts.upright().aspect
            context.sample_aspect_ratio = aspect
        if codec == "mjpeg":
            context.color_range, context.qmin, context.qmax = 2, 2, 2
        elif not self._facts.icc:
            colour = self._facts.colour
            frame.color_primaries, frame.color_trc = colour.primaries, colour.transfer
        try:
            packets = [*context.encode(frame), *context.encode(None)]
        except (av.FFmpegError, ValueError) as error:  # a JPEG has at most 65500 pixels on a side
            raise SinkError(
                f"{self._path.name} can't hold a picture of {frame.width}×{frame.height} pixels.",
                "Name an output that ends in another suffix, such as .png.",
            ) from error
        # A profile for grey or for inks would be wrong beside R'G'B'.
        kind = b"GRAY" if frame.format.name.startswith(("gray", "ya", "mono")) else b"RGB "
        icc = self._facts.icc if self._facts.icc[16:20] == kind else b""
        data = b"".join(bytes(packet) for packet in packets)
        notes = self._facts.upright().notes
        self._data = with_tags(data, upright_exif(self._facts.exif), icc, notes)

    def close(self) -> None:
        """Writes the file, whole or not at all. Safe to call twice.

        Raises:
            StorageError: the disk is full, or the folder can't be written.
        """
        data, self._data = self._data, None
        if data is not None:
            write_bytes(self._path, data)

    def abort(self) -> None:
        """Forgets the picture."""
        self._data = None


def _same(one: Planes, other: Planes) -> bool:
    pairs = ((one.y, other.y), (one.u, other.u), (one.v, other.v))
    return all(a is b or np.array_equal(a, b) for a, b in pairs)

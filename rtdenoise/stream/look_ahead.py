"""The first frames of a film, looked at before they are cleaned: so the first one is cleaned as the others are."""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice

from av.video.frame import VideoFrame

from ..denoisers import Denoiser
from ..denoisers.streaming import StreamDenoiser
from ..frames import Planes

Frames = Generator[tuple[VideoFrame, Planes], None, None]

_AHEAD = 9
"""Frames: the pairs of a first window of the noise's estimate."""


def look_ahead(source: Frames, denoiser: Denoiser) -> Frames:
    """The frames of ``source``, once the denoiser has seen how noisy the first of them are.

    Closing it closes ``source``.
    """
    try:
        if isinstance(denoiser, StreamDenoiser):
            first = list(islice(source, _AHEAD))
            if first:
                layout = first[0][1].format
                denoiser.prime([planes for _, planes in first if planes.format == layout])
            yield from first
        yield from source
    finally:
        source.close()

"""Pictures and clips with known content."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rtdenoise.frames import Chroma, Matrix, PlaneFormat, Planes, empty_planes, frame_from_planes

MakePicture = Callable[..., Planes]
MakeClip = Callable[..., Path]


def picture(
    width: int = 64,
    height: int = 48,
    chroma: Chroma = "420",
    full_range: bool = True,
    matrix: Matrix = "bt601",
    *,
    shift: int = 0,
    time_s: float = 0.0,
) -> Planes:
    """A smooth picture that differs everywhere and with ``shift``."""
    planes = empty_planes(PlaneFormat(width, height, chroma, full_range, matrix), time_s)
    rows, columns = np.mgrid[0:height, 0:width]
    planes.y[:] = 40 + (columns * 100 // width + rows * 60 // height + shift) % 180
    if chroma != "gray":
        rows, columns = np.mgrid[0 : planes.u.shape[0], 0 : planes.u.shape[1]]
        planes.u[:] = 100 + columns * 50 // planes.u.shape[1]
        planes.v[:] = 150 - rows * 50 // planes.u.shape[0]
    return planes


@pytest.fixture
def make_picture() -> MakePicture:
    return picture


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Writes a clip: ``frames`` pictures at 25/s, MJPEG unless told; with ``audio`` seconds of a tone in AAC."""

    def make(
        name: str = "clip.mkv",
        *,
        frames: int = 10,
        codec: str = "mjpeg",
        size: tuple[int, int] = (64, 48),
        audio: float = 0.0,
        start: int = 0,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            video = container.add_stream(codec, rate=Fraction(25))
            assert isinstance(video, av.VideoStream)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            video.codec_context.color_range = 2 if codec == "mjpeg" else 1
            sound = container.add_stream("aac", rate=48000) if audio else None
            container.start_encoding()
            for index in range(frames):
                frame = frame_from_planes(picture(*size, full_range=codec == "mjpeg", shift=index))
                frame.time_base, frame.pts = Fraction(1, 25), index + start
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if sound is not None:
                assert isinstance(sound, av.AudioStream)
                for index in range(math.ceil(audio * 48000 / 1024)):
                    ticks = np.arange(index * 1024, (index + 1) * 1024)
                    tone = (np.sin(ticks * 0.05) * 0.3).astype(np.float32)[None]
                    piece = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
                    piece.sample_rate, piece.time_base = 48000, Fraction(1, 48000)
                    piece.pts = index * 1024 + start * 1920
                    container.mux(sound.encode(piece))
                container.mux(sound.encode(None))
        return path

    return make

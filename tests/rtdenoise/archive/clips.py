"""Small recordings for tests of archives."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES = 3


def write_clip(
    path: Path, seed: int, frames: int = FRAMES, size: tuple[int, int] = (64, 48)
) -> None:
    """A film of a pattern with noise, Motion JPEG."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[1], : size[0]]
    picture = 120 + 60 * np.sin(columns / (5 + seed % 7)) * np.cos(rows / 6)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p"
        for index in range(frames):
            grey = (picture + random.normal(0, 6, picture.shape)).clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuvj420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def pixels(path: Path) -> bytes:
    """All that a film shows."""
    with av.open(str(path)) as film:
        return b"".join(f.to_ndarray(format="yuv420p").tobytes() for f in film.decode(video=0))

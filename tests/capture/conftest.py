"""Scenes with known truth, and clips made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Noisy = Callable[..., Bytes]
WriteClip = Callable[..., Path]


@pytest.fixture(scope="session")
def scene() -> Floats:
    """A still scene with soft detail at all levels, (144, 192)."""
    generator = np.random.default_rng(7)
    detail = cv2.GaussianBlur(generator.standard_normal((144, 192)).astype(np.float32), (0, 0), 3)
    detail *= 20 / detail.std()
    ramp = np.linspace(60, 180, 192, dtype=np.float32)[None, :]
    return np.asarray(np.clip(ramp + detail, 10, 240), np.float32)


@pytest.fixture(scope="session")
def noisy() -> Noisy:
    """Adds noise: (clean or one clean per frame, count, std, lag1=, spatial=, seed=) → bytes (N, H, W)."""

    def make(
        clean: Floats | Sequence[Floats],
        count: int = 20,
        std: float = 3.0,
        *,
        lag1: float = 0.0,
        spatial: float = 0.0,
        seed: int = 0,
    ) -> Bytes:
        generator = np.random.default_rng(seed)
        before: Floats | None = None
        frames = []
        for number in range(count):
            picture = clean if isinstance(clean, np.ndarray) else clean[number]
            white = generator.standard_normal(picture.shape).astype(np.float32)
            if spatial:
                white = np.asarray(cv2.GaussianBlur(white, (0, 0), spatial), np.float32)
                white /= white.std()
            if before is not None:
                white = (lag1 * before + np.sqrt(1 - lag1**2) * white).astype(np.float32)
            before = white
            frames.append(np.clip(np.rint(picture + std * white), 0, 255).astype(np.uint8))
        return np.stack(frames)

    return make


@pytest.fixture
def write_clip(tmp_path: Path) -> WriteClip:
    """Writes luma frames (N, H, W) to a clip: (frames, name=, codec=, rate=, **options) → path."""

    def write(
        frames: Bytes,
        name: str = "clip.mkv",
        codec: str = "mjpeg",
        rate: int = 30,
        **options: str,
    ) -> Path:
        path = tmp_path / name
        formats = {"mjpeg": "yuvj420p", "rawvideo": "yuyv422", "libx264": "yuv420p"}
        defaults = {"mjpeg": {"qmin": "2", "qmax": "2"}, "libx264": {"crf": "28"}}
        with av.open(str(path), "w") as container:
            stream = container.add_stream(
                codec, rate=Fraction(rate), options={**defaults.get(codec, {}), **options}
            )
            assert isinstance(stream, VideoStream)
            stream.height, stream.width = frames.shape[1:]
            stream.pix_fmt = formats[codec]
            if codec == "mjpeg":
                stream.codec_context.qmin = stream.codec_context.qmax = 2
            for number, luma in enumerate(frames):
                height, width = luma.shape
                gray = np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)])
                frame = VideoFrame.from_ndarray(gray, format="yuvj420p")
                if codec == "rawvideo":
                    frame = frame.reformat(format="yuyv422")
                elif codec == "libx264":
                    frame = VideoFrame.from_ndarray(gray, format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write

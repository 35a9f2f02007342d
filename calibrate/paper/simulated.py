"""Still series of many scenes, taken by random simulated cameras, for the paper's network to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from rtdenoise.arrays import Bytes, Floats
from rtdenoise.frames import PlaneFormat, Planes, rgb_tensor

from ..synthesis import ClipBatch, Mix, PhotoClips
from .dataset import StillSeries

_STILL = Mix(
    still=1.0,
    panned=0.0,
    talking=0.0,
    leaves=0.0,
    slow=0.0,
    cut=0.0,
    drift=0.0,
    jump=0.0,
    steps=0.0,
    fade=0.0,
    banding=0.0,
)
_MOST_LAG = (
    0.15  # correlation of neighbouring frames' noise: beyond, a mean of them is no clean picture
)


class SimulatedSeries:
    """Makes still series; the same seed makes the same.

    Args:
        photos: Photographs; pictures are procedural for the rest, or where there are none.
        side: Of the pictures in pixels, a multiple of 16.
        frames: Of each series.
        seed: Of scenes, cameras and noise.

    Raises:
        ClipError: a photograph can't be read.
    """

    def __init__(self, photos: Sequence[Path], side: int, frames: int, seed: int) -> None:
        self._clips = PhotoClips(photos, (side, side), frames, seed, mix=_STILL)
        self._made = 0

    def next(self) -> StillSeries:
        """The next one, each of another scene and another camera."""
        while True:
            frames = _rgb(self._clips.batch(1))
            if _lag(frames) <= _MOST_LAG:
                break
        self._made += 1
        mask = np.ones(frames.shape[2:], bool)
        return StillSeries(frames, mask, f"simulated scene {self._made}")


def _rgb(clip: ClipBatch) -> Bytes:
    """The noisy frames of one clip as R'G'B' bytes, (T, 3, H, W)."""
    y, u, v = (plane[0, :, 0].to(torch.uint8).numpy() for plane in clip.noisy)
    height, width = y.shape[1:]
    layout = PlaneFormat(width, height, "420", True, "bt601")
    frames = (Planes(*planes, layout, 0.0) for planes in zip(y, u, v, strict=True))
    colours = torch.stack([rgb_tensor(frame) for frame in frames])
    return np.asarray((colours * 255).round_().clamp_(0, 255).byte().numpy(), np.uint8)


def _lag(frames: Bytes) -> float:
    """The correlation of neighbouring frames' noise, of green."""
    green: Floats = frames[:, 1].astype(np.float32)
    count = len(green)
    noise = green - green.mean(axis=0)
    power = float(np.mean(noise * noise))
    if power == 0:
        return 0.0
    alike = float(np.mean(noise[1:] * noise[:-1])) / power
    # The mean holds a part of each frame, which makes independent frames look unlike each other.
    return alike + 1 / count

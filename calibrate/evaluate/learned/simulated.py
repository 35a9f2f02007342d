"""What a network learns from that knows nothing of the camera: drawn pictures, seen by cameras drawn at random.

The idea is that of "Unprocessing": make a picture's light from it, put a sensor's noise there, and process it as a
camera does. The pictures, the sensors and the processors are those that base networks learn from.
"""

from __future__ import annotations

import numpy as np
import torch

from rtdenoise.frames import PlaneFormat, Planes, rgb_tensor
from rtdenoise.networks.tiles import VIEWS, turned

from ...synthesis import Mix, PhotoClips
from .training import Sample

_STILL = Mix(still=1, drift=0, jump=0, steps=0, fade=0, banding=0, cut=0, procedural=1)
_SIDE = 128  # pixels of a picture that is drawn; crops are cut from it
_POOL = 16  # pictures that crops are cut from
_EVERY = (
    2  # steps after which one of them makes way for a new one: drawing takes half as long as a step
)
_PROCEDURAL = 16  # drawings that pictures are pieces of
_FORMAT = PlaneFormat(_SIDE, _SIDE, "420", True, "bt601")


class SimulatedPairs:
    """Crops of noisy pictures and of what a camera without noise would have shown.

    Args:
        crop: Side of a crop.
    """

    def __init__(self, crop: int) -> None:
        self._crop = crop
        self._clips: PhotoClips | None = None
        self._pool: list[torch.Tensor] = []  # (2, 3, H, W): noisy and clean, in [0, 1]
        self._calls = 0

    def __call__(self, random: np.random.Generator, count: int) -> Sample:
        """Draws ``count`` crops, turned and flipped."""
        if self._clips is None:  # a training that goes on goes on with other pictures
            seed = int(random.integers(2**31))
            self._clips = PhotoClips(
                [], (_SIDE, _SIDE), 1, seed, mix=_STILL, procedural=_PROCEDURAL
            )
            self._pool = [self._pair(self._clips) for _ in range(_POOL)]
        elif self._calls % _EVERY == 0:
            self._pool[self._calls // _EVERY % _POOL] = self._pair(self._clips)
        self._calls += 1
        pairs = torch.stack([self._one(random) for _ in range(count)])
        return Sample(pairs[:, 0], pairs[:, 1], torch.ones_like(pairs[:, 0, :1]))

    def _one(self, random: np.random.Generator) -> torch.Tensor:
        pair = self._pool[int(random.integers(len(self._pool)))]
        top, left = (int(n) for n in random.integers(_SIDE - self._crop + 1, size=2))
        crop = pair[..., top : top + self._crop, left : left + self._crop]
        return turned(crop, *VIEWS[int(random.integers(len(VIEWS)))])

    @staticmethod
    def _pair(clips: PhotoClips) -> torch.Tensor:
        batch = clips.batch(1)
        both = []
        for tensors in (batch.noisy, batch.clean):
            y, u, v = (x[0, 0, 0].round().clamp(0, 255).byte().numpy() for x in tensors)
            both.append(rgb_tensor(Planes(y, u, v, _FORMAT, 0.0)).clamp(0, 1))
        return torch.stack(both)

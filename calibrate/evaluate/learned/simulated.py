"""What a network learns from that knows nothing of the camera: drawn pictures, seen by cameras drawn at random.

The idea is that of "Unprocessing": make a picture's light from it, put a sensor's noise there, and process it as a
camera does. The pictures, the sensors and the processors are those that base networks learn from. As the authors'
network is, this one is told how strong the noise is at each pixel. Raw files say that; here a frame says it itself.
"""

from __future__ import annotations

import numpy as np
import torch

from rtdenoise.arrays import Floats
from rtdenoise.frames import PlaneFormat, Planes, planes_from_rgb, rgb_tensor
from rtdenoise.networks.tiles import VIEWS, turned
from rtdenoise.noise.single import LEAST_STD, noise_of_picture

from ...synthesis import Mix, PhotoClips
from ...synthesis.clips import PlaneTensors
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
        self._pool: list[torch.Tensor] = []  # (7, H, W): noisy, the noise's deviation, clean
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
        # Errors count in terms of the noise, so that quiet cameras' pictures are not spoiled for the loud ones'.
        weights = 1 / pairs[:, 3:4].mean((2, 3), keepdim=True).clamp(min=LEAST_STD / 255)
        return Sample(pairs[:, :4], pairs[:, 4:], weights.expand(-1, -1, *pairs.shape[2:]))

    def _one(self, random: np.random.Generator) -> torch.Tensor:
        pair = self._pool[int(random.integers(len(self._pool)))]
        top, left = (int(n) for n in random.integers(_SIDE - self._crop + 1, size=2))
        crop = pair[..., top : top + self._crop, left : left + self._crop]
        return turned(crop, *VIEWS[int(random.integers(len(VIEWS)))])

    @staticmethod
    def _pair(clips: PhotoClips) -> torch.Tensor:
        batch = clips.batch(1)
        noisy, clean = (_planes(planes) for planes in (batch.noisy, batch.clean))
        deviation = batch.variance[0, 0].sqrt()[torch.from_numpy(noisy.y).long()] / 255
        pictures = [rgb_tensor(planes).clamp(0, 1) for planes in (noisy, clean)]
        return torch.cat([pictures[0], deviation[None], pictures[1]])


def _planes(planes: PlaneTensors) -> Planes:
    """The first frame of the first clip."""
    y, u, v = (np.asarray(x[0, 0, 0].round().byte().numpy(), np.uint8) for x in planes)
    return Planes(y, u, v, _FORMAT, 0.0)


def with_noise_level(frame: Floats) -> Floats:
    """A frame, (3, H, W) in [0, 1], with the standard deviation of its luma's noise, (4, H, W), told from itself."""
    _, height, width = frame.shape
    layout = PlaneFormat(width, height, "420", True, "bt601")
    planes = planes_from_rgb(torch.from_numpy(frame), layout, 0.0)
    model = noise_of_picture(planes).model
    # Where a frame doesn't tell, weak noise is the guess that takes no texture away.
    deviation = np.full((height, width), LEAST_STD, np.float32)
    if model is not None:
        deviation = np.sqrt(model.plane("y").curve.table())[planes.y]
    return np.concatenate([frame, deviation[None] / np.float32(255)])

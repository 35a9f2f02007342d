"""Draws what happens in a clip: what moves and how, and how the light changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .motion import (
    Layer,
    Scene,
    Track,
    bending,
    camera_track,
    cut_out_mask,
    object_track,
    resting,
    talking_place,
)

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Mix:
    """How often something happens in a clip, as shares of the clips.

    ``still``, ``panned`` and ``talking`` are clips in which nothing, the camera or a part of the picture moves; the
    rest are cut-outs before a still background. ``procedural`` and ``unfocused`` are shares of the pictures,
    ``plane_noise`` of the cameras.
    """

    still: float = 0.15
    panned: float = 0.25
    talking: float = 0.1
    procedural: float = 0.25
    plane_noise: float = 0.3
    unfocused: float = 0.15
    cut: float = 0.03
    drift: float = 0.12
    jump: float = 0.05
    bands: float = 0.07


@dataclass(frozen=True)
class CutOut:
    """A cut-out: its track, its radius in output pixels, and the seed of its outline."""

    track: Track
    radius: float
    seed: int

    @property
    def side(self) -> int:
        """Output pixels per side of a patch that holds it."""
        return round(2 * 1.35 * self.radius)

    def mask(self, side: int, device: torch.device) -> torch.Tensor:
        """Its mask in a patch of ``side`` pixels, (side, side) from 0 to 1."""
        outline = np.random.default_rng(self.seed)
        return cut_out_mask(outline, side, side / (2 * 1.35), device)


@dataclass(frozen=True)
class Drawing:
    """What happens in a clip of ``frames`` frames, without its pictures; factors as in :class:`Scene`."""

    frames: int
    background: Track
    cut_outs: list[CutOut]
    exposure: Doubles | None
    bands: Doubles | None

    def scene(self, layers: list[Layer]) -> Scene:
        """The scene with its pictures: the background's layer and then the cut-outs'."""
        return Scene(layers, self.frames, self.exposure, self.bands)


def draw_scene(
    random: np.random.Generator, frames: int, size: tuple[int, int], mix: Mix
) -> Drawing:
    """Draws one clip of (columns, rows)."""
    kind = random.random()
    still = kind < mix.still
    panned = not still and kind < mix.still + mix.panned
    talking = not still and not panned and kind < mix.still + mix.panned + mix.talking
    track = resting(frames)
    if panned:
        track = camera_track(random, frames)
    if talking:
        size_px = np.exp(random.uniform(np.log(1), np.log(8)))
        bends = bending(random, frames, float(size_px), talking_place(random))
        track = Track(track.x, track.y, track.angle, track.zoom, bends)
    objects = 0 if still else int(random.integers(1, 4))
    if (panned or talking) and random.random() < 0.6:
        objects = 0
    cut_outs = [_cut_out(random, frames, size) for _ in range(objects)]
    exposure, bands = _exposure(random, frames, mix), _bands(random, frames, size[1], mix)
    return Drawing(frames, track, cut_outs, exposure, bands)


def _cut_out(random: np.random.Generator, frames: int, size: tuple[int, int]) -> CutOut:
    radius = float(np.exp(random.uniform(np.log(0.06), np.log(0.4)))) * min(size)
    track = object_track(random, frames, *size)
    return CutOut(track, radius, int(random.integers(2**31)))


def _exposure(random: np.random.Generator, frames: int, mix: Mix) -> Doubles | None:
    """Exposure that drifts or jumps, (T,)."""
    t = np.arange(frames)
    kind = random.random()
    if kind < mix.drift:
        size, time = random.uniform(-0.5, 0.7), np.exp(random.uniform(np.log(4), np.log(40)))
        settled = np.exp(-t / time) if random.random() < 0.5 else np.sin(t / time)
        return np.asarray(np.exp(size * settled * 0.7))
    if kind < mix.drift + mix.jump:
        at, size = random.integers(1, max(frames, 2)), random.uniform(-0.9, 0.9)
        return np.asarray(np.where(t >= at, np.exp(size), 1.0))
    return None


def _bands(random: np.random.Generator, frames: int, rows: int, mix: Mix) -> Doubles | None:
    """Mains flicker: a wave over the rows that wanders from frame to frame, (T, H)."""
    if random.random() >= mix.bands:
        return None
    depth = np.exp(random.uniform(np.log(0.01), np.log(0.15)))
    period = rows * random.uniform(0.8, 5)
    step = random.uniform(-0.5, 0.5)
    at, t = np.arange(rows)[None, :], np.arange(frames)[:, None]
    return np.asarray(1 + depth * np.sin(2 * np.pi * (at / period + step * t)))

"""Draws what happens in a clip: what moves and how, and how the light changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from rtdenoise.arrays import Doubles
from rtdenoise.noise.dct import BLOCK

from . import brightness, people_parts
from .layers import Layer, Scene, Screen, cut_out_mask
from .motion import (
    Track,
    bending,
    camera_track,
    object_track,
    resting,
    talking_place,
    trembling,
)
from .people import draw_person
from .procedural import letters
from .shutter import Shutter, random_shutter

_HELD = 0.15  # share of the people whose camera moves


@dataclass(frozen=True)
class Mix:
    """How often something happens in a clip, as shares of the clips.

    ``still``, ``panned``, ``talking`` and ``leaves`` are clips in which nothing, the camera or a part of the picture
    moves, slowly or as leaves tremble; the rest are cut-outs before a still background. A part of what is not still
    shows a ``screen`` with a scene of its own, or a thing or writing that ``blinks``; ``slow`` clips have half or a
    third of the frame rate. ``drift``, ``jump``, ``steps``, ``fade`` and ``banding`` change the light.
    ``procedural`` and ``unfocused`` are shares of the pictures, ``plane_noise`` of the cameras. Of what else is not
    still, ``person`` shows somebody who talks before a background at rest (:mod:`.people`); of all that is not still,
    ``blurred`` has motion blur and ``rolling`` a rolling shutter.
    """

    still: float = 0.3
    panned: float = 0.25
    talking: float = 0.1
    leaves: float = 0.04
    screen: float = 0.05
    blinks: float = 0.08
    slow: float = 0.25
    procedural: float = 0.25
    plane_noise: float = 0.3
    unfocused: float = 0.15
    cut: float = 0.03
    drift: float = 0.12
    jump: float = 0.05
    steps: float = 0.15
    fade: float = 0.05
    banding: float = 0.07
    person: float = 0.0
    blurred: float = 0.0
    rolling: float = 0.0


PEOPLE = Mix(person=0.3, blurred=0.4, rolling=0.3)
"""What a base network learns from; see docs/base-networks.md."""


@dataclass(frozen=True)
class CutOut:
    """A cut-out: its track, its radius in output pixels, the seed of its outline, whether it is writing.

    ``part`` is what it is of a person (:mod:`.people_parts`), all of whose cut-outs have one seed; empty for others.
    ``shown`` is as in :class:`.layers.Layer`.
    """

    track: Track
    radius: float
    seed: int
    writing: bool = False
    shown: Doubles | None = None
    part: str = ""

    @property
    def side(self) -> int:
        """Output pixels per side of a patch that holds it."""
        return round(2 * 1.35 * self.radius)

    def mask(self, side: int, device: torch.device) -> torch.Tensor:
        """Its mask in a patch of ``side`` pixels, (side, side) from 0 to 1."""
        if self.part:
            drawn = people_parts.outline(self.part, self._of_part(0), side)
            return torch.from_numpy(drawn).to(device)
        outline = np.random.default_rng(self.seed)
        if self.writing:
            return torch.from_numpy(letters(outline, side)).to(device)
        return cut_out_mask(outline, side, side / (2 * 1.35), device)

    def painted(self, side: int, device: torch.device) -> torch.Tensor | None:
        """What it shows in linear light, (3, side, side), where it is no piece of any picture."""
        if not self.part:
            return None
        skin = people_parts.skin_colour(np.random.default_rng(self.seed))
        found = people_parts.painted(self.part, skin, self._of_part(1), side)
        return None if found is None else torch.from_numpy(found).to(device)

    def _of_part(self, what: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, people_parts.PARTS.index(self.part), what])


@dataclass(frozen=True)
class Box:
    """A screen before its pictures are chosen, in output pixels; the rest as in :class:`.layers.Screen`."""

    drawing: Drawing
    left: int
    top: int
    width: int
    height: int
    brightness: Doubles

    def screen(self, scene: Scene) -> Screen:
        """The screen that shows a scene of this drawing."""
        return Screen(scene, self.left, self.top, self.width, self.height, self.brightness)


@dataclass(frozen=True)
class Drawing:
    """What happens in a clip of ``frames`` frames, without its pictures; factors as in :class:`Scene`."""

    frames: int
    background: Track
    cut_outs: list[CutOut]
    exposure: Doubles | None
    banding: Doubles | None
    boxes: list[Box] = field(default_factory=list)
    shutter: Shutter | None = None

    def scene(self, layers: list[Layer], screens: Sequence[Screen] = ()) -> Scene:
        """The scene with its pictures: the background's layer and then the cut-outs', and screens in the background."""
        return Scene(layers, self.frames, self.exposure, self.banding, list(screens), self.shutter)


def draw_scene(
    random: np.random.Generator, frames: int, size: tuple[int, int], mix: Mix
) -> Drawing:
    """Draws one clip of (columns, rows)."""
    step = int(random.integers(2, 4)) if random.random() < mix.slow else 1
    seen = frames * step
    shares = np.cumsum([mix.still, mix.panned, mix.talking, mix.leaves])
    kind = int(np.searchsorted(shares, random.random(), side="right"))
    still, panned, talking, leaves = (kind == number for number in range(4))
    track = resting(seen)
    # Nothing is drawn where there is no share: the same seeds give the same clips.
    if not still and mix.person and random.random() < mix.person:
        return _somebody(random, frames, size, mix, step)
    if panned:
        track = camera_track(random, seen)
    if talking:
        size_px = np.exp(random.uniform(np.log(1), np.log(8)))
        track = replace(track, bends=bending(random, seen, float(size_px), talking_place(random)))
    if leaves:
        place = talking_place(random) if random.random() < 0.6 else np.ones((5, 5))
        track = replace(track, bends=trembling(random, seen, max(size), place))
    objects = 0 if still else int(random.integers(1, 4))
    if (panned or talking or leaves) and random.random() < 0.6:
        objects = 0
    cut_outs = [_cut_out(random, seen, size, step) for _ in range(objects)]
    boxes = []
    if not still:
        if random.random() < mix.blinks:
            cut_outs.append(_blinking(random, frames, size))
        if not panned and random.random() < mix.screen:
            boxes.append(_box(random, frames, size, mix))
    return _in_light(
        random, Drawing(frames, track.every(step), cut_outs, None, None, boxes), mix, size
    )


def _in_light(
    random: np.random.Generator, drawing: Drawing, mix: Mix, size: tuple[int, int]
) -> Drawing:
    """The drawing in changing light, seen through a shutter."""
    frames = drawing.frames
    exposure = _exposure(random, frames, mix)
    banding = brightness.mains(random, frames, size[1]) if random.random() < mix.banding else None
    still = drawing.background.still and all(c.track.still for c in drawing.cut_outs)
    shutter = None
    if not still and (mix.blurred or mix.rolling):
        shutter = random_shutter(random, mix.blurred, mix.rolling)
    return replace(drawing, exposure=exposure, banding=banding, shutter=shutter)


def _somebody(
    random: np.random.Generator, frames: int, size: tuple[int, int], mix: Mix, step: int
) -> Drawing:
    """A person before a background at rest, or, seldom, before one that a hand-held camera moves."""
    held = random.random() < _HELD
    track = camera_track(random, frames) if held else resting(frames)
    seed = int(random.integers(2**31))
    cut_outs = [
        CutOut(
            piece.track.every(step),
            piece.radius,
            seed,
            shown=None if piece.shown is None else piece.shown[::step],
            part=piece.part,
        )
        for piece in draw_person(random, frames * step, size)
    ]
    return _in_light(random, Drawing(frames, track, cut_outs, None, None), mix, size)


def _cut_out(random: np.random.Generator, frames: int, size: tuple[int, int], step: int) -> CutOut:
    track = object_track(random, frames, *size)
    return CutOut(track.every(step), _radius(random, size), int(random.integers(2**31)))


def _radius(random: np.random.Generator, size: tuple[int, int]) -> float:
    return float(np.exp(random.uniform(np.log(0.06), np.log(0.4)))) * min(size)


def _blinking(random: np.random.Generator, frames: int, size: tuple[int, int]) -> CutOut:
    """A lamp, a sign, a line of text that comes and goes where it is."""
    place = resting(frames)
    x, y = (random.uniform(-0.4, 0.4) * n for n in size)
    track = replace(place, x=place.x + x, y=place.y + y)
    seed, writing = int(random.integers(2**31)), bool(random.random() < 0.5)
    return CutOut(track, _radius(random, size), seed, writing, brightness.blinking(random, frames))


def _box(random: np.random.Generator, frames: int, size: tuple[int, int], mix: Mix) -> Box:
    """A screen of a quarter to two thirds of the sides, on the grid of blocks."""
    width, height = (int(n * random.uniform(0.25, 0.67)) // BLOCK * BLOCK for n in size)
    left = int(random.integers((size[0] - width) // BLOCK + 1)) * BLOCK
    top = int(random.integers((size[1] - height) // BLOCK + 1)) * BLOCK
    shown = replace(mix, screen=0, blinks=0, drift=0, jump=0, steps=0, fade=0, banding=0)
    drawing = draw_scene(random, frames, (width, height), shown)
    return Box(drawing, left, top, width, height, brightness.flickering(random, frames))


def _exposure(random: np.random.Generator, frames: int, mix: Mix) -> Doubles | None:
    """Exposure that drifts, jumps, steps or fades in, (T,)."""
    shares = np.cumsum([mix.drift, mix.jump, mix.steps, mix.fade])
    kind = int(np.searchsorted(shares, random.random(), side="right"))
    kinds = (brightness.drifting, brightness.jumping, brightness.stepping, brightness.fading_in)
    return kinds[kind](random, frames) if kind < len(kinds) else None

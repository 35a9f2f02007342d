"""A person before the camera: a head that turns and talks, eyes that blink, hair that follows late, a hand.

Nothing of it is rigid. What turns away comes back at the other side, lips and lids cover and uncover, strands and
fingers let the background through.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rtdenoise.arrays import Doubles

from .motion import Track, bending, resting
from .operators import smooth_steps
from .people_parts import EYE, MOUTH

_KNOTS = 5  # of a bending, per side
_STRAND = 20  # pixels from one knot of swaying hair to the next


class Piece(NamedTuple):
    """A part of a person: its name in :data:`.people_parts.PARTS`, track, radius in pixels, and how much is seen."""

    part: str
    track: Track
    radius: float
    shown: Doubles | None = None


def draw_person(random: np.random.Generator, frames: int, size: tuple[int, int]) -> list[Piece]:
    """Draws one, from back to front.

    Args:
        random: Draws it.
        frames: How many.
        size: (columns, rows) of the frame.
    """
    radius = min(size) * float(np.exp(random.uniform(np.log(0.13), np.log(0.3))))
    lively = float(np.exp(random.normal(0, 0.6)))
    head = _head(random, frames, size, radius, lively)
    hair = _late(head, random.uniform(0.15, 0.8), _swaying(random, frames, size, lively))
    body = _late(head, random.uniform(0.1, 0.3), None)
    body = Track(body.x / 2, body.y / 2 + 1.7 * radius, body.angle / 3, body.zoom)
    pieces = [Piece("body", body, 1.6 * radius)]
    if random.random() < 0.8:
        pieces.append(Piece("hair", hair, 1.5 * radius))
    pieces.append(Piece("head", head, radius))
    blink = _blinks(random, frames)
    for side in (-1, 1):
        track = _on(head, radius, (side * EYE[0], EYE[1]))
        pieces.append(Piece("lid", track, 0.2 * radius, blink))
    mouth = _on(head, radius, MOUTH)
    talks = _talking(random, frames)
    mouth = Track(mouth.x, mouth.y, mouth.angle, mouth.zoom * np.maximum(talks, 0.45))
    pieces.append(Piece("mouth", mouth, 0.24 * radius, np.clip(talks / 0.45, 0, 1)))
    if random.random() < 0.7:
        fringe = Track(hair.x, hair.y, head.angle, head.zoom, hair.bends)
        pieces.append(Piece("fringe", fringe, radius))
    if random.random() < 0.5:
        pieces.append(Piece("hand", _hand(random, frames, size, radius), 0.7 * radius))
    return pieces


def poses(random: np.random.Generator, frames: int, size: float) -> Doubles:
    """A value that is held for a while and then goes to another one, smoothly, (T,): as people move."""
    found = np.empty(0)
    now = random.normal(0, size)
    while len(found) < frames:
        then = random.normal(0, size)
        t = (np.arange(int(random.integers(4, 25))) + 1.0)[:, None]
        share = (t / len(t))[:, 0]
        way = now + (then - now) * share**2 * (3 - 2 * share)
        found = np.concatenate([found, np.full(int(random.integers(0, 15)), now), way])
        now = then
    return np.asarray(found[:frames])


def _head(
    random: np.random.Generator, frames: int, size: tuple[int, int], radius: float, lively: float
) -> Track:
    x = random.uniform(-0.2, 0.2) * size[0] + poses(random, frames, 0.25 * radius * lively)
    y = random.uniform(-0.2, 0.1) * size[1] + poses(random, frames, 0.1 * radius * lively)
    angle = poses(random, frames, 0.12 * lively)
    zoom = np.exp(np.clip(poses(random, frames, 0.05 * lively), -0.3, 0.3))
    turn = np.clip(poses(random, frames, 0.35 * lively), -0.9, 0.9)
    # Cheeks and chin.
    knots = np.arange(_KNOTS) - (_KNOTS - 1) / 2
    across = knots[None, :] * size[0] / (_KNOTS - 1) - x[0]
    down = knots[:, None] * size[1] / (_KNOTS - 1) - (y[0] + 0.5 * radius)
    place = np.exp(-(across**2 + down**2) / (2 * radius**2))
    bends = bending(random, frames, float(np.exp(random.uniform(-0.5, 1.5))), place)
    return Track(x, y, angle, zoom, bends, turn, radius)


def _late(head: Track, rate: float, bends: Doubles | None) -> Track:
    """What follows a head, late."""
    parts = []
    for path in (head.x, head.y, head.angle):
        kept = np.empty(len(path))
        now = path[0]
        for t, there in enumerate(path):
            now += rate * (there - now)
            kept[t] = now
        parts.append(kept)
    x, y, angle = parts
    return Track(x, y, angle, head.zoom, bends)


def _swaying(
    random: np.random.Generator, frames: int, size: tuple[int, int], lively: float
) -> Doubles:
    """Strands that sway, each a little later than its neighbour, (T, 2, K, K) in pixels."""
    count = max(_KNOTS, round(max(size) / _STRAND))
    t = np.arange(frames)[:, None, None]
    fine = smooth_steps(count, _KNOTS)
    bends = np.zeros((frames, 2, count, count))
    for axis in range(2):
        phase = fine @ random.normal(0, 2, (_KNOTS, _KNOTS)) @ fine.T
        phase = phase + random.normal(0, 0.3, (count, count))
        pace = np.exp(random.uniform(np.log(6), np.log(40)))
        most = lively * np.exp(random.uniform(np.log(0.3), np.log(4))) / (1 + axis)
        bends[:, axis] = most * np.sin(2 * np.pi * t / pace + phase[None])
    gusts = np.clip(0.5 + poses(random, frames, 0.4), 0, 1)
    return np.asarray(bends * gusts[:, None, None, None])


def _on(head: Track, radius: float, place: tuple[float, float]) -> Track:
    """What sits on a head: where a place of its surface, in radii, is seen."""
    assert head.turn is not None
    x = radius * head.zoom * np.sin(place[0] + head.turn)
    y = radius * head.zoom * place[1]
    cosine, sine = np.cos(head.angle), np.sin(head.angle)
    return Track(
        head.x + cosine * x - sine * y, head.y + sine * x + cosine * y, head.angle, head.zoom
    )


def _blinks(random: np.random.Generator, frames: int) -> Doubles:
    """How far the eyes are closed, (T,): for a few frames now and then."""
    closed = np.zeros(frames)
    at = int(random.integers(0, 40))
    while at < frames:
        long = int(random.integers(2, 7))
        closed[at : at + long] = 1.0
        at += long + int(random.integers(10, 120))
    return closed


def _talking(random: np.random.Generator, frames: int) -> Doubles:
    """How far the mouth is open, (T,): syllables and pauses."""
    t = np.arange(frames)
    syllables = np.abs(np.sin(np.pi * (t / random.uniform(3, 9) + random.random())))
    loud = np.clip(0.3 + poses(random, frames, 0.5), 0, 1)
    return np.asarray(syllables * loud)


def _hand(random: np.random.Generator, frames: int, size: tuple[int, int], radius: float) -> Track:
    """It comes up, gestures and goes."""
    x = random.choice([-1, 1]) * random.uniform(0.1, 0.45) * size[0]
    x = x + poses(random, frames, 0.6 * radius)
    y = random.uniform(0, 0.4) * size[1] + poses(random, frames, 0.8 * radius)
    angle = random.normal(0, 0.4) + poses(random, frames, 0.35)
    bends = bending(random, frames, float(np.exp(random.uniform(0, 1.6))))
    still = resting(frames)
    return Track(x, y, angle, still.zoom * np.exp(poses(random, frames, 0.08)), bends)

"""How the brightness of a clip changes: exposure that drifts, jumps, steps or fades in, mains flicker, blinking."""

from __future__ import annotations

import numpy as np

from rtdenoise.arrays import Doubles

_TONED = 2.2  # a factor on bytes is about this power of it in linear light
_STEPS = (0.005, 0.09)  # parts of the brightness in bytes


def drifting(random: np.random.Generator, frames: int) -> Doubles:
    """Exposure that settles, or sways, (T,)."""
    t = np.arange(frames)
    size, time = random.uniform(-0.5, 0.7), np.exp(random.uniform(np.log(4), np.log(40)))
    settled = np.exp(-t / time) if random.random() < 0.5 else np.sin(t / time)
    return np.asarray(np.exp(size * settled * 0.7))


def jumping(random: np.random.Generator, frames: int) -> Doubles:
    """Light that is switched, once, (T,)."""
    at, size = random.integers(1, max(frames, 2)), random.uniform(-0.9, 0.9)
    return np.asarray(np.where(np.arange(frames) >= at, np.exp(size), 1.0))


def stepping(random: np.random.Generator, frames: int) -> Doubles:
    """Brightness that steps by a few per cent between frames, (T,).

    Mains light that beats with the frame rate makes every frame differ; automatic exposure makes a step now and then.
    """
    size = np.exp(random.uniform(*np.log(_STEPS)))
    if random.random() < 0.5:
        return np.asarray((1 + size * random.uniform(-0.5, 0.5, frames)) ** _TONED)
    rare = random.random(frames) < random.uniform(0.05, 0.4)
    path = np.cumsum(rare * random.uniform(-1, 1, frames)) * size
    return np.asarray((1 + np.clip(path, -0.3, 0.3)) ** _TONED)


def fading_in(random: np.random.Generator, frames: int) -> Doubles:
    """A start from dark, as after a camera was opened, (T,)."""
    length, dark = random.uniform(6, 20), random.uniform(0.05, 0.5)
    share = np.clip((np.arange(frames) + 1) / length, 0, 1)
    return np.asarray((dark + (1 - dark) * share) ** _TONED)


def mains(random: np.random.Generator, frames: int, rows: int) -> Doubles:
    """Mains flicker under a rolling shutter: a wave over the rows that wanders from frame to frame, (T, H)."""
    depth = np.exp(random.uniform(np.log(0.01), np.log(0.15)))
    period = rows * random.uniform(0.8, 5)
    step = random.uniform(-0.5, 0.5)
    at, t = np.arange(rows)[None, :], np.arange(frames)[:, None]
    return np.asarray(1 + depth * np.sin(2 * np.pi * (at / period + step * t)))


def blinking(random: np.random.Generator, frames: int) -> Doubles:
    """How much of a thing is seen that blinks, appears or goes out, (T,) from 0 to 1."""
    t = np.arange(frames)
    if random.random() < 0.4:
        at = int(random.integers(1, max(frames, 2)))
        shown = (t >= at) == (random.random() < 0.5)
    else:
        period = np.exp(random.uniform(np.log(2), np.log(30)))
        shown = (t / period + random.random()) % 1 < random.uniform(0.3, 0.7)
    return np.asarray(np.where(shown, 1.0, random.choice([0.0, 0.0, 0.4])))


def flickering(random: np.random.Generator, frames: int) -> Doubles:
    """The brightness of a screen, (T,): steady, flickering, or changing with what it shows."""
    kind = random.random()
    if kind < 0.3:
        return np.ones(frames)
    size = np.exp(random.uniform(np.log(0.02), np.log(0.3)))
    if kind < 0.7:
        return np.asarray(1 + size * random.uniform(-1, 1, frames))
    scene = np.cumsum(random.random(frames) < 0.15)
    return np.asarray(np.exp(random.normal(0, 0.4, frames + 1)[scene]))

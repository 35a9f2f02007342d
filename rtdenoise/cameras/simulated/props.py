"""Things that stand about in several scenes."""

from __future__ import annotations

import math

import numpy as np

from ...arrays import Floats
from .canvas import Canvas, Colour

_WORDS = (
    *("light", "noise", "signal", "grain", "colour", "mean", "level", "frame", "still", "scene"),
    *("motion", "camera", "sensor", "window", "paper", "green", "quiet", "evening", "copper"),
    *("yellow", "harbour", "river", "north", "garden", "letter", "number", "second", "winter"),
)


def sentence(random: np.random.Generator, words: int) -> str:
    """A line of words that mean nothing."""
    return " ".join(random.choice(_WORDS, words)).capitalize()


def wood(canvas: Canvas, colour: Colour, seed: int, grain: tuple[float, float]) -> Floats:
    """A wooden texture, (H, W, 3): long fibres, rings that bend, fine pores."""
    fibres = canvas.fractal(seed, grain, 4, 0.65)
    bend = canvas.fractal(seed + 1, (grain[0] * 1.6, grain[1] * 9), 2)
    _, y = canvas.grid()
    rings = np.sin(2 * math.pi * y / (grain[1] * 3.1) + 3.2 * bend)
    pores = canvas.fractal(seed + 2, (grain[0] / 9, max(grain[1] / 6, 1.6)), 1)
    pattern = 0.10 * fibres + 0.09 * rings - 0.05 * np.maximum(pores, 0)
    return canvas.tint(colour, pattern.astype(np.float32), 1.0)


def star(canvas: Canvas, centre: tuple[float, float], radius: float, spokes: int) -> None:
    """A Siemens star: black spokes that get finer towards the middle."""
    x, y = canvas.grid()
    dx, dy = x - centre[0], y - centre[1]
    far = np.hypot(dx, dy)
    wave = np.sin(spokes * np.arctan2(dy, dx))
    # as steep as a pixel is wide at this radius, so that edges are smooth and the middle turns grey
    sharp = np.clip(wave * far * canvas.scale / spokes, -1, 1) * 0.5 + 0.5
    disc = np.clip((radius - far) * canvas.scale + 0.5, 0, 1)
    canvas.mask((disc * sharp).astype(np.float32), (24, 24, 26))


def grating(
    canvas: Canvas, box: tuple[float, float, float, float], periods: tuple[float, float]
) -> None:
    """A sine grating whose period goes from the first to the second, in units, from left to right."""
    x, _ = canvas.grid()
    left, top, right, bottom = box
    t = np.clip((x - left) / (right - left), 0, 1)
    start, end = 1 / periods[0], 1 / periods[1]
    cycles = (right - left) * (start * t + (end - start) * t**2 / 2)
    frequency = (start + (end - start) * t) / canvas.scale
    wave = 0.5 + 0.5 * np.sin(2 * math.pi * cycles) * np.clip(2 - 4 * frequency, 0, 1)
    paint = np.repeat(np.broadcast_to(wave, canvas.alpha.shape)[:, :, None], 3, 2)
    canvas.rectangle((left, top, right, bottom), (0.06 + 0.84 * paint).astype(np.float32))


def books(
    canvas: Canvas, random: np.random.Generator, left: float, right: float, foot: float, high: float
) -> None:
    """A row of books on a shelf whose board is at ``foot``."""
    x = left
    while x < right - 14:
        wide = min(random.uniform(18, 44), right - x)
        top = foot - high * random.uniform(0.72, 0.97)
        hue = random.uniform(0, 2 * math.pi)
        base = random.uniform(50, 150)
        colour = [base + 48 * math.cos(hue + k * 2.09) for k in range(3)]
        canvas.rectangle((x, top, x + wide - 1, foot), colour)
        canvas.rectangle((x, top, x + 3, foot), (255, 255, 255), 0.15)
        canvas.rectangle((x + wide - 5, top, x + wide - 1, foot), (0, 0, 0), 0.35)
        band = random.uniform(0.12, 0.3) * (foot - top)
        gold = (214, 190, 120) if random.random() < 0.5 else (228, 226, 220)
        for y in (top + band, top + band + 5, foot - band):
            canvas.rectangle((x + 3, y, x + wide - 4, y + 2), gold, 0.8)
        step = 9.0
        for y in np.arange(top + band + 16, foot - band - 10, step):  # the title, read from above
            reach = random.uniform(0.15, 0.5) * wide
            middle = x + wide / 2
            canvas.line([(middle - reach / 2, y), (middle + reach / 2, y + 2)], 2.4, gold, 0.75)
        x += wide


def plant(
    canvas: Canvas, random: np.random.Generator, foot: tuple[float, float], size: float, leaves: int
) -> None:
    """A pot of grass-like leaves, thin ones among them."""
    x, y = foot
    for k in range(leaves):
        angle = random.uniform(-1.25, 1.25)
        reach = size * random.uniform(0.55, 1.0)
        bend = (x + 0.35 * reach * math.sin(angle), y - 0.8 * reach)
        tip = (x + reach * math.sin(angle), y - reach * (0.55 + 0.35 * math.cos(angle)))
        t = np.linspace(0, 1, 9)[:, None]
        path = (1 - t) ** 2 * np.array([x + 14 * angle, y]) + 2 * t * (1 - t) * bend + t**2 * tip
        green = random.uniform(0.45, 1.15)
        blade = [(float(a), float(b)) for a, b in path]
        wide = size * (0.012 if k % 3 else 0.034)
        canvas.line(blade, wide, (78 * green, 122 * green, 58 * green))
        canvas.line(blade[2:7], 0.7, (160, 190, 120), 0.6)
    pot = [(x - 0.2 * size, y - 6), (x + 0.2 * size, y - 6)]
    canvas.polygon(
        [*pot, (x + 0.15 * size, y + 0.3 * size), (x - 0.15 * size, y + 0.3 * size)], (170, 96, 66)
    )
    canvas.glow((x + 0.08 * size, y + 0.12 * size), (0.05 * size, 0.08 * size), (96, 50, 34), 0.6)
    canvas.rectangle((x - 0.215 * size, y - 14, x + 0.215 * size, y + 8), (184, 108, 76))


def printed_page(
    canvas: Canvas,
    random: np.random.Generator,
    box: tuple[float, float, float, float],
    letter: float,
) -> None:
    """Lines of print, ``letter`` units high."""
    left, top, right, bottom = box
    y = top + 2 * letter
    canvas.text(sentence(random, 2), (left, y), 1.5 * letter, (30, 30, 34))
    y += 2.6 * letter
    while y < bottom:
        words = max(2, int((right - left) / (7.2 * letter)))
        canvas.text(sentence(random, words), (left, y), letter, (46, 46, 52))
        y += 2.1 * letter

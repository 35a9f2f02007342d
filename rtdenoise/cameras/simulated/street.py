"""The scene ``street``: brick houses, trees and asphalt under an open sky, and a car that passes."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, Colour
from .scene import Path, Scene, assemble, canvas_of, vignette
from .variation import Variation

_CAR = (620.0, 260.0)


def draw_street(size: tuple[int, int], variation: Variation) -> Scene:
    """Draws the scene at a size in pixels (columns, rows)."""
    canvas = canvas_of(size, variation)
    random = variation.random(37)
    _sky(canvas)
    _house(canvas, random, (60, 190, 640, 800), (150, 84, 66), 61)
    _house(canvas, random, (640, 110, 1180, 800), (186, 168, 136), 62)
    _house(canvas, random, (1180, 240, 1800, 800), (118, 76, 66), 63)
    _shop(canvas)
    _ground(canvas)
    _tree(canvas, random, (300, 830), 300, 64)
    _tree(canvas, random, (1730, 830), 380, 65)
    _wires(canvas)
    variation.paint(canvas)
    canvas.shade(vignette(canvas, 0.15))
    variation.light(canvas)
    car = _car(canvas.scale)
    variation.paint(car)
    variation.light(car, whole=False)
    return assemble(canvas, car, Path(960, 862, 620, 3, 0.4, 8.0))


def _sky(canvas: Canvas) -> None:
    x, y = canvas.grid()
    height = np.clip(y / 700, 0, 1)[:, :, None] + 0 * x[:, :, None]
    blue = (1 - height) * np.array([118, 160, 206]) + height * np.array([206, 218, 228])
    clouds = np.clip(0.5 + 0.42 * canvas.fractal(60, (620, 190), 6, 0.55), 0, 1)[:, :, None]
    sky = (blue + (np.array([240, 240, 240]) - blue) * clouds**2) / 255
    canvas.rectangle((0, 0, 1920, 1080), sky.astype(np.float32))


def _house(
    canvas: Canvas,
    random: np.random.Generator,
    box: tuple[float, float, float, float],
    colour: Colour,
    seed: int,
) -> None:
    left, top, right, bottom = box
    x, y = canvas.grid()
    course = np.floor(y / 11)
    along = (x + 14 * (course % 2)) / 28
    column = np.floor(along)
    joint = (np.abs(y / 11 - course - 0.5) > 0.41) | (np.abs(along - column - 0.5) > 0.46)
    mixed = np.sin(course * 127.1 + column * 311.7 + seed) * 43758.5
    brick = 0.16 * (mixed - np.floor(mixed) - 0.5) + 0.05 * canvas.fractal(seed, (40, 40), 4)
    walls = canvas.tint(colour, np.where(joint, 0.28, brick).astype(np.float32), 1.0)
    canvas.rectangle(box, walls)
    canvas.rectangle((left - 8, top - 16, right + 8, top + 6), (92, 84, 78))
    canvas.rectangle((left, top + 6, right, top + 22), (20, 16, 14), 0.35)
    for row in np.arange(top + 60, bottom - 230, 150):
        for at in np.arange(left + 50, right - 90, 130):
            _window(canvas, random, float(at), float(row))


def _window(canvas: Canvas, random: np.random.Generator, x: float, y: float) -> None:
    canvas.rectangle((x - 7, y - 7, x + 83, y + 107), (222, 216, 204))
    glass = random.uniform(34, 92)
    canvas.rectangle((x, y, x + 76, y + 98), (0.8 * glass, glass, 1.15 * glass))
    canvas.polygon([(x, y + 60), (x, y), (x + 50, y)], (190, 206, 220), 0.35)
    if random.random() < 0.6:
        for k in range(16):
            canvas.line([(x + 2, y + 3 + 3 * k), (x + 74, y + 3 + 3 * k)], 1.6, (224, 220, 208))
    canvas.rectangle((x + 36, y, x + 40, y + 98), (222, 216, 204))
    canvas.rectangle((x, y + 44, x + 76, y + 48), (222, 216, 204))
    canvas.rectangle((x - 12, y + 100, x + 88, y + 110), (196, 188, 174))


def _shop(canvas: Canvas) -> None:
    canvas.rectangle((690, 600, 1130, 800), (36, 44, 48))
    canvas.rectangle((706, 664, 920, 788), (92, 106, 112))
    canvas.rectangle((940, 664, 1060, 788), (84, 96, 100))
    canvas.rectangle((1070, 660, 1124, 800), (66, 44, 34))
    for k in range(14):
        tone = (196, 60, 52) if k % 2 else (236, 230, 220)
        at = 682 + 32.6 * k
        canvas.polygon([(at, 640), (at + 32.6, 640), (at + 30, 690), (at - 3, 690)], tone)
    canvas.rectangle((690, 596, 1130, 642), (34, 72, 60))
    canvas.text("BOOKS & PAPER", (722, 632), 28, (240, 226, 180))
    canvas.text("open 9 - 18", (956, 740), 13, (240, 240, 236))


def _ground(canvas: Canvas) -> None:
    grit = 0.10 * canvas.fractal(70, (4, 3), 1) + 0.05 * canvas.fractal(71, (300, 40), 3)
    canvas.rectangle((0, 880, 1920, 1080), canvas.tint((92, 92, 94), grit, 1.0))
    canvas.rectangle((0, 800, 1920, 872), canvas.tint((164, 158, 148), grit, 0.7))
    for k in range(32):
        canvas.line([(62 * k, 800), (62 * k - 14, 872)], 1.6, (104, 98, 90))
    canvas.rectangle((0, 870, 1920, 884), (130, 126, 120))
    for k in range(7):
        at = 300 * k - 60
        canvas.polygon(
            [(at, 1010), (at + 150, 1010), (at + 146, 1028), (at - 8, 1028)], (222, 220, 210)
        )


def _tree(
    canvas: Canvas, random: np.random.Generator, foot: tuple[float, float], size: float, seed: int
) -> None:
    x, y = foot
    bark = canvas.tint((74, 58, 46), canvas.fractal(seed, (7, 40), 3), 0.2)
    canvas.polygon([(x - 16, y), (x - 9, y - size), (x + 9, y - size), (x + 16, y)], bark)
    middle = y - size * 1.25
    for _ in range(900):
        angle, far = random.uniform(0, 2 * math.pi), math.sqrt(random.random())
        px = x + 0.55 * size * far * math.cos(angle)
        py = middle + 0.5 * size * far * math.sin(angle)
        tone = random.uniform(0.45, 1.25) * (1.15 - 0.4 * (py - middle + size / 2) / size)
        leaf = random.uniform(4, 12)
        canvas.ellipse(
            (px, py),
            (leaf, leaf * 0.6),
            (74 * tone, 112 * tone, 48 * tone),
            turn=random.uniform(0, 180),
        )


def _wires(canvas: Canvas) -> None:
    canvas.line([(1480, 60), (1480, 880)], 9, (58, 56, 54))
    for k in range(4):
        y = 90 + 26 * k
        t = np.linspace(0, 1, 25)
        sag = y + 70 * 4 * t * (1 - t) * (0.6 + 0.15 * k)
        left = [
            (1480 - 1480 * float(a), float(b) - 40 * float(a)) for a, b in zip(t, sag, strict=True)
        ]
        canvas.line(left, 1.5, (40, 40, 42))
        right = [
            (1480 + 440 * float(a), float(b)) for a, b in zip(t, y + 60 * t * (1 - t), strict=True)
        ]
        canvas.line(right, 1.5, (40, 40, 42))
    canvas.rectangle((1420, 92, 1540, 100), (58, 56, 54))


def _car(scale: float) -> Canvas:
    size = (round(_CAR[0] * scale), round(_CAR[1] * scale))
    canvas = Canvas(size, _CAR, None)
    paint = canvas.tint((44, 92, 150), canvas.fractal(80, (200, 60), 2), 0.03)
    canvas.ellipse((310, 234), (290, 16), (30, 30, 32), 0.55)
    canvas.polygon([(150, 110), (220, 30), (410, 28), (490, 108)], paint)
    canvas.polygon(
        [(14, 150), (60, 112), (500, 104), (590, 126), (608, 180), (600, 214), (20, 214)], paint
    )
    canvas.polygon([(170, 106), (228, 42), (302, 40), (302, 106)], (62, 78, 90))
    canvas.polygon([(316, 106), (316, 40), (402, 40), (462, 104)], (70, 88, 100))
    canvas.polygon([(180, 100), (230, 46), (262, 46), (216, 100)], (160, 178, 190), 0.5)
    canvas.line([(30, 152), (596, 140)], 3, (150, 184, 220), 0.8)
    canvas.line([(309, 106), (309, 206)], 2.2, (18, 36, 64))
    canvas.rectangle((20, 196, 604, 216), (24, 30, 40))
    canvas.ellipse((590, 148), (14, 10), (250, 244, 214))
    canvas.ellipse((24, 158), (10, 12), (196, 30, 28))
    canvas.rectangle((340, 122, 372, 129), (206, 210, 214))
    for at in (132, 482):
        canvas.ellipse((at, 206), (48, 48), (20, 20, 22))
        canvas.ellipse((at, 206), (29, 29), (176, 178, 182))
        for k in range(9):
            angle = 2 * math.pi * k / 9
            tip = (at + 26 * math.cos(angle), 206 + 26 * math.sin(angle))
            canvas.line([(at, 206), tip], 3.4, (70, 72, 76))
    canvas.text("RT 2021", (330, 178), 17, (234, 238, 242))
    return canvas

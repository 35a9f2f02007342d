"""The scene ``room``: a living room seen from further away, with curtains, a sofa and a lamp."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas
from .people import Looks, draw_person
from .props import plant, star, wood
from .scene import Path, Scene, assemble, canvas_of, vignette
from .variation import Variation


def draw_room(size: tuple[int, int], variation: Variation) -> Scene:
    """Draws the scene at a size in pixels (columns, rows)."""
    canvas = canvas_of(size, variation)
    random = variation.random(23)
    _wallpaper(canvas)
    _window(canvas)
    _pictures(canvas)
    _floor(canvas)
    _sofa(canvas)
    plant(canvas, random, (1740, 760), 330, 80)
    _lamp(canvas)
    variation.paint(canvas)
    x, y = canvas.grid()
    window = np.exp(-(((x - 330) / 620) ** 2) - ((y - 330) / 520) ** 2)
    lamp = np.exp(-(((x - 1500) / 330) ** 2) - ((y - 240) / 360) ** 2)
    light = 0.72 + np.stack(
        [0.32 * window + 0.36 * lamp, 0.34 * window + 0.25 * lamp, 0.38 * window + 0.1 * lamp], 2
    )
    canvas.shade(light.astype(np.float32))
    canvas.shade(vignette(canvas, 0.2))
    variation.light(canvas)
    looks = variation.looks(Looks((168, 112, 84), (28, 22, 20), (158, 62, 52), seed=9))
    person = draw_person(canvas.scale * 0.92, looks)
    variation.light(person, whole=False)
    return assemble(canvas, person, Path(980, 712, 330, 14, 2.5, 6.0))


def _wallpaper(canvas: Canvas) -> None:
    x, y = canvas.grid()
    leaf = np.sin(2 * math.pi * x / 58) * np.cos(2 * math.pi * y / 82)
    vein = np.sin(2 * math.pi * (x + y) / 15) * np.sin(2 * math.pi * (x - y) / 19)
    pattern = 0.10 * np.tanh(4 * leaf) + 0.05 * vein * (leaf > 0.2)
    paper = pattern.astype(np.float32) + 0.02 * canvas.fractal(3, (300, 300), 3)
    canvas.rectangle((0, 0, 1920, 800), canvas.tint((138, 150, 138), paper, 1.0))
    canvas.rectangle((0, 742, 1920, 800), (216, 210, 196))
    canvas.rectangle((0, 748, 1920, 752), (150, 144, 132))


def _window(canvas: Canvas) -> None:
    clouds = 0.10 * canvas.fractal(5, (260, 90), 5)
    canvas.rectangle((150, 60, 560, 600), canvas.tint((204, 220, 236), clouds, 1.0))
    trees = canvas.fractal(6, (60, 60), 5, 0.75)
    canvas.rectangle((150, 430, 560, 600), canvas.tint((98, 124, 84), trees, 0.3))
    for box in (
        (146, 56, 166, 604),
        (544, 56, 564, 604),
        (346, 56, 362, 604),
        (146, 56, 564, 74),
        (146, 586, 564, 608),
        (146, 318, 564, 330),
    ):
        canvas.rectangle(box, (238, 236, 230))
    x, y = canvas.grid()
    folds = np.sin(x / 9.5 + 0.5 * np.sin(y / 140)) * 0.5 + 0.25 * np.sin(x / 4.1 + y / 300)
    weave = 0.04 * np.sin(x * 1.6) * np.sin(y * 1.6)
    curtain = canvas.tint((196, 172, 132), (0.26 * folds + weave).astype(np.float32), 1.0)
    canvas.polygon([(60, 30), (206, 30), (170, 400), (190, 740), (50, 740)], curtain)
    canvas.polygon([(510, 30), (660, 30), (668, 740), (520, 740), (546, 400)], curtain)
    canvas.line([(30, 30), (690, 30)], 12, (92, 70, 50))


def _pictures(canvas: Canvas) -> None:
    for box, seed in (((760, 110, 960, 360), 7), ((1010, 150, 1260, 330), 8)):
        left, top, right, bottom = box
        canvas.rectangle((left + 8, top + 10, right + 12, bottom + 14), (70, 76, 70), 0.5)
        canvas.rectangle(box, (40, 34, 30))
        canvas.rectangle((left + 12, top + 12, right - 12, bottom - 12), (234, 230, 220))
        hills = canvas.fractal(seed, (150, 70), 5, 0.6)
        tone = np.stack([0.47 + 0.09 * hills, 0.50 + 0.07 * hills, 0.47 - 0.03 * hills], 2)
        canvas.rectangle((left + 34, top + 34, right - 34, bottom - 34), tone.astype(np.float32))
    canvas.ellipse((1390, 150), (62, 62), (30, 30, 32))
    canvas.ellipse((1390, 150), (55, 55), (240, 238, 232))
    star(canvas, (1390, 150), 52, 6)
    canvas.ellipse((1390, 150), (43, 43), (240, 238, 232))
    for angle, length, wide in ((-1.1, 24, 4), (0.6, 36, 2.6)):
        tip = (1390 + length * math.cos(angle), 150 + length * math.sin(angle))
        canvas.line([(1390, 150), tip], wide, (26, 26, 28))


def _floor(canvas: Canvas) -> None:
    canvas.rectangle((0, 800, 1920, 1080), wood(canvas, (124, 84, 54), 51, (600, 9)))
    for k in range(-14, 15):
        canvas.line([(960 + 110 * k, 800), (960 + 210 * k, 1080)], 2, (58, 38, 24), 0.8)
    x, y = canvas.grid()
    knots = np.sign(np.sin(x / 11)) * np.sign(np.sin(y / 7)) + np.sign(np.sin((x + y) / 24))
    rug = canvas.tint((138, 62, 58), knots + 0.5 * canvas.fractal(9, (6, 6), 2), 0.14)
    canvas.polygon([(420, 930), (1500, 930), (1700, 1080), (220, 1080)], rug)
    for k in range(110):
        at = 420 + k * 9.9
        canvas.line([(at, 930), (at - 2, 916)], 1.4, (214, 200, 170))


def _sofa(canvas: Canvas) -> None:
    x, y = canvas.grid()
    weave = 0.09 * np.sin(2 * math.pi * x / 5) * np.sin(2 * math.pi * y / 5)
    soft = 0.07 * canvas.fractal(12, (200, 120), 3)
    cloth = canvas.tint((74, 92, 110), (weave + soft).astype(np.float32), 1.0)
    canvas.glow((980, 930), (420, 30), (30, 20, 14), 0.7)
    canvas.rectangle((600, 520, 1390, 900), cloth)
    canvas.ellipse((600, 720), (64, 190), cloth)
    canvas.ellipse((1390, 720), (64, 190), cloth)
    canvas.rectangle(
        (640, 716, 1350, 812), canvas.tint((84, 104, 124), (weave + soft).astype(np.float32), 1.0)
    )
    for at in (876, 1114):
        canvas.line([(at, 540), (at + 2, 812)], 5, (34, 44, 54), 0.8)
    canvas.line([(640, 716), (1350, 716)], 4, (36, 46, 56), 0.8)
    stripes = np.broadcast_to(np.sign(np.sin((x - 0.4 * y) / 5)), canvas.alpha.shape)
    cushion = [(690, 590), (838, 566), (866, 712), (706, 728)]
    canvas.polygon(cushion, canvas.tint((200, 158, 66), stripes.astype(np.float32), 0.22))
    dots = np.where(np.sin(x / 4) * np.sin(y / 4) > 0.4, 0.5, 0).astype(np.float32)
    canvas.polygon(
        [(1180, 570), (1330, 586), (1318, 730), (1166, 716)], canvas.tint((120, 60, 82), dots, 1.0)
    )


def _lamp(canvas: Canvas) -> None:
    canvas.line([(1500, 330), (1500, 830)], 9, (44, 40, 38))
    canvas.line([(1497, 330), (1497, 830)], 2, (140, 134, 126))
    canvas.ellipse((1500, 834), (74, 14), (40, 36, 34))
    x, _ = canvas.grid()
    pleats = np.broadcast_to(np.sin(x / 3.2), canvas.alpha.shape).astype(np.float32)
    canvas.polygon(
        [(1446, 180), (1554, 180), (1606, 342), (1394, 342)],
        canvas.tint((242, 216, 168), pleats, 0.05),
    )
    canvas.glow((1500, 290), (60, 50), (255, 246, 220), 0.8)

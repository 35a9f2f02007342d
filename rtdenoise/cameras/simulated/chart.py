"""The scene ``chart``: a test chart with grey steps, colours, gratings, stars and print."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas
from .props import grating, printed_page, star
from .scene import Path, Scene, assemble, canvas_of
from .variation import Variation

_BALL = 260.0
_COLOURS = (
    (116, 82, 68), (196, 150, 130), (96, 122, 156), (90, 108, 66), (132, 128, 176), (104, 190, 172),
    (216, 126, 46), (72, 92, 168), (194, 88, 100), (94, 60, 108), (160, 188, 64), (226, 164, 46),
)  # fmt: skip


def draw_chart(size: tuple[int, int], variation: Variation) -> Scene:
    """Draws the scene at a size in pixels (columns, rows)."""
    canvas = canvas_of(size, variation, (128, 128, 128))
    random = variation.random(41)
    for k in range(12):
        grey = 10 + 21.5 * k
        canvas.rectangle((60 + 150 * k, 50, 210 + 150 * k, 230), (grey, grey, grey))
    for k, colour in enumerate(_COLOURS):
        canvas.rectangle((60 + 150 * k, 240, 202 + 150 * k, 390), colour)
    canvas.rectangle((60, 420, 660, 1030), (236, 236, 234))
    star(canvas, (250, 620), 170, 72)
    star(canvas, (530, 540), 95, 36)
    grating(canvas, (90, 820, 630, 890), (30, 2))
    grating(canvas, (90, 900, 630, 960), (12, 4))
    printed_page(canvas, random, (450, 660, 640, 800), 8)
    canvas.rectangle((1260, 420, 1860, 1030), (236, 236, 234))
    for k, letter in enumerate((30, 22, 16, 12, 9)):
        box = (1290, 420 + 118 * k, 1840, 500 + 118 * k)
        printed_page(canvas, random, box, letter)
    _edges(canvas)
    variation.light(canvas)
    ball = _ball(canvas.scale)
    variation.light(ball, whole=False)
    return assemble(canvas, ball, Path(960, 720, 300, 120, 60, 3.0))


def _edges(canvas: Canvas) -> None:
    """Slanted edges and lines that get thinner."""
    for k, wide in enumerate((8, 5, 3.4, 2.4, 1.7, 1.2, 0.8, 0.5)):
        canvas.line([(690, 440 + 22 * k), (1230, 446 + 22 * k)], wide, (20, 20, 22))
    canvas.polygon([(700, 650), (820, 635), (840, 760), (716, 776)], (24, 24, 24))
    canvas.polygon([(1080, 640), (1200, 655), (1184, 780), (1064, 765)], (232, 232, 232))
    canvas.line([(700, 1000), (1220, 800)], 1.5, (20, 20, 22))
    canvas.line([(700, 800), (1220, 1000)], 1.5, (236, 236, 236))


def _ball(scale: float) -> Canvas:
    size = (round(_BALL * scale), round(_BALL * scale))
    canvas = Canvas(size, (_BALL, _BALL), None)
    x, y = canvas.grid()
    middle = _BALL / 2
    fields = np.sin(2 * math.pi * x / 52) * np.sin(2 * math.pi * y / 52)
    fine = 0.12 * np.sin(2 * math.pi * (x + y) / 7)
    field = (0.3 * np.tanh(6 * fields) + fine).astype(np.float32)
    canvas.ellipse(
        (middle, middle), (middle - 4, middle - 4), canvas.tint((186, 92, 62), field, 1.0)
    )
    canvas.glow((middle * 0.7, middle * 0.6), (34, 30), (255, 236, 220), 0.7)
    canvas.glow((middle * 1.4, middle * 1.5), (60, 60), (48, 20, 14), 0.7)
    return canvas

"""The scene ``desk``: a person in front of a bookshelf, as in a video call, and things with fine detail."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas
from .people import Looks, draw_person
from .props import books, grating, plant, printed_page, star, wood
from .scene import DESIGN, Path, Scene, assemble, canvas_of, vignette
from .variation import Variation


def draw_desk(size: tuple[int, int], variation: Variation) -> Scene:
    """Draws the scene at a size in pixels (columns, rows)."""
    canvas = canvas_of(size, variation)
    random = variation.random(11)
    _wall(canvas)
    _poster(canvas, random)
    _shelf(canvas, random)
    _desk(canvas, random)
    variation.paint(canvas)
    x, y = canvas.grid()
    # a window on the left lights the room, a lamp on the right warms its corner
    daylight = 1.22 - 0.34 * (x / DESIGN[0]) - 0.10 * (y / DESIGN[1])
    lamp = np.exp(-(((x - 1650) / 420) ** 2) - ((y - 180) / 330) ** 2)
    warm = np.stack([0.30 * lamp, 0.21 * lamp, 0.08 * lamp], 2)
    canvas.shade((daylight[:, :, None] + warm).astype(np.float32))
    canvas.shade(vignette(canvas, 0.22))
    variation.light(canvas)
    person = draw_person(canvas.scale, variation.looks(Looks()))
    variation.light(person, whole=False)
    return assemble(canvas, person, Path(1010, 640, 150, 22, 4.5, 4.0))


def _wall(canvas: Canvas) -> None:
    plaster = 0.025 * canvas.fractal(1, (420, 420), 3) + 0.022 * canvas.fractal(2, (9, 7), 3)
    canvas.rectangle((0, 0, 1920, 1080), canvas.tint((176, 172, 160), plaster, 1.0))


def _poster(canvas: Canvas, random: np.random.Generator) -> None:
    canvas.glow((330, 390), (210, 240), (70, 66, 60), 0.35)
    canvas.rectangle((92, 92, 548, 652), wood(canvas, (74, 52, 38), 21, (260, 8)))
    canvas.rectangle((110, 110, 530, 634), (236, 233, 224))
    star(canvas, (232, 240), 104, 36)
    star(canvas, (452, 180), 52, 24)
    grating(canvas, (362, 254, 512, 300), (22, 3))
    grating(canvas, (362, 306, 512, 352), (10, 2))
    for k, colour in enumerate(
        [
            (176, 48, 46),
            (214, 132, 40),
            (226, 200, 60),
            (66, 138, 72),
            (44, 92, 160),
            (112, 62, 132),
        ]
    ):
        canvas.rectangle((128 + 65 * k, 372, 186 + 65 * k, 414), colour)
    for k in range(9):
        grey = 18 + 26 * k
        canvas.rectangle((128 + 43 * k, 424, 168 + 43 * k, 452), (grey, grey, grey))
    canvas.text("NOISE & LIGHT", (128, 492), 24, (30, 30, 34))
    printed_page(canvas, random, (128, 500, 316, 622), 7)
    printed_page(canvas, random, (332, 500, 516, 622), 9.5)


def _shelf(canvas: Canvas, random: np.random.Generator) -> None:
    frame = wood(canvas, (126, 88, 58), 31, (300, 9))
    canvas.rectangle((1330, 0, 1890, 790), frame)
    for top, foot in ((24, 236), (262, 492), (518, 752)):
        canvas.rectangle((1352, top, 1868, foot), (58, 46, 38))
        canvas.glow((1610, top + 6), (84, 26), (18, 14, 12), 0.6)
    books(canvas, random, 1360, 1690, 236, 196)
    books(canvas, random, 1420, 1860, 492, 214)
    books(canvas, random, 1360, 1600, 752, 216)
    plant(canvas, random, (1770, 182), 150, 40)
    canvas.ellipse((1388, 452), (26, 38), (152, 74, 58))
    canvas.glow((1380, 440), (7, 12), (232, 180, 160), 0.8)
    # a woven basket
    x, y = canvas.grid()
    weave = np.sign(np.sin(x * 0.42)) * np.sin(y * 0.5 + np.pi * (np.floor(x * 0.42 / np.pi) % 2))
    canvas.rectangle(
        (1625, 610, 1850, 752), canvas.tint((168, 132, 84), weave.astype(np.float32), 0.2)
    )
    canvas.rectangle((1618, 600, 1857, 616), (142, 106, 66))


def _desk(canvas: Canvas, random: np.random.Generator) -> None:
    top = 800.0
    canvas.rectangle((0, top, 1920, 1080), wood(canvas, (152, 106, 68), 41, (520, 11)))
    for y in (872, 962):
        canvas.line([(0, y), (1920, y + 3)], 2.2, (62, 40, 26), 0.8)
    canvas.rectangle((0, top, 1920, top + 5), (206, 164, 118), 0.7)
    _paper(canvas, random)
    _mug(canvas)
    _ruler_and_cloth(canvas)


def _paper(canvas: Canvas, random: np.random.Generator) -> None:
    canvas.glow((330, 985), (230, 60), (52, 34, 22), 0.6)
    canvas.polygon([(110, 862), (560, 842), (600, 1080), (70, 1080)], (238, 236, 230))
    printed_page(canvas, random, (140, 866, 545, 1074), 12)
    canvas.line([(470, 1070), (640, 890)], 11, (30, 48, 96))
    canvas.line([(474, 1060), (636, 888)], 2, (150, 170, 220))
    canvas.line([(640, 890), (652, 876)], 5, (196, 190, 180))


def _mug(canvas: Canvas) -> None:
    canvas.glow((760, 1010), (110, 26), (40, 26, 18), 0.75)
    canvas.line([(690, 890), (650, 905), (648, 960), (694, 985)], 17, (196, 72, 52))
    canvas.polygon([(686, 856), (836, 856), (826, 1010), (698, 1010)], (206, 78, 56))
    canvas.ellipse((762, 1010), (64, 14), (206, 78, 56))
    canvas.glow((806, 930), (18, 60), (104, 32, 24), 0.8)
    canvas.glow((712, 930), (9, 52), (246, 160, 140), 0.8)
    canvas.ellipse((761, 856), (75, 17), (232, 120, 96))
    canvas.ellipse((761, 859), (66, 13), (46, 28, 20))
    canvas.text("30 fps", (712, 950), 24, (244, 232, 220))


def _ruler_and_cloth(canvas: Canvas) -> None:
    canvas.polygon([(1180, 1010), (1900, 966), (1904, 1020), (1184, 1066)], (222, 206, 150))
    for k in range(141):
        at = 1190 + 5.0 * k
        edge = 1010 - 44 * (at - 1180) / 720
        long = 24 if k % 10 == 0 else 17 if k % 5 == 0 else 10
        canvas.line([(at, edge), (at + 0.3, edge + long)], 1.1, (40, 34, 22))
        if k % 10 == 0:
            canvas.text(str(k // 10), (at - 4, edge + 42), 11, (40, 34, 22))
    x, y = canvas.grid()
    cloth = np.sin(2 * math.pi * x / 6) * np.sin(2 * math.pi * y / 6)
    check = np.sign(np.sin(2 * math.pi * x / 74)) + np.sign(np.sin(2 * math.pi * y / 52))
    pattern = (0.10 * cloth + 0.16 * check).astype(np.float32)
    folded = [(1430, 850), (1720, 838), (1760, 930), (1400, 946)]
    canvas.polygon(folded, canvas.tint((96, 128, 118), pattern, 1.0))
    canvas.line([folded[3], folded[2]], 3, (40, 56, 50), 0.7)

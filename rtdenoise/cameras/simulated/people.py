"""A person as a webcam sees one: head and shoulders, drawn from shapes and seeded strands of hair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Colour, Point

DESIGN = (760.0, 900.0)
_MIDDLE = 380.0


@dataclass(frozen=True)
class Looks:
    """Colours (R'G'B', 0–255) and the seed of what is random."""

    skin: Colour = (203, 150, 124)
    hair: Colour = (58, 40, 30)
    sweater: Colour = (52, 82, 118)
    seed: int = 5


def draw_person(scale: float, looks: Looks) -> Canvas:
    """Head and shoulders on a transparent canvas, ``scale`` pixels per design unit."""
    size = (round(DESIGN[0] * scale), round(DESIGN[1] * scale))
    canvas = Canvas(size, DESIGN, None)
    random = np.random.default_rng(looks.seed)
    _hair_behind(canvas, looks)
    _sweater(canvas, looks)
    _head(canvas, looks)
    _eyes(canvas, looks, random)
    _mouth_and_nose(canvas, looks)
    _strands(canvas, looks, random)
    return canvas


def _shade(colour: Colour, factor: float) -> Colour:
    return tuple(min(255.0, c * factor) for c in colour)


def _smooth(points: Sequence[Point]) -> list[Point]:
    """Cuts the corners of a closed polygon three times (Chaikin's curve)."""
    ring = np.asarray(points, np.float64)
    for _ in range(3):
        after = np.roll(ring, -1, 0)
        ring = np.stack([0.75 * ring + 0.25 * after, 0.25 * ring + 0.75 * after], 1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in ring]


def _hair_behind(canvas: Canvas, looks: Looks) -> None:
    tone = canvas.tint(looks.hair, canvas.fractal(looks.seed, (14, 160), 4, 0.7), 0.25)
    outline = [(185, 330), (195, 130), (380, 40), (565, 130), (575, 330), (600, 560), (510, 640)]
    canvas.polygon(_smooth([*outline, (250, 640), (160, 560)]), tone)


def _sweater(canvas: Canvas, looks: Looks) -> None:
    x, y = canvas.grid()
    knit = np.sin(x * (2 * math.pi / 9)) * np.sin(y * (2 * math.pi / 7) + 2 * np.sin(x * 0.7))
    folds = canvas.fractal(looks.seed + 1, (160, 260), 3)
    cloth = canvas.tint(looks.sweater, (0.14 * knit + 0.10 * folds).astype(np.float32), 1.0)
    outline = [(290, 610), (470, 610), (640, 670), (720, 760), (748, 930)]
    mirrored = [(2 * _MIDDLE - px, py) for px, py in reversed(outline)]
    body = _smooth([*outline, *mirrored])
    canvas.polygon(body, cloth)
    canvas.glow((620, 800), (120, 180), _shade(looks.sweater, 0.35), 0.6)
    canvas.glow((170, 760), (90, 90), _shade(looks.sweater, 1.7), 0.4)
    neck = [(308, 480), (452, 480), (458, 640), (380, 705), (302, 640)]
    canvas.polygon(_smooth(neck), _shade(looks.skin, 0.78))
    canvas.glow((380, 585), (90, 40), _shade(looks.skin, 0.45), 0.6)
    collar = canvas.tint(looks.sweater, np.broadcast_to(np.sin(x * 0.9), canvas.alpha.shape), 0.16)
    for side in (-1.0, 1.0):
        bend = [(_MIDDLE + side * dx, dy) for dx, dy in ((92, 615), (70, 668), (0, 712))]
        canvas.line(bend, 24, collar)


def _head(canvas: Canvas, looks: Looks) -> None:
    pores = canvas.fractal(looks.seed + 2, (7, 7), 2)
    tone = canvas.fractal(looks.seed + 3, (90, 90), 3)
    skin = canvas.tint(looks.skin, 0.018 * pores + 0.03 * tone, 1.0)
    for side in (-1, 1):
        canvas.ellipse((_MIDDLE + side * 166, 375), (24, 46), _shade(looks.skin, 0.88))
        canvas.ellipse((_MIDDLE + side * 166, 378), (11, 28), _shade(looks.skin, 0.66))
    face = [(380, 120), (520, 150), (552, 330), (528, 470), (452, 580), (380, 605)]
    mirrored = [(2 * _MIDDLE - px, py) for px, py in reversed(face[1:-1])]
    canvas.polygon(_smooth([*face, *mirrored]), skin)
    # lit from the left: the right cheek, the temples and under the chin are darker
    canvas.glow((545, 400), (62, 150), _shade(looks.skin, 0.45), 0.55)
    canvas.glow((235, 420), (30, 110), _shade(looks.skin, 0.7), 0.3)
    canvas.glow((320, 235), (90, 55), _shade(looks.skin, 1.24), 0.55)
    canvas.glow((300, 430), (46, 34), (226, 140, 122), 0.4)
    canvas.glow((462, 430), (46, 34), (196, 116, 98), 0.4)
    canvas.glow((380, 596), (80, 20), _shade(looks.skin, 0.55), 0.5)


def _eyes(canvas: Canvas, looks: Looks, random: np.random.Generator) -> None:
    for side in (-1.0, 1.0):
        x, y = _MIDDLE + side * 72, 345.0
        canvas.glow((x, y), (52, 30), _shade(looks.skin, 0.6), 0.55)
        lid = [(x - 40, y + 2), (x - 14, y - 17), (x + 14, y - 17), (x + 40, y + 2), (x, y + 20)]
        canvas.polygon(_smooth(lid), (226, 220, 214))
        canvas.ellipse((x + 3, y), (14.5, 14.5), (72, 92, 84))
        canvas.ellipse((x + 3, y), (6.5, 6.5), (14, 12, 12))
        canvas.ellipse((x - 2, y - 5), (3.2, 3.2), (250, 250, 250))
        canvas.line([(x - 38, y), (x - 14, y - 15), (x + 14, y - 15), (x + 38, y)], 5, (40, 26, 22))
        canvas.line([(x - 36, y - 12), (x, y - 27), (x + 38, y - 12)], 2, _shade(looks.skin, 0.6))
        for _ in range(90):  # brow hairs
            along = random.uniform(-46, 46)
            root = (x + along, y - 48 - 10 * math.cos(along / 32) + random.normal(0, 3.5))
            tip = (root[0] + side * random.uniform(6, 15), root[1] - random.uniform(2, 8))
            canvas.line([root, tip], 1.6, _shade(looks.hair, 0.9), 0.8)
        # glasses: thin rims of metal
        rim = [
            (x + 62 * math.cos(a), y + 6 + 46 * math.sin(a))
            for a in np.linspace(0, 2 * math.pi, 49)
        ]
        canvas.line(rim, 3.2, (38, 36, 40), 0.9)
        canvas.line([(x + side * 62, y), (x + side * 98, y - 8)], 3.2, (38, 36, 40), 0.9)
    bridge = [(_MIDDLE - 12, 348), (_MIDDLE, 340), (_MIDDLE + 12, 348)]
    canvas.line(bridge, 3.2, (38, 36, 40), 0.9)


def _mouth_and_nose(canvas: Canvas, looks: Looks) -> None:
    canvas.glow((404, 400), (14, 56), _shade(looks.skin, 0.62), 0.5)
    canvas.glow((372, 400), (9, 60), _shade(looks.skin, 1.25), 0.5)
    canvas.glow((380, 448), (34, 14), _shade(looks.skin, 0.7), 0.55)
    canvas.glow((374, 436), (14, 10), _shade(looks.skin, 1.3), 0.6)
    for side in (-1, 1):
        canvas.ellipse((_MIDDLE + side * 17, 456), (8, 4.5), _shade(looks.skin, 0.38), 0.9)
    upper = [(314, 507), (352, 499), (380, 505), (408, 499), (446, 507), (380, 522)]
    lower = [(314, 507), (380, 519), (446, 507), (412, 540), (348, 540)]
    canvas.polygon(_smooth(upper), (158, 84, 78), 0.9)
    canvas.polygon(_smooth(lower), (182, 102, 94), 0.9)
    canvas.line([(312, 506), (346, 516), (380, 519), (414, 516), (448, 506)], 3, (86, 44, 40), 0.9)
    canvas.glow((374, 530), (22, 6), (226, 160, 150), 0.6)
    canvas.glow((380, 556), (36, 9), _shade(looks.skin, 0.66), 0.5)


def _strands(canvas: Canvas, looks: Looks, random: np.random.Generator) -> None:
    """The fringe and the fine hairs that stand off the outline."""
    cap = [(196, 330), (190, 170), (290, 62), (380, 50), (480, 62), (570, 170), (564, 330)]
    inner = [(530, 270), (480, 190), (400, 168), (290, 200), (232, 280)]
    tone = canvas.tint(looks.hair, canvas.fractal(looks.seed + 6, (10, 120), 4, 0.7), 0.3)
    canvas.polygon(_smooth([*cap, *inner]), tone)
    for _ in range(420):
        start = random.uniform(-1.0, 1.0)
        root = (
            _MIDDLE + 60 * start + random.normal(0, 14),
            62 + 16 * start**2 + random.normal(0, 6),
        )
        end_x = _MIDDLE + 188 * start + random.normal(0, 10)
        end_y = 200 + 270 * abs(start) ** 1.5 + random.normal(0, 22)
        bend = (_MIDDLE + 175 * start, 105 + 60 * start**2 + random.normal(0, 8))
        t = np.linspace(0, 1, 9)[:, None]
        path = (1 - t) ** 2 * root + 2 * t * (1 - t) * bend + t**2 * (end_x, end_y)
        light = random.choice([0.55, 0.8, 1.0, 1.5, 2.1], p=[0.25, 0.25, 0.2, 0.2, 0.1])
        strand = [(float(px), float(py)) for px, py in path]
        canvas.line(strand, random.uniform(0.8, 2.2), _shade(looks.hair, light), 0.75)
    for _ in range(60):  # single hairs against the background
        angle = random.uniform(math.pi * 0.98, math.pi * 2.02)
        root = (_MIDDLE + 178 * math.cos(angle), 235 + 178 * math.sin(angle))
        reach, sway = random.uniform(8, 26), random.normal(0, 26)
        tip = (
            root[0] + reach * math.cos(angle) + sway,
            root[1] + reach * math.sin(angle) + abs(sway),
        )
        middle = ((root[0] + tip[0]) / 2 + 6, (root[1] + tip[1]) / 2 - 6)
        canvas.line([root, middle, tip], 1.1, _shade(looks.hair, 1.1), 0.85)

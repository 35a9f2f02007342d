"""Scenes in which things tremble or flicker without being noise: leaves in wind, a film on a screen, text, a keyboard.

Each is drawn anew for any time, in linear light, so that the simulated camera's truth is exact. The parts of the
picture in which something changes have names, because each fools a denoiser in a way of its own: a leaf comes
back to where it was, a film never does, text that blinks is there or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.cameras.simulated.canvas import Canvas, Colour, to_linear
from rtdenoise.cameras.simulated.props import books, sentence, wood
from rtdenoise.cameras.simulated.scenes import scene

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
SIZE = (640, 360)
_WHITE, _FLARE = (
    0.88,
    0.012,
)  # what a white sheet reflects, and what the lens spreads over the picture


@dataclass(frozen=True)
class Trembling:
    """A scene: its light at a time in seconds, (H, W, 3) linear sRGB, and the parts that change."""

    light: Callable[[float], Floats]
    parts: dict[str, Box]


def _canvas(colour: Colour, size: tuple[int, int] = SIZE) -> Canvas:
    """A canvas whose design units are pixels."""
    return Canvas(size, (float(size[0]), float(size[1])), colour)


def _light(encoded: Floats) -> Floats:
    return (_FLARE + (_WHITE - _FLARE) * to_linear(encoded)).astype(np.float32)


def _lay(below: Floats, above: Floats, move: NDArray[np.float64]) -> None:
    """Lays a patch (h, w, 4), light times coverage and coverage, on a picture at an affine place."""
    high, wide = above.shape[:2]
    corners = np.array([[0, 0, 1], [wide, 0, 1], [0, high, 1], [wide, high, 1]]) @ move.T
    left, top = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, below.shape[1::-1])
    if left >= right or top >= bottom:
        return
    there = move - np.array([[0, 0, left], [0, 0, top]])
    size = (int(right - left), int(bottom - top))
    patch = cast("Floats", cv2.warpAffine(above, there, size, flags=cv2.INTER_LINEAR))
    part = below[top:bottom, left:right]
    part *= 1 - patch[:, :, 3:]
    part += patch[:, :, :3]


# -------------------------------------------------------------------- leaves

_LEAF = 34  # pixels along a side of a leaf's patch


def _leaf(random: np.random.Generator, number: int) -> Floats:
    """One leaf with its veins, (h, w, 4)."""
    leaf = Canvas((_LEAF, _LEAF), (float(_LEAF), float(_LEAF)), None)
    green = random.uniform(0.5, 1.25)
    colour = (86 * green, 128 * green, 52 * green)
    t = np.linspace(0, 1, 15)
    wide = random.uniform(5, 8) * np.sin(math.pi * t**0.8)
    x, y = 2 + 30 * t, np.full_like(t, _LEAF / 2)
    rim = [*zip(x, y - wide, strict=True), *zip(x[::-1], (y + wide)[::-1], strict=True)]
    texture = leaf.tint(colour, leaf.fractal(100 + number, (6, 6), 3, 0.7), 0.16)
    leaf.polygon([(float(a), float(b)) for a, b in rim], texture)
    leaf.line([(2, _LEAF / 2), (31, _LEAF / 2)], 1.0, (190, 206, 140), 0.7)
    for at in range(8, 27, 5):
        for side in (-1, 1):
            leaf.line([(at, _LEAF / 2), (at + 4, _LEAF / 2 + 4 * side)], 0.6, (170, 190, 120), 0.5)
    coverage = leaf.alpha[:, :, None]
    return np.dstack([_light(leaf.colour) * coverage, coverage]).astype(np.float32)


def leaves(count: int = 440) -> Trembling:
    """Two bushes in front of a wall: they sway by a few pixels at about 1 Hz, each leaf flutters at 2–6 Hz."""
    random = np.random.default_rng(61)
    wall = _canvas((196, 188, 172))
    wall.shade(1 + 0.05 * wall.fractal(11, (90, 60), 5, 0.7))
    for row in range(9):
        wall.line([(0, 40.0 * row), (640, 40.0 * row)], 1.5, (128, 120, 110))
    background = _light(wall.colour)
    kinds = [_leaf(random, number) for number in range(8)]
    boxes = ((20, 110, 270, 340), (350, 60, 620, 330))
    places = []
    for index in range(count):
        left, top, right, bottom = boxes[index % 2]
        places.append(
            (
                random.uniform(left + 20, right - 20),
                random.uniform(top + 20, bottom - 20),
                random.uniform(0, 2 * math.pi),  # where it points to
                random.uniform(0.5, 1.0),  # size
                random.uniform(2, 6),  # flutter in Hz
                random.uniform(0, 2 * math.pi),
                random.uniform(0.4, 1.6),  # pixels
            )
        )

    def light(time_s: float) -> Floats:
        picture = background.copy()
        for index, (x, y, angle, size, rate_hz, phase, reach) in enumerate(places):
            sway = 2 * math.pi * 0.9 * time_s + x / 70 + (index % 2)
            gust = 0.6 + 0.4 * math.sin(2 * math.pi * 0.4 * time_s + x / 200)
            flutter = 2 * math.pi * rate_hz * time_s + phase
            at_x = x + 3.0 * gust * math.sin(sway) + reach * math.sin(flutter)
            at_y = y + 1.0 * gust * math.sin(2 * sway + 1) + 0.6 * reach * math.cos(1.3 * flutter)
            turn = angle + 0.14 * gust * math.sin(flutter + 0.8)
            c, s = size * math.cos(turn), size * math.sin(turn)
            mid = (_LEAF - 1) / 2
            move = np.array([[c, -s, at_x - c * mid + s * mid], [s, c, at_y - s * mid - c * mid]])
            _lay(picture, kinds[index % len(kinds)], move)
        return picture

    return Trembling(light, {"leaves": (0, 40, 640, 360)})


# -------------------------------------------------------------- film on screen


def film(rate_fps: float = 24.0, exposure_s: float = 1 / 60) -> Trembling:
    """A screen on a shelf plays a film at its own rate: pans over two scenes, with a cut every second."""
    random = np.random.default_rng(62)
    room = _canvas((150, 156, 168))
    room.shade(1 + 0.04 * room.fractal(21, (80, 80), 4))
    room.rectangle((0, 262, 640, 274), wood(room, (150, 108, 70), 22, (120, 8)))
    books(room, random, 420, 620, 262, 150)
    room.rectangle((44, 40, 396, 250), (26, 26, 30))  # the frame of the screen
    room.rectangle((200, 250, 240, 262), (40, 40, 44))
    background = _light(room.colour)
    box = (56, 52, 384, 236)
    wide, high = box[2] - box[0], box[3] - box[1]
    shots = [scene(name, (640, 360)).background for name in ("street", "room")]

    def still(number: int) -> Floats:
        """Picture ``number`` of the film."""
        shot, at = divmod(number, round(rate_fps))
        zoom = 1.0 + 0.008 * at
        left, top = 20 + (5.3 if shot % 2 else 2.2) * at, 24 + 30 * math.sin(at / 7)
        move = np.array([[1 / zoom, 0, left], [0, 1 / zoom, top]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shown = cv2.warpAffine(shots[shot % 2], move, (wide, high), flags=flags)
        return cast("Floats", shown)

    def light(time_s: float) -> Floats:
        # The shutter is open for a while, in which the screen may change to the next picture.
        start, end = rate_fps * time_s, rate_fps * (time_s + exposure_s)
        first, last = math.floor(start), math.floor(end)
        share = (end - last) / (end - start) if last > first else 0.0
        picture = background.copy()
        part = picture[box[1] : box[3], box[0] : box[2]]
        part[:] = (1 - share) * still(first)
        if share:
            part += np.float32(share) * still(last)
        return picture

    return Trembling(light, {"film": (box[0] - 8, box[1] - 8, box[2] + 8, box[3] + 8)})


# ---------------------------------------------------------------------- text


def text() -> Trembling:
    """Screens with text: words that blink at 1–4 Hz, lines that jump up and a strip that glides, typing."""
    random = np.random.default_rng(63)
    sheet = _canvas((120, 124, 130))
    sheet.shade(1 + 0.03 * sheet.fractal(31, (60, 60), 4))
    sheet.rectangle((16, 16, 312, 236), (22, 26, 32))  # a terminal
    sheet.rectangle((16, 248, 624, 288), (38, 60, 110))  # the strip
    sheet.rectangle((328, 16, 624, 236), (236, 236, 230))  # a page that is typed
    sheet.rectangle((16, 300, 624, 348), (30, 30, 34))  # signs that blink
    lines = [sentence(random, 4)[:26] for _ in range(60)]
    typed = " ".join(sentence(random, 8) for _ in range(8))
    strip = _canvas((38, 60, 110), (2400, 40))
    strip.text(" +++ ".join(sentence(random, 6) for _ in range(6)), (8, 27), 14, (240, 230, 160))
    signs = [(30 + 74 * k, ("ON AIR", "ALARM", "12:07", "WAIT")[k % 4]) for k in range(8)]
    rates_hz = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 2.2)
    static = sheet.colour.copy()

    def light(time_s: float) -> Floats:
        sheet.colour[:] = static
        first = int(time_s / 0.4)  # a new line
        for row in range(10):
            sheet.text(lines[(first + row) % len(lines)], (26, 42 + 20 * row), 9, (176, 220, 176))
        count = int(9 * time_s + 0.8 * math.sin(5 * time_s)) + 24
        rows = [typed[:count][k : k + 22] for k in range(0, count, 22)]
        for row, line in enumerate(rows[-10:]):
            sheet.text(line, (338, 42 + 20 * row), 10, (24, 24, 30))
        if (time_s * 1.6) % 1 < 0.5:  # the cursor
            x, y = 338 + 12.3 * len(rows[-1]), 42 + 20 * min(len(rows) - 1, 9)
            sheet.rectangle((x, y - 12, x + 8, y + 2), (24, 24, 30))
        for (x, word), rate_hz in zip(signs, rates_hz, strict=True):
            if (time_s * rate_hz) % 1 < 0.5:
                sheet.text(word, (x, 331), 13, (250, 70, 50))
        move = np.array([[1.0, 0, -70 * time_s], [0, 1, 0]])
        glide = cv2.warpAffine(strip.colour, move, (608, 40), flags=cv2.INTER_LINEAR)
        sheet.colour[248:288, 16:624] = glide
        return _light(sheet.colour)

    boxes = {"scrolling": (16, 16, 312, 236), "typed": (328, 16, 624, 236)}
    return Trembling(
        light, {**boxes, "gliding": (16, 248, 624, 288), "blinking": (16, 300, 624, 348)}
    )


# ------------------------------------------------------------------ keyboard

_ROWS = ("1234567890-", "QWERTYUIOP[", "ASDFGHJKL;'", "ZXCVBNM,./#")


def keyboard() -> Trembling:
    """Eight fingers type six keys a second: fingers hop by some pixels, keys go down and come up again."""
    random = np.random.default_rng(64)
    up, down = (_canvas((168, 140, 104)) for _ in range(2))
    keys: list[Box] = []
    for canvas, sink in ((up, 0.0), (down, 2.5)):
        keys.clear()
        canvas.shade(1 + 0.05 * canvas.fractal(41, (150, 10), 4, 0.7))
        canvas.rectangle((40, 66, 600, 300), (52, 54, 58))
        for row, letters in enumerate(_ROWS):
            for column, letter in enumerate(letters):
                x, y = 54 + 49 * column + 6 * row % 13, 78 + 55 * row
                keys.append((x - 2, y - 2, x + 46, y + 52))
                shade = 1 - 0.06 * sink
                box = (x, y + sink, x + 42, y + 46 + 0.4 * sink)
                canvas.rectangle(box, (214 * shade, 214 * shade, 210 * shade))
                canvas.rectangle((x + 4, y + 3 + sink, x + 38, y + 38 + sink), (232 * shade,) * 3)
                canvas.text(letter, (x + 14, y + 26 + sink), 13, (40, 40, 44))
    strokes = [
        (number / 6 + random.uniform(0, 0.06), int(random.integers(0, 8)), int(random.integers(4)))
        for number in range(60)
    ]
    columns = (0, 1, 3, 4, 6, 7, 8, 10)  # of the eight fingers

    def light(time_s: float) -> Floats:
        canvas = _canvas((0, 0, 0))
        canvas.colour[:] = up.colour
        at = [(keys[22 + c][0] + 24.0, keys[22 + c][1] + 34.0, 0.0) for c in columns]
        for when, finger, row in strokes:
            reach = math.sin(math.pi * np.clip((time_s - when + 0.09) / 0.26, 0, 1))
            if reach <= 0:
                continue
            x0, y0, x1, y1 = box = keys[11 * row + columns[finger]]
            if abs(time_s - when - 0.04) < 0.05:
                canvas.colour[y0:y1, x0:x1] = down.colour[y0:y1, x0:x1]
            home = keys[22 + columns[finger]]
            across, along = box[0] - home[0], box[1] - home[1]
            x, y, _ = at[finger]
            at[finger] = (x + reach * across, y + reach * (along - 3), reach)
        for x, y, reach in at:
            canvas.line([(x, y + 6), (320 + 0.75 * (x - 320), 380)], 24, (188, 138, 112))
            canvas.ellipse((x, y + 4), (13 + reach, 17), (206, 156, 130))
            canvas.ellipse((x, y - 3), (7, 7 - reach), (232, 190, 170))
        return _light(canvas.colour)

    return Trembling(light, {"keyboard": (40, 60, 600, 360)})


SCENES: dict[str, Callable[[], Trembling]] = {
    "leaves": leaves,
    "film": film,
    "text": text,
    "keyboard": keyboard,
}

"""What the parts of a drawn person look like: their outlines, skin, hair.

A part is a square patch. Lengths here are in parts of its radius, from its middle, right and down.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from rtdenoise.arrays import Floats

ROOM = 1.35
"""Half a patch's side, in radii."""
EYE, MOUTH = (0.38, -0.12), (0.0, 0.5)
"""Where the right eye and the mouth are on a head, in radii."""
PARTS = ("body", "hair", "head", "fringe", "lid", "mouth", "hand")

_FINE = 1 / 16  # OpenCV's fixed point
_SHIFT = 4
_FINGERS = 5

Point = tuple[float, float]


def outline(part: str, random: np.random.Generator, side: int) -> Floats:
    """The mask of a part, (side, side) from 0 to 1.

    Args:
        part: One of ``PARTS``.
        random: Draws what differs from person to person.
        side: Pixels.
    """
    return _OUTLINES[part](random, _Patch(side)).ink


def painted(part: str, skin: Floats, random: np.random.Generator, side: int) -> Floats | None:
    """What a part shows, (3, side, side), in linear light; None: any picture will do.

    Args:
        part: One of ``PARTS``.
        skin: The colour of the person's skin, (3,).
        random: Draws what differs from person to person.
        side: Pixels.
    """
    paint = _PAINTS.get(part)
    return None if paint is None else np.ascontiguousarray(paint(skin, random, side))


def skin_colour(random: np.random.Generator) -> Floats:
    """From light to dark, (3,), in linear light."""
    light = np.array([0.55, 0.36, 0.27]) * random.uniform(0.15, 1.0)
    return np.asarray(light * np.exp(random.normal(0, 0.05, 3)), np.float32)


class _Patch:
    """A mask to draw on."""

    def __init__(self, side: int) -> None:
        self._ink = np.zeros((side, side), np.uint8)
        self._middle, self._radius = (side - 1) / 2, side / 2 / ROOM

    def _at(self, point: Point) -> tuple[int, int]:
        x, y = (round((self._middle + c * self._radius) / _FINE) for c in point)
        return x, y

    def ellipse(self, middle: Point, half: Point, turn: float = 0.0, value: int = 255) -> _Patch:
        axes = [max(1, round(n * self._radius / _FINE)) for n in half]
        cv2.ellipse(self._ink, self._at(middle), axes, turn, 0, 360, value, -1, cv2.LINE_AA, _SHIFT)
        return self

    def line(self, points: list[Point], width: float, value: int = 255) -> _Patch:
        places = np.array([self._at(p) for p in points], np.int32)
        thick = max(1, round(width * self._radius))
        cv2.polylines(self._ink, [places], False, value, thick, cv2.LINE_AA, _SHIFT)
        return self

    @property
    def ink(self) -> Floats:
        """The mask, its outermost pixels empty."""
        edge = max(1, len(self._ink) // 32)
        self._ink[:edge], self._ink[-edge:], self._ink[:, :edge], self._ink[:, -edge:] = 0, 0, 0, 0
        return self._ink.astype(np.float32) * np.float32(1 / 255)


# ---------------------------------------------------------------- outlines


def _body(random: np.random.Generator, patch: _Patch) -> _Patch:
    wide = random.uniform(0.9, 1.2)
    patch.ellipse((0, 0.75), (wide, random.uniform(0.5, 0.8)))
    return patch.line([(0, -0.2), (0, 0.6)], random.uniform(0.3, 0.5))


def _hair(random: np.random.Generator, patch: _Patch) -> _Patch:
    """Behind the head: strands that hang, each with its own end."""
    long, wide = random.uniform(-0.2, 0.9), random.uniform(0.75, 0.95)
    patch.ellipse((0, -0.2), (wide, random.uniform(0.75, 0.95)))
    for x in np.linspace(-wide, wide, int(random.integers(14, 40))):
        middle, end = x + random.normal(0, 0.05), x + random.normal(0, 0.1)
        below = long + random.normal(0, 0.12)
        points: list[Point] = [(x, -0.2), (middle, (below - 0.2) / 2), (end, below)]
        patch.line(points, float(random.uniform(0.02, 0.1)))
    return patch


def _head(random: np.random.Generator, patch: _Patch) -> _Patch:
    return patch.ellipse((0, 0), (1.0, random.uniform(1.15, 1.3)))


def _fringe(random: np.random.Generator, patch: _Patch) -> _Patch:
    """Single strands before the forehead, between which it is seen."""
    patch.ellipse((0, -0.85), (0.85, 0.3))
    for x in np.linspace(-0.85, 0.85, int(random.integers(8, 30))):
        below = random.uniform(-0.7, -0.2) + 0.3 * abs(x)
        points: list[Point] = [(x, -0.85), (x + random.normal(0, 0.12), below)]
        patch.line(points, float(random.uniform(0.015, 0.07)))
    return patch


def _oval(random: np.random.Generator, patch: _Patch) -> _Patch:
    return patch.ellipse((0, 0), (1.0, random.uniform(0.4, 0.8)))


def _hand(random: np.random.Generator, patch: _Patch) -> _Patch:
    patch.ellipse((0, 0.35), (0.5, 0.55))
    patch.line([(0, 0.5), (random.uniform(-0.2, 0.2), 1.3)], 0.6)
    spread = random.uniform(0.1, 0.3)
    for finger in range(_FINGERS):
        lean = spread * (finger - (_FINGERS - 1) / 2)
        long = random.uniform(0.5, 0.95) if finger else random.uniform(0.3, 0.5)
        base = (0.4 * (finger - 2) / 2, 0.05 + 0.25 * (finger == 0))
        tip = (base[0] + long * np.sin(2 * lean), base[1] - long * np.cos(2 * lean))
        patch.line([base, tip], random.uniform(0.17, 0.23))
    return patch


_OUTLINES: dict[str, Callable[[np.random.Generator, _Patch], _Patch]] = {
    "body": _body,
    "hair": _hair,
    "head": _head,
    "fringe": _fringe,
    "lid": _oval,
    "mouth": _oval,
    "hand": _hand,
}

# ---------------------------------------------------------------- paint


def _skin(skin: Floats, random: np.random.Generator, side: int) -> Floats:
    """Skin in the light of a lamp, with pores and spots: (3, side, side)."""
    across, down = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32),) * 2)
    angle = random.uniform(0, 2 * np.pi)
    lit = 1 + 0.35 * (np.float32(np.cos(angle)) * across + np.float32(np.sin(angle)) * down)
    coarse = cv2.GaussianBlur(random.standard_normal((side, side), np.float32), (0, 0), side / 24)
    pores = cv2.GaussianBlur(random.standard_normal((side, side), np.float32), (0, 0), 1.2)
    lit += np.float32(0.06) * coarse / np.float32(coarse.std() + 1e-6)
    lit += np.float32(random.uniform(0, 0.05)) * pores / np.float32(pores.std())
    return np.asarray(skin[:, None, None] * np.maximum(lit, 0.1), np.float32)


def _strands(_: Floats, random: np.random.Generator, side: int) -> Floats:
    """Hair: dark and light strands along waves, (3, side, side)."""
    across, down = np.meshgrid(*(np.arange(side, dtype=np.float32),) * 2)
    wave = side * random.uniform(0.01, 0.06)
    at = across + np.float32(wave) * np.sin(down * np.float32(random.uniform(4, 14) / side))
    fine = random.standard_normal((max(side // 8, 2), 2 * side), np.float32)
    fine = np.asarray(
        cv2.GaussianBlur(fine, (0, 0), sigmaX=random.uniform(0.7, 2), sigmaY=1.5), np.float32
    )
    streaks = np.asarray(
        cv2.remap(fine, at + side / 2, down / 8, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    )
    contrast = random.uniform(0.2, 0.7) / (float(streaks.std()) + 1e-6)
    light = np.exp(np.asarray(streaks, np.float32) * np.float32(contrast))
    colour = (
        np.array([0.3, 0.2, 0.12]) * np.exp(random.normal(0, 0.2, 3)) * random.uniform(0.1, 1.5)
    )
    return np.asarray(colour.astype(np.float32)[:, None, None] * light, np.float32)


def _face(skin: Floats, random: np.random.Generator, side: int) -> Floats:
    """Eyes, brows, nose, lips and lines on skin, (3, side, side): wound round a head, see ``Track.turned``."""
    picture = _skin(skin, random, side)
    dark = np.array([0.04, 0.025, 0.02], np.float32)
    lips = np.asarray(skin * np.array([1.0, 0.6, 0.6]), np.float32)
    shade = np.asarray(skin * np.float32(0.5), np.float32)

    def put(patch: _Patch, colour: Floats, share: float = 1.0) -> None:
        ink = np.float32(share) * patch.ink
        picture[:] = picture + ink * (colour.astype(np.float32)[:, None, None] - picture)

    def sides(x: float, y: float) -> list[Point]:
        return [(-x, y), (x, y)]

    brow = random.uniform(-0.05, 0.05)
    for x, y in sides(*EYE):
        put(_Patch(side).ellipse((x, y), (0.17, 0.08)), np.full(3, 0.7, np.float32))
        put(_Patch(side).ellipse((x, y), (0.075, 0.075)), dark + np.float32(0.08))
        put(_Patch(side).ellipse((x, y), (0.035, 0.035)), dark * np.float32(0.25))
        inner, outer = (0.55 * x, y - 0.2 + brow), (1.5 * x, y - 0.2 - brow)
        put(_Patch(side).line([inner, (x, y - 0.26), outer], 0.07), dark, 0.85)
        put(_Patch(side).line([(x - 0.17, y + 0.14), (x + 0.17, y + 0.14)], 0.02), shade, 0.5)
    put(_Patch(side).line([(0.02, -0.1), (0.1, 0.2), (-0.06, 0.24)], 0.04), shade, 0.6)
    x, y = MOUTH
    put(_Patch(side).ellipse((x, y), (0.26, 0.09)), lips)
    put(_Patch(side).line([(x - 0.26, y), (x + 0.26, y)], 0.025), dark)
    for x, y in sides(1.45, 0.0):  # ears
        put(_Patch(side).ellipse((x, y), (0.12, 0.2)), shade, 0.7)
    for _ in range(int(random.integers(0, 40))):  # spots
        spot = (float(random.uniform(-1.2, 1.2)), float(random.uniform(-0.6, 0.9)))
        put(_Patch(side).ellipse(spot, (0.015, 0.015)), shade, float(random.uniform(0.2, 0.9)))
    if random.random() < 0.4:  # glasses
        for x, y in sides(*EYE):
            ring = _Patch(side).ellipse((x, y), (0.28, 0.22))
            put(ring.ellipse((x, y), (0.25, 0.19), value=0), dark)
        put(_Patch(side).line([(-0.1, EYE[1]), (0.1, EYE[1])], 0.03), dark)
    return picture


def _open_mouth(_: Floats, random: np.random.Generator, side: int) -> Floats:
    """Dark, with teeth."""
    dark = np.array([0.06, 0.02, 0.02], np.float32)
    ink = _Patch(side).ellipse((0, -0.35), (0.7, random.uniform(0.1, 0.3))).ink
    return np.asarray(dark[:, None, None] + ink * np.float32(0.55), np.float32)


_PAINTS: dict[str, Callable[[Floats, np.random.Generator, int], Floats]] = {
    "hair": _strands,
    "head": _face,
    "fringe": _strands,
    "lid": _skin,
    "mouth": _open_mouth,
    "hand": _skin,
}

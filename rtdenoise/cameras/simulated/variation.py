"""Other scenes of the same kinds: what is drawn, from where it is seen, in which colours and in what light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import Floats
from .canvas import Canvas, Colour
from .people import Looks

_STREAM = 0x5C
_SKINS: tuple[Colour, ...] = ((203, 150, 124), (168, 112, 84), (112, 74, 54), (224, 178, 152))
_HAIRS: tuple[Colour, ...] = ((58, 40, 30), (28, 22, 20), (150, 110, 62), (128, 126, 124))
_TURN = 55.0  # degrees on the wheel of colours, at most
_CLOSER = 1.5  # at most: what fills the picture is that much smaller


@dataclass(frozen=True)
class Variation:
    """One of endlessly many; 0 is the scene as it is described, and changes nothing.

    The number seeds all that is random, so a variation is the same picture whenever it is drawn.
    """

    number: int = 0

    def random(self, seed: int) -> np.random.Generator:
        """What a scene draws its random things with; ``seed`` tells scenes apart."""
        return np.random.default_rng(seed if not self.number else [seed, self.number])

    @cached_property
    def _drawn(self) -> np.random.Generator:
        return np.random.default_rng([_STREAM, self.number])

    @cached_property
    def _figures(self) -> tuple[float, float, float, float, float, float, float, float]:
        """Closeness, place across and down, turn of colours, their strength, level and tint of the light, its side."""
        draw = self._drawn.uniform
        turn = draw(-_TURN, _TURN)
        return (
            draw(1.1, _CLOSER),
            draw(0, 1),
            draw(0, 1),
            turn,
            draw(0.5, 1.3),
            draw(0.55, 1.05),
            draw(-1, 1),
            draw(-1, 1),
        )

    def view(self, design: tuple[float, float]) -> tuple[float, float, float, float]:
        """The part of a design that fills the picture: left, top, width, height."""
        if not self.number:
            return 0.0, 0.0, *design
        closer, across, down = self._figures[:3]
        width, height = design[0] / closer, design[1] / closer
        return across * (design[0] - width), down * (design[1] - height), width, height

    def looks(self, usual: Looks) -> Looks:
        """Of the person in the scene."""
        if not self.number:
            return usual
        random = self.random(usual.seed)
        sweater = tuple(float(value) for value in random.uniform(30, 190, 3))
        skin, hair = (int(random.integers(4)) for _ in range(2))
        return Looks(_SKINS[skin], _HAIRS[hair], sweater, seed=usual.seed + 100 * self.number)

    def paint(self, canvas: Canvas) -> None:
        """Turns the colours of all that is drawn so far."""
        if self.number:
            matrix = _turned(math.radians(self._figures[3]), self._figures[4])
            canvas.colour[:] = np.clip(canvas.colour @ matrix.T, 0, 1)

    def light(self, canvas: Canvas, *, whole: bool = True) -> None:
        """Changes the light: how much, how warm, and, where the canvas is the ``whole`` scene, from which side."""
        if not self.number:
            return
        level, warm, side = self._figures[5:]
        factor = level * np.array([[[1 + 0.16 * warm, 1.0, 1 - 0.22 * warm]]])
        if whole:
            across = np.linspace(-1, 1, canvas.columns)[None, :, None]
            factor = factor * (1 + 0.18 * side * across)
        canvas.shade(factor.astype(np.float32))


def _turned(angle: float, strength: float) -> Floats:
    """(3, 3): turns colours about the grey axis, whose luma stays, and makes them stronger or paler."""
    grey = np.full((3, 3), 1 / 3)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    turn = math.cos(angle) * (np.eye(3) - grey) + math.sin(angle) * axis
    found: Floats = (grey + strength * turn).astype(np.float32)
    return found

"""What a scene is: light, and something in it that can move."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...arrays import Floats
from .canvas import Canvas, Colour, to_linear
from .variation import Variation

DESIGN = (1920.0, 1080.0)
_FLARE = 0.012  # a lens spreads a little light over the whole picture
_WHITE = 0.88  # what a white sheet reflects


@dataclass(frozen=True)
class Pose:
    """Where the subject is: its middle in pixels, and its turn in degrees."""

    x: float
    y: float
    turn: float


@dataclass(frozen=True)
class Path:
    """How a subject moves: about a place, in design units, on a smooth closed path.

    ``across`` and ``down`` are how far it goes to each side, ``turn`` in degrees; once round in ``period_s``.
    """

    x: float
    y: float
    across: float
    down: float
    turn: float
    period_s: float

    def __call__(self, time_s: float) -> tuple[float, float, float]:
        """Place and turn at a time."""
        phase = 2 * math.pi * time_s / self.period_s
        x = self.x + self.across * math.sin(phase)
        y = self.y + self.down * math.sin(2 * phase + 0.6)
        return x, y, self.turn * math.sin(phase + 0.9)


@dataclass(frozen=True)
class Scene:
    """A scene in linear light.

    ``background`` is (H, W, 3) linear sRGB without the subject; ``subject`` (h, w, 3) the subject's light
    times its coverage and ``coverage`` (h, w) in [0, 1]; ``pose`` gives the place of the subject's middle at
    a time in seconds, and ``rest`` is where it is when it doesn't move.
    """

    background: Floats
    subject: Floats
    coverage: Floats
    pose: Callable[[float], Pose]
    rest: Pose


def canvas_of(size: tuple[int, int], variation: Variation, colour: Colour = (0, 0, 0)) -> Canvas:
    """What a scene is drawn on."""
    view = variation.view(DESIGN)
    return Canvas(size, DESIGN, colour, view=view, seed=1000 * variation.number)


def assemble(background: Canvas, subject: Canvas, path: Path) -> Scene:
    """The scene of two drawings; ``path`` is in the background's design units."""

    def pose(time_s: float) -> Pose:
        x, y, turn = path(time_s)
        ((column, row),) = background.pixels([(x, y)])
        return Pose(float(column), float(row), turn)

    ((column, row),) = background.pixels([(path.x, path.y)])
    return Scene(
        _light(background.colour),
        _light(subject.colour) * subject.alpha[:, :, None],
        subject.alpha,
        pose,
        Pose(float(column), float(row), 0.0),
    )


def vignette(canvas: Canvas, strength: float) -> Floats:
    """Fall-off of light towards the corners, (H, W): 1 in the middle, 1 - strength in the corners."""
    x, y = canvas.grid()
    middle = (DESIGN[0] / 2, DESIGN[1] / 2)
    far = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (middle[0] ** 2 + middle[1] ** 2)
    return np.asarray(1 - strength * far, np.float32)


def _light(encoded: Floats) -> Floats:
    return (_FLARE + (_WHITE - _FLARE) * to_linear(encoded)).astype(np.float32)

"""The scenes that the simulated camera can film, and what moves in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, to_linear

Floats = NDArray[np.float32]
DESIGN = (1920.0, 1080.0)
FLARE = 0.012  # a lens spreads a little light over the whole picture


@dataclass(frozen=True)
class Pose:
    """Where the subject is: its middle in pixels, and its turn in degrees."""

    x: float
    y: float
    turn: float


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


Drawer = Callable[[tuple[int, int]], Scene]


def _desk(size: tuple[int, int]) -> Scene:
    canvas = Canvas(size, DESIGN, (150, 148, 140))
    wood = canvas.fractal(1, (400, 12), 4, 0.6)
    canvas.rectangle((0, 760, 1920, 1080), canvas.tint((139, 94, 60), wood, 0.12))
    canvas.text("rtdenoise", (200, 300), 80, (30, 30, 40))
    part = (round(600 * canvas.scale), round(800 * canvas.scale))
    person = Canvas(part, (600, 800), (0, 0, 0))
    person.ellipse((300, 350), (190, 260), (205, 150, 125))
    scale = canvas.scale

    def pose(time_s: float) -> Pose:
        phase = 2 * math.pi * time_s / 4
        return Pose(
            size[0] / 2 + 150 * scale * math.sin(phase),
            size[1] / 2 + 30 * scale * math.sin(2 * phase),
            4 * math.sin(phase + 1),
        )

    return Scene(
        FLARE + (1 - FLARE) * to_linear(canvas.colour) * 0.9,
        to_linear(person.colour) * person.alpha[:, :, None],
        person.alpha,
        pose,
        Pose(size[0] / 2, size[1] / 2, 0),
    )


SCENES: dict[str, Drawer] = {"desk": _desk}

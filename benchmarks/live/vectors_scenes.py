"""Scenes whose movement is known at every place: a textured thing before a drawn room turns, zooms, bends or circles.

A thing is a picture with a soft edge. Each frame says for every pixel which place of the thing it shows, by a formula,
so where that place was in the frame before is known to a thousandth of a pixel. Paths come round again and again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.cameras.simulated.canvas import Canvas, to_linear
from rtdenoise.cameras.simulated.scenes import scene

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
KINDS = ("translation", "rotation", "zoom", "deformation")
SPEEDS = (0.3, 1.0, 3.0, 8.0, 20.0)
"""Pixels a frame, the mean over the thing and the path."""
_THING = 0.44  # side of the thing, in heights of the picture
_CIRCLE = 0.11  # radius of the circle on which it is carried, likewise
_ZOOM = 0.3  # logarithm of the largest enlargement
_BEND, _WAVE = 0.025, 0.42  # how far it bends, and over what length, in heights
_FINER = 2  # pixels of the thing's picture per pixel: it is enlarged now and then
_WHITE, _FLARE = 0.88, 0.012  # what a white sheet reflects, and what the lens spreads
_FIRST_PHASE = 0.3
_ROUNDS = 16  # of the search for where a bent place was: each leaves 0.4 of the error


class _Pose(NamedTuple):
    """Where the thing is: pixels from the picture's middle, radians, enlargement, and two waves' share of the bend."""

    x: float = 0.0
    y: float = 0.0
    turn: float = 0.0
    zoom: float = 1.0
    bend: tuple[float, float] = (0.0, 0.0)


class Moving:
    """A thing that moves in one way at one speed.

    Args:
        kind: One of ``KINDS``.
        speed: Pixels a frame.
        size: Columns and rows of the picture.
    """

    def __init__(self, kind: str, speed: float, size: tuple[int, int]) -> None:
        self.kind, self._size = kind, size
        self._high = float(size[1])
        self._background = scene("room", size).background
        self._thing = _thing(round(_THING * size[1]))
        self._rate = 1.0  # radians of the path per frame
        places = np.stack(np.meshgrid(*[np.linspace(-1, 1, 25)] * 2))
        x, y = _THING * self._high / 2 * places[:, _inside(*places) > 0.5]
        phases = np.linspace(0, 2 * math.pi, 33)[:-1] + _FIRST_PHASE
        steps = [
            np.hypot(*np.subtract(self._picture(x, y, p + 0.01), self._picture(x, y, p)))
            for p in phases
        ]
        self._rate = speed / (float(np.mean(steps)) / 0.01)

    def light(self, index: int) -> Floats:
        """The light of frame ``index``, (H, W, 3) linear sRGB. There is no motion blur."""
        patch = self._seen(index)
        return np.asarray(self._background * (1 - patch[:, :, 3:]) + patch[:, :, :3], np.float32)

    def coverage(self, index: int) -> Floats:
        """How much of each pixel the thing covers, (H, W) in [0, 1]."""
        return np.ascontiguousarray(self._seen(index)[:, :, 3])

    def movement(self, index: int, x: Doubles, y: Doubles) -> Doubles:
        """Where what is at these pixels of the thing was in the frame before, less where it is, (…, 2) as (x, y)."""
        before = self._picture(*self._place(x, y, self._phase(index)), self._phase(index - 1))
        return np.stack([before[0] - x, before[1] - y], -1)

    def _phase(self, index: int) -> float:
        return _FIRST_PHASE + self._rate * index

    def _pose(self, phase: float) -> _Pose:
        if self.kind == "translation":
            radius = _CIRCLE * self._high
            return _Pose(x=radius * math.cos(phase), y=radius * math.sin(phase))
        if self.kind == "rotation":
            return _Pose(turn=phase)
        if self.kind == "zoom":
            return _Pose(zoom=math.exp(_ZOOM * math.sin(phase)))
        return _Pose(bend=(math.cos(phase), math.sin(phase)))

    def _bent(self, x: Doubles, y: Doubles, pose: _Pose) -> tuple[Doubles, Doubles]:
        """By how much places of the thing are bent away, in pixels."""
        k = 2 * math.pi / (_WAVE * self._high)
        one, two = (_BEND * self._high * share for share in pose.bend)
        across = one * np.sin(k * y + 0.5) + two * np.cos(0.7 * k * (x + y))
        down = one * np.sin(k * x + 1.1) + two * np.cos(0.7 * k * (x - y) + 0.8)
        return across, down

    def _place(self, x: Doubles, y: Doubles, phase: float) -> tuple[Doubles, Doubles]:
        """The place of the thing, in pixels from its middle, that is at pixels of the picture."""
        pose = self._pose(phase)
        x = x - ((self._size[0] - 1) / 2 + pose.x)
        y = y - ((self._size[1] - 1) / 2 + pose.y)
        c, s = math.cos(pose.turn) / pose.zoom, math.sin(pose.turn) / pose.zoom
        x, y = c * x + s * y, c * y - s * x
        across, down = self._bent(x, y, pose)
        return x + across, y + down

    def _picture(self, x: Doubles, y: Doubles, phase: float) -> tuple[Doubles, Doubles]:
        """The pixels of the picture at which places of the thing are: the other way round."""
        pose = self._pose(phase)
        at_x, at_y = x, y
        for _ in range(_ROUNDS if any(pose.bend) else 0):
            across, down = self._bent(at_x, at_y, pose)
            at_x, at_y = x - across, y - down
        c, s = math.cos(pose.turn) * pose.zoom, math.sin(pose.turn) * pose.zoom
        return (
            c * at_x - s * at_y + (self._size[0] - 1) / 2 + pose.x,
            s * at_x + c * at_y + (self._size[1] - 1) / 2 + pose.y,
        )

    def _seen(self, index: int) -> Floats:
        """The thing's light times its coverage, and that, of all pixels, (H, W, 4)."""
        columns, rows = (np.arange(n, dtype=np.float64) for n in self._size)
        x, y = self._place(*np.meshgrid(columns, rows), self._phase(index))
        middle = (self._thing.shape[0] - 1) / 2
        at_x, at_y = ((_FINER * a + middle).astype(np.float32) for a in (x, y))
        return np.asarray(cv2.remap(self._thing, at_x, at_y, cv2.INTER_LINEAR), np.float32)


def scenes() -> list[tuple[str, float]]:
    """Kinds and speeds. What bends or zooms at 20 pixels a frame would be out and back within four frames: left out."""
    return [
        (kind, speed)
        for kind in KINDS
        for speed in SPEEDS
        if speed < 10 or kind in ("translation", "rotation")
    ]


def _inside(x: Doubles, y: Doubles, soft: float = 0.03) -> Doubles:
    """The thing's coverage at places in halves of its side: a square with very round corners, and a soft edge."""
    radius = (x**4 + y**4) ** 0.25
    return np.asarray(np.clip((0.94 - radius) / (2 * soft) + 0.5, 0, 1))


def _thing(side: int) -> Floats:
    """The thing's light times its coverage, and that: grain of several sizes, lines, letters, and a smooth patch.

    Args:
        side: In pixels; the picture is (2 · side, 2 · side, 4).
    """
    canvas = Canvas((_FINER * side, _FINER * side), (100.0, 100.0), (150, 118, 92))
    canvas.shade(1 + 0.22 * canvas.fractal(71, (24, 24), 4, 0.75))
    for at in range(10, 100, 18):
        canvas.line([(at, 0), (at + 14, 100)], 1.6, (70, 52, 48), 0.7)
    canvas.text("RST", (10, 30), 11, (236, 230, 214))
    canvas.text("8462", (16, 92), 11, (30, 40, 76))
    canvas.ellipse((58, 56), (18, 15), (196, 168, 148))
    encoded = cv2.GaussianBlur(np.clip(canvas.colour, 0, 1), (0, 0), 0.5 * _FINER)
    light = _FLARE + (_WHITE - _FLARE) * to_linear(np.asarray(encoded, np.float32))
    line = np.linspace(-1, 1, _FINER * side)
    coverage = _inside(*np.meshgrid(line, line)).astype(np.float32)[:, :, None]
    return np.dstack([light * coverage, coverage]).astype(np.float32)

"""Drawing in floats: shapes, text and procedural textures on a picture of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats

Colour = Sequence[float]  # R'G'B' as on a screen, 0–255
Paint = Colour | Floats  # or a texture as large as the canvas, (H, W, 3) in [0, 1]
Point = tuple[float, float]

_SHIFT = 4  # bits after the point in OpenCV's integer coordinates


class Canvas:
    """A picture that is drawn in units of a ``width`` × ``height`` design, whatever its size in pixels.

    The design covers the picture: where the proportions differ, its edges are cut off. ``colour`` is
    (H, W, 3) R'G'B' in [0, 1], ``alpha`` (H, W) tells where something was drawn.

    Args:
        size: Columns and rows in pixels.
        design: Width and height in design units.
        colour: What is there at first; None leaves the picture transparent.
        view: The part of the design that fills the picture: left, top, width, height; None: all of it.
        seed: Added to the seeds of :meth:`fractal`.
    """

    def __init__(
        self,
        size: tuple[int, int],
        design: tuple[float, float],
        colour: Colour | None,
        *,
        view: tuple[float, float, float, float] | None = None,
        seed: int = 0,
    ) -> None:
        columns, rows = size
        left, top, width, height = view or (0.0, 0.0, *design)
        self.columns, self.rows, self._seed = columns, rows, seed
        self.scale = max(columns / width, rows / height)
        self._left = (columns - (2 * left + width) * self.scale) / 2
        self._top = (rows - (2 * top + height) * self.scale) / 2
        self.colour = np.empty((rows, columns, 3), np.float32)
        self.colour[:] = np.asarray(colour or (0, 0, 0), np.float32) / 255
        self.alpha = np.full((rows, columns), colour is not None, np.float32)

    def pixels(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Columns and rows of points in design units, (n, 2); a pixel's centre has whole numbers."""
        return np.asarray(points, np.float64) * self.scale + (self._left - 0.5, self._top - 0.5)

    def grid(self) -> tuple[Floats, Floats]:
        """Design coordinates of all pixels: x as (1, W) and y as (H, 1)."""
        x = (np.arange(self.columns, dtype=np.float32) + 0.5 - self._left) / self.scale
        y = (np.arange(self.rows, dtype=np.float32) + 0.5 - self._top) / self.scale
        return x[None, :].astype(np.float32), y[:, None].astype(np.float32)

    # ------------------------------------------------------------------ shapes

    def polygon(self, points: Sequence[Point], paint: Paint, opacity: float = 1.0) -> None:
        """A filled polygon."""
        corners = self.pixels(points)
        box = self._box(corners, 2)
        if box is not None:
            mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
            fixed = np.round((corners - box[:2]) * 2**_SHIFT).astype(np.int32)
            cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
            self._lay(mask, box, paint, opacity)

    def rectangle(self, box: Sequence[float], paint: Paint, opacity: float = 1.0) -> None:
        """A filled rectangle (left, top, right, bottom)."""
        left, top, right, bottom = box
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint, opacity)

    def ellipse(
        self,
        centre: Point,
        radii: tuple[float, float],
        paint: Paint,
        opacity: float = 1.0,
        *,
        turn: float = 0.0,
        arc: tuple[float, float] = (0.0, 360.0),
    ) -> None:
        """A filled ellipse, turned by ``turn`` degrees; with ``arc``, the part between two angles."""
        angle = np.radians(np.linspace(arc[0], arc[1], 73))
        x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        points = np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], 1)
        self.polygon([(float(a), float(b)) for a, b in points], paint, opacity)

    def line(
        self, points: Sequence[Point], width: float, paint: Paint, opacity: float = 1.0
    ) -> None:
        """A line through the points, ``width`` units wide; below a pixel it gets fainter, not wider."""
        corners = self.pixels(points)
        pixels = max(width * self.scale, 1e-3)
        thickness = max(1, round(pixels))
        box = self._box(corners, thickness + 2)
        if box is not None:
            mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
            fixed = np.round((corners - box[:2]) * 2**_SHIFT).astype(np.int32)
            cv2.polylines(mask, [fixed], False, 255, thickness, cv2.LINE_AA, _SHIFT)
            self._lay(mask, box, paint, opacity * min(1.0, pixels))

    def text(self, text: str, at: Point, height: float, paint: Paint, opacity: float = 1.0) -> None:
        """A line of text whose capitals are ``height`` units high, its base line starting at ``at``."""
        over = 4  # drawn larger and shrunk, so that small letters keep their shape
        pixels = height * self.scale * over
        size = pixels / 21.0  # Hershey capitals are 21 pixels high at scale 1
        thick = max(1, round(pixels / 9))
        (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        pad = over * 2
        wide, high = wide + 2 * pad + over, high + below + 2 * pad + over
        drawn = np.zeros((high, wide), np.uint8)
        base = high - below - pad - over // 2
        cv2.putText(
            drawn, text, (pad, base), cv2.FONT_HERSHEY_SIMPLEX, size, 255, thick, cv2.LINE_AA
        )
        small = cv2.resize(
            drawn, (max(1, wide // over), max(1, high // over)), interpolation=cv2.INTER_AREA
        )
        x, y = self.pixels([at])[0]
        left, top = round(x - pad / over), round(y - base / over)
        x0, y0 = max(left, 0), max(top, 0)
        x1 = min(left + small.shape[1], self.columns)
        y1 = min(top + small.shape[0], self.rows)
        if x0 < x1 and y0 < y1:
            part = np.asarray(small[y0 - top : y1 - top, x0 - left : x1 - left], np.uint8)
            self._lay(part, (x0, y0, x1, y1), paint, opacity)

    def glow(
        self, centre: Point, radii: tuple[float, float], paint: Paint, opacity: float = 1.0
    ) -> None:
        """A soft spot with a Gaussian fall-off, only on what is drawn already."""
        x, y = centre
        rim = (x - 3 * radii[0], y - 3 * radii[1]), (x + 3 * radii[0], y + 3 * radii[1])
        box = self._box(self.pixels(rim), 0)
        if box is not None:
            x0, y0, x1, y1 = box
            across, down = self.grid()
            near = np.exp(-0.5 * ((across[:, x0:x1] - x) / radii[0]) ** 2)
            mask = near * np.exp(-0.5 * ((down[y0:y1] - y) / radii[1]) ** 2)
            self._lay(mask * (255 * self.alpha[y0:y1, x0:x1]), box, paint, opacity)

    def mask(self, mask: Floats, paint: Paint, opacity: float = 1.0) -> None:
        """Paint wherever ``mask``, (H, W) in [0, 1], says."""
        box = (0, 0, self.columns, self.rows)
        self._lay(mask * 255, box, paint, opacity)

    def shade(self, factor: Floats, box: Sequence[float] | None = None) -> None:
        """Multiplies what is there by ``factor``, (H, W) or (H, W, 3); within ``box`` where given."""
        if factor.ndim == 2:
            factor = factor[:, :, None]
        if box is None:
            self.colour *= factor
            return
        limits = self._box(self.pixels([(box[0], box[1]), (box[2], box[3])]), 0)
        if limits is not None:
            x0, y0, x1, y1 = limits
            self.colour[y0:y1, x0:x1] *= factor[y0:y1, x0:x1]

    def _box(self, corners: NDArray[np.float64], margin: int) -> tuple[int, int, int, int] | None:
        low = np.floor(corners.min(0)).astype(int) - margin
        high = np.ceil(corners.max(0)).astype(int) + margin + 1
        x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
        x1, y1 = min(int(high[0]), self.columns), min(int(high[1]), self.rows)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def _lay(
        self,
        mask: NDArray[Any],
        box: tuple[int, int, int, int],
        paint: Paint,
        opacity: float,
    ) -> None:
        x0, y0, x1, y1 = box
        if isinstance(paint, np.ndarray):
            wanted: NDArray[Any] = paint[y0:y1, x0:x1]
        else:
            wanted = np.asarray(paint, np.float32) / 255
        cover = mask.astype(np.float32) * np.float32(opacity / 255)
        there = self.colour[y0:y1, x0:x1]
        there += (wanted - there) * cover[:, :, None]
        alpha = self.alpha[y0:y1, x0:x1]
        alpha += (1 - alpha) * cover

    # ---------------------------------------------------------------- textures

    def fractal(self, seed: int, size: Point, octaves: int = 4, roughness: float = 0.5) -> Floats:
        """Smooth random values, (H, W), mean 0 and standard deviation 1.

        Args:
            seed: Which pattern.
            size: Width and height of the coarsest grains, in design units.
            octaves: How many times finer grains are added, each half as large.
            roughness: Amplitude of each octave against the one before.
        """
        random = np.random.default_rng([seed + self._seed, 0xC4])
        total = np.zeros((self.rows, self.columns), np.float32)
        for octave in range(octaves):
            grain = (size[0] * self.scale / 2**octave, size[1] * self.scale / 2**octave)
            wide = min(self.columns, max(2, round(self.columns / grain[0])))
            high = min(self.rows, max(2, round(self.rows / grain[1])))
            values = random.normal(size=(high, wide)).astype(np.float32)
            whole = cv2.resize(values, (self.columns, self.rows), interpolation=cv2.INTER_CUBIC)
            total += roughness**octave * whole
        total -= total.mean()
        total /= max(float(total.std()), 1e-6)
        return total

    def tint(self, colour: Colour, pattern: Floats, strength: float) -> Floats:
        """A texture: ``colour`` made lighter and darker by ``pattern``, (H, W, 3)."""
        base = np.asarray(colour, np.float32) / 255
        shaded: Floats = base * (1 + strength * pattern)[:, :, None]
        return shaded


def to_linear(encoded: Floats) -> Floats:
    """Light of sRGB values in [0, 1] (IEC 61966-2-1)."""
    values = np.clip(encoded, 0, 1)
    high = cv2.pow((values + 0.055) / 1.055, 2.4)
    linear: Floats = np.where(values <= 0.04045, values / 12.92, high).astype(np.float32)
    return linear

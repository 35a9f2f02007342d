"""Lifts the shadows of a dark picture, as far as its noise allows.

Luma in [0, 1] goes through x + h·x·(1 − x)³, which rises everywhere for 0 ≤ h < 4: shadows are up to 1 + h times as
bright, lights stay. Chroma is multiplied by the same factor as its luma, so that the ratios of R', G' and B' stay, and
with them hue and saturation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes, Doubles
from ..denoisers import Denoiser
from ..denoisers.streaming import StreamDenoiser
from ..frames import PlaneFormat, Planes
from ..noise import NoiseModel
from ..noise.running import RunningNoise

_MOST = 2.0  # the largest h: mid-tones keep at least half of their contrast
# What "auto" goes for: the mean luma of a well-lit picture, in [0, 1]. Only a darker one is lifted.
_MEAN = 0.4
# Noise that is not yet seen as grain in shadows on a screen, in levels of 255 (root mean square); chroma's is seen
# less.
_GRAIN, _CHROMA_GRAIN = 2.4, 3.2
_SHADOWS = 0.35  # luma below which grain counts
# What a denoiser leaves of the noise's standard deviation: between the recursive filter's and the base network's.
LEFT = 0.2
_LOOK_EVERY_S = 0.25
_SLEW = 0.25  # of h in a second: less than a level in any frame at 10 frames/s
_REST = 0.1  # of h: once it has come to rest, it stays until the aim is so far off
_HISTORY_S = 1.0  # the picture's brightness is averaged over so long

Noise = Callable[[], NoiseModel | None]


class Brighten:
    """Lifts shadows, frame after frame; called with the frame as it is to be published.

    Args:
        amount: 0 (the frame itself) to 1, or "auto": as far as the picture is dark and its noise allows, slowly.
        noise: For "auto", the noise of the camera's own frames as far as it is known by now.
        cleaned: Whether frames come cleaned now: if not, the noise is measured in them. None: where there is ``noise``.
        left: How much of that noise's standard deviation is left in the frames that come, 0…1.
    """

    def __init__(
        self,
        amount: float | str = "auto",
        *,
        noise: Noise | None = None,
        left: Callable[[], float] = lambda: 1.0,
        cleaned: Callable[[], bool] | None = None,
    ) -> None:
        if isinstance(amount, str) and amount != "auto":
            raise ValueError(f"{amount!r} is neither auto nor a number")
        self._auto = amount == "auto"
        self.lift = 0.0 if isinstance(amount, str) else _MOST * min(max(amount, 0.0), 1.0)
        """The h that is used now."""
        self._aim = self.lift
        self._own = RunningNoise(None) if self._auto else None
        self._noise, self._left = noise, left
        self._cleaned = cleaned or (lambda: noise is not None)
        self._format: PlaneFormat | None = None
        self._levels: Doubles = np.zeros(256)
        self._last_s = self._looked_s = 0.0
        self._moving = True

    def __call__(self, planes: Planes) -> Planes:
        """The lifted frame; the frame itself where there is nothing to lift."""
        if self._auto:
            self._adapt(planes)
        return brightened(planes, self.lift)

    def _adapt(self, planes: Planes) -> None:
        """Moves the lift a little towards what this picture needs and its noise allows."""
        known = self._noise() if self._noise is not None else None
        if self._own is not None and not self._cleaned():
            self._own.update(planes)
            known = self._own.model
        now = planes.time_s
        if planes.format != self._format:
            self._format, self._levels = planes.format, np.zeros(256)
            self._last_s = self._looked_s = now
        # A stream that stood still, or whose clock began anew, gives no leave to jump.
        step = _SLEW * min(max(now - self._last_s, 0.0), 0.1)
        self._last_s = now
        if not self._levels.any() or not 0 <= now - self._looked_s < _LOOK_EVERY_S:
            self._look(planes.y, now, known)
        if abs(self._aim - self.lift) > _REST:
            self._moving = True
        if not self._moving:
            return
        change = min(max(self._aim - self.lift, -step), step)
        self.lift += change
        self._moving = abs(self._aim - self.lift) > 1e-3

    def _look(self, luma: Bytes, now: float, model: NoiseModel | None) -> None:
        """Takes the levels of a frame into account, and aims anew."""
        few = luma[::8, ::8]
        shares = np.bincount(few.ravel(), minlength=256) / few.size
        weight = 1.0 if not self._levels.any() else _LOOK_EVERY_S / _HISTORY_S
        self._levels = self._levels + weight * (shares - self._levels)
        self._looked_s = now
        if model is not None and self._format is not None:
            self._aim = fit_lift(self._levels, model, self._left(), self._format.full_range)


def brighten_for(
    amount: float | str, denoiser: Callable[[], Denoiser], strength: Callable[[], float]
) -> Brighten:
    """What ``--brighten`` asks for, with the denoiser's knowledge of the noise where it has any.

    Args:
        amount: 0…1, or "auto".
        denoiser: What cleans the frames now.
        strength: How much of the noise is removed now, 0…1; at 0 the denoiser isn't called.
    """

    def knowing() -> StreamDenoiser | None:
        now = denoiser()
        return now if strength() > 0 and isinstance(now, StreamDenoiser) else None

    def noise() -> NoiseModel | None:
        now = knowing()
        return None if now is None else now.noise

    def left() -> float:
        return 1.0 if knowing() is None else 1 - strength() * (1 - LEFT)

    return Brighten(amount, noise=noise, left=left, cleaned=lambda: knowing() is not None)


def fit_lift(levels: Doubles, model: NoiseModel, left: float, full_range: bool) -> float:
    """The h that a picture needs, as far as its noise allows.

    Args:
        levels: (256,): the share of luma's pixels at each level.
        model: The noise of the camera's frames.
        left: How much of its standard deviation is left in the picture, 0…1.
        full_range: Whether luma has 0–255 or 16–235.
    """
    x = _portions(full_range)
    shape = (1 - x) ** 3
    short = _MEAN - float(levels @ x)
    gained = float(levels @ (x * shape))  # the mean's rise for h = 1
    needed = short / gained if gained > 1e-6 else 0.0
    scale = left * left if full_range else left * left * (255 / 219) ** 2
    weights = levels * (x < _SHADOWS)
    slope = shape - 3 * x * (1 - x) ** 2  # the curve's slope is 1 + h·slope
    allowed = [_allowed(model.y.curve.table() * scale, slope, weights, _GRAIN)]
    for plane in (model.u, model.v):
        # Chroma's noise hangs on its own level, and most of a dark picture is close to grey.
        grey = np.full(256, float(plane.curve.variance(128.0)) * scale)
        allowed.append(_allowed(grey, shape, weights, _CHROMA_GRAIN))
    return min(max(min(needed, *allowed), 0.0), _MOST)


def _allowed(
    variance: NDArray[np.floating], slope: Doubles, weights: Doubles, grain: float
) -> float:
    """The h at which noise in shadows, (1 + h·slope) times as strong, reaches ``grain``."""
    squared = weights * variance
    a, b = float(squared @ slope**2), 2 * float(squared @ slope)
    c = float(squared.sum() - grain**2 * weights.sum())
    if c >= 0:
        return 0.0
    if a < 1e-9:
        return _MOST
    return float((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a))


def brightened(planes: Planes, lift: float) -> Planes:
    """A frame whose shadows are lifted; the frame itself, its own bytes, where ``lift`` is 0.

    Args:
        planes: The frame.
        lift: h, 0…2: shadows become up to 1 + h times as bright.
    """
    if lift <= 0:
        return planes
    luma, factors, scaled = _tables(round(lift, 4), planes.format.full_range)
    y = np.asarray(cv2.LUT(planes.y, luma), np.uint8)
    if planes.format.chroma == "gray":
        return Planes(y, planes.u, planes.v, planes.format, planes.time_s)
    rows, columns = planes.u.shape
    small = planes.y
    if small.shape != (rows, columns):
        small = np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_AREA))
    above = small.astype(np.uint16) << 8
    u, v = (np.take(scaled, above | plane) for plane in (planes.u, planes.v))
    bottom, top = int(scaled.min()), int(scaled.max())
    full = (u == bottom) | (u == top) | (v == bottom) | (v == top)
    if full.any():
        # Both by the same factor, also at the end of the range: else the hue would turn.
        pairs = np.stack([planes.u[full], planes.v[full]]).astype(np.float64) - 128
        room = min(128 - bottom, top - 128) / np.maximum(np.abs(pairs).max(axis=0), 1)
        pairs *= np.minimum(factors[small[full]], np.maximum(room, 1))
        u[full], v[full] = np.clip(np.rint(pairs + 128), 0, 255).astype(np.uint8)
    return Planes(y, u, v, planes.format, planes.time_s)


def _portions(full_range: bool) -> Doubles:
    """(256,): luma in [0, 1] of each level."""
    level = np.arange(256.0)
    return np.clip(level / 255 if full_range else (level - 16) / 219, 0, 1)


@lru_cache(maxsize=4)
def _tables(lift: float, full_range: bool) -> tuple[Bytes, Doubles, Bytes]:
    """What luma becomes (256,), what its chroma is multiplied by (256,), and the products (65536,): luma, chroma."""
    x = _portions(full_range)
    rise = lift * (1 - x) ** 3
    span, (bottom, top) = (255, (1, 255)) if full_range else (219, (16, 240))
    luma = np.floor(np.arange(256.0) + span * x * rise + 0.5)
    chroma = np.arange(256.0) - 128
    scaled = np.clip(np.rint(128 + np.outer(1 + rise, chroma)), bottom, top)
    return np.clip(luma, 0, 255).astype(np.uint8), 1 + rise, scaled.astype(np.uint8).ravel()

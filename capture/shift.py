"""Sub-pixel shift of a frame against the mean of its series."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Doubles, Floats, Mask

_WIDTH = 640  # pixels; larger pictures are reduced to this
_COARSE = 4  # the first guess is made on a picture so many times smaller still
_STEPS = 5
_MARGIN = 6  # pixels at the borders that don't count: they come from outside after a shift
# Shifts that are less certain than this many pixels, and below so many standard errors, are not told from none (a
# blank wall).
_LEAST_CERTAINTY_PX = 0.25
_TOLD = 5.0
_NEAR_PX = 1.0
_SURE = 6.0  # standard errors of a bump
# Shifts above this are put to the vote of so many tiles (across, down), of which one votes if the error of one
# explanation is under so much of the other's.
_DOUBTFUL_PX = 0.3
_TILES = (12, 9)
_CLEARLY = 0.8
_PATCH = 8  # pixels; noise is alike less far


@dataclass(frozen=True)
class _Level:
    """The mean at one scale: blurred, with its derivatives, all (H, W) without the margin."""

    mean: Floats
    dx: Floats
    dy: Floats

    @classmethod
    def of(cls, mean: Floats) -> _Level:
        dx = cv2.Scharr(mean, cv2.CV_32F, 1, 0, scale=1 / 32)
        dy = cv2.Scharr(mean, cv2.CV_32F, 0, 1, scale=1 / 32)
        return cls(_inner(mean), _inner(np.asarray(dx)), _inner(np.asarray(dy)))


class ShiftMeter:
    """Measures how far frames are shifted against ``mean`` (H, W).

    Solves for the shift and the change of brightness that explain a frame best, by Gauss–Newton steps
    from coarse to fine (Lucas and Kanade, 1981), with Tukey's weights, so that a part of the scene that
    moves by itself doesn't count. Where a large part does, tiles of the picture vote: the camera moved if more of
    them are explained by the shift than by none; else the shift is measured again on those that stand still.
    """

    def __init__(self, mean: Floats) -> None:
        self._scale = max(1.0, mean.shape[1] / _WIDTH)
        fine = self._prepared(mean)
        self._fine, self._coarse = _Level.of(fine), _Level.of(_coarse(fine))

    def _prepared(self, picture: Bytes | Floats) -> Floats:
        small = picture.astype(np.float32)
        if self._scale > 1:
            size = (_WIDTH, max(round(picture.shape[0] / self._scale), 1))
            small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.float32)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.2))

    def __call__(self, frame: Bytes | Floats) -> tuple[float, float]:
        """The shift of ``frame`` (H, W) in pixels, to the right and downwards.

        (0, 0) where the picture holds too little to tell.
        """
        x, y, _ = self.with_error(frame)
        return x, y

    def with_error(self, frame: Bytes | Floats) -> tuple[float, float, float]:
        """The shift as above, and its standard error in pixels."""
        fine = self._prepared(frame)
        shift: Doubles = np.zeros(2)
        if min(self._coarse.mean.shape) >= 8:
            shift, certainty = _solve(self._coarse, _coarse(fine), shift)
            if _unsure(shift, certainty):
                shift = np.zeros(2)
        shift, certainty = _solve(self._fine, fine, shift * _COARSE)
        if not _unsure(shift, certainty) and np.hypot(*shift) > _DOUBTFUL_PX:
            still = _against(self._fine, fine, shift)
            if still is not None:
                shift, certainty = _solve(self._fine, fine, np.zeros(2), still)
        if _unsure(shift, certainty) or np.hypot(*shift) > self._fine.mean.shape[1]:
            return 0.0, 0.0, certainty * self._scale
        return float(shift[0] * self._scale), float(shift[1] * self._scale), certainty * self._scale


def bump_px(reference: Floats, before: Floats, after: Floats) -> float:
    """By how many pixels ``after`` lies elsewhere than ``before``; 0 where that can't be told from none.

    Args:
        reference: What both are held against, (H, W).
        before: Likewise.
        after: Likewise.
    """
    meter = ShiftMeter(reference)
    x0, y0, error0 = meter.with_error(before)
    x1, y1, error1 = meter.with_error(after)
    distance = float(np.hypot(x1 - x0, y1 - y0))
    return distance if distance > _SURE * float(np.hypot(error0, error1)) else 0.0


def _unsure(shift: Doubles, error_px: float) -> bool:
    """Whether a shift with that standard error can't be told from none."""
    return bool(error_px > _LEAST_CERTAINTY_PX and np.hypot(*shift) < _TOLD * error_px)


def _coarse(fine: Floats) -> Floats:
    size = (max(fine.shape[1] // _COARSE, 1), max(fine.shape[0] // _COARSE, 1))
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA))


def _inner(picture: Floats) -> Floats:
    if min(picture.shape) <= 2 * _MARGIN:
        return picture
    return np.ascontiguousarray(picture[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def _moved(picture: Floats, shift: Doubles) -> Floats:
    """The picture moved back by ``shift``, without the margin."""
    rows, columns = picture.shape
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        picture, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return _inner(np.asarray(moved))


def _against(level: _Level, picture: Floats, shift: Doubles) -> Mask | None:
    """The pixels of tiles that stand still, if they are more than those that moved by ``shift``; else None.

    A tile votes if one of the two explains it clearly better than the other.
    """

    def unexplained(by: Doubles) -> Floats:
        residual = level.mean - _moved(picture, by)
        residual -= np.median(residual[::4, ::4])
        return np.asarray(cv2.resize(residual**2, _TILES, interpolation=cv2.INTER_AREA))

    still, moved = unexplained(np.zeros(2)), unexplained(shift)
    stands = still < _CLEARLY * moved
    if stands.sum() <= (moved < _CLEARLY * still).sum():
        return None
    size = level.mean.shape[::-1]
    whole = cv2.resize(stands.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(whole > 0)


def _alike(residual: Floats) -> float:
    """By what factor a standard error grows, since the noise of neighbouring pixels is alike.

    The root of how many pixels share their noise, as the means of blocks tell.
    """
    size = tuple(max(n // _PATCH, 1) for n in residual.shape[::-1])
    means = np.asarray(cv2.resize(residual, size, interpolation=cv2.INTER_AREA))
    variance = float(residual.var())
    return max(_PATCH * float(means.std()) / variance**0.5, 1.0) if variance > 0 else 1.0


def _solve(
    level: _Level, picture: Floats, shift: Doubles, where: Mask | None = None
) -> tuple[Doubles, float]:
    """Improves ``shift``; returns it and its standard error in pixels of this level.

    ``where`` says which pixels count, without the margin; None: all.
    """
    certainty = np.inf
    counted = None if where is None else where.ravel()
    design = np.stack([level.dx.ravel(), level.dy.ravel(), np.ones(level.dx.size, np.float32)])
    reach = np.float32(_NEAR_PX) * np.hypot(design[0], design[1])
    for _ in range(_STEPS):
        residual = (level.mean - _moved(picture, shift)).ravel()
        centred = residual - np.median(residual[:: max(1, residual.size // 20_000)])
        spread = 1.4826 * float(np.median(np.abs(centred[:: max(1, centred.size // 20_000)])))
        # An edge that lies a little elsewhere is no outlier, however quiet the walls around it are.
        limit = np.float32(4.685 * max(spread, 1e-3)) + reach
        weights = np.square(np.clip(1 - np.square(centred / limit), 0, None))
        if counted is not None:
            weights = weights * counted
        weighted = design * weights
        normal = (weighted @ design.T).astype(np.float64)
        normal += 1e-6 * np.eye(3)
        step = np.linalg.solve(normal, (weighted @ residual).astype(np.float64))
        shift = shift + np.clip(step[:2], -2, 2)
        certainty = spread * float(np.sqrt(np.linalg.inv(normal)[:2, :2].trace()))
        certainty *= _alike(residual.reshape(level.mean.shape))
        if np.hypot(step[0], step[1]) < 1e-3:
            break
    return shift, certainty

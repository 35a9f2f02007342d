"""Makes still pictures move: pans, zooms, turns, jitter, cut-outs on paths, and smooth bending.

A track says where the centre of a picture is in each frame, how it is turned and enlarged, and how it is bent. Tracks
are small arrays on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from rtdenoise.arrays import Doubles

from .operators import smooth_steps, tensor
from .shutter import at_moments

_KNOTS = 5  # of a slow bending, per side
_SLOWEST, _FASTEST = 0.2, 24.0  # pixels per frame
_ERRATIC = 0.2  # share of the cut-outs
_LEAF = 14  # pixels from one knot of trembling leaves to the next
_SIDE = 0.92  # of the radius: beyond, the surface is seen from the side, and what is there too fine to be shown


@dataclass(frozen=True)
class Track:
    """Where a layer is in each of T frames.

    ``x`` and ``y`` are its centre in output pixels from the frame's centre, ``angle`` in radians, ``zoom`` as a
    factor, (T,) each. ``bends`` are displacements at K × K knots over the frame, (T, 2, K, K) in pixels, or None.
    ``turn`` is for what stands upright and is round as a head: the angle in radians by which it is turned to the side,
    (T,), and ``radius`` how far its sides are from its middle, in output pixels at a zoom of 1. None for what is flat.
    """

    x: Doubles
    y: Doubles
    angle: Doubles
    zoom: Doubles
    bends: Doubles | None = None
    turn: Doubles | None = None
    radius: float = 0.0

    @property
    def still(self) -> bool:
        """Whether every frame is like the first."""
        optional = (part for part in (self.bends, self.turn) if part is not None)
        parts = (self.x, self.y, self.angle, self.zoom, *optional)
        return all(bool(np.all(p == p[:1])) for p in parts)

    def first(self) -> Track:
        """The first frame alone."""
        return self._each(slice(1))

    def every(self, step: int) -> Track:
        """Every so many-th frame: a lower frame rate, and larger movement from frame to frame."""
        return self._each(slice(None, None, step))

    def _each(self, frames: slice) -> Track:
        bends = None if self.bends is None else self.bends[frames]
        turn = None if self.turn is None else self.turn[frames]
        parts = (self.x, self.y, self.angle, self.zoom)
        x, y, angle, zoom = (part[frames] for part in parts)
        return Track(x, y, angle, zoom, bends, turn, self.radius)

    def later(self, moment: float) -> Track:
        """The track at other times, ``moment`` frames later; held at both ends."""

        def then(values: Doubles) -> Doubles:
            return at_moments(values, np.array([moment]))[:, 0]

        bends = None if self.bends is None else then(self.bends)
        turn = None if self.turn is None else then(self.turn)
        x, y, angle, zoom = (then(part) for part in (self.x, self.y, self.angle, self.zoom))
        return Track(x, y, angle, zoom, bends, turn, self.radius)

    def positions(
        self,
        columns: Doubles,
        rows: Doubles,
        device: torch.device,
        moments: Doubles | None = None,
    ) -> torch.Tensor:
        """Where in the layer each output pixel lies, from the layer's centre: (T, rows, columns, 2).

        Args:
            columns: The pixels' columns from the frame's centre, rising evenly, (W,).
            rows: Likewise, (H,).
            device: Where the result is.
            moments: When each row is seen, from the frame's time in frames, (H,); None: all at the frame's time.
        """
        if moments is not None and not self.still:
            if np.all(moments == moments[0]):
                return self.later(float(moments[0])).positions(columns, rows, device)
            return self._row_by_row(columns, rows, device, moments)
        cosine, sine = np.cos(self.angle) / self.zoom, np.sin(self.angle) / self.zoom
        # q = R (p − c) / zoom, whose x is a column's part and a row's part
        x0 = -cosine * self.x - sine * self.y
        y0 = sine * self.x - cosine * self.y
        along = np.stack([cosine, -sine], -1)[:, None, :] * columns[None, :, None]  # (T, W, 2)
        down = np.stack([sine, cosine], -1)[:, None, :] * rows[None, :, None]  # (T, H, 2)
        down = down + np.stack([x0, y0], -1)[:, None, :]
        grid = tensor(along, device)[:, None] + tensor(down, device)[:, :, None]
        if self.bends is not None:
            grid += self._bending(len(columns), len(rows), device)
        return grid

    def _row_by_row(
        self, columns: Doubles, rows: Doubles, device: torch.device, moments: Doubles
    ) -> torch.Tensor:
        """The same where each row is seen at a moment of its own."""
        parts = (self.x, self.y, self.angle, self.zoom)
        x, y, angle, zoom = (at_moments(part, moments) for part in parts)  # (T, H) each
        cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
        down = rows[None, :] - y
        first = np.stack([sine * down - cosine * x, cosine * down + sine * x], -1)
        step = np.stack([cosine, -sine], -1)
        across = tensor(columns, device)[:, None]
        grid = tensor(first, device)[:, :, None] + tensor(step, device)[:, :, None] * across
        if self.bends is not None:
            bending = self._bending(len(columns), len(rows), device)
            last = len(bending) - 1
            at = np.clip(np.arange(last + 1)[:, None] + moments[None, :], 0, last)
            before = torch.from_numpy(np.minimum(at.astype(np.int64), max(last - 1, 0))).to(device)
            share = tensor(at, device)[:, :, None, None] - before[:, :, None, None]
            row = torch.arange(len(rows), device=device)[None, :]
            grid += bending[before, row] * (1 - share)
            grid += bending[(before + 1).clamp(max=last), row] * share
        return grid

    def turned(self, grid: torch.Tensor, moments: Doubles | None = None) -> torch.Tensor:
        """Positions on the surface of what is round and turns, from those on its outline; see :meth:`positions`.

        The layer is wound round an upright cylinder: the place that is seen at the middle where nothing is turned is
        the layer's middle, and ``radius`` · π/2 from there is what is seen at the side.
        """
        if self.turn is None:
            return grid
        rows = grid.shape[1]
        when = np.zeros(rows) if moments is None else moments
        turn = at_moments(self.turn, when)
        side = (grid[..., 0] / self.radius).clamp(-_SIDE, _SIDE)
        along = self.radius * (torch.asin(side) - tensor(turn, grid.device)[:, :, None])
        return torch.stack([along, grid[..., 1]], -1)

    def _bending(self, width: int, height: int, device: torch.device) -> torch.Tensor:
        if self.bends is None:
            raise ValueError("the track does not bend")
        frames, _, count, _ = self.bends.shape
        knots = tensor(self.bends, device)
        across = tensor(smooth_steps(width, count).T, device)
        down = tensor(smooth_steps(height, count), device)
        fine = down @ (knots.view(-1, count, count) @ across)
        return fine.view(frames, 2, height, width).permute(0, 2, 3, 1)


# ---------------------------------------------------------------- random tracks


def resting(frames: int) -> Track:
    """A track that never moves."""
    zero = np.zeros(frames)
    return Track(zero, zero, zero, zero + 1)


def activity(random: np.random.Generator, frames: int) -> Doubles:
    """How lively a movement is in each frame, (T,) from −1 to 1: steady, started, stopped, to and fro."""
    t = np.arange(frames)
    kind = random.random()
    if kind < 0.5:
        return np.ones(frames)
    ramp = random.uniform(0.5, 5)
    if kind < 0.85:
        start = random.uniform(0, 0.8) * frames
        stop = start + random.uniform(0.15, 1) * frames
        if random.random() < 0.4:
            start = -ramp
        return np.asarray(np.clip((t - start) / ramp, 0, 1) * np.clip((stop - t) / ramp, 0, 1))
    period = random.uniform(8, 60)
    return np.asarray(np.cos(2 * np.pi * (t / period + random.random())))


def speed(random: np.random.Generator) -> float:
    """Pixels per frame, evenly spread over the logarithm from slow to fast."""
    return float(np.exp(random.uniform(np.log(_SLOWEST), np.log(_FASTEST))))


def travel(
    random: np.random.Generator, frames: int, fastest: float
) -> tuple[Doubles, Doubles, Doubles]:
    """A smooth path from (0, 0) and how lively it is: x, y, activity, (T,) each."""
    lively = activity(random, frames)
    pace = min(speed(random), fastest) * lively
    turning = random.normal(0, 0.06)
    heading = random.uniform(0, 2 * np.pi) + turning * np.arange(frames)
    x, y = np.cumsum(pace * np.cos(heading)), np.cumsum(pace * np.sin(heading))
    return x - x[0], y - y[0], lively


def erratic(random: np.random.Generator, frames: int) -> tuple[Doubles, Doubles]:
    """A path without a plan, as of a hand that talks: it halts, darts off and turns round; x and y, (T,) each."""
    pace = np.exp(random.normal(np.log(2), 1, frames)) * (random.random(frames) < 0.8)
    pace = np.minimum(pace, _FASTEST)
    # A heading is kept for three frames in the mean.
    fresh = random.random(frames) < 1 / 3
    heading = random.uniform(0, 2 * np.pi, frames)[np.cumsum(fresh) % frames]
    x, y = np.cumsum(pace * np.cos(heading)), np.cumsum(pace * np.sin(heading))
    return x - x[0], y - y[0]


def camera_track(random: np.random.Generator, frames: int) -> Track:
    """A moving camera: a pan, a zoom, a small rotation, a shaking hand, or several of them."""
    x, y, angle = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    zoom = np.ones(frames)
    kinds = random.random(4) < (0.6, 0.3, 0.25, 0.4)
    if not kinds.any():
        kinds[0] = True
    if kinds[0]:
        x, y, _ = travel(random, frames, _FASTEST)
    if kinds[1]:
        rate = random.choice([-1, 1]) * np.exp(random.uniform(np.log(0.0005), np.log(0.02)))
        zoom = np.exp(np.clip(np.cumsum(rate * activity(random, frames)), -0.4, 0.4))
    if kinds[2]:
        rate = random.choice([-1, 1]) * np.exp(random.uniform(np.log(0.0005), np.log(0.02)))
        angle = np.clip(np.cumsum(rate * activity(random, frames)), -0.3, 0.3)
    if kinds[3]:
        size = np.exp(random.uniform(np.log(0.15), np.log(3)))
        x, y = x + size * _sway(random, frames), y + size * _sway(random, frames)
        angle = angle + 0.002 * size * _sway(random, frames)
    return Track(x, y, angle, zoom)


def object_track(random: np.random.Generator, frames: int, width: int, height: int) -> Track:
    """A cut-out on its way through the frame; at the frame's edge it turns back."""
    x, y, lively = travel(random, frames, _FASTEST)
    if random.random() < _ERRATIC:
        x, y = erratic(random, frames)
    x = _fold(x + random.uniform(-0.5, 0.5) * width, 0.55 * width)
    y = _fold(y + random.uniform(-0.5, 0.5) * height, 0.55 * height)
    angle = np.full(frames, random.uniform(-np.pi, np.pi))
    zoom = np.ones(frames)
    if random.random() < 0.5:
        angle = angle + np.cumsum(random.normal(0, 0.03) * lively)
    if random.random() < 0.4:
        zoom = np.exp(np.clip(np.cumsum(random.normal(0, 0.01) * lively), -0.5, 0.5))
    bends = bending(random, frames, np.exp(random.uniform(0, 2))) if random.random() < 0.4 else None
    return Track(x, y, angle, zoom, bends)


def bending(
    random: np.random.Generator, frames: int, size: float, place: Doubles | None = None
) -> Doubles:
    """Smooth deformation to and fro, (T, 2, 5, 5) in pixels.

    Args:
        random: Draws it.
        frames: How many.
        size: Of the displacement, in pixels.
        place: Weights of the knots, (5, 5); None bends everywhere.
    """
    t = np.arange(frames)
    bends = np.zeros((frames, 2, _KNOTS, _KNOTS))
    for _ in range(2):
        field = random.normal(0, size / 2, (2, _KNOTS, _KNOTS))
        wave = np.sin(2 * np.pi * (t / random.uniform(10, 70) + random.random()))
        if random.random() < 0.3:  # holds still for a while
            wave[int(random.integers(frames)) :] = wave[-1]
        bends += wave[:, None, None, None] * field
    return bends if place is None else bends * place


def trembling(random: np.random.Generator, frames: int, side: int, place: Doubles) -> Doubles:
    """Leaves in the wind: each place trembles by itself, quickly, in gusts, (T, 2, K, K) in pixels.

    Args:
        random: Draws it.
        frames: How many.
        side: of the frame in pixels.
        place: Weights of 5 × 5 knots: where there are leaves.
    """
    count = max(_KNOTS, round(side / _LEAF))
    t = np.arange(frames)[:, None, None, None]
    size = np.exp(random.uniform(np.log(0.3), np.log(4)))
    shape = (1, 2, count, count)
    # From a period of two frames, which looks white in time, to slow swaying.
    period = np.exp(random.uniform(np.log(2), np.log(16), shape))
    wave = np.sin(2 * np.pi * (t / period + random.random(shape))) * random.normal(0, 1, shape)
    wave += 0.5 * random.normal(0, 1, (frames, *shape[1:]))
    gusts = 0.5 + 0.5 * np.sin(2 * np.pi * (t / random.uniform(15, 60) + random.random()))
    fine = smooth_steps(count, _KNOTS)
    return np.asarray(size * gusts * wave * (fine @ place @ fine.T))


def talking_place(random: np.random.Generator) -> Doubles:
    """Knots near one place of the frame, (5, 5): what is around it stays where it is."""
    knots = np.arange(_KNOTS)
    x, y = random.uniform(0.8, 3.2, 2)
    wide = random.uniform(0.5, 1.0)
    distance = (knots[None, :] - x) ** 2 + (knots[:, None] - y) ** 2
    weights = np.exp(-distance / (2 * wide**2))
    return np.asarray(np.where(weights < 0.1, 0, weights))


def _sway(random: np.random.Generator, frames: int) -> Doubles:
    """A smooth random movement of standard deviation 1, as of a hand, (T,)."""
    steps = random.normal(0, 1, frames + 40)
    smooth = np.exp(-(np.arange(-8, 9) ** 2) / (2 * random.uniform(0.8, 4) ** 2))
    path = np.convolve(steps, smooth / np.sqrt((smooth**2).sum()), mode="same")
    return np.asarray(path[20 : 20 + frames], float)


def _fold(x: Doubles, limit: float) -> Doubles:
    """Mirrors a path at ±limit."""
    return np.asarray(limit - np.abs((x + limit) % (4 * limit) - 2 * limit))

"""Makes still pictures move: pans, zooms, turns, jitter, cut-outs on paths, and smooth bending.

A clip is a background and cut-outs in front of it. Each is a picture (a *layer*) with a track that says where its
centre is in each frame, how it is turned and enlarged, and how it is bent. Tracks are small arrays on the CPU;
the sampling happens where the pictures are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .operators import smooth_steps, tensor

Doubles = NDArray[np.float64]

CELL = 4  # luma pixels per side of a cell of the mask of what moved
_MOVES = 0.1  # pixels per frame from which on something counts as moving
_COVERS = 0.03  # share of a cut-out from which on it counts as there
_KNOTS = 5  # of the bending, per side
_SLOWEST, _FASTEST = 0.2, 24.0  # pixels per frame


@dataclass(frozen=True)
class Track:
    """Where a layer is in each of T frames.

    ``x`` and ``y`` are its centre in output pixels from the frame's centre, ``angle`` in radians, ``zoom`` as a
    factor, (T,) each. ``bends`` are displacements at 5 × 5 knots over the frame, (T, 2, 5, 5) in pixels, or None.
    """

    x: Doubles
    y: Doubles
    angle: Doubles
    zoom: Doubles
    bends: Doubles | None = None

    @property
    def still(self) -> bool:
        """Whether every frame is like the first."""
        parts = (self.x, self.y, self.angle, self.zoom)
        bent = self.bends is not None and bool(np.any(self.bends != self.bends[:1]))
        return not bent and all(bool(np.all(p == p[0])) for p in parts)

    def first(self) -> Track:
        """The first frame alone."""
        bends = None if self.bends is None else self.bends[:1]
        return Track(self.x[:1], self.y[:1], self.angle[:1], self.zoom[:1], bends)

    def positions(self, columns: Doubles, rows: Doubles, device: torch.device) -> torch.Tensor:
        """Where in the layer each output pixel lies, from the layer's centre: (T, rows, columns, 2).

        Args:
            columns: The pixels' columns from the frame's centre, rising evenly, (W,).
            rows: Likewise, (H,).
            device: Where the result is.
        """
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

    def _bending(self, width: int, height: int, device: torch.device) -> torch.Tensor:
        if self.bends is None:
            raise ValueError("the track does not bend")
        frames = self.bends.shape[0]
        knots = tensor(self.bends, device)
        across = tensor(smooth_steps(width, _KNOTS).T, device)
        down = tensor(smooth_steps(height, _KNOTS), device)
        fine = down @ (knots.view(-1, _KNOTS, _KNOTS) @ across)
        return fine.view(frames, 2, height, width).permute(0, 2, 3, 1)


@dataclass(frozen=True)
class Layer:
    """A picture and its track.

    ``picture`` is (C, h, w) with ``density`` of its pixels per output pixel; a cut-out has its mask as an additional
    last channel, while a background goes on mirrored at its edges. ``sharp`` samples with cubic curves, which a
    picture needs that has no more pixels than the output.
    """

    picture: torch.Tensor
    track: Track
    density: float = 2.0
    cut_out: bool = False
    sharp: bool = False

    def sample(self, width: int, height: int) -> torch.Tensor:
        """The layer in each frame, (T, C, height, width); (1, …) where it is still."""
        track = self.track.first() if self.track.still else self.track
        device = self.picture.device
        grid = track.positions(_centred(width), _centred(height), device)
        rows, columns = self.picture.shape[1:]
        grid *= torch.tensor([2 * self.density / columns, 2 * self.density / rows], device=device)
        source = self.picture[None].expand(grid.shape[0], -1, -1, -1)
        padding = "zeros" if self.cut_out else "reflection"
        mode = "bicubic" if self.sharp else "bilinear"
        return torch.nn.functional.grid_sample(
            source, grid, mode=mode, padding_mode=padding, align_corners=False
        )

    def moves(self, width: int, height: int) -> torch.Tensor:
        """Which cells move against the frame before, as far as the layer covers them: (T, H/4, W/4)."""
        frames = len(self.track.x)
        device = self.picture.device
        moved = torch.zeros(
            (frames, height // CELL, width // CELL), dtype=torch.bool, device=device
        )
        if not self.track.still:
            columns, rows = (_centred(n // CELL) * CELL for n in (width, height))
            at = self.track.positions(columns, rows, device)
            zoom = tensor(self.track.zoom[1:], device)[:, None, None]
            moved[1:] = (at[1:] - at[:-1]).norm(dim=-1) * zoom > _MOVES
        return moved


@dataclass(frozen=True)
class Scene:
    """Layers from back to front, and how the light changes.

    ``exposure`` is a factor per frame, (T,); ``bands`` a factor per frame and row, (T, H); None for none.
    """

    layers: list[Layer]
    frames: int
    exposure: Doubles | None = None
    bands: Doubles | None = None

    def render(self, width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The picture of each frame, (T, C, H, W), or (1, C, H, W) where nothing ever changes; and what moved.

        Returns:
            The pictures, and which cells something moved across or uncovered, (T, H/4, W/4), none in the first.
        """
        back = self.layers[0]
        picture = back.sample(width, height)
        moving = back.moves(width, height)
        for layer in self.layers[1:]:
            front = layer.sample(width, height)
            mask = front[:, -1:].clamp(0, 1)
            picture = torch.lerp(picture, front[:, :-1], mask)
            there = torch.nn.functional.max_pool2d(mask, 2 * CELL, CELL, CELL // 2)[:, 0] > _COVERS
            there = there.expand(self.frames, -1, -1)
            moving[1:] |= layer.moves(width, height)[1:] & (there[1:] | there[:-1])
        device = picture.device
        if self.exposure is not None:
            picture = picture * tensor(self.exposure, device)[:, None, None, None]
        if self.bands is not None:
            picture = picture * tensor(self.bands, device)[:, None, :, None]
        return picture, moving


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


def talking_place(random: np.random.Generator) -> Doubles:
    """Knots near one place of the frame, (5, 5): what is around it stays where it is."""
    knots = np.arange(_KNOTS)
    x, y = random.uniform(0.8, 3.2, 2)
    wide = random.uniform(0.5, 1.0)
    distance = (knots[None, :] - x) ** 2 + (knots[:, None] - y) ** 2
    weights = np.exp(-distance / (2 * wide**2))
    return np.asarray(np.where(weights < 0.1, 0, weights))


def cut_out_mask(
    random: np.random.Generator, side: int, radius: float, device: torch.device
) -> torch.Tensor:
    """An irregular patch with a soft or hard edge, (side, side) from 0 to 1.

    Args:
        random: Draws its outline.
        side: Pixels.
        radius: Mean distance of the outline from the centre, in pixels.
        device: Where it is needed.
    """
    at = torch.arange(side, device=device, dtype=torch.float32) - (side - 1) / 2
    x, y = at[None, :], at[:, None]
    stretch = float(np.exp(random.normal(0, 0.25)))
    distance = ((x * stretch) ** 2 + (y / stretch) ** 2).sqrt()
    direction = torch.atan2(y / stretch, x * stretch)
    outline = torch.ones_like(distance)
    for k in range(1, 7):
        size, phase = random.normal(0, 0.16 / k**0.7), random.uniform(0, 2 * np.pi)
        outline += size * torch.cos(k * direction + phase)
    soft = float(np.exp(random.uniform(np.log(1.0), np.log(8))))
    mask = ((outline.clamp(0.3, 1.5) * radius - distance) / soft + 0.5).clamp_(0, 1)
    # What would reach over the edge of the patch fades out before it.
    room = (side / 2 - torch.maximum(x.abs(), y.abs())).clamp(0, 4) / 4
    return mask * room


def _sway(random: np.random.Generator, frames: int) -> Doubles:
    """A smooth random movement of standard deviation 1, as of a hand, (T,)."""
    steps = random.normal(0, 1, frames + 40)
    smooth = np.exp(-(np.arange(-8, 9) ** 2) / (2 * random.uniform(0.8, 4) ** 2))
    path = np.convolve(steps, smooth / np.sqrt((smooth**2).sum()), mode="same")
    return np.asarray(path[20 : 20 + frames], float)


def _fold(x: Doubles, limit: float) -> Doubles:
    """Mirrors a path at ±limit."""
    return np.asarray(limit - np.abs((x + limit) % (4 * limit) - 2 * limit))


def _centred(size: int) -> Doubles:
    return np.asarray(np.arange(size) - (size - 1) / 2, float)

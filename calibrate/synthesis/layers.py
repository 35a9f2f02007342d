"""Pictures in front of each other that make up a scene, and what of it moves.

A clip is a background and cut-outs in front of it. Each is a picture (a *layer*) with a track (:mod:`.motion`). The
sampling happens where the pictures are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from rtdenoise.arrays import Doubles
from rtdenoise.noise.dct import BLOCK

from .motion import Track
from .operators import tensor
from .shutter import Shutter

_MOVES = 0.1  # pixels per frame from which on something counts as moving
_COVERS = 0.03  # share of a cut-out from which on it counts as there
_CHANGES = 0.02  # of a layer's share or a screen's brightness from which on it counts as changed


@dataclass(frozen=True)
class Layer:
    """A picture and its track.

    ``picture`` is (C, h, w) with ``density`` of its pixels per output pixel; a cut-out has its mask as an additional
    last channel, while a background goes on mirrored at its edges. ``sharp`` samples with cubic curves, which a
    picture needs that has no more pixels than the output. ``shown`` says how much of a cut-out is seen in each frame,
    (T,) from 0 to 1; None for all of it.
    """

    picture: torch.Tensor
    track: Track
    density: float = 2.0
    cut_out: bool = False
    sharp: bool = False
    shown: Doubles | None = None

    def sample(self, width: int, height: int, moments: Doubles | None = None) -> torch.Tensor:
        """The layer in each frame, (T, C, height, width); (1, …) where it is still.

        Args:
            width: Output pixels.
            height: The same.
            moments: When each row is seen, as :meth:`.motion.Track.positions` has it.
        """
        track = self.track.first() if self.track.still else self.track
        device = self.picture.device
        outline = track.positions(_centred(width), _centred(height), device, moments)
        padding = "zeros" if self.cut_out else "reflection"
        if track.turn is None:
            return self._sampled(self.picture, outline, padding)
        # What is round keeps its outline while its surface turns; that goes on mirrored at the back.
        surface = self._sampled(self.picture[:-1], track.turned(outline, moments), "reflection")
        return torch.cat([surface, self._sampled(self.picture[-1:], outline, padding)], 1)

    def _sampled(self, picture: torch.Tensor, grid: torch.Tensor, padding: str) -> torch.Tensor:
        rows, columns = picture.shape[1:]
        scale = [2 * self.density / columns, 2 * self.density / rows]
        source = picture[None].expand(grid.shape[0], -1, -1, -1)
        mode = "bicubic" if self.sharp else "bilinear"
        return torch.nn.functional.grid_sample(
            source,
            grid * torch.tensor(scale, device=grid.device),
            mode=mode,
            padding_mode=padding,
            align_corners=False,
        )

    def moves(self, width: int, height: int, moments: Doubles | None = None) -> torch.Tensor:
        """Which blocks move against the frame before, as far as the layer covers them: (T, H/4, W/4).

        ``moments`` is when each row of blocks is seen.
        """
        frames = len(self.track.x)
        device = self.picture.device
        moved = torch.zeros(
            (frames, height // BLOCK, width // BLOCK), dtype=torch.bool, device=device
        )
        if not self.track.still:
            columns, rows = (_centred(n // BLOCK) * BLOCK for n in (width, height))
            outline = self.track.positions(columns, rows, device, moments)
            at = self.track.turned(outline, moments)
            zoom = tensor(self.track.zoom[1:], device)[:, None, None]
            moved[1:] = (at[1:] - at[:-1]).norm(dim=-1) * zoom > _MOVES
        if self.shown is not None:
            changed = np.abs(np.diff(self.shown)) > _CHANGES
            moved[1:] |= torch.from_numpy(changed).to(device)[:, None, None]
        return moved

    def mask(self, sampled: torch.Tensor) -> torch.Tensor:
        """How much of a cut-out is seen at each pixel, (T, 1, H, W), of what was sampled."""
        mask = sampled[:, -1:].clamp(0, 1)
        if self.shown is None:
            return mask
        return mask * tensor(self.shown, mask.device)[:, None, None, None]


@dataclass(frozen=True)
class Screen:
    """A region of the background that shows a scene of its own: a screen, a mirror, a window.

    ``left``, ``top``, ``width`` and ``height`` are output pixels, multiples of 4; ``brightness`` is a factor per
    frame, (T,): a screen flickers, and what it shows changes at once.
    """

    scene: Scene
    left: int
    top: int
    width: int
    height: int
    brightness: Doubles

    def put(self, picture: torch.Tensor, moving: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The pictures (T or 1, C, H, W) and the blocks that move (T, H/4, W/4) with the screen in them."""
        shown, moved = self.scene.render(self.width, self.height)
        frames = self.scene.frames
        whole = picture.expand(frames, -1, -1, -1).clone()
        bright = tensor(self.brightness, picture.device)[:, None, None, None]
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        whole[:, :, rows, columns] = shown * bright
        change = np.abs(np.diff(self.brightness, prepend=self.brightness[:1])) > _CHANGES
        moved = moved | torch.from_numpy(change).to(moved.device)[:, None, None]
        blocks = tuple(slice(s.start // BLOCK, s.stop // BLOCK) for s in (rows, columns))
        moving = moving.clone()
        moving[:, blocks[0], blocks[1]] = moved
        return whole, moving


@dataclass(frozen=True)
class Scene:
    """Layers from back to front, screens in the hindmost of them, and how the light changes.

    ``exposure`` is a factor per frame, (T,); ``banding`` a factor per frame and row, (T, H); None for none. ``shutter``
    blurs and leans what moves, but for what screens show; None: every frame is one moment.
    """

    layers: list[Layer]
    frames: int
    exposure: Doubles | None = None
    banding: Doubles | None = None
    screens: list[Screen] = field(default_factory=list)
    shutter: Shutter | None = None

    def render(self, width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The picture of each frame, (T, C, H, W), or (1, C, H, W) where nothing ever changes; and what moved.

        Returns:
            The pictures, and which blocks something moved across or uncovered, (T, H/4, W/4), none in the first.
        """
        moments: list[Doubles | None] = [None]
        if self.shutter is not None and not all(layer.track.still for layer in self.layers):
            moments = [*self.shutter.moments(height)]
        picture, moving = self._seen(width, height, moments[0])
        for others in moments[1:]:
            more, also = self._seen(width, height, others)
            picture += more
            moving |= also
        if len(moments) > 1:
            picture /= len(moments)
        device = picture.device
        if self.exposure is not None:
            picture = picture * tensor(self.exposure, device)[:, None, None, None]
        if self.banding is not None:
            picture = picture * tensor(self.banding, device)[:, None, :, None]
        return picture, moving

    def _seen(
        self, width: int, height: int, moments: Doubles | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The pictures of one moment of each row, and what moved; the light does not change."""
        of_blocks = None if moments is None else moments.reshape(-1, BLOCK).mean(1)
        back = self.layers[0]
        picture = back.sample(width, height, moments)
        moving = back.moves(width, height, of_blocks)
        for screen in self.screens:
            picture, moving = screen.put(picture, moving)
        for layer in self.layers[1:]:
            front = layer.sample(width, height, moments)
            mask = layer.mask(front)
            picture = torch.lerp(picture, front[:, :-1], mask)
            there = (
                torch.nn.functional.max_pool2d(mask, 2 * BLOCK, BLOCK, BLOCK // 2)[:, 0] > _COVERS
            )
            there = there.expand(self.frames, -1, -1)
            moved = layer.moves(width, height, of_blocks)
            moving[1:] |= moved[1:] & (there[1:] | there[:-1])
        return picture, moving


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


def _centred(size: int) -> Doubles:
    return np.asarray(np.arange(size) - (size - 1) / 2, float)

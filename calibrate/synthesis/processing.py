"""What a camera's processor does to detail: it smooths what is flat, smooths along edges, and sharpens edges.

    noise on even walls → smoothed in all directions: weak and blotchy
    noise at edges      → smoothed along the edge, sharpened with it: strong, and rough across the edge
    the clean picture   → edges are sharpened, up to a limit of their overshoot

The clean picture decides where there is an edge, and noise goes through odd functions only: it stays white in time, and
the mean of many frames is the sharpened clean picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from .edges import Edges, edges_of, slopes
from .operators import gaussian, separable, tensor

_REACH = 2  # taps to both sides along an edge
# (rows, columns) from tap to tap along each direction of an edge
_STEPS = ((1, 0), (-1, 1), (0, 1), (1, 1))
_TYPICAL = 0.6  # pixels: how far what the noise comes as is correlated, as the standard deviation of a Gaussian
_FLAT = 1e-3  # weight of edges below which a picture has none
_IMPULSE = 33


@dataclass(frozen=True)
class Processing:
    """How strongly a processor filters luma. Lengths are standard deviations in pixels.

    ``smoothing`` is the share of the noise on even walls that is replaced by its blur of ``width``; ``along`` the
    blur of noise along edges; ``half`` the steepness in bytes per pixel at which a place counts half as an edge.
    ``sharpening`` and ``radius`` are an unsharp mask of edges, whose overshoot comes near ``limit`` bytes at most.
    ``trembling`` is by how far the whole picture is off its place in each frame.
    """

    smoothing: float = 0.9
    width: float = 1.2
    along: float = 0.9
    half: float = 6.0
    sharpening: float = 1.5
    radius: float = 1.2
    limit: float = 30.0
    trembling: float = 0.0


class Processor:
    """Filters the luma of one size, (T, H, W) in bytes.

    Args:
        processing: How strongly.
        size: (columns, rows).
        device: Where it computes.
    """

    def __init__(self, processing: Processing, size: tuple[int, int], device: torch.device) -> None:
        self.processing = p = processing
        self._device = device
        self._flat, self._wide = (
            tuple(tensor(gaussian(n, sigma), device) for n in (size[1], size[0]))
            for sigma in (p.width, p.radius)
        )

    def edges(self, clean: torch.Tensor) -> Edges:
        """Where the unsharpened picture has edges for this processor."""
        return edges_of(clean, self.processing.half)

    def sharpen(self, clean: torch.Tensor, edges: Edges) -> torch.Tensor:
        """The clean picture with sharpened edges, not limited to bytes."""
        p = self.processing
        if not p.sharpening:
            return clean
        return clean + p.limit * torch.tanh(self._overshoot(clean, edges))

    def filter(
        self, noise: torch.Tensor, clean: torch.Tensor, edges: Edges, random: torch.Generator
    ) -> torch.Tensor:
        """What becomes of the noise of some frames; ``clean`` and ``edges`` have as many frames, or one for all.

        Args:
            noise: what frames differ by from the clean picture, (T, H, W).
            clean: the picture before it is sharpened.
            edges: its edges.
            random: draws how the picture trembles.
        """
        p = self.processing
        flat = torch.lerp(noise, separable(noise, *self._flat), p.smoothing)
        if float(edges.weight.max()) < _FLAT:
            return flat
        edge = along(noise, edges.direction, p.along)
        if p.sharpening:
            # The slope of the limited overshoot: where it is at its limit, noise is not sharpened.
            gain = 1 - torch.tanh(self._overshoot(clean, edges)).square_()
            more = p.sharpening * gain * (edge - separable(edge, *self._wide))
            edge = edge + p.limit * torch.tanh_(more.div_(p.limit))
        filtered = torch.lerp(flat, edge, edges.weight)
        if p.trembling:
            shift = torch.randn((2, len(noise), 1, 1), generator=random, device=self._device)
            across, down = slopes(self.sharpen(clean, edges))
            filtered += p.trembling * (shift[0] * across + shift[1] * down)
        return filtered

    def power(self, edges: Edges) -> torch.Tensor:
        """About how many times the variance of even walls the noise has, (T, H, W)."""
        return (1 + (self._excess() - 1) * edges.weight).square()

    def _overshoot(self, clean: torch.Tensor, edges: Edges) -> torch.Tensor:
        """The overshoot before it is limited, in limits."""
        p = self.processing
        detail = clean - separable(clean, *self._wide)
        return detail.mul_(edges.weight).mul_(p.sharpening / p.limit)

    def _excess(self) -> float:
        """The standard deviation of noise at a steep edge in that of even walls: from what becomes of an impulse."""
        p = self.processing
        size = (_IMPULSE, _IMPULSE)
        small = Processor(p, size, self._device)
        impulse = tensor(gaussian(_IMPULSE, _TYPICAL), self._device)[_IMPULSE // 2]
        seen = (impulse[:, None] * impulse[None, :])[None]
        flat = torch.lerp(seen, separable(seen, *small._flat), p.smoothing)
        edge = along(seen, torch.zeros_like(seen, dtype=torch.long), p.along)
        edge = edge + p.sharpening * (edge - separable(edge, *small._wide))
        return float(edge.norm() / flat.norm())


def along(noise: torch.Tensor, direction: torch.Tensor, width: float) -> torch.Tensor:
    """Noise, (T, H, W), smoothed along the edges' directions, (T or 1, H, W), by a Gaussian of ``width`` pixels."""
    if width <= 0:
        return noise
    height, columns = noise.shape[1:]
    padded = functional.pad(noise[:, None], (_REACH,) * 4, mode="replicate")[:, 0]

    def shifted(rows: int, across: int) -> torch.Tensor:
        top, left = _REACH + rows, _REACH + across
        return padded[:, top : top + height, left : left + columns]

    result = torch.empty_like(noise)
    for number, (rows, across) in enumerate(_STEPS):
        apart = math.hypot(rows, across)
        taps = [math.exp(-0.5 * (k * apart / width) ** 2) for k in range(_REACH + 1)]
        total = taps[0] + 2 * sum(taps[1:])
        smooth = noise * (taps[0] / total)
        for k, tap in enumerate(taps[1:], 1):
            smooth.add_(shifted(k * rows, k * across), alpha=tap / total)
            smooth.add_(shifted(-k * rows, -k * across), alpha=tap / total)
        result = smooth if number == 0 else torch.where(direction == number, smooth, result)
    return result

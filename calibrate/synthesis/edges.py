"""Where a clean picture has edges, how steep they are and which way they run."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional

# Where the variance is so many times that of even walls, pixels tell nothing of them.
_LEFT_OUT = 1.3


class Edges(NamedTuple):
    """The edges of T frames, (T, H, W) each.

    ``weight`` is 0 on even walls and 1 at steep edges; ``direction`` says along which line an edge runs: 0 down,
    1 to the right and up, 2 to the right, 3 to the right and down.
    """

    weight: torch.Tensor
    direction: torch.Tensor


def slopes(plane: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Slopes across and down of planes (T, H, W), in bytes per pixel, (T, H, W) each."""
    padded = functional.pad(plane[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]).mul_(0.5)
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]).mul_(0.5)
    return across, down


def steepness(plane: torch.Tensor) -> torch.Tensor:
    """How steep a clean plane is, in bytes per pixel: (T, H, W) to the same; the steepest of the neighbourhood."""
    across, down = slopes(plane)
    return _steepest(across.square().add_(down.square()).sqrt_())


def edges_of(plane: torch.Tensor, half: float) -> Edges:
    """The edges of clean planes, (T, H, W); at a steepness of ``half`` bytes per pixel their weight is a half."""
    across, down = slopes(plane)
    both = across * down
    across.square_()
    down.square_()
    power = _steepest(across + down)
    # The structure tensor of 3 × 3 pixels tells the line; twice the angle of its gradient has the sine and cosine …
    cosine, sine = _around(across.sub_(down)), _around(both).mul_(2)
    upright = torch.where(cosine > 0, 0, 2)
    slanted = torch.where(sine > 0, 1, 3)
    direction = torch.where(cosine.abs_() >= sine.abs_(), upright, slanted)
    return Edges(power / (power + half**2), direction)


def usual(power: torch.Tensor) -> torch.Tensor:
    """Where noise is measured as that of its level: where its variance, in that of even walls, is not much above 1."""
    return power <= _LEFT_OUT


def _steepest(plane: torch.Tensor) -> torch.Tensor:
    return functional.max_pool2d(plane[:, None], 3, 1, 1)[:, 0]


def _around(plane: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(plane[:, None], 3, 1, 1)[:, 0]

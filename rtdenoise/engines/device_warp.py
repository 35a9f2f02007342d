"""Moves planes and grids along a flow on a device, as :class:`rtdenoise.alignment.motion.Movement` does on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..alignment.motion import Movement


def place_to_warp(device: torch.device) -> torch.device:
    """Where to sample: Metal has no cubic interpolation, and older versions of it no repeated borders."""
    return torch.device("cpu") if device.type == "mps" else device


def bounding_slices(movement: Movement) -> tuple[slice, slice]:
    """Blocks that the movement's rectangles reach, and where they come from."""
    reach = int(np.ceil(np.abs(movement.flow).max())) + 2
    rows, columns = movement.moved.shape
    rectangles = movement.rectangles
    top, left = min(r.top for r in rectangles) - reach, min(r.left for r in rectangles) - reach
    bottom = max(r.bottom for r in rectangles) + reach
    right = max(r.right for r in rectangles) + reach
    return slice(max(top, 0), min(bottom, rows)), slice(max(left, 0), min(right, columns))


def warped(values: Tensor, flow: Tensor, side: int) -> Tensor:
    """Values moved along.

    Luma is sampled with cubic interpolation wherever it moves: unlike on a CPU that costs hardly more than
    linear. Linear is enough for chroma and for grids.

    Args:
        values: (1, C, rows · side, columns · side); sides of 4 are luma.
        flow: where each block was, as (x, y) in blocks, (1, 2, rows, columns).
        side: Pixels along a block's side.
    """
    rows, columns = values.shape[-2:]
    fine = flow
    if side > 1:
        fine = functional.interpolate(
            flow, size=(rows, columns), mode="bilinear", align_corners=False
        )
    x = fine[:, 0] * side + torch.arange(columns, device=flow.device)
    y = fine[:, 1] * side + torch.arange(rows, device=flow.device)[:, None]
    where = torch.stack([x * (2 / (columns - 1)) - 1, y * (2 / (rows - 1)) - 1], 3)
    return functional.grid_sample(
        values,
        where,
        mode="bicubic" if side == 4 else "bilinear",
        padding_mode="border",
        align_corners=True,
    )

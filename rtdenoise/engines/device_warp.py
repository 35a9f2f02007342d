"""Moves planes and grids along a flow on a device, as :class:`rtdenoise.alignment.motion.Movement` does on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..alignment.motion import Movement


def place_to_warp(device: torch.device) -> torch.device:
    """Where to sample: older versions of Metal have no repeated borders."""
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
    """Values moved along: luma by :func:`lanczos`, chroma and grids linearly.

    Args:
        values: (B, C, rows · side, columns · side); sides of 4 are luma.
        flow: where each block was, as (x, y) in blocks, (B, 2, rows, columns).
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
    if side == 4:
        return lanczos(values, x, y)
    where = torch.stack([x * (2 / (columns - 1)) - 1, y * (2 / (rows - 1)) - 1], 3)
    return functional.grid_sample(
        values, where, mode="bilinear", padding_mode="border", align_corners=True
    )


def lanczos(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Planes between their pixels, by Lanczos's kernel with a = 3 (Duchon 1979), whose weights are made to sum to one.

    What moves is interpolated again in each frame, so that whatever the kernel dampens is soon lost: Keys's cubic
    kernel of four pixels costs what moves up to 0.4 dB where there is little noise.

    Args:
        values: (B, C, H, W); their edges are repeated.
        x: columns of the places, in pixels, (B, h, w).
        y: rows of the places.

    Returns:
        (B, C, h, w).
    """
    rows, columns = values.shape[-2:]
    x, y = x.clamp(-2, columns + 1), y.clamp(-2, rows + 1)
    left, top = x.floor(), y.floor()
    across, down = _lanczos_weights(x - left), _lanczos_weights(y - top)
    flat, total = values.flatten(2), torch.zeros_like(values[:, :, :1, :1])
    shape = (*values.shape[:2], *x.shape[1:])
    for r, share in enumerate(down):
        row = (top + (r - 2)).clamp(0, rows - 1) * columns
        line = torch.zeros_like(total)
        for c, weight in enumerate(across):
            at = (row + (left + (c - 2)).clamp(0, columns - 1)).long().flatten(1)
            found = flat.gather(2, at[:, None].expand(-1, shape[1], -1)).reshape(shape)
            line = line + weight[:, None] * found
        total = total + share[:, None] * line
    return total


def _lanczos_weights(part: Tensor) -> list[Tensor]:
    """Of the pixels from -2 to 3, for places between 0 and 1."""
    weights = [torch.sinc(part - k) * torch.sinc((part - k) / 3) for k in range(-2, 4)]
    total = torch.stack(weights).sum(0)
    return [weight / total for weight in weights]

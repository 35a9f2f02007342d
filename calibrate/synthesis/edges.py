"""Noise that is stronger at edges than on even walls, as real cameras have it.

A camera's own noise reduction smooths where it sees nothing and leaves edges alone; sharpening, JPEG and the least
trembling of the camera add noise at edges. In two still clips of real cameras the standard deviation was two and
nearly five times what it was on even areas of the same level.
"""

from __future__ import annotations

import torch
from torch.nn import functional

# Where the variance is so many times the usual one, a noise curve leaves pixels out (calibrate.noise_curve). What is
# usual, plain walls decide: most of what webcams film. Of photographs they are only the evenest part.
_LEFT_OUT = 2.5
_EVENEST = 0.2
_HALF = 2.0  # bytes per pixel


def steepness(plane: torch.Tensor) -> torch.Tensor:
    """How steep a clean plane is, in bytes per pixel: (T, H, W) to the same; the steepest of the neighbourhood."""
    padded = functional.pad(plane[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    slope = (across.square() + down.square()).sqrt_()
    return functional.max_pool2d(slope[:, None], 3, 1, 1)[:, 0]


def stronger(plane: torch.Tensor, amount: float) -> torch.Tensor:
    """By which factor the noise's standard deviation grows: 1 on even walls, and with the logarithm of steepness."""
    return 1 + amount * torch.log2(1 + steepness(plane) / _HALF)


def kept(plane: torch.Tensor, least: float, half: float) -> torch.Tensor:
    """Which share of the noise a camera's noise reduction leaves: ``least`` on even walls, all at edges.

    ``half`` is the steepness, in bytes per pixel, at which it takes away half as much as on even walls.
    """
    steep = steepness(plane)
    return least + (1 - least) * steep / (steep + half)


def usual(factor: torch.Tensor) -> torch.Tensor:
    """Where noise with these factors is measured as noise, and not left out as something that moved; (H, W)."""
    power = factor.square()
    return (
        power <= _LEFT_OUT * power.flatten().kthvalue(max(int(_EVENEST * power.numel()), 1)).values
    )

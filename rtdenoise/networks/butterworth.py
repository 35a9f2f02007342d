"""The paper's split of a picture into low and high frequencies: a first-order Butterworth filter.

Its gain is 1/(1 + (f/f₀)²), where f is in cycles per pixel. The kernel is finite, so that a tile and the whole
frame give the same result wherever the kernel fits, whatever the tile's size or place.
"""

from __future__ import annotations

import torch
from kornia.filters import filter2d
from torch import nn

HALF_POWER = 0.141
"""The paper's f₀ in cycles per pixel: 31.6 bins of a window of 224 pixels."""

RADIUS = 12
"""Reach of the kernel in pixels. The cut-off tail changes the gain by less than 0.003 at any frequency."""

_GRID = 1024  # samples of the frequency response: wrap-around of the kernel is far below float32 precision


def butterworth_gain(frequency: torch.Tensor, half_power: float = HALF_POWER) -> torch.Tensor:
    """The filter's gain at ``frequency`` (cycles per pixel): 1 at 0, ½ at ``half_power``."""
    ratio = frequency / half_power
    gain: torch.Tensor = 1 / (1 + ratio * ratio)
    return gain


def butterworth_kernel(half_power: float = HALF_POWER, radius: int = RADIUS) -> torch.Tensor:
    """The filter in space, sampled from the exact frequency response.

    Args:
        half_power: f₀ in cycles per pixel, where the gain is ½.
        radius: Pixels kept on each side of the centre.

    Returns:
        (2·radius + 1, 2·radius + 1) float32 whose sum is 1, so that a flat picture stays as it is.
    """
    axis = torch.fft.fftfreq(_GRID, dtype=torch.float64)
    frequency = torch.hypot(axis[:, None], axis[None, :])
    space = torch.fft.ifft2(butterworth_gain(frequency, half_power)).real
    around = torch.arange(-radius, radius + 1) % _GRID
    kernel = space[around][:, around]
    unit: torch.Tensor = kernel / kernel.sum()
    return unit.to(torch.float32)


class ButterworthLowPass(nn.Module):
    """Keeps the low frequencies of a grey picture; has nothing to train.

    Args:
        half_power: f₀ in cycles per pixel.
        radius: Reach of the kernel in pixels.
    """

    kernel: torch.Tensor

    def __init__(self, half_power: float = HALF_POWER, radius: int = RADIUS) -> None:
        super().__init__()
        self.radius = radius
        # Not saved with the weights: it follows from the two numbers above.
        self.register_buffer(
            "kernel", butterworth_kernel(half_power, radius)[None], persistent=False
        )

    def forward(self, grey: torch.Tensor, valid: bool = False) -> torch.Tensor:
        """Filters ``grey``.

        Args:
            grey: (B, 1, H, W).
            valid: Give only the pixels for which the kernel fits: (B, 1, H − 2·radius, W − 2·radius). Otherwise
                the picture is mirrored at its borders.

        Returns:
            (B, 1, H, W), or smaller where ``valid``.
        """
        kernel = self.kernel.to(grey.dtype)
        if not valid and min(grey.shape[-2:]) <= self.radius:
            # Too small to mirror in one go.
            grey = nn.functional.pad(grey, (self.radius,) * 4, mode="replicate")
            valid = True
        low: torch.Tensor = filter2d(
            grey, kernel, border_type="reflect", padding="valid" if valid else "same"
        )
        return low

"""Tone curves: from linear light to the picture's values."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_FLOOR = -0.25


@dataclass(frozen=True)
class Tone:
    """A tone curve: slope · x near black, then (1 + offset) · x^power − offset."""

    slope: float
    power: float
    offset: float
    start: float

    def __call__(self, linear: torch.Tensor) -> torch.Tensor:
        """Linear light to the picture's values; below black the straight part goes on."""
        curved = (
            linear.clamp(min=self.start).pow_(self.power).mul_(1 + self.offset).sub_(self.offset)
        )
        return torch.where(linear < self.start, linear * self.slope, curved).clamp_(_FLOOR, 1)


BT709 = Tone(4.5, 0.45, 0.099, 0.018)
SRGB = Tone(12.92, 1 / 2.4, 0.055, 0.0031308)


def tone_of(power: float, offset: float) -> Tone:
    """A curve whose straight part joins without a bend.

    Value and slope agree at x where (1 + offset) · x^power · (1 − power) = offset.
    """
    start = (offset / ((1 + offset) * (1 - power))) ** (1 / power)
    return Tone((1 + offset) * power * start ** (power - 1), power, offset, start)

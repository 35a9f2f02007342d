"""The noise at each place of the picture, as the stream itself tells it while it runs.

A noise model says the variance at each level. Real cameras smooth what is flat and sharpen what is not, so that at
edges there can be a hundred times as much, with another spectrum. What the model leaves open is learned per block: the
mean square of the innovation, which is 1 in units of the model where the model is right (innovation-based adaptive
filtering: Mehra, "On the identification of variances and adaptive Kalman filtering", 1970). What moves makes
innovations large, too, so that this is believed to be noise only as far as three things hold:

- It is white: successive innovations are not alike. What persists or drifts repeats itself.
- It is fine: the noise of a sharpened edge has its energy in the fine coefficients. What moves changes the means of
  blocks as much.
- It is a part of what stands there: less than the average's own detail. A texture that moves differs by all of it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..noise.structure import GROUP_OF
from .constants import (
    CUT_AFTER,
    FINE,
    LARGEST,
    LEAST_RATE,
    MODEL_FRAMES,
    MOST_RISE,
    PART,
    RISE_MORE,
    ROOM,
    TINY,
    WHITE,
)
from .constants import GROUPS as GROUPS

LUMA_GROUPS = 4
_MANY = 7  # blocks along a side: a correlation of so few frames needs many places
_UNSEEN = 1e3  # residual noise variance of an average from which on it has seen nothing


class LocalNoise(NamedTuple):
    """What was learned of the noise at each place.

    ``strength`` (B, 6, h, w) is the mean square of the innovations of each group, in units of the noise model;
    ``white`` (B, 3, h, w) the mean product of successive ones of luma's means, the last of these, and what its
    product with the next one is expected to be, in units of their square; ``frames`` (B, 1, 1, 1) says how many
    frames that rests on.
    """

    strength: Tensor
    white: Tensor
    frames: Tensor


class Excess(NamedTuple):
    """How much stronger than the model the noise is believed to be.

    ``ratio`` (B, 6, h, w) is the noise's variance over the model's, at least 1; ``correlation`` (B, 1, h, w) how much
    successive innovations resemble each other, 0 where they are white.
    """

    ratio: Tensor
    correlation: Tensor


def unknown(coefficients: Tensor) -> LocalNoise:
    """Nothing was learned yet; ``coefficients`` (B, 24, h, w) for size, type and device."""
    strength = torch.ones_like(coefficients[:, : len(GROUPS)])
    return LocalNoise(
        strength, torch.zeros_like(strength[:, :3]), torch.zeros_like(coefficients[:, :1, :1, :1])
    )


def shares(band_std: Tensor) -> Tensor:
    """How much of a pixel's variance each coefficient has, (B, 24, 1, 1), from its deviation in units of a pixel's."""
    return band_std.square()


@torch.no_grad()
def excess(noise: LocalNoise, average: Tensor, share: Tensor) -> Excess:
    """The noise at each place.

    Args:
        noise: What was learned.
        average: The average so far, in units of noise, (B, 24, h, w).
        share: Of a pixel's variance in each coefficient, (B or 1, 24, 1, 1).
    """
    detail = (average[:, 1:16].square() * share[:, 1:16]).sum(1, keepdim=True)
    near = box_mean(torch.cat([noise.strength, detail], 1))
    strength, detail = near[:, :-1], near[:, -1:]
    many = box_mean(torch.cat([noise.white[:, :1], noise.strength[:, :1]], 1), _MANY)
    product, power = many[:, :1], many[:, 1:]
    of_group = [share[:, list(g)].sum(1, keepdim=True) for g in GROUPS[:LUMA_GROUPS]]
    rest = sum((strength[:, i : i + 1] - 1) * of_group[i] for i in range(1, LUMA_GROUPS))
    assert isinstance(rest, Tensor)
    means = (strength[:, :1] - (1 + ROOM)).clamp(min=0) * of_group[0]
    correlation = product / power.clamp(min=TINY)
    fine = rest.clamp(min=TINY)
    trust = (
        _falling(correlation, WHITE)
        * _falling(means / fine, FINE)
        * _falling(fine / detail.clamp(min=TINY), PART)
    )
    # An edge may be one block wide: there the mean with those around says too little.
    strength = torch.maximum(strength, noise.strength)
    return Excess(1 + trust * (strength - 1).clamp(min=0, max=LARGEST), correlation)


@torch.no_grad()
def learn(noise: LocalNoise, difference: Tensor, residual: Tensor, gain: Tensor) -> LocalNoise:
    """Takes in a frame.

    Args:
        noise: What was learned before.
        difference: The frame less the average, in units of noise, (B, 24, h, w).
        residual: The residual noise variance of the average, (B, 3, h, w): coarse luma, fine luma, chroma.
        gain: The weight that the frame was given, alike.
    """
    seen = (residual[:, :1] < _UNSEEN).to(
        residual.dtype
    )  # nothing is known of a state that has seen nothing
    before = residual.clamp(max=1)
    squares = difference.square()
    samples = torch.cat(
        [
            squares[:, list(group)].mean(1, keepdim=True) / (1 + before[:, gate : gate + 1])
            for group, gate in zip(GROUPS, (0, 1, 1, 1, 2, 2), strict=True)
        ],
        1,
    )
    most = torch.where(noise.frames < CUT_AFTER, torch.inf, MOST_RISE * noise.strength + RISE_MORE)
    rate = seen / (noise.frames + 1 + MODEL_FRAMES).clamp(max=1 / LEAST_RATE)
    strength = noise.strength + rate * (torch.minimum(samples, most) - noise.strength)
    mean = difference[:, :1]
    product, last, expected = (noise.white[:, i : i + 1] for i in range(3))
    product = product + rate * (mean * last - expected * noise.strength[:, :1] - product)
    p, k = before[:, :1], gain[:, :1]
    white = torch.cat([product, seen * mean, seen * (p - k - p * k)], 1)
    return LocalNoise(strength, white, noise.frames + seen.amax((2, 3), keepdim=True))


def per_coefficient(groups: Tensor) -> Tensor:
    """What is told per group, (B, 6, h, w), for each coefficient, (B, 24, h, w)."""
    return groups[:, GROUP_OF.tolist()]


def box_mean(a: Tensor, side: int = 3) -> Tensor:
    """Means over ``side`` × ``side`` blocks, an odd number, edges repeated."""
    height, width = a.shape[-2:]
    wide = functional.pad(a, (side // 2,) * 4, mode="replicate")
    rows = sum((wide[:, :, i : i + height] for i in range(1, side)), wide[:, :, :height])
    columns = sum((rows[..., i : i + width] for i in range(1, side)), rows[..., :width])
    return columns / side**2


def _falling(value: Tensor, ends: tuple[float, float]) -> Tensor:
    """1 up to the first end, 0 from the second on."""
    return ((ends[1] - value) / (ends[1] - ends[0])).clamp(0, 1)

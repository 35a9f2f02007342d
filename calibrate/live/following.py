"""What the state has to follow from frame to frame, found in a clip beforehand: brightness changes, and movement.

In use it is found between the average and the new frame; see :mod:`rtdenoise.denoisers.live_network`. Here the clean
picture with some of its noise stands for the average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from rtdenoise.alignment.brightness import SCALED_TOP, follow_brightness
from rtdenoise.alignment.motion import MOVED, Motion, strength
from rtdenoise.noise.dct import MEANS, PLANE_SLICES

# What a denoiser knows of the frame before: the clean picture and some of the noise.
_NOISE_LEFT = 0.45


class BrightnessChange(NamedTuple):
    """How brightness changed since the frame before.

    Of each plane x became x · (1 + ``slope``) + ``offset``, (T, 3) each, then luma's rows of blocks were multiplied by
    1 + ``rows``, (T, h). Offsets are in units of a pixel's noise.
    """

    slope: torch.Tensor
    offset: torch.Tensor
    rows: torch.Tensor


@dataclass(frozen=True)
class Following:
    """What there is to follow: ``brightness``, and where each block was in the frame before, (T, 2, h, w) in blocks."""

    brightness: BrightnessChange
    flow: torch.Tensor


def nothing_to_follow(frames: int, rows: int, columns: int, device: torch.device) -> Following:
    """Nothing moves, and brightness stays as it is."""

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros((frames, *shape), device=device)

    return Following(
        BrightnessChange(zeros(3), zeros(3), zeros(rows)), zeros(2, rows, columns).half()
    )


def find(
    noisy: torch.Tensor,
    clean: torch.Tensor,
    band_std: torch.Tensor,
    cut: torch.Tensor,
    tops: Sequence[float],
) -> Following:
    """What the denoiser would find.

    Args:
        noisy: the frames' coefficients in units of a pixel's noise, (T, 24, h, w).
        clean: theirs without noise.
        band_std: of their noise, (24,).
        cut: frames that nothing is followed to, (T,).
        tops: what the brightest level is in these units, of each plane.
    """
    seen, true = (part[:, list(MEANS)].cpu().numpy() for part in (noisy, clean))
    frames, _, rows, columns = seen.shape
    motion = Motion((rows, columns))
    scales = np.array([SCALED_TOP / max(top, 1e-3) for top in tops], np.float32)
    slope, offset = np.zeros((2, frames, 3), np.float32)
    banding = np.zeros((frames, rows), np.float32)
    flow = np.zeros((frames, 2, rows, columns), np.float16)
    for t in range(1, frames):
        if cut[t]:
            continue
        old = true[t - 1] + np.float32(_NOISE_LEFT) * (seen[t - 1] - true[t - 1])
        old, new = old * scales[:, None, None], seen[t] * scales[:, None, None]
        changes = follow_brightness(old, new, scales)
        for plane, change in enumerate(changes.planes):
            if change is not None:
                slope[t, plane], offset[t, plane] = change[0], change[1] / scales[plane]
        if changes.rows is not None:
            banding[t] = changes.rows
        difference = new[0] - old[0]
        unit = (float(band_std[0]) * scales[0]) ** 2 * (1 + _NOISE_LEFT**2)
        movement = motion.find(old[0], difference, strength(difference, unit) > MOVED)
        if movement is not None:
            flow[t] = movement.flow.transpose(2, 0, 1)
    brightness = BrightnessChange(
        *(torch.from_numpy(np.ascontiguousarray(a)) for a in (slope, offset, banding))
    )
    return Following(
        BrightnessChange(*(part.to(noisy.device) for part in brightness)),
        torch.from_numpy(flow).to(noisy.device),
    )


def brightened(
    coefficients: torch.Tensor, brightness: BrightnessChange, band_std: torch.Tensor
) -> torch.Tensor:
    """Kept coefficients at the brightness of the next frame.

    Args:
        coefficients: in units of noise, (B, 24, h, w).
        brightness: how it changes: ``slope`` and ``offset`` (B, 3), ``rows`` (B, h, w), a factor less one per block.
        band_std: of the coefficients' noise, (B, 24, 1, 1).
    """
    parts = []
    for plane, place in enumerate(PLANE_SLICES):
        part = coefficients[:, place] * (1 + brightness.slope[:, plane, None, None, None])
        if plane == 0:
            part = part * (1 + brightness.rows[:, None])
        offset = brightness.offset[:, plane, None, None, None] / band_std[:, place.start][:, None]
        parts += [part[:, :1] + offset, part[:, 1:]]
    return torch.cat(parts, 1)

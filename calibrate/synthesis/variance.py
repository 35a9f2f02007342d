"""Measures a simulated camera's noise, as a noise model would have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rtdenoise.arrays import Doubles

GREYS = 16
_SIDE = 4  # tiles per side
_MARGIN = 8  # pixels at the edge of a tile that its neighbours reach into
_WIDTH = 12.0  # bytes over which neighbouring levels are averaged
_FLOOR = 1e-3  # squared bytes
_BINS = 64
_BIN = 256 / _BINS
_FEWEST = 40  # pixels for a level to count


def grey_tiles(levels: Doubles, size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Even tiles, (H, W), 4 × 4 of them, neighbours of similar level beside each other."""
    width, height = size
    order = np.arange(GREYS).reshape(_SIDE, _SIDE)
    order[1::2] = order[1::2, ::-1]
    table = torch.as_tensor(np.asarray(levels, np.float32)[order], device=device)
    rows = torch.arange(height, device=device) * _SIDE // height
    columns = torch.arange(width, device=device) * _SIDE // width
    return table[rows][:, columns]


def read_tiles(frames: Sequence[torch.Tensor], size: tuple[int, int]) -> tuple[Doubles, Doubles]:
    """Means and variances of the insides of the tiles, per plane in the order of their levels, (3, 16) each.

    The rows' own noise is part of the variance: deviations are taken from the mean of all frames of a tile.
    """
    means, variances = [], []
    for plane in frames:
        _, height, width = plane.shape
        tall, wide = height // _SIDE, width // _SIDE
        margin = min(_MARGIN * width // size[0], tall // 4, wide // 4)
        blocks = plane[:, : tall * _SIDE, : wide * _SIDE].reshape(-1, _SIDE, tall, _SIDE, wide)
        inside = blocks[:, :, margin : tall - margin, :, margin : wide - margin]
        inside = inside.permute(1, 3, 0, 2, 4).reshape(_SIDE, _SIDE, -1)
        found = torch.stack([inside.mean(-1), inside.var(-1)]).double().cpu().numpy()
        found[:, 1::2] = found[:, 1::2, ::-1]
        means.append(found[0].ravel())
        variances.append(found[1].ravel())
    return np.stack(means), np.stack(variances)


@dataclass(frozen=True)
class Points:
    """Variances measured at levels, (P,) each, and how many pixels each of them rests on."""

    levels: Doubles
    variances: Doubles
    counts: Doubles


def tile_points(frames: Sequence[torch.Tensor], size: tuple[int, int]) -> list[Points]:
    """The noise on tiles, per plane."""
    means, variances = read_tiles(frames, size)
    # Few against the picture's own pixels, whose noise it is that a camera's owner measures.
    few = np.full(GREYS, 12.0)
    return [Points(m, v, few) for m, v in zip(means, variances, strict=True)]


def picture_points(
    frames: Sequence[torch.Tensor],
    clean: Sequence[torch.Tensor],
    where: Sequence[torch.Tensor | None] = (None, None, None),
) -> list[Points]:
    """The variance over time of noisy frames of one still picture, per plane.

    Where JPEG follows, detail decides how much of the noise it keeps, so that even tiles would not tell it.

    Args:
        frames: Noisy planes, (K, H, W) each.
        clean: The same picture without noise; only the first frame is used.
        where: Which pixels count, (H, W) per plane; None: all.
    """
    found = []
    for noisy, level, counted in zip(frames, clean, where, strict=True):
        deviations = noisy - noisy.mean(0)
        variance = (deviations.square_().sum(0) / (noisy.shape[0] - 1)).flatten()
        bins = (level[0].flatten() / _BIN).clamp_(0, _BINS - 1).long()
        # (pixels, levels, variances) per bin
        values = torch.stack([torch.ones_like(variance), level[0].flatten(), variance])
        if counted is not None:
            values *= counted.flatten()
        sums = torch.zeros((3, _BINS), device=variance.device).index_add_(1, bins, values)
        count, levels, variances = sums.double().cpu().numpy()
        kept = count >= _FEWEST
        count = np.maximum(count, 1)
        found.append(Points((levels / count)[kept], (variances / count)[kept], count[kept]))
    return found


def curves(parts: Sequence[Sequence[Points]], device: torch.device) -> torch.Tensor:
    """The curves of the three planes, (3, 256), from several measurements of each plane."""
    rows = []
    for plane in zip(*parts, strict=True):
        levels, variances, counts = (
            np.concatenate([getattr(p, name) for p in plane])
            for name in ("levels", "variances", "counts")
        )
        rows.append(curve(Points(levels, variances, counts)))
    return torch.from_numpy(np.stack(rows).astype(np.float32)).to(device)


def curve(points: Points) -> Doubles:
    """A smooth curve over the 256 byte levels through measured points: weighted local lines."""
    at = np.arange(256.0)
    distance = np.abs(at[:, None] - points.levels[None, :])
    # Where points are far apart, at least the nearest three take part.
    nearest = np.sort(distance, axis=1)[:, min(2, distance.shape[1] - 1), None]
    weight = np.exp(-0.5 * (distance / np.maximum(_WIDTH, nearest)) ** 2) * points.counts + 1e-12
    total = weight.sum(1)
    mean_x, mean_y = weight @ points.levels / total, weight @ points.variances / total
    x = points.levels[None, :] - mean_x[:, None]
    y = points.variances[None, :] - mean_y[:, None]
    slope = (weight * x * y).sum(1) / ((weight * x**2).sum(1) + 25 * total)
    # Outside the measured levels it is flat, as a noise curve is.
    inside = np.clip(at, points.levels.min(), points.levels.max())
    line = mean_y + slope * (inside - mean_x)
    return np.asarray(np.maximum(line, np.maximum(0.3 * mean_y, _FLOOR)))

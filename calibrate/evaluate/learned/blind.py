"""Noise2Void and Noise2Self: a network learns to tell a pixel from those around it, from single noisy frames.

Noise that neighbouring pixels share can be told from the neighbours, too. So these methods remove white noise and
leave the correlated noise of most webcams in: that is how they work, and no fault of what follows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from ...paper.dataset import Crops
from .training import Sample

_BOX = 8  # one pixel of so many times so many is hidden: 1.6 %, Noise2Void's 1.5 % (stratified)
_REACH = 5  # a hidden pixel takes the colour of one so near (Noise2Void's)
_GRID = 4  # Noise2Self's grid: one pixel of 16 is hidden at a time
# Noise2Self's filter: what a hidden pixel is filled with, from the eight around it.
_AROUND = ((0.5, 1.0, 0.5), (1.0, 0.0, 1.0), (0.5, 1.0, 0.5))


class HiddenPixels:
    """Noise2Void's samples: scattered pixels show a neighbour's colours and are compared with their own."""

    def __init__(self, crops: Crops) -> None:
        self._crops = crops

    def __call__(self, random: np.random.Generator, count: int) -> Sample:
        """Draws ``count`` crops."""
        batch = self._crops.batch(random, count)
        height, width = batch.inputs.shape[-2:]
        inputs, hidden = batch.inputs.clone(), torch.zeros_like(batch.mask)
        for k in range(count):
            rows, columns = _scattered(random, height, width)
            from_rows, from_columns = _neighbours(random, rows, columns, (height, width))
            inputs[k, :, rows, columns] = batch.inputs[k, :, from_rows, from_columns]
            hidden[k, 0, rows, columns] = 1
        return Sample(inputs, batch.targets, batch.mask * hidden)


def _scattered(
    random: np.random.Generator, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of one pixel in each box."""
    tops, lefts = np.meshgrid(np.arange(0, height, _BOX), np.arange(0, width, _BOX), indexing="ij")
    rows = tops.ravel() + random.integers(_BOX, size=tops.size)
    columns = lefts.ravel() + random.integers(_BOX, size=tops.size)
    inside = (rows < height) & (columns < width)
    return rows[inside], columns[inside]


def _neighbours(
    random: np.random.Generator,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    size: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each pixel, one around it and not itself, inside the picture."""
    side = 2 * _REACH + 1
    # The middle one, the pixel itself, is left out. At the border steps are turned round, which can't end there again.
    step = random.integers(side * side - 1, size=rows.size)
    step += step >= side * side // 2
    down, right = step // side - _REACH, step % side - _REACH
    down = np.where((rows + down < 0) | (rows + down >= size[0]), -down, down)
    right = np.where((columns + right < 0) | (columns + right >= size[1]), -right, right)
    return rows + down, columns + right


def hide_grid(inputs: torch.Tensor, phase: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Fills each sixteenth pixel from those around it.

    Args:
        inputs: (B, 3, H, W).
        phase: Which of 16 grids.

    Returns:
        What the network sees, and where it is filled, (1, 1, H, W).
    """
    kernel = inputs.new_tensor(_AROUND)
    weight = (kernel / kernel.sum()).expand(inputs.shape[1], 1, 3, 3)
    padded = functional.pad(inputs, (1, 1, 1, 1), mode="reflect")
    filled = functional.conv2d(padded, weight, groups=inputs.shape[1])
    hidden = inputs.new_zeros(1, 1, *inputs.shape[-2:])
    hidden[..., phase // _GRID :: _GRID, phase % _GRID :: _GRID] = 1
    return torch.where(hidden > 0, filled, inputs), hidden


class HiddenGrid:
    """Noise2Self's samples: a grid of pixels is filled from those around them and compared with what was there."""

    def __init__(self, crops: Crops) -> None:
        self._crops = crops

    def __call__(self, random: np.random.Generator, count: int) -> Sample:
        """Draws ``count`` crops."""
        batch = self._crops.batch(random, count)
        inputs, hidden = hide_grid(batch.inputs, int(random.integers(_GRID * _GRID)))
        return Sample(inputs, batch.targets, batch.mask * hidden)


def each_from_others(network: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Noise2Self's J-invariant result: each pixel from a picture in which it was hidden, sixteen passes in all."""
    result = torch.zeros_like(inputs)
    for phase in range(_GRID * _GRID):
        seen, hidden = hide_grid(inputs, phase)
        result = torch.where(hidden > 0, network(seen), result)
    return result

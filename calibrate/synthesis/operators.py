"""Linear picture filters as matrices: one for the columns, one for the rows.

Every filter of a camera's processor is separable. As a small matrix that acts along one side it costs one
matrix product on any device, with any width of the kernel, and several filters in a row become one matrix.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles


def separable(x: torch.Tensor, down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """Filters pictures along both sides: (N, H, W) to (N, H', W').

    Args:
        x: Pictures.
        down: Acts down the columns, (H', H).
        across: Acts along the rows, (W', W).
    """
    count = x.shape[0]
    # Expanded views: a broadcast product would copy the matrix for each picture.
    rows = torch.bmm(x, across.t().unsqueeze(0).expand(count, -1, -1))
    return torch.bmm(down.unsqueeze(0).expand(count, -1, -1), rows)


def tensor(matrix: Doubles, device: torch.device) -> torch.Tensor:
    """A matrix as float32 on the device."""
    return torch.from_numpy(matrix.astype(np.float32)).to(device)


def gaussian(size: int, sigma: float) -> Doubles:
    """A Gaussian blur, (size, size), cut off at 2.5 sigma and mirrored at the border pixel."""
    reach = round(2.5 * sigma)
    if reach == 0 or sigma <= 0:
        return np.eye(size)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    return _banded(size, offsets, weights / weights.sum())


def halve(size: int) -> Doubles:
    """Means of pairs, (size / 2, size)."""
    matrix = np.zeros((size // 2, size))
    at = np.arange(size // 2)
    matrix[at, 2 * at] = matrix[at, 2 * at + 1] = 0.5
    return matrix


def double(size: int) -> Doubles:
    """Twice as many samples by linear interpolation between the centres of pixels, (2 * size, size)."""
    at = (np.arange(2 * size) + 0.5) / 2 - 0.5
    return interpolate(at, size)


def interpolate(at: Doubles, size: int) -> Doubles:
    """Linear interpolation of ``size`` samples at the positions ``at``, (len(at), size); held at the ends."""
    at = np.clip(at, 0, size - 1)
    low = np.minimum(at.astype(int), max(size - 2, 0))
    matrix = np.zeros((len(at), size))
    rows = np.arange(len(at))
    matrix[rows, low] = 1 - (at - low)
    if size > 1:
        matrix[rows, low + 1] += at - low
    return matrix


def fill_even(size: int, first: int) -> Doubles:
    """From every second pixel to all by linear interpolation, (size, size / 2).

    Args:
        size: Pixels after it, even.
        first: Where the known pixels start, 0 or 1.
    """
    return interpolate((np.arange(size) - first) / 2, size // 2)


def smooth_steps(size: int, knots: int) -> Doubles:
    """Smooth interpolation between ``knots`` values spread over ``size`` pixels, (size, knots)."""
    at = np.linspace(0, knots - 1, size)
    distance = np.abs(at[:, None] - np.arange(knots)[None, :])
    # The cubic B-spline has a continuous second derivative, so that what it bends stays smooth.
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2 - distance, 0) ** 3 / 6
    matrix = np.where(distance < 1, near, far)
    return np.asarray(matrix / matrix.sum(1, keepdims=True))


def unit_noise_filter(size: int, weights: Doubles) -> Doubles:
    """A circular filter that leaves the variance of white noise as it is, (size, size).

    Args:
        size: Pixels.
        weights: The kernel, of any scale, of odd length.
    """
    reach = len(weights) // 2
    weights = weights / np.sqrt((weights**2).sum())
    matrix = np.zeros((size, size))
    rows = np.arange(size)
    for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
        matrix[rows, (rows + offset) % size] += weight
    return matrix


def _banded(size: int, offsets: NDArray[np.intp], weights: Doubles) -> Doubles:
    matrix = np.zeros((size, size))
    rows = np.arange(size)
    period = max(2 * (size - 1), 1)
    for offset, weight in zip(offsets, weights, strict=True):
        at = np.abs(rows + offset) % period
        at = np.where(at >= size, period - at, at)
        matrix[rows, at] += weight
    return matrix

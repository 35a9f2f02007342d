"""How good a picture is: PSNR, and the unsupervised PSNR that needs no clean picture.

With three independent noisy frames a, b, c of a still scene, mean (f(x) − a)² is too large by the noise of a, and
mean (b − c)²/2 is just that noise. So their difference, the uMSE, is an unbiased estimate of the error against the
clean picture (Marcos Morales et al., "Evaluating Unsupervised Denoising Requires Unsupervised Metrics", ICML 2023), and
uPSNR = 10·log10(1/uMSE). x must be none of a, b, c, and the noise independent between frames.

Intervals are bootstrapped over blocks of pixels, not over single ones: neighbours share noise and content.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Doubles = NDArray[np.float64]


class Interval(NamedTuple):
    """A figure in dB, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def _unit(x: Array) -> NDArray[np.float32]:
    """Bytes become values in [0, 1]; floats are taken as they are."""
    values = x.astype(np.float32)
    return values / np.float32(255) if x.dtype == np.uint8 else values


def _decibel(error: float) -> float:
    return float(10 * np.log10(1 / error)) if error > 0 else float("inf")


def _error_map(difference: NDArray[np.float32]) -> Doubles:
    """Mean square over all axes but the last two: (..., H, W) → (H, W)."""
    flat = difference.reshape(-1, *difference.shape[-2:])
    total: Doubles = np.einsum("nhw,nhw->hw", flat, flat, dtype=np.float64)
    return total / len(flat)


def psnr_db(a: Array, b: Array, mask: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB.

    Args:
        a: (..., H, W), bytes or values in [0, 1].
        b: Likewise.
        mask: (H, W), the pixels that count; None: all.
    """
    error = _error_map(_unit(a) - _unit(b))
    return _decibel(float(error[mask].mean() if mask is not None else error.mean()))


def umse_map(output: Array, a: Array, b: Array, c: Array) -> Doubles:
    """(H, W): what each pixel adds to the uMSE; its mean is unbiased, single pixels may be negative."""
    a, b, c = _unit(a), _unit(b), _unit(c)
    return _error_map(_unit(output) - a) - _error_map(b - c) / 2


def block_sums(values: Doubles, mask: NDArray[np.bool_], block: int) -> tuple[Doubles, Doubles]:
    """(B,) sums of the masked values, and (B,) counts, of all blocks of ``block`` × ``block`` that hold any."""
    rows = np.arange(0, values.shape[0], block)
    columns = np.arange(0, values.shape[1], block)

    def add(x: Doubles) -> Doubles:
        summed: Doubles = np.add.reduceat(np.add.reduceat(x, rows, axis=0), columns, axis=1)
        return summed.ravel()

    sums, counts = add(np.where(mask, values, 0.0)), add(mask.astype(np.float64))
    return sums[counts > 0], counts[counts > 0]


def _resampled(blocks: int, resamples: int, seed: int) -> Doubles:
    """(resamples, blocks): how often each block is drawn."""
    random = np.random.default_rng(seed)
    return random.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).astype(float)


def upsnr_db(
    output: Array,
    a: Array,
    b: Array,
    c: Array,
    mask: NDArray[np.bool_] | None = None,
    *,
    block: int = 16,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Unsupervised PSNR in dB with its 95 % interval; infinite where the uMSE is not above 0.

    Args:
        output: (..., H, W), what became of a frame (or of several) that is none of ``a``, ``b``, ``c``.
        a: A noisy frame of the same scene, of the shape of ``output``; bytes or values in [0, 1].
        b: Another one.
        c: And another one.
        mask: (H, W), the pixels that stand still; None: all.
        block: Side of the blocks that the bootstrap draws, in pixels.
        resamples: How many times it draws.
        seed: Of its random numbers.
    """
    error = umse_map(output, a, b, c)
    mask = np.ones(error.shape, bool) if mask is None else mask
    sums, counts = block_sums(error, mask, block)
    weights = _resampled(len(sums), resamples, seed)
    drawn = (weights @ sums) / (weights @ counts)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(
        _decibel(float(sums.sum() / counts.sum())), _decibel(float(high)), _decibel(float(low))
    )


def upsnr_gain_db(
    output: Array,
    noisy: Array,
    a: Array,
    b: Array,
    c: Array,
    mask: NDArray[np.bool_] | None = None,
    *,
    block: int = 16,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """By how many dB of uPSNR ``output`` is better than ``noisy``, with its 95 % interval.

    Both are judged on the same blocks in every draw, so what a block adds to both errors cancels, and the
    interval is narrower than those of the two figures. Arguments as for :func:`upsnr_db`.
    """
    before, after = umse_map(noisy, a, b, c), umse_map(output, a, b, c)
    mask = np.ones(before.shape, bool) if mask is None else mask
    first, counts = block_sums(before, mask, block)
    second, _ = block_sums(after, mask, block)
    weights = _resampled(len(counts), resamples, seed)
    least = 1e-12  # 120 dB: nothing that a camera delivers comes near
    ratios = np.maximum(weights @ first, least) / np.maximum(weights @ second, least)
    low, high = 10 * np.log10(np.percentile(ratios, [2.5, 97.5]))
    value = 10 * np.log10(max(first.sum(), least) / max(second.sum(), least))
    return Interval(float(value), float(low), float(high))

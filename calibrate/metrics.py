"""How good a picture is: PSNR, and the unsupervised PSNR that needs no clean picture.

With two independent noisy frames a and b of a still scene, both independent of f(x), the mean of (f(x) − a)·(f(x) − b)
is an unbiased estimate of the error against the clean picture, the uMSE (after Marcos Morales et al., "Evaluating
Unsupervised Denoising Requires Unsupervised Metrics", ICML 2023); uPSNR = 10·log10(1/uMSE). It is averaged over all
pairs of several frames that are no neighbours, since cameras make the noise of those alike; and none may be near x.

Intervals are bootstrapped over blocks of pixels, not over single ones: neighbours share noise and content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles

Array = NDArray[Any]


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


def umse_map(output: Array, references: Iterable[Array]) -> Doubles:
    """(H, W): what each pixel adds to the uMSE; its mean is unbiased, single pixels may be negative.

    Args:
        output: (..., H, W), what became of a frame (or of several); bytes or values in [0, 1].
        references: At least three noisy frames of the same scene and brightness, in the order in which they were
            taken, each of the shape of ``output``.

    Raises:
        ValueError: fewer than three references.
    """
    output = _unit(output)
    total, squares, neighbours = (np.zeros(output.shape, np.float32) for _ in range(3))
    before: NDArray[np.float32] | None = None
    count = 0
    for reference in references:
        difference = output - _unit(reference)
        total += difference
        squares += difference * difference
        if before is not None:
            neighbours += before * difference
        before = difference
        count += 1
    if count < 3:
        raise ValueError(f"{count} references; at least 3 are needed")
    pairs = total * total - squares - 2 * neighbours
    axes = tuple(range(pairs.ndim - 2))
    found: Doubles = pairs.mean(axis=axes, dtype=np.float64) / ((count - 1) * (count - 2))
    return found


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


BLOCK = 16
"""Side of the blocks that the bootstrap draws, in pixels."""

Sums = tuple[Doubles, Doubles]
"""Of blocks: the sums of a map's values, and how many there are (:func:`block_sums`)."""


def upsnr_of_sums(sums: Sums, *, resamples: int = 1000, seed: int = 0) -> Interval:
    """Gives uPSNR in dB with its 95 % interval, from block sums of a uMSE map; infinite where that is negative."""
    total, counts = sums
    weights = _resampled(len(total), resamples, seed)
    drawn = (weights @ total) / np.maximum(weights @ counts, 1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(
        _decibel(float(total.sum() / counts.sum())), _decibel(float(high)), _decibel(float(low))
    )


def gain_of_sums(
    before: Doubles, after: Doubles, *, resamples: int = 1000, seed: int = 0
) -> Interval:
    """By how many dB the error falls from ``before`` to ``after``, with its 95 % interval.

    Both are sums of uMSE maps over the same blocks, and every draw takes both of a block, so what a block adds to both
    errors cancels, and the interval is narrower than those of two figures of uPSNR.
    """
    weights = _resampled(len(before), resamples, seed)
    least = 1e-12  # 120 dB: nothing that a camera delivers comes near
    ratios = np.maximum(weights @ before, least) / np.maximum(weights @ after, least)
    low, high = 10 * np.log10(np.percentile(ratios, [2.5, 97.5]))
    value = 10 * np.log10(max(before.sum(), least) / max(after.sum(), least))
    return Interval(float(value), float(low), float(high))


def upsnr_db(
    output: Array,
    references: Sequence[Array],
    mask: NDArray[np.bool_] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Unsupervised PSNR in dB with its 95 % interval; infinite where the uMSE is not above 0.

    Args:
        output: As for :func:`umse_map`.
        references: Likewise.
        mask: (H, W), the pixels that stand still; None: all.
        resamples: How many times the bootstrap draws.
        seed: Of its random numbers.
    """
    error = umse_map(output, references)
    mask = np.ones(error.shape, bool) if mask is None else mask
    return upsnr_of_sums(block_sums(error, mask, BLOCK), resamples=resamples, seed=seed)

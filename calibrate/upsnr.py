"""uPSNR with intervals that know where its uncertainty comes from: the noise of the references.

uMSE (:mod:`calibrate.metrics`) compares outputs f with noisy references s + n_i that come later. With the error e = f
− s, the sum over a block's pixels for two references is

    h_ij = Σ (e − n_i)(e − n_j) = E − L_i − L_j + Q_ij,   E = Σ e²,   L_i = Σ e·n_i,   Q_ij = Σ n_i·n_j

E is what is wanted, and the outputs are given: only L and Q vary. A bootstrap over blocks of pixels counts, besides
these, how E differs from block to block, which is no uncertainty about the error in these very blocks: its intervals
cover far more than they promise. Here the variances λ of L and κ of Q are estimated from how the h_ij of one block
differ among each other (the analysis of variance of a diallel cross: B. Griffing, 1956, method 4), where E cancels.
Summed over many blocks they are well known. Blocks are larger than the reach of a camera's noise in space, so what
they add is independent.

Two methods are compared with the same references: what these add to both errors cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Doubles, Floats, Mask

from .metrics import Interval

BLOCK = 32
"""Side of the blocks in pixels."""

LEAST = 1e-12
"""No error is taken to be smaller (120 dB): nothing that a camera delivers comes near, and figures stay finite."""

_NORMAL = 1.959964  # 97.5 % of a normal distribution


@dataclass(frozen=True)
class PairSums:
    """Of outputs and K references: ``pairs`` (B, K, K) are the h_ij of B blocks, ``values`` how many were summed."""

    pairs: Doubles
    values: int

    def error(self) -> float:
        """The mean squared error, uMSE."""
        return float((self.pairs * _weights(self.pairs.shape[1])).sum() / max(self.values, 1))


def pair_sums(outputs: Floats, references: Floats, mask: Mask, block: int = BLOCK) -> PairSums:
    """Sums the products of differences in blocks.

    Args:
        outputs: (M, C, h, w) in [0, 1]: M frames of a still scene, cleaned.
        references: (K, C, h, w) or, each at the brightness of its output, (M, K, C, h, w); in the order in which they
        were
            taken, K ≥ 3.
        mask: (h, w), the pixels that count.
        block: Side of the blocks.

    Raises:
        ValueError: fewer than three references.
    """
    if references.ndim == 4:
        references = np.broadcast_to(references, (len(outputs), *references.shape))
    count = references.shape[1]
    if count < 3:
        raise ValueError(f"{count} references; at least 3 are needed")
    total: Doubles | None = None
    for output, others in zip(outputs, references, strict=True):
        for channel in range(output.shape[0]):
            difference = np.where(mask, output[channel] - others[:, channel], 0)  # (K, h, w)
            blocks = _blocks(difference.astype(np.float64), block)  # (B, K, block²)
            products = blocks @ blocks.transpose(0, 2, 1)
            total = products if total is None else total + products
    assert total is not None
    held = _blocks(mask[None].astype(np.float64), block).sum(axis=(1, 2)) > 0
    return PairSums(total[held], int(mask.sum()) * outputs.shape[0] * outputs.shape[1])


def upsnr(parts: list[PairSums]) -> Interval:
    """Gives uPSNR in dB of several series together, with its 95 % interval."""
    values = sum(part.values for part in parts)
    error = sum(part.error() * part.values for part in parts) / values
    spread = np.sqrt(sum(variance(part.pairs) for part in parts)) / values
    return Interval(
        decibel(error),
        decibel(error + _NORMAL * spread),
        decibel(error - _NORMAL * spread),
    )


def difference_db(ours: list[PairSums], theirs: list[PairSums]) -> Interval:
    """By how many dB of uPSNR one method is better than another on the same frames, with its 95 % interval.

    The interval is that of the logarithm of the ratio, to first order; each error counts in units of itself.
    """
    values = sum(part.values for part in ours)
    errors = [
        max(sum(part.error() * part.values for part in parts) / values, LEAST)
        for parts in (ours, theirs)
    ]
    difference = [
        b.pairs / errors[1] - a.pairs / errors[0] for a, b in zip(ours, theirs, strict=True)
    ]
    spread = np.sqrt(sum(variance(pairs) for pairs in difference)) / values
    reach = _NORMAL * float(spread) * 10 / np.log(10)
    value = decibel(errors[0]) - decibel(errors[1])
    return Interval(value, value - reach, value + reach)


def variance(pairs: Doubles) -> float:
    """The variance that the references' noise gives the weighted sum over all blocks of (B, K, K) products."""
    count = pairs.shape[1]
    weights = _weights(count)
    upper = np.triu(np.ones((count, count), bool), 1)
    off = np.where(np.eye(count, dtype=bool), 0.0, pairs)
    rows = off.sum(axis=2)  # (B, K)
    sums = rows.sum(axis=1) / 2  # (B,)
    general = (rows**2).sum(axis=1) / (count - 2) - 4 * sums**2 / (count * (count - 2))
    general_mean = float(general.sum()) / (count - 1)  # of κ + (K − 2)·λ, over all blocks
    if count == 3:  # λ and κ can't be told apart: 2·λ + κ is at most twice this
        return float(max(2 * general_mean, 0.0))
    special = (np.where(upper, pairs, 0) ** 2).sum(axis=(1, 2))
    special += 2 * sums**2 / ((count - 1) * (count - 2)) - (rows**2).sum(axis=1) / (count - 2)
    kappa = max(float(special.sum()) / (count * (count - 3) / 2), 0.0)
    lam = max((general_mean - kappa) / (count - 2), 0.0)
    linear = weights.sum(axis=1) * 2  # of each L_i: pairs stand on both sides of the diagonal
    return float(lam * (linear**2).sum() + kappa * (np.triu(2 * weights, 1) ** 2).sum())


def decibel(error: float) -> float:
    """PSNR of a mean squared error; that of :data:`LEAST` at most."""
    return float(-10 * np.log10(max(error, LEAST)))


def _weights(count: int) -> Doubles:
    """(K, K), symmetric: how much each pair counts. Neighbours don't, since cameras make their noise alike."""
    index = np.arange(count)
    apart = np.abs(index[:, None] - index[None, :]) >= 2
    found: Doubles = apart / apart.sum()
    return found


def _blocks(planes: NDArray[np.float64], block: int) -> Doubles:
    """(K, h, w) → (B, K, block²), filled up with zeros."""
    count, height, width = planes.shape
    rows, columns = -(-height // block), -(-width // block)
    padded = np.zeros((count, rows * block, columns * block))
    padded[:, :height, :width] = planes
    split = padded.reshape(count, rows, block, columns, block).transpose(1, 3, 0, 2, 4)
    found: Doubles = split.reshape(rows * columns, count, block * block)
    return found

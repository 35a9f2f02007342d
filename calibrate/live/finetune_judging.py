"""Judges a fine-tuned live network beside the base network it came from, both as they are used.

On real frames without a clean picture (uPSNR), and on synthetic motion whose truth is known: a network that gains on
still scenes alone may have learned to smear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Floats
from rtdenoise.denoisers.base import Denoiser
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.noise.dct import BLOCK

from ..metrics import Interval
from ..quality import Quality
from ..still_errors import CHROMA
from ..synthesis import ClipBatch
from .unroll import Gain

_WORSE = 0.1
"""dB that a network may lose in one judgement if it gains more in the others: below what anyone could see."""

_CLEARLY = 0.5
"""dB by which a network further from the base network has to be better than one that is nearer to it.

What comes from one or two scenes flatters a network that has learned them. On six simulated cameras (other sensors and
seeds than any benchmark's) the end of a training was judged up to 0.15 dB better than halfway, and was up to 0.2 dB
worse against the truth; where fine-tuning is needed, on a camera unlike all that the base network knows, it was judged
1.2 dB better.
"""


@dataclass(frozen=True)
class FineTuning:
    """How the fine-tuned network and the base network did, and which was kept.

    ``real_db`` is by how much uPSNR of the fine-tuned is above the base's on real frames; the two
    motions are gains over the noisy clip. ``share`` is how far the fine-tuned network lies from the base network
    to where the training ended.
    """

    share: float
    base: Quality
    tuned: Quality
    real_db: Interval
    base_motion: Gain
    tuned_motion: Gain

    @property
    def kept(self) -> bool:
        """Whether the fine-tuned network is kept."""
        return self.score > 0

    @property
    def score(self) -> float:
        """See :func:`score`."""
        chroma = [
            q.split[CHROMA].gain_db.value for q in (self.base, self.tuned) if CHROMA in q.split
        ]
        change = chroma[1] - chroma[0] if len(chroma) == 2 else 0.0
        return score(self.real_db, self.base_motion, self.tuned_motion, change)

    @property
    def sentence(self) -> str:
        """Which was kept, and by how much it was better or not."""
        real = f"{self.real_db.value:+.2f} dB of uPSNR on real frames"
        real += f" ({self.real_db.low:+.2f} … {self.real_db.high:+.2f})"
        motion = f"{self.tuned_motion.whole_db - self.base_motion.whole_db:+.2f} dB"
        part = self.tuned_motion.moving_db - self.base_motion.moving_db
        if math.isfinite(part):
            motion += f" ({part:+.2f} dB where it moves)"
        which = "fine-tuned network was kept" if self.kept else "base network was kept"
        if self.kept and self.share < 1:
            which += f", {self.share:.0%} of the way from the base network"
        return f"The {which}. Fine-tuning brought {real}, and {motion} on synthetic motion."


def score(real: Interval, base: Gain, tuned: Gain, chroma_db: float = 0.0) -> float:
    """How much better than the base network a fine-tuned one is, in dB; −∞ where it must not be kept.

    It must not, if it loses in any judgement more than anyone could see. Otherwise it is what it gains on real
    frames and on synthetic motion together. A difference on real frames whose interval holds zero counts as none.
    What it gains in chroma, ``chroma_db``, doesn't count, but it must lose nothing there either.
    """
    sure = real.low > 0 or real.high < 0
    on_real = real.value if sure else 0.0
    on_motion = [tuned.whole_db - base.whole_db]
    moving = tuned.moving_db - base.moving_db
    if math.isfinite(moving):
        on_motion.append(moving)
    changes = [on_real, chroma_db, *on_motion]
    if not all(math.isfinite(change) for change in changes) or min(changes) <= -_WORSE:
        return -math.inf
    return on_real + sum(on_motion) / len(on_motion)


def choose(found: Sequence[FineTuning]) -> FineTuning:
    """The fine-tuned network to take: the one nearest to the base network, unless another is clearly better.

    Args:
        found: at least one.
    """
    nearest, *others = sorted(found, key=lambda one: one.share)
    best = nearest
    for other in others:
        if other.score > max(best.score, 0.0) + _CLEARLY:
            best = other
    return best


def judge_motion(denoiser: Denoiser, batch: ClipBatch, tick: Callable[[], None]) -> Gain:
    """By how many dB a denoiser brings luma closer to the truth in clips' second halves, in bytes.

    Args:
        denoiser: Is reset before each clip.
        batch: Clips with their truth.
        tick: Called after each clip.
    """
    height, width = batch.noisy[0].shape[-2:]
    layout = PlaneFormat(width, height, "420", True, "bt601")
    whole: list[float] = []
    moving: list[float] = []
    for index in range(len(batch)):
        denoiser.reset()
        y, u, v = (p[index, :, 0].byte().cpu().numpy() for p in batch.noisy)
        truth = batch.clean[0][index, :, 0].cpu().numpy()
        moved = batch.moving[index, :, 0].cpu().numpy()
        frames = len(y)
        errors = np.zeros((2, 2))  # (before, after) × (everywhere, moving)
        for t in range(frames):
            clean = denoiser(Planes(y[t], u[t], v[t], layout, t / 30))
            if t >= frames // 2:
                before, after = (_blocks(p, truth[t]) for p in (y[t], clean.y))
                errors[:, 0] += before.sum(), after.sum()
                errors[:, 1] += before[moved[t]].sum(), after[moved[t]].sum()
        whole.append(_decibel(errors[:, 0]))
        if errors[0, 1] > 0:
            moving.append(_decibel(errors[:, 1]))
        tick()
    return Gain(float(np.mean(whole)), float(np.mean(moving)) if moving else math.nan)


def _blocks(plane: NDArray[np.uint8], truth: Floats) -> Floats:
    """Mean squared error per block, (h, w)."""
    error = (plane.astype(np.float32) - truth) ** 2
    rows, columns = (n // BLOCK for n in error.shape)
    return np.asarray(error.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3)))


def _decibel(errors: NDArray[np.float64]) -> float:
    before, after = (max(float(e), 1e-6) for e in errors)
    return 10 * math.log10(before / after)

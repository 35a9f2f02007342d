"""How good the picture is before and after, on still pixels that nothing was learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.errors import ClipError
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.noise import NoiseModel

from .dataset import Split, StillSeries
from .judging import clean_held_out
from .metrics import Interval, psnr_db, upsnr_db, upsnr_gain_db
from .sources import Source, frame_limit, rgb_bytes

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_JUDGED_FRAMES = 4  # of all series together, but at least two of each
# Of each of them. Eight views of the paper's network take 8 · 511 kMAC for each: on a CPU, half a minute in all.
_JUDGED_PIXELS = {"cpu": 60_000}
_JUDGED_PIXELS_ELSEWHERE = 600_000


@dataclass(frozen=True)
class Quality:
    """How good frames are before and after, on still pixels of frames (and places) not learned from.

    PSNR is against the mean of the other frames, as in the paper: it still holds noise, so it flatters neither and
    is only comparable within one series. uPSNR and the gain in uPSNR need no clean picture and are unbiased.
    """

    psnr_before_db: float
    psnr_after_db: float
    upsnr_before_db: Interval
    upsnr_after_db: Interval
    gain_db: Interval
    places: str

    @property
    def verdict(self) -> str:
        """Which is better: "better", "worse", or "no clear difference" where the gain's interval holds 0."""
        if self.gain_db.low > 0:
            return "better"
        return "worse" if self.gain_db.high < 0 else "no clear difference"


@dataclass(frozen=True)
class Example:
    """One frame for the report's pictures: (3, H, W) in [0, 1], and which pixels are still (H, W)."""

    before: Floats
    after: Floats
    reference: Floats
    mask: Mask


def _quality(parts: Sequence[tuple[Floats, ...]], masks: list[Mask], places: str) -> Quality:
    """Figures over regions: each part is (output, input, a, b, c, mean of others), each (M, 3, H, W)."""
    # Regions of different sizes lie side by side in one wide picture, with unmasked pixels around them.
    height = max(mask.shape[0] for mask in masks)
    frames = min(len(part[0]) for part in parts)

    def beside(arrays: list[Floats]) -> Floats:
        padded = [
            np.pad(a[:frames], ((0, 0), (0, 0), (0, height - a.shape[2]), (0, 0))) for a in arrays
        ]
        return np.concatenate(padded, axis=3)

    output, noisy, a, b, c, mean = (beside([part[i] for part in parts]) for i in range(6))
    mask = np.concatenate([np.pad(m, ((0, height - m.shape[0]), (0, 0))) for m in masks], axis=1)
    return Quality(
        psnr_before_db=psnr_db(noisy, mean, mask),
        psnr_after_db=psnr_db(output, mean, mask),
        upsnr_before_db=upsnr_db(noisy, a, b, c, mask),
        upsnr_after_db=upsnr_db(output, a, b, c, mask),
        gain_db=upsnr_gain_db(output, noisy, a, b, c, mask),
        places=places,
    )


def judge_paper(
    network: PaperNetwork, series: list[StillSeries], split: Split, device: torch.device
) -> tuple[Quality, Example]:
    """Judges in the test places, on held-out frames, with the paper's eight views."""
    network = network.to(device)
    parts: list[tuple[Floats, ...]] = []
    masks: list[Mask] = []
    example: Example | None = None
    for held in clean_held_out(
        network,
        series,
        split.test,
        max(2, _JUDGED_FRAMES // max(len(split.test), 1)),
        device,
        tta=True,
        most_pixels=_JUDGED_PIXELS.get(device.type, _JUDGED_PIXELS_ELSEWHERE) // len(split.test),
    ):
        frames, chosen = held.frames, np.array(held.chosen)
        total = frames.sum(axis=0)
        mean = (total - frames[chosen]) / np.float32(len(frames) - 1)
        # The three frames after the judged one, around the end: none is the judged one.
        a, b, c = (frames[(chosen + lag) % len(frames)] for lag in (1, 2, 3))
        parts.append((held.outputs, frames[chosen], a, b, c, mean))
        masks.append(held.mask)
        if example is None:
            example = Example(frames[chosen[0]], held.outputs[0], mean[0], held.mask)
    if example is None:
        raise ClipError("There is no place to judge the network in.", "Record a longer series.")
    what = "scenes" if split.by_scene else "strips at the right"
    return _quality(parts, masks, f"held-out {what}, on held-out frames"), example


def _floats(frames: list[NDArray[np.uint8]]) -> Floats:
    stack = np.stack(frames).astype(np.float32)
    stack /= 255
    return stack


def judge_recursive(source: Source, noise: NoiseModel) -> tuple[Quality, Example]:
    """Judges the recursive filter on the last frames of each series, against frames that come after."""
    clip = source.clip
    parts: list[tuple[Floats, ...]] = []
    masks: list[Mask] = []
    example: Example | None = None
    limit = frame_limit(clip, 3, 2 * len(clip.accepted))
    for one in clip.accepted:
        if one.count < 5:
            continue
        count = min(one.count, limit)
        judged = sorted({count - 4 - i * max((count - 4) // 8, 1) for i in range(_JUDGED_FRAMES)})
        judged = [k for k in judged if k > 0]
        denoiser = RecursiveDenoiser(noise)
        frames, outputs = [], []
        for k, planes in enumerate(clip.read(one, count)):
            frames.append(rgb_bytes(planes))
            cleaned = denoiser(planes)
            if k in judged:
                outputs.append(rgb_bytes(cleaned))
        stack, output = _floats(frames), _floats(outputs)
        at = np.array(judged)
        mean = np.stack([stack[k + 1 :].mean(axis=0) for k in judged])
        a, b, c = (stack[at + lag] for lag in (1, 2, 3))
        parts.append((output, stack[at], a, b, c, mean))
        masks.append(clip.static_mask(one))
        if example is None:
            example = Example(stack[at[-1]], output[-1], stack.mean(axis=0), masks[0])
    if example is None:
        raise ClipError(
            f"The series of {clip.path} have fewer than 5 frames each.",
            "Record a longer series with rtdenoise capture.",
        )
    return _quality(parts, masks, "still pixels, against frames that came later"), example

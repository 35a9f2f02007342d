"""How good the picture is before and after, on still pixels that nothing was learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.console import Ticker
from rtdenoise.denoisers.base import Denoiser
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
    """One frame for the report's pictures: (3, H, W) in [0, 1], and which pixels are still (H, W).

    ``method`` is what made ``after``; ``rival`` is another method's name and what it made.
    """

    before: Floats
    after: Floats
    reference: Floats
    mask: Mask
    method: str = ""
    rival: tuple[str, Floats] | None = None


class _Judged:
    """Frames and references of several regions, side by side: each part is (input, a, b, c, mean of others).

    Regions of different sizes lie in one wide picture, with unmasked pixels around them.
    """

    def __init__(
        self, parts: Sequence[tuple[Floats, ...]], masks: Sequence[Mask], places: str
    ) -> None:
        self._height = max(mask.shape[0] for mask in masks)
        self._frames = min(len(part[0]) for part in parts)
        self._places = places
        columns = [self._beside([part[i] for part in parts]) for i in range(5)]
        self._noisy, self._a, self._b, self._c, self._mean = columns
        padded = [np.pad(m, ((0, self._height - m.shape[0]), (0, 0))) for m in masks]
        self._mask = np.concatenate(padded, axis=1)

    def _beside(self, arrays: Sequence[Floats]) -> Floats:
        padded = [
            np.pad(a[: self._frames], ((0, 0), (0, 0), (0, self._height - a.shape[2]), (0, 0)))
            for a in arrays
        ]
        return np.concatenate(padded, axis=3)

    def quality(self, outputs: Sequence[Floats]) -> Quality:
        """Of what became of the input, each part (M, 3, H, W)."""
        output, noisy, mean, mask = self._beside(outputs), self._noisy, self._mean, self._mask
        abc = (self._a, self._b, self._c)
        return Quality(
            psnr_before_db=psnr_db(noisy, mean, mask),
            psnr_after_db=psnr_db(output, mean, mask),
            upsnr_before_db=upsnr_db(noisy, *abc, mask),
            upsnr_after_db=upsnr_db(output, *abc, mask),
            gain_db=upsnr_gain_db(output, noisy, *abc, mask),
            places=self._places,
        )

    def over(self, outputs: Sequence[Floats], others: Sequence[Floats]) -> Interval:
        """By how many dB of uPSNR ``outputs`` are better than ``others``."""
        abc = (self._a, self._b, self._c)
        return upsnr_gain_db(self._beside(outputs), self._beside(others), *abc, self._mask)


def judge_paper(
    network: PaperNetwork, series: list[StillSeries], split: Split, device: torch.device
) -> tuple[Quality, Example]:
    """Judges in the test places, on held-out frames, with the paper's eight views."""
    network = network.to(device)
    parts: list[tuple[Floats, ...]] = []
    outputs: list[Floats] = []
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
        parts.append((frames[chosen], a, b, c, mean))
        outputs.append(held.outputs)
        masks.append(held.mask)
        if example is None:
            example = Example(frames[chosen[0]], held.outputs[0], mean[0], held.mask)
    if example is None:
        raise ClipError("There is no place to judge the network in.", "Record a longer series.")
    what = "scenes" if split.by_scene else "strips at the right"
    judged = _Judged(parts, masks, f"held-out {what}, on held-out frames")
    return judged.quality(outputs), example


def _floats(frames: list[NDArray[np.uint8]]) -> Floats:
    stack = np.stack(frames).astype(np.float32)
    stack /= 255
    return stack


class Streams:
    """What several denoisers made of the same frames."""

    def __init__(
        self,
        judged: _Judged,
        outputs: dict[str, list[Floats]],
        shown: tuple[Floats, Floats, Mask],
    ) -> None:
        self._judged, self._outputs, self._shown = judged, outputs, shown

    def quality(self, name: str) -> Quality:
        """How good the frames are before and after the denoiser of that name."""
        return self._judged.quality(self._outputs[name])

    def over(self, name: str, other: str) -> Interval:
        """By how many dB of uPSNR one is better than another."""
        return self._judged.over(self._outputs[name], self._outputs[other])

    def example(
        self, name: str, title: str = "", *, rival: tuple[str, str] | None = None
    ) -> Example:
        """A frame before and after; ``rival`` is another name with its title: what that one made of it, too."""
        before, reference, mask = self._shown
        other = None if rival is None else (rival[1], self._outputs[rival[0]][0][-1])
        return Example(before, self._outputs[name][0][-1], reference, mask, title, other)


def judge_streams(
    source: Source,
    makers: Mapping[str, Callable[[], Denoiser]],
    masks: Mapping[int, Mask],
    places: str,
    ticker: Ticker | None = None,
) -> Streams:
    """Judges denoisers on the last frames of series, against frames that come after what they saw.

    Args:
        source: The series.
        makers: Make the denoisers; each series gets fresh ones.
        masks: Which pixels are judged, by the first frame of each series that is judged.
        places: What these are, for people.
        ticker: Told of each frame.

    Raises:
        ClipError: all series are too short.
    """
    clip = source.clip
    parts: list[tuple[Floats, ...]] = []
    used: list[Mask] = []
    outputs: dict[str, list[Floats]] = {name: [] for name in makers}
    shown: tuple[Floats, Floats, Mask] | None = None
    limit = frame_limit(clip, 3, 2 * len(clip.accepted))
    for one in clip.accepted:
        if one.count < 5 or one.first not in masks:
            continue
        count = min(one.count, limit)
        judged = sorted({count - 4 - i * max((count - 4) // 8, 1) for i in range(_JUDGED_FRAMES)})
        judged = [k for k in judged if k > 0]
        denoisers = {name: make() for name, make in makers.items()}
        frames: list[NDArray[np.uint8]] = []
        cleaned: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in makers}
        for k, planes in enumerate(clip.read(one, count)):
            frames.append(rgb_bytes(planes))
            if k <= judged[-1]:
                for name, denoiser in denoisers.items():
                    result = denoiser(planes)
                    if k in judged:
                        cleaned[name].append(rgb_bytes(result))
            if ticker is not None:
                ticker.advance()
        stack = _floats(frames)
        at = np.array(judged)
        mean = np.stack([stack[k + 1 :].mean(axis=0) for k in judged])
        a, b, c = (stack[at + lag] for lag in (1, 2, 3))
        parts.append((stack[at], a, b, c, mean))
        used.append(masks[one.first])
        for name, pictures in cleaned.items():
            outputs[name].append(_floats(pictures))
        if shown is None:
            shown = stack[at[-1]], stack.mean(axis=0), used[0]
    if shown is None:
        raise ClipError(
            f"The series of {clip.path} have fewer than 5 frames each.",
            "Record a longer series with rtdenoise capture.",
        )
    return Streams(_Judged(parts, used, places), outputs, shown)


def judge_recursive(source: Source, noise: NoiseModel) -> tuple[Quality, Example]:
    """Judges the recursive filter on the last frames of each series, against frames that come after."""
    clip = source.clip
    masks = {one.first: clip.static_mask(one) for one in clip.accepted}
    places = "still pixels, against frames that came later"
    streams = judge_streams(source, {"recursive": lambda: RecursiveDenoiser(noise)}, masks, places)
    return streams.quality("recursive"), streams.example("recursive")

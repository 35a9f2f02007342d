"""What a network is trained on and judged on: still series, with places and frames that training never sees.

The target for frame k of a series is the mean of its other frames (the paper's eq. 8), from one sum per series.
Two things keep the judgement honest:

- *Frames*: the last frames of every series are held out; nothing of them enters an input or a target.
- *Places*: where the series show three scenes or more, two whole scenes are held out. Otherwise two strips at the
  right of every picture are: training sees the picture as if it ended before them.

Of the two held-out parts one chooses the best network (validation), the other only judges the result (test).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.arrays import Bytes, Floats
from rtdenoise.networks.tiles import mirrored, turned

from ..distributed import ALONE, Group

VALIDATION_SHARE = 0.15
TEST_SHARE = 0.20
HELD_FRAMES = 30
"""At most so many frames of a series are held out."""

Target = Literal["others", "mean", "one", "self"]
"""What a frame's crop is compared with: the mean of the other frames (the paper's eq. 8), the plain mean of all frames,
one other frame (Noise2Noise), or the frame itself."""

_SAME_SCENE = 0.97  # correlation of two mean pictures above which they show the same scene
_LEAST_VARIANCE = 1 / 16  # of a series, relative to the mean of all
_LEAST_MASKED = 0.1  # crops with less still area than this are drawn again


@dataclass(frozen=True)
class StillSeries:
    """Frames of one still scene.

    ``frames`` are (N, 3, H, W) R'G'B' bytes in the order in which they were taken; ``mask`` is (H, W), True where the
    scene is still.
    """

    frames: Bytes
    mask: NDArray[np.bool_]
    name: str = "series"

    def __post_init__(self) -> None:
        n, channels, height, width = self.frames.shape
        if self.frames.dtype != np.uint8 or channels != 3 or n < 1:
            raise ValueError(
                f"frames are {self.frames.shape} {self.frames.dtype}, not (N, 3, H, W)"
            )
        if self.mask.shape != (height, width):
            raise ValueError(f"the mask is {self.mask.shape}, the frames are {(height, width)}")


@dataclass(frozen=True)
class Region:
    """Columns ``left`` to ``right`` (exclusive) of the frames ``first`` to ``last`` (exclusive) of one series."""

    series: int
    first: int
    last: int
    left: int
    right: int


@dataclass(frozen=True)
class Split:
    """What is trained on, what chooses the network, and what judges it; ``by_scene`` tells how places are held out."""

    training: tuple[Region, ...]
    validation: tuple[Region, ...]
    test: tuple[Region, ...]
    by_scene: bool


def scene_numbers(pictures: Iterable[NDArray[Any]]) -> list[int]:
    """A scene's number for each series' mean picture, (H, W): those that are alike show the same scene."""
    means: list[NDArray[np.float64]] = []
    numbers: list[int] = []
    for picture in pictures:
        mean = np.asarray(picture - picture.mean(), np.float64)
        number = len(means)
        for other, known in enumerate(means):
            scale = float(np.sqrt((mean**2).sum() * (known**2).sum()))
            alike = mean.shape == known.shape and (mean * known).sum() > _SAME_SCENE * scale
            if alike:
                number = numbers[other]
                break
        means.append(mean)
        numbers.append(number)
    return numbers


def held_frame_count(frames: int) -> int:
    """How many of a series' last frames are held out: a quarter, at least 5, at most :data:`HELD_FRAMES`."""
    return min(max(5, frames // 4), HELD_FRAMES)


def split_series(series: Sequence[StillSeries]) -> Split:
    """Decides what is trained on and what is held out.

    Args:
        series: Each of at least 8 frames, so that there are pairs to train on and five frames to judge with.

    Raises:
        ValueError: a series is too short.
    """
    for one in series:
        if len(one.frames) < 8:
            raise ValueError(f"{one.name} has {len(one.frames)} frames; at least 8 are needed")
    scenes = scene_numbers(one.frames[:, 1].mean(axis=0) for one in series)
    kinds = sorted(set(scenes))
    by_scene = len(kinds) >= 3
    training, validation, test = [], [], []
    for i, one in enumerate(series):
        count, width = len(one.frames), one.frames.shape[3]
        seen = count - held_frame_count(count)
        if by_scene:
            if scenes[i] == kinds[-1]:
                test.append(Region(i, seen, count, 0, width))
            elif scenes[i] == kinds[-2]:
                validation.append(Region(i, seen, count, 0, width))
            else:
                training.append(Region(i, 0, seen, 0, width))
            continue
        from_test = round(width * (1 - TEST_SHARE))
        from_validation = round(width * (1 - TEST_SHARE - VALIDATION_SHARE))
        training.append(Region(i, 0, seen, 0, from_validation))
        validation.append(Region(i, seen, count, from_validation, from_test))
        test.append(Region(i, seen, count, from_test, width))
    return Split(tuple(training), tuple(validation), tuple(test), by_scene)


def fingerprint(series: Sequence[StillSeries], split: Split) -> str:
    """A hash of the pixels that training sees and of how they are split."""
    digest = hashlib.sha256(repr(split).encode())
    for region in split.training:
        one, columns = series[region.series], slice(region.left, region.right)
        digest.update(one.frames[region.first : region.last, :, :, columns].tobytes())
        digest.update(one.mask[:, columns].tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Batch:
    """Crops to train on.

    ``inputs`` are (B, 3, S, S) in [0, 1] with the network's context around the (B, 3, C, C) ``targets``; ``mask`` is
    (B, 1, C, C), 1 where the scene is still; ``noise_variance``, (B,), is that of the series that a crop is of.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    mask: torch.Tensor
    noise_variance: torch.Tensor


class _TrainingRegion:
    def __init__(self, series: StillSeries, region: Region) -> None:
        columns = slice(region.left, region.right)
        self.frames = series.frames[region.first : region.last, :, :, columns]
        self.mask = series.mask[:, columns]
        # 255 · 16 million frames fit in 32 bits.
        self.sum = self.frames.sum(axis=0, dtype=np.uint32)  # (3, H, W)

    @property
    def pixels(self) -> int:
        return int(self.mask.sum())

    def noise_variance(self) -> float:
        """Of one frame in the still pixels, from the differences of neighbouring frames; values in [0, 1]."""
        total = 0.0
        for a, b in pairwise(self.frames):
            difference = a[:, self.mask].astype(np.float32) - b[:, self.mask]
            total += float(np.mean(difference * difference)) / 2
        return total / max(len(self.frames) - 1, 1) / 255**2


class Crops:
    """Draws random crops, with the paper's eq. 8 as the target where nothing else is asked for.

    Args:
        series: All series.
        training: The regions to draw from; nothing outside them is ever read.
        context: Pixels that the network needs on each side of its output; where they lie outside the region, the
            region is mirrored, so that its borders are trained as well.
        size: Side of the output crop in pixels; smaller where a region is.
        target: What the crops are compared with.
    """

    def __init__(
        self,
        series: Sequence[StillSeries],
        training: Sequence[Region],
        context: int,
        size: int,
        target: Target = "others",
    ) -> None:
        self._regions = [_TrainingRegion(series[r.series], r) for r in training]
        weights = np.array([r.pixels for r in self._regions], float)
        if weights.sum() == 0:
            raise ValueError("no pixel of the training regions is still")
        self._weights = weights / weights.sum()
        variances = [r.noise_variance() if r.pixels else 0.0 for r in self._regions]
        self.noise_variance = max(float(np.dot(self._weights, variances)), 1e-7)
        # Where there is next to no noise, a relative error says little: such series would count for too much.
        least = self.noise_variance * _LEAST_VARIANCE
        self._variances = [max(variance, least) for variance in variances]
        self._context, self._target = context, target
        self.size = min([size, *(min(r.mask.shape) for r in self._regions)])

    def batch(self, random: np.random.Generator, count: int, group: Group = ALONE) -> Batch:
        """Draws ``count`` crops, each turned by a multiple of 90° and perhaps flipped.

        Of several processes that draw the same, each gets its share of them.
        """
        drawn = group.share([self._one(random) for _ in range(count)])
        inputs, targets, masks, variances = zip(*drawn, strict=True)
        return Batch(
            torch.stack(inputs), torch.stack(targets), torch.stack(masks), torch.tensor(variances)
        )

    def _one(
        self, random: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
        number = int(random.choice(len(self._regions), p=self._weights))
        region = self._regions[number]
        frames, size, context = region.frames, self.size, self._context
        _, height, width = frames.shape[1:]
        for _ in range(20):
            top = int(random.integers(height - size + 1))
            left = int(random.integers(width - size + 1))
            inside = np.s_[top : top + size, left : left + size]
            mask = region.mask[inside]
            if mask.mean() >= _LEAST_MASKED:
                break
        k = int(random.integers(len(frames)))
        rows = mirrored(top - context, size + 2 * context, height)
        columns = mirrored(left - context, size + 2 * context, width)
        noisy = frames[k][:, rows[:, None], columns[None, :]]  # (3, S, S)
        crop = (slice(None), *inside)
        target = self._compared_with(region, k, crop, random)
        turns, flip = int(random.integers(4)), bool(random.integers(2))

        def view(x: NDArray[np.generic], scale: float = 1.0) -> torch.Tensor:
            floats = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
            return turned(floats, turns, flip).contiguous() * scale

        return view(noisy, 1 / 255), view(target), view(mask[None]), self._variances[number]

    def _compared_with(
        self,
        region: _TrainingRegion,
        k: int,
        crop: tuple[slice, slice, slice],
        random: np.random.Generator,
    ) -> Floats:
        """The target for frame ``k``, (3, C, C) in [0, 1]."""
        frames = region.frames
        count = len(frames)
        if self._target in ("others", "mean"):
            total: Floats = region.sum[crop].astype(np.float32)
            if self._target == "mean":
                return total / np.float32(255 * count)
            others: Floats = total - frames[k][crop]
            return others / np.float32(255 * (count - 1))
        if self._target == "one":  # any frame but this one
            k = (k + 1 + int(random.integers(count - 1))) % count
        found: Floats = frames[k][crop].astype(np.float32)
        return found / np.float32(255)

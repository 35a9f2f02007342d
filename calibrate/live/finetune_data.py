"""What a live network is fine-tuned on and judged on: a camera's accepted series, some of them or a strip held out.

Where the series show two scenes or more, the last scene is held out as a whole. Otherwise it is a strip at the right
of every picture, and the last frames of every series: training sees neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from capture.clip import Clip
from rtdenoise.arrays import Mask
from rtdenoise.console import Ticker
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes, convert
from rtdenoise.noise import NoiseModel

from ..paper.dataset import held_frame_count, scene_numbers
from ..sources import frame_limit, long_enough
from ..synthesis import SeriesClips, StillStack, still_stack

_BYTES_PER_PIXEL = 14  # of a frame while its residual is taken
_HELD_SHARE = 0.25
# Narrower than this, clips are too small for movement to be followed in them (24 blocks); and too small altogether.
_HELD_WIDTH, _LEAST = 96, 64
_LARGEST = 192
_GRID = 16


@dataclass(frozen=True)
class Part:
    """Some series, or some columns of them: what they show in the mean, their noise, and where they are still."""

    stacks: tuple[StillStack, ...]
    masks: tuple[Mask, ...]

    @property
    def clip_size(self) -> tuple[int, int]:
        """(columns, rows) of the clips that can be made of it."""
        shapes = [stack.mean[0].shape for stack in self.stacks]
        rows, columns = (min(_LARGEST, *(s[k] for s in shapes)) // _GRID * _GRID for k in range(2))
        return columns, rows

    def clips(self, model: NoiseModel, frames: int, seed: int, device: torch.device) -> SeriesClips:
        """Makes training clips of it."""
        return SeriesClips(
            [s.mean for s in self.stacks],
            [s.residuals for s in self.stacks],
            model,
            self.clip_size,
            frames,
            seed,
            device,
            masks=self.masks,
        )


@dataclass(frozen=True)
class Footage:
    """The series, divided.

    ``judged`` says for each accepted series, by its first frame, which pixels real frames are judged on.
    """

    training: Part
    held: Part
    judged: dict[int, Mask]
    by_scene: bool

    @property
    def places(self) -> str:
        """What is held out, for people."""
        return "a held-out scene" if self.by_scene else "a held-out strip at the right"

    def fingerprint(self) -> str:
        """A hash of what training sees."""
        digest = hashlib.sha256()
        for stack in self.training.stacks:
            for plane in (*stack.mean, *stack.residuals):
                digest.update(plane.tobytes())
        return digest.hexdigest()


def divide(clip: Clip, ticker: Ticker | None = None) -> Footage:
    """Reads the accepted series of a clip and divides them.

    Raises:
        ClipError: all are too short, or the frames too small, or the clip can't be read.
    """
    fit = long_enough(clip)
    limit = frame_limit(clip, _BYTES_PER_PIXEL, len(fit))
    masks = [clip.static_mask(series) for series in fit]
    numbers = scene_numbers(_thumbnail(next(clip.read(series, 1))) for series in fit)
    by_scene = len(set(numbers)) >= 2
    last = max(numbers)
    width, height = clip.mode.width, clip.mode.height
    left = 0 if by_scene else _strip(width)
    if min(height, width if by_scene else min(left, width - left)) < _LEAST:
        raise ClipError(
            f"Frames of {width}×{height} are too small to fine-tune a network with.",
            "Choose --network recursive, or record in a larger mode.",
        )
    training: list[tuple[StillStack, Mask]] = []
    held: list[tuple[StillStack, Mask]] = []
    judged: dict[int, Mask] = {}
    for series, mask, number in zip(fit, masks, numbers, strict=True):
        frames = []
        for planes in clip.read(series, limit):
            frames.append(planes)
            if ticker is not None:
                ticker.advance()
        seen = len(frames) - held_frame_count(len(frames))
        where = mask.copy()
        if by_scene:
            kept = held if number == last else training
            kept.append(_stack(frames, mask, 0, width))
        else:
            training.append(_stack(frames[:seen], mask, 0, left))
            held.append(_stack(frames, mask, left, width))
            where[:, :left] = False
        if number == last or not by_scene:
            judged[series.first] = where
    return Footage(_part(training), _part(held), judged, by_scene)


def _part(pairs: Sequence[tuple[StillStack, Mask]]) -> Part:
    return Part(tuple(stack for stack, _ in pairs), tuple(mask for _, mask in pairs))


def _strip(width: int) -> int:
    """The first column that is held out."""
    held = max(round(width * _HELD_SHARE), min(_HELD_WIDTH, width // 2))
    return max(width - held, 0) // _GRID * _GRID


def _thumbnail(planes: Planes) -> NDArray[np.float32]:
    """A small picture in which most of the noise is gone."""
    rows, columns = (n // 8 * 8 for n in planes.y.shape)
    blocks = planes.y[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _stack(frames: Sequence[Planes], mask: Mask, left: int, right: int) -> tuple[StillStack, Mask]:
    """Columns ``left`` to ``right`` of a series."""
    cut = [_columns(planes, left, right) for planes in frames]
    inside = np.ascontiguousarray(mask[:, left:right])
    return still_stack(cut, inside), inside


def _columns(planes: Planes, left: int, right: int) -> Planes:
    if planes.format.chroma == "gray":
        planes = convert(planes, "420", planes.format.full_range)
    scale = 1 if planes.format.chroma == "444" else 2
    u, v = (plane[:, left // scale : -(-right // scale)] for plane in (planes.u, planes.v))
    layout = replace(planes.format, width=right - left)
    return Planes(planes.y[:, left:right], u, v, layout, planes.time_s)

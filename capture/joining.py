"""Joins neighbouring segments into longer series, as long as they show the same still scene."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rtdenoise.arrays import Mask

from .blocks import block_means, brightness, whole
from .clip import Clip
from .mask import changed, grown, moving_share
from .quality import deviations, drift_levels, levels, mu_sigma
from .segments import SEGMENT, Segment, Still, largest_shift
from .shift import bump_px
from .verdict import BUMP_LIMIT_PX, LEAST_STATIC_FRACTION

SeamKind = Literal["shift", "light", "moving"]

# A longer series has a cleaner mean, but only of what stands still all the time: so much of the static
# part of its best segment must remain.
_KEPT_PART = 0.85
_ELSEWHERE_PX = 40.0  # further off it is another scene


@dataclass(frozen=True)
class Seam:
    """Why two neighbours, each fit by itself, are no one series.

    ``kind`` is "shift" (the camera moved by ``figure`` pixels), "light" (by ``figure`` levels) or "moving" (something
    in the scene; ``figure`` is the share that still stands still, ``moves`` that in which a thing moves).
    """

    kind: SeamKind
    figure: float
    moves: float = 0.0


@dataclass(frozen=True)
class Joined:
    """Neighbouring segments that look like one series. ``offsets`` are their levels against the first.

    ``seam`` says why it isn't one with what lies before it, where both are fit.
    """

    segments: tuple[Segment, ...]
    still: Still | None
    offsets: tuple[float, ...] = (0.0,)
    seam: Seam | None = None

    @property
    def first(self) -> int:
        """The first frame."""
        return self.segments[0].first

    @property
    def count(self) -> int:
        """The number of frames."""
        return sum(segment.measures.count for segment in self.segments)

    def with_next(self, segment: Segment) -> Joined | Seam | None:
        """Joined with the segment after it, or why the two don't go together; None where one isn't fit."""
        ours, theirs = self.still, segment.still
        if ours is None or theirs is None or segment.first != self.first + self.count:
            return None
        shift_px = bump_px(ours.mean, ours.mean, theirs.mean)
        if shift_px > BUMP_LIMIT_PX:
            return Seam("shift", shift_px)
        count, more = self.count, segment.measures.count
        share = np.float32(more / (count + more))
        variance = ours.variance + (theirs.variance - ours.variance) * share
        difference = theirs.mean - ours.mean
        moves = changed(difference, variance + np.float32(1 / 12), count * more / (count + more))
        blocks = ours.blocks.joined(theirs.blocks)
        mask = ours.mask & theirs.mask & grown(moves)
        mask &= whole(blocks.still(), mask.shape)
        best = max(s.measures.static_fraction for s in (*self.segments, segment))
        if mask.mean() < max(LEAST_STATIC_FRACTION, _KEPT_PART * best):
            return Seam("moving", float(mask.mean()), moving_share(mask))
        # The means of both drift apart by the mean offset, however many segments lie before.
        offset = float(np.median(self.offsets)) + float(difference[mask].mean())
        offsets = (*self.offsets, offset)
        if max(offsets) - min(offsets) > min(
            s.measures.drift_limit_levels for s in (*self.segments, segment)
        ):
            return Seam("light", max(offsets) - min(offsets))
        still = Still(ours.mean + difference * share, variance, mask, blocks)
        # The planes of the single segments are not needed any more, except for the masks.
        slim = tuple(_slim(s) for s in (*self.segments, segment))
        return Joined(slim, still, offsets, self.seam)


def _slim(segment: Segment) -> Segment:
    if segment.still is None or not segment.still.mean.size:
        return segment
    nothing = np.empty((0, 0), np.float32)
    return replace(segment, still=Still(nothing, nothing, segment.still.mask, segment.still.blocks))


def join(segments: Iterable[Segment], apart: Container[int] = ()) -> Iterator[Joined]:
    """Joins accepted neighbours, but never across the frames of ``apart``; refused segments stay by themselves."""
    current: Joined | None = None
    fit: Joined | None = None  # the last one, which may lie before some that were refused
    for segment in segments:
        longer = current.with_next(segment) if current and segment.first not in apart else None
        if isinstance(longer, Joined):
            current = longer
            continue
        if current:
            fit = current if current.still else fit
            yield _finished(current)
        if longer is None and fit is not None:
            longer = _bumped(fit, segment, apart)
        current = Joined((segment,), segment.still, seam=longer)
    if current:
        yield _finished(current)


def _bumped(before: Joined, segment: Segment, apart: Container[int]) -> Seam | None:
    """Whether the camera moved meanwhile, behind what was refused: that may only say that frames differ."""
    ours, theirs = before.still, segment.still
    between = range(before.first + before.count, segment.first + 1)
    if ours is None or theirs is None or any(n in apart for n in between):
        return None
    if ours.mean.shape != theirs.mean.shape or not ours.mean.size:
        return None
    shift_px = bump_px(ours.mean, ours.mean, theirs.mean)
    return Seam("shift", shift_px) if BUMP_LIMIT_PX < shift_px < _ELSEWHERE_PX else None


def _finished(joined: Joined) -> Joined:
    if len(joined.segments) == 1:
        return Joined((_slim(joined.segments[0]),), None, seam=joined.seam)
    return joined


def measure_joined(clip: Clip, joined: Joined, black: int) -> list[Segment]:
    """Measures a joined series exactly, against its own mean; its single segments where it fails.

    Reads its frames once more.

    Raises:
        ClipError: the clip can't be read.
    """
    still = joined.still
    if still is None:
        return list(joined.segments)
    e: list[float] = []
    level: list[float] = []
    shift = 0.0
    batch = []
    left = joined.count
    for planes in clip.read(replace(joined.segments[0].series(), count=joined.count)):
        batch.append(planes.y)
        left -= 1
        if len(batch) == SEGMENT or not left:
            frames = np.stack(batch)
            batch = []
            means = np.stack([block_means(frame) for frame in frames])
            gains = brightness(means, still.blocks.still(), still.blocks.level)
            new = deviations(frames, still.mean, still.mask, black, gains)
            shift = max(shift, largest_shift(frames, still.mean, new))
            e += new.tolist()
            level += levels(frames, still.mean, still.mask).tolist()
    mu, sigma = mu_sigma(np.asarray(e))
    parts = [segment.measures for segment in joined.segments]
    weights = np.asarray([part.count for part in parts]) / joined.count
    measures = replace(
        parts[0],
        count=joined.count,
        mu=mu,
        sigma=sigma,
        shift_px=shift,
        drift_levels=drift_levels(np.asarray(level)),
        lag1=float(weights @ [part.lag1 for part in parts]),
        static_fraction=float(still.mask.mean()),
        noise_levels=float(np.sqrt(np.median(still.variance[still.mask]))),
        flicker_levels=max(part.flicker_levels for part in parts),
        dark=max(part.dark for part in parts),
        bright=max(part.bright for part in parts),
        level=min(part.level for part in parts),
    )
    if measures.problem():
        return list(joined.segments)
    nothing = np.empty((0, 0), np.float32)
    return [
        Segment(joined.first, measures, None, Still(nothing, nothing, still.mask, still.blocks))
    ]


def together(segments: Iterable[Segment]) -> list[Segment]:
    """Refused neighbours with the same problem as one, so that a report stays short.

    Frames that jump from one to the next are told as that, not as too few frames each.
    """
    found: list[Segment] = []
    for segment in segments:
        last = found[-1] if found else None
        problem = segment.problem
        kinds = {problem, last.problem} if last else set()
        if last and problem and last.stop == segment.first and kinds <= {"short", "apart"}:
            both = last.measures.worst(segment.measures)
            found[-1] = Segment(last.first, both, "apart")
        elif last and problem and last.stop == segment.first and len(kinds) == 1:
            found[-1] = Segment(last.first, last.measures.worst(segment.measures), problem)
        else:
            found.append(segment)
    return found


def masks(segments: Iterable[Segment]) -> Iterator[tuple[int, Mask]]:
    """The static masks of accepted segments, by their place."""
    for index, segment in enumerate(segments):
        if segment.still is not None:
            yield index, segment.still.mask

"""Joins neighbouring windows into longer series, as long as they show the same still scene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from rtdenoise.arrays import Mask

from .blocks import block_means, brightness, whole
from .clip import Clip
from .mask import changed, grown
from .quality import deviations, drift_levels, levels, mu_sigma
from .segments import WINDOW, Still, Window, largest_shift
from .shift import ShiftMeter
from .verdict import LEAST_STATIC_FRACTION, SHIFT_LIMIT_PX

# A longer series has a cleaner mean, but only of what stands still all the time: so much of the static
# part of its best window must remain.
_KEPT_PART = 0.85


@dataclass(frozen=True)
class Joined:
    """Neighbouring windows that look like one series. ``offsets`` are their levels against the first."""

    windows: tuple[Window, ...]
    still: Still | None
    offsets: tuple[float, ...] = (0.0,)

    @property
    def first(self) -> int:
        """The first frame."""
        return self.windows[0].first

    @property
    def count(self) -> int:
        """The number of frames."""
        return sum(window.measures.count for window in self.windows)

    def with_next(self, window: Window) -> Joined | None:
        """Joined with the window after it; None where the two don't go together."""
        ours, theirs = self.still, window.still
        if ours is None or theirs is None or window.first != self.first + self.count:
            return None
        count, more = self.count, window.measures.count
        share = np.float32(more / (count + more))
        variance = ours.variance + (theirs.variance - ours.variance) * share
        difference = theirs.mean - ours.mean
        moves = changed(difference, variance + np.float32(1 / 12), count * more / (count + more))
        blocks = ours.blocks.joined(theirs.blocks)
        mask = ours.mask & theirs.mask & grown(moves)
        mask &= whole(blocks.still(), mask.shape)
        best = max(w.measures.static_fraction for w in (*self.windows, window))
        if mask.mean() < max(LEAST_STATIC_FRACTION, _KEPT_PART * best):
            return None
        # The means of both drift apart by the mean offset, however many windows lie before.
        offset = float(np.median(self.offsets)) + float(difference[mask].mean())
        offsets = (*self.offsets, offset)
        if max(offsets) - min(offsets) > min(
            w.measures.drift_limit_levels for w in (*self.windows, window)
        ):
            return None
        if np.hypot(*ShiftMeter(ours.mean)(theirs.mean)) > SHIFT_LIMIT_PX / 2:
            return None
        still = Still(ours.mean + difference * share, variance, mask, blocks)
        # The planes of the single windows are not needed any more, except for the masks.
        slim = tuple(_slim(w) for w in (*self.windows, window))
        return Joined(slim, still, offsets)


def _slim(window: Window) -> Window:
    if window.still is None or not window.still.mean.size:
        return window
    nothing = np.empty((0, 0), np.float32)
    return replace(window, still=Still(nothing, nothing, window.still.mask, window.still.blocks))


def join(windows: Iterable[Window]) -> Iterator[Joined]:
    """Joins accepted neighbours; refused windows stay by themselves."""
    current: Joined | None = None
    for window in windows:
        longer = current.with_next(window) if current else None
        if current and not longer:
            yield _finished(current)
        current = longer or Joined((window,), window.still)
    if current:
        yield _finished(current)


def _finished(joined: Joined) -> Joined:
    if len(joined.windows) == 1:
        return Joined((_slim(joined.windows[0]),), None)
    return joined


def measure_joined(clip: Clip, joined: Joined, black: int) -> list[Window]:
    """Measures a joined series exactly, against its own mean; its single windows where it fails.

    Reads its frames once more.

    Raises:
        ClipError: the clip can't be read.
    """
    still = joined.still
    if still is None:
        return list(joined.windows)
    e: list[float] = []
    level: list[float] = []
    shift = 0.0
    batch = []
    left = joined.count
    for planes in clip.read(replace(joined.windows[0].series(), count=joined.count)):
        batch.append(planes.y)
        left -= 1
        if len(batch) == WINDOW or not left:
            frames = np.stack(batch)
            batch = []
            means = np.stack([block_means(frame) for frame in frames])
            gains = brightness(means, still.blocks.still(), still.blocks.level)
            new = deviations(frames, still.mean, still.mask, black, gains)
            shift = max(shift, largest_shift(frames, still.mean, new))
            e += new.tolist()
            level += levels(frames, still.mean, still.mask).tolist()
    mu, sigma = mu_sigma(np.asarray(e))
    parts = [window.measures for window in joined.windows]
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
    )
    if measures.problem():
        return list(joined.windows)
    nothing = np.empty((0, 0), np.float32)
    return [Window(joined.first, measures, None, Still(nothing, nothing, still.mask, still.blocks))]


def together(windows: Iterable[Window]) -> list[Window]:
    """Refused neighbours with the same problem as one, so that a report stays short.

    Frames that jump from one to the next are told as that, not as too few frames each.
    """
    found: list[Window] = []
    for window in windows:
        last = found[-1] if found else None
        problem = window.problem
        kinds = {problem, last.problem} if last else set()
        if last and problem and last.stop == window.first and kinds <= {"short", "apart"}:
            both = last.measures.worst(window.measures)
            found[-1] = Window(last.first, both, "apart")
        elif last and problem and last.stop == window.first and len(kinds) == 1:
            found[-1] = Window(last.first, last.measures.worst(window.measures), problem)
        else:
            found.append(window)
    return found


def masks(windows: Iterable[Window]) -> Iterator[tuple[int, Mask]]:
    """The static masks of accepted windows, by their place."""
    for index, window in enumerate(windows):
        if window.still is not None:
            yield index, window.still.mask

"""The arithmetic of the search for movement, in OpenCV and NumPy: the compiled code's reference and stand-in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes, Floats, Mask

CELL = 4
"""Pixels of half resolution along a cell."""
HALF = 2
"""Pixels along those of half resolution, and blocks along the places of slow movement."""
LEVEL = 7
"""Cells over which a change of brightness is told."""
FITS = 1.5
"""Mean squares of noise, above which a cell counts less."""
PRIOR = 1e-3
"""Of the noise: what holds a vector where there is no texture."""
STRAIGHT = 1e-3
"""Of the texture: what holds a vector along an edge."""
MOST_STEP = 2.0
"""Pixels of half resolution that a step may go."""
SPREAD_WINDOWS = ((3, 1.0), (5, 0.1)), ((7, 0.01), (17, 0.001))
"""How far vectors are spread, and with what weight, on grids of half and of a quarter of the size."""
TINY = 1e-9
"""Added to the weights of spread vectors."""
CREEP_SUMS = 8
"""Sums that tell slow movement."""
CREEP_WINDOW = 4
"""Places along a window of slow movement."""
CREEP_LEVEL = 13
"""Places over which a change of brightness is told."""
CREEP_MEMORY = 0.7
"""What counts of these sums from frame to frame."""
CREEP_SURE = 60.0
"""Chi-squared with two degrees of freedom, above which something moves."""
CREEP_MOST = 2.0
"""Standard deviations of noise up to which a difference counts."""
CREEP_LEAST = 0.015
"""Blocks that something must have moved by."""
CREEP_TEXTURE = 0.05
"""Squared levels per squared block: what holds vectors where there is less."""
CREEP_SCALE = (HALF * CREEP_WINDOW) ** 2 / CREEP_SURE
"""From the sums' chi-squared per block to multiples of what is needed."""

EXPLAINS = 2.0
"""Variances of noise by which a movement must explain more than rest, to be spread to others."""
BETTER = 0.6
"""Of the difference, which a movement must leave less of."""
CORE = 0.3
"""Share of the blocks around that it does so for."""
SLOW_COUNTS = 0.3
"""Variances of noise that a slow block's vector counts for."""
SLOW_ADDS = 2.0
"""What slow movement adds to a belief, at most."""
SLOW_FULL = 0.3
"""How far over what is needed it must be for that."""
MEMORY = 0.8
"""What is left of a belief from frame to frame."""
MOST_ADDED = 4.0
"""What a frame adds to a belief, at most."""
MOST = 6.0
"""What a belief comes to, at most."""
AROUND = 7
"""Blocks over which beliefs are shared."""
SHARED = 0.5
"""How much of a belief is the mean of those around."""
MOVES = 0.0
"""The belief from where on a block is moved."""

Windows = tuple[tuple[int, float], ...]
"""Widths of square windows, odd and rising, up to 17; and what each counts."""

_CALM = np.array([0.25, 0.5, 0.25], np.float32)  # how vectors are calmed after each step
_SLOPE = np.array([[-0.5, 0, 0.5]], np.float32)
_AREA, _LINEAR, _EDGE = cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE


@dataclass(frozen=True)
class Creeping:
    """What moves slowly.

    ``moved`` tells where, (rows, columns); ``sure`` how sure that is, in multiples of what is needed; ``flow`` where it
    was, less where it is, in blocks as (x, y), (rows, columns, 2).
    """

    moved: Mask
    sure: Floats
    flow: Floats

    def of(self, box: tuple[slice, slice]) -> Creeping:
        """The same of a part of the blocks."""
        return Creeping(self.moved[box], self.sure[box], self.flow[box])


class Kernels:
    """What finding movement computes over and over."""

    def halved(self, picture: Bytes) -> Floats:
        """At half the resolution; an odd last row or column is left out."""
        rows, columns = (n // HALF for n in picture.shape)
        even = picture[: rows * HALF, : columns * HALF]
        small = cv2.resize(even.astype(np.float32), (columns, rows), interpolation=_AREA)
        return np.asarray(small, np.float32)

    def samples(self, picture: Bytes, x: Floats, y: Floats) -> Floats:
        """A picture, (H, W), at other places, interpolated by Keys's cubic kernel; its edges are repeated.

        OpenCV's cubic kernel (a = -0.75 instead of -0.5) shifts what it interpolates: movements were found 0.03 pixels
        beside the truth with it, and 0.005 with this one.

        Args:
            picture: The picture.
            x: Where, (rows, columns).
            y: The same.
        """
        (left, across), (top, down) = _taps(x), _taps(y)
        values = np.zeros(x.shape, np.float32)
        for row, weight in enumerate(down):
            rows = np.clip(top + row, 0, picture.shape[0] - 1)
            line = np.zeros(x.shape, np.float32)
            for column, share in enumerate(across):
                line += share * picture[rows, np.clip(left + column, 0, picture.shape[1] - 1)]
            values += weight * line
        return values

    def slopes(
        self,
        last: Floats,
        frame: Floats,
        flow: Floats,
        corner: tuple[float, float],
        wanted: Mask | None = None,
    ) -> Floats:
        """What a frame says about the movement since another picture.

        Args:
            last: The other picture, (H, W).
            frame: Pixels of the frame, (CELL * rows, CELL * columns).
            flow: Where each cell was, less where it is, in pixels as (x, y), (rows, columns, 2).
            corner: Where the frame's first pixel lies in the other picture, as (x, y).
            wanted: Which cells are, (rows, columns); what is given for others may be zero. None: all.

        Returns:
            Means over each cell, (9, rows, columns): of the products of the other picture's slopes there, as xx, xy and
            yy; of these with the difference from it, as x and y; of the slopes alone; of the difference, and of its
            square.
        """
        rows, columns = flow.shape[:2]
        size = (CELL * columns, CELL * rows)
        x, y = cv2.split(cv2.resize(flow, size, interpolation=_LINEAR))
        x = x + (np.arange(size[0], dtype=np.float32) + np.float32(corner[0]))
        y = y + (np.arange(size[1], dtype=np.float32) + np.float32(corner[1]))[:, None]
        old = cv2.remap(last, x, y, cv2.INTER_CUBIC, borderMode=_EDGE)
        across, down = _slopes(np.asarray(old, np.float32))
        error = frame - old
        products = (
            *(across * across, across * down, down * down, across * error, down * error),
            *(across, down, error, error * error),
        )
        cells = [cv2.resize(p, (columns, rows), interpolation=_AREA) for p in products]
        return np.asarray(np.stack(cells), np.float32)

    def errors(
        self, last: Floats, frame: Floats, flow: Floats, corner: tuple[float, float], wanted: Mask
    ) -> Floats:
        """The last of what :meth:`slopes` gives: means over cells of the squared difference, (rows, columns)."""
        means: Floats = self.slopes(last, frame, flow, corner, wanted)[8]
        return means

    def take_off_level(self, sums: Floats) -> None:
        """Changes what :meth:`slopes` gives as if the mean difference around each cell had been taken off."""
        level = cv2.blur(sums[7], (LEVEL, LEVEL))
        sums[3] -= level * sums[5]
        sums[4] -= level * sums[6]
        sums[8] += level * (level - 2 * sums[7])

    def refine(
        self, sums: Floats, weights: Floats, flow: Floats, noise: float, windows: Windows
    ) -> Floats:
        """One step of Lucas and Kanade.

        Args:
            sums: From :meth:`slopes`, the level taken off.
            weights: From 0 to 1, how far a cell counts, (rows, columns).
            flow: What the sums are of, (rows, columns, 2).
            noise: The mean square that is left in most cells.
            windows: In cells.

        Returns:
            Better vectors, (rows, columns, 2).
        """
        counts = weights / (1 + np.maximum(sums[8] / np.float32(noise) - np.float32(FITS), 0))
        counted = np.ascontiguousarray(np.moveaxis(sums[:5] * counts, 0, 2))
        total = sum(np.float32(share) * cv2.blur(counted, (w, w)) for w, share in windows)
        xx, xy, yy, x, y = np.moveaxis(np.asarray(total, np.float32), 2, 0)
        held = np.float32(PRIOR * noise) + np.float32(STRAIGHT) * (xx + yy)
        change = _solved(xx + held, xy, yy + held, x, y)
        length = np.sqrt(np.square(change).sum(2))
        moved = flow + change * (MOST_STEP / np.maximum(length, np.float32(MOST_STEP)))[:, :, None]
        calm = cv2.sepFilter2D(moved, -1, _CALM, _CALM, borderType=_EDGE)
        return np.asarray(calm, np.float32)

    def rest(self, old: Floats, new: Floats, flow: Floats, corner: tuple[int, int]) -> Floats:
        """Mean squares of what is left of the difference after a movement, over 3 × 3 blocks.

        Args:
            old: The state's blocks, all of them.
            new: The frame's in a part, (rows, columns).
            flow: Where each was, less where it is, in blocks as (x, y), (rows, columns, 2).
            corner: The part's first block, (row, column).
        """
        rows, columns = new.shape
        x = flow[:, :, 0] + np.arange(corner[1], corner[1] + columns, dtype=np.float32)
        y = flow[:, :, 1] + np.arange(corner[0], corner[0] + rows, dtype=np.float32)[:, None]
        rest = new - cv2.remap(old, x, y, _LINEAR, borderMode=_EDGE)
        return np.asarray(cv2.blur(rest * rest, (3, 3)), np.float32)

    def weigh(
        self,
        change: Floats,
        noise: Floats,
        after: Floats,
        moving: Mask,
        flow: Floats,
        creeping: Creeping | None,
    ) -> tuple[Floats, Floats | None]:
        """How much each block's vector counts, when vectors are spread to others.

        Args:
            change: The new frame's blocks less the state's, (rows, columns).
            noise: The variance in it.
            after: What the vectors leave, as :meth:`rest` has it.
            moving: Blocks that may have moved.
            flow: The vectors, (rows, columns, 2); slow blocks get theirs.
            creeping: What moves slowly; None where nothing does.

        Returns:
            What rest leaves, as :meth:`rest` has it; and the weights, None where all are zero.
        """
        before = np.asarray(cv2.blur(change * change, (3, 3)), np.float32)
        saved = before - after
        explained = (saved > EXPLAINS * noise) & (after < BETTER * before) & moving
        core = explained.astype(np.float32)
        core *= cv2.blur(core, (5, 5)) > CORE
        weights: Floats = core * np.maximum(saved, 0)
        if creeping is not None:
            creeps = creeping.moved & (core == 0)
            cv2.copyTo(creeping.flow, creeps.view(np.uint8), flow)
            weights = np.where(creeps, SLOW_COUNTS * noise * np.minimum(creeping.sure, 3), weights)
        return before, weights if weights.any() else None

    def believe(
        self,
        along: Floats,
        before: Floats,
        after: Floats,
        noise: Floats,
        creeping: Creeping | None,
    ) -> tuple[Floats, Mask]:
        """Takes in what a frame says for movement (positive) and against it.

        Args:
            along: What was believed of each block, moved along with it, (rows, columns).
            before: What rest leaves of the frame, as :meth:`rest` has it.
            after: The same of a movement.
            noise: The variance in it.
            creeping: What moves slowly; None where nothing does.

        Returns:
            What is believed now, (rows, columns), and which blocks move.
        """
        # Where neither explains the frame, the noise is stronger than it is known to be.
        spread = np.maximum(noise, np.minimum(before, after))
        evidence = np.clip((before - after) / (2 * spread), -MOST_ADDED, MOST_ADDED)
        if creeping is not None:
            more = np.clip((creeping.sure - 1) * np.float32(1 / SLOW_FULL), 0, 1)
            evidence += SLOW_ADDS * more * creeping.moved
            evidence = np.clip(evidence, -MOST_ADDED, MOST_ADDED)
        here = np.float32(MEMORY) * along + evidence
        around = cv2.blur(here, (AROUND, AROUND))
        here = np.clip((1 - SHARED) * here + SHARED * around, -MOST, MOST)
        return here, np.asarray(here > MOVES)

    def spread(self, flow: Floats, weights: Floats) -> Floats:
        """Weighted means of vectors, (rows, columns, 2), over as few blocks as have any weight, (rows, columns)."""
        rows, columns = weights.shape
        parts = np.dstack([flow * weights[:, :, None], weights])
        parts = cv2.copyMakeBorder(parts, 0, -rows % 4, 0, -columns % 4, _EDGE)
        total = np.zeros((1, 1, 3), np.float32)
        grids = [parts]
        for _ in SPREAD_WINDOWS:
            size = (grids[-1].shape[1] // 2, grids[-1].shape[0] // 2)
            grids.append(np.asarray(cv2.resize(grids[-1], size, interpolation=_AREA), np.float32))
        for grid, windows in zip(grids[:0:-1], SPREAD_WINDOWS[::-1], strict=True):
            total = np.asarray(cv2.resize(total, grid.shape[1::-1]), np.float32)
            for width, share in windows:
                total += np.float32(share) * cv2.blur(grid, (width, width))
        whole = cv2.resize(total, parts.shape[1::-1])[:rows, :columns]
        return np.asarray(whole[:, :, :2] / (whole[:, :, 2:] + np.float32(TINY)), np.float32)

    def creep(
        self, old: Floats, difference: Floats, variance: Floats, sums: Floats
    ) -> tuple[Mask, Floats, Floats] | None:
        """What a frame says about slow movement; see :class:`.slow.SlowMovement`.

        Args:
            old: The state's block means, (rows, columns), both even.
            difference: The new frame's less those.
            variance: Of the noise in the difference.
            sums: Of earlier frames, (CREEP_SUMS, rows / 2, columns / 2); the frame is taken into them.

        Returns:
            Which of these places move, how sure that is, and their vectors in blocks, (rows / 2, columns / 2, 2); None
            where none does.
        """
        across, down = _slopes(old)
        rows, columns = old.shape
        size = (columns // HALF, rows // HALF)
        width = (CREEP_LEVEL, CREEP_LEVEL)
        level = cv2.blur(cv2.resize(difference, size, interpolation=_AREA), width)
        rest = difference - cv2.resize(level, (columns, rows))
        # What is far above the noise is no slow movement, and would be remembered for too long.
        most = np.float32(CREEP_MOST) * np.sqrt(variance)
        rest = np.clip(rest, -most, most)
        x, y = across * rest, down * rest
        products = (x, y, across * across, across * down, down * down, x * x, x * y, y * y)
        for index, product in enumerate(products):
            keep = CREEP_MEMORY if index < 5 else CREEP_MEMORY**2  # squares of squares
            sums[index] *= np.float32(keep)
            coarse = cv2.resize(product, size, interpolation=_AREA)
            sums[index] += cv2.blur(coarse, (CREEP_WINDOW, CREEP_WINDOW))
        x, y, xx, xy, yy, vxx, vxy, vyy = sums
        held = np.float32(1e-3) * (vxx + vyy) + np.float32(1e-6)
        vxx, vyy = vxx + held, vyy + held
        chi = (vyy * x * x - 2 * vxy * x * y + vxx * y * y) / (vxx * vyy - vxy * vxy)
        sure = chi * np.float32(CREEP_SCALE)
        held = np.float32(1e-2) * (xx + yy) + np.float32(CREEP_TEXTURE)
        flow = _solved(xx + held, xy, yy + held, x, y)
        moves = (sure > 1) & (np.square(flow).sum(2) > np.float32(CREEP_LEAST**2))
        return (moves, sure, flow) if moves.any() else None


def _taps(at: Floats) -> tuple[NDArray[np.intp], tuple[Floats, ...]]:
    """Of Keys's cubic kernel: the first of the four pixels that count, and how much each of them does."""
    left = np.floor(at)
    t = at - left
    one = 1 - t
    weights = (
        -0.5 * t * one * one,
        (1.5 * t - 2.5) * t * t + 1,
        (1.5 * one - 2.5) * one * one + 1,
        -0.5 * one * t * t,
    )
    return left.astype(np.intp) - 1, tuple(np.asarray(w, np.float32) for w in weights)


def _slopes(picture: Floats) -> tuple[Floats, Floats]:
    """Central differences, across and down."""
    across = cv2.filter2D(picture, -1, _SLOPE, borderType=_EDGE)
    down = cv2.filter2D(picture, -1, _SLOPE.T, borderType=_EDGE)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _solved(xx: Floats, xy: Floats, yy: Floats, x: Floats, y: Floats) -> Floats:
    """The vectors that [[xx, xy], [xy, yy]] takes to (x, y)."""
    scale = 1 / (xx * yy - xy * xy)
    return np.stack([(yy * x - xy * y) * scale, (xx * y - xy * x) * scale], 2)

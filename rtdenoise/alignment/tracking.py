"""Follows what moves from frame to frame: which blocks belong to it, flat ones too, and how it moves.

A block in the middle of a moving thing that has no texture looks the same whether it moves or not. But the average of
earlier frames holds on only where it moves along, and what surrounds the block tells that it does. So each block has a
belief that it moves: the logarithm of the odds, to which every frame adds what the difference says for and against, and
which moves along with the thing, as in a Bayes filter.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ..arrays import Bytes, Floats, Mask
from .affine import core, fit_affine
from .kernels import MEMORY, MOVES, Kernels
from .motion import FEWEST, MOVED, Movement, Search, lengths, remap, search_area
from .refinement import Refinement
from .slow import SlowMovement

_STRIDE, _STEPS = 4, 6  # of the search
_PRIOR = -2.0  # the belief of a block of which nothing is known
_THING = 60  # blocks that a thing needs to be taken for one
# A thing is rigid where its own movement leaves hardly more than the refined vectors: in variances of noise over so
# many blocks, of which each counts up to so many, and in sums over the pixels of a cell, over so many cells. Near its
# edge the refined vectors are spoiled by what lies behind: blocks there count for so little that those further inside
# decide for them.
_RIGID_AROUND, _RIGID_MARGIN, _RIGID_MOST = 17, 1.0, 1.5
_RIGID_CELLS, _RIGID_MARGIN_CELL, _RIGID_MOST_CELL = 13, 0.8, 2.0
_BORDER_COUNTS = np.float32(0.02)
# Variances of noise over a whole thing, by which its movement must explain it better than rest: what noise alone seems
# to move comes to six, as many as an affine movement has numbers.
_SURE_GAIN = 20.0
_LEAST_WEIGHT = 1e-4
_STEPS_OF_REFINEMENT = 4
_GOES_ON = 0.9  # of the search's error, which the vectors of the frame before must leave less of
_GOES_ON_AROUND = 9  # blocks
_STILL = 0.02  # blocks: a smaller movement is none
# Mean squared difference of 3 × 3 blocks, in variances of noise, above which something has surely moved: of noise alone
# 4 % are above MOVED.
_SURELY_MOVED = 8.0


class Tracker:
    """Finds the movement between the state and a new frame, and keeps in mind what moves.

    Args:
        grid: Blocks, (rows, columns).
        side: Luma pixels along a block, 4 or 8.
        finest_scale: How often the grid is halved for the search: 0 finds more on coarse grids, and takes longer.
        kernels: Compute it; None: NumPy and OpenCV do.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        side: int,
        finest_scale: int = 1,
        kernels: Kernels | None = None,
    ) -> None:
        self._search = Search(grid, finest_scale, (_STRIDE, _STEPS))
        self._grid, self._side, self._kernels = grid, side, kernels or Kernels()
        self._belief: Floats = np.full(grid, _PRIOR, np.float32)
        self._slow = SlowMovement(self._kernels)
        self._before: Movement | None = None

    def reset(self) -> None:
        """Forgets what moved."""
        self._belief.fill(_PRIOR)
        self._slow.reset()
        self._before = None

    def find(
        self,
        old: Floats,
        difference: Floats,
        variance: Floats,
        strong: Floats,
        pixels: tuple[Bytes, Bytes],
    ) -> Movement | None:
        """The movement, or None where nothing moves.

        Args:
            old: The state's block means, (rows, columns), in bytes.
            difference: The new frame's less those.
            variance: Of the noise in the difference, in squared bytes, (rows, columns).
            strong: How strong it is in these units, as :func:`.motion.strength` has it.
            pixels: The last clean luma and the new frame's, (H, W) each.
        """
        moving = strong > MOVED
        belief, earlier = self._belief, self._before
        self._belief = belief * np.float32(MEMORY) + np.float32((1 - MEMORY) * _PRIOR)
        self._before = None
        known = belief > MOVES
        if not self._search.usable:
            return None
        creeping = self._slow.update(old, difference, variance)
        suspects = [moving] if creeping is None else [moving, creeping.moved]
        if not known.any() and max(map(np.count_nonzero, suspects)) < FEWEST * moving.size:
            return None
        seen = (strong > _SURELY_MOVED) | known
        rectangle = search_area(seen if creeping is None else seen | creeping.moved)
        if rectangle is None:
            return None
        box = rectangle.of((1, 1))
        new, change, noise = old[box] + difference[box], difference[box], variance[box]
        found = self._search.vectors(old[box], new)
        after = self._error(old, new, box, found)
        slow = None if creeping is None else creeping.of(box)
        before, weights = self._kernels.weigh(change, noise, after, moving[box], found, slow)
        if weights is None:
            return None
        flow = self._kernels.spread(found, weights)
        after = self._error(old, new, box, flow)
        along = remap(belief, self._search.base[box] + flow)
        self._belief[box], moves = self._kernels.believe(along, before, after, noise, slow)
        if not moves.any():
            return None
        things = _Things(moves)
        flow = self._refined(old, new, noise, flow, after, things, box, pixels, earlier)
        gain = (before - self._error(old, new, box, flow)) / noise
        moves &= (lengths(flow) > _STILL) & _surely(gain, things)
        if not moves.any():
            return None
        whole, moved = np.zeros((*self._grid, 2), np.float32), np.zeros(self._grid, np.bool_)
        _put(whole[box], moves, flow)
        moved[box] = moves
        self._before = Movement(whole, moved, self._search.base)
        return self._before

    def _error(self, old: Floats, new: Floats, box: tuple[slice, slice], flow: Floats) -> Floats:
        """Mean squares of what is left of the difference after a movement, over 3 × 3 blocks."""
        return self._kernels.rest(old, new, flow, (box[0].start, box[1].start))

    def _refined(
        self,
        old: Floats,
        new: Floats,
        noise: Floats,
        flow: Floats,
        after: Floats,
        things: _Things,
        box: tuple[slice, slice],
        pixels: tuple[Bytes, Bytes],
        earlier: Movement | None,
    ) -> Floats:
        """The flow as the pixels have it: each thing's affine movement, or vectors of its parts where it bends.

        ``after`` is what the flow leaves, as :meth:`_error` has it.
        """
        refinement = Refinement(*pixels, box, self._side, self._kernels)
        inside = things.moves.astype(np.float32)
        counts = np.maximum(
            core(things.moves, (box[0].start, box[1].start), self._grid), _BORDER_COUNTS * inside
        )
        if earlier is not None:
            # What moved goes on moving: a better start than the search's where that has failed.
            going = self._kernels.spread(earlier.flow[box], earlier.moved[box].astype(np.float32))
            size = (_GOES_ON_AROUND, _GOES_ON_AROUND)
            errors = [cv2.blur(e, size) for e in (self._error(old, new, box, going), after)]
            _put(flow, np.asarray(errors[0] < _GOES_ON * errors[1]), going)
        start = refinement.vectors(flow)
        near = np.asarray(cv2.blur(refinement.cells(inside), (3, 3)), np.float32)
        bent = refinement.refine(start, near, _STEPS_OF_REFINEMENT)
        flow = refinement.block_vectors(bent)
        affine = self._affine(flow, things, box, pixels)
        left = self._error(old, new, box, flow)
        worse = self._error(old, new, box, affine) - left
        # What no movement explains (JPEG, light) is more than the noise where there is little of it.
        around = _Around(counts, _RIGID_AROUND)
        unit = np.maximum(noise, around.mean(left))
        most = _RIGID_MOST * unit
        rigid = around.mean(np.clip(worse, -most, most)) < _RIGID_MARGIN * unit
        cells = refinement.cells(counts)
        more = refinement.worse(refinement.vectors(affine), bent, cells > 0)
        most_of_cell = np.clip(more, -_RIGID_MOST_CELL, _RIGID_MOST_CELL)
        more = _Around(cells, _RIGID_CELLS).mean(most_of_cell)
        rigid &= refinement.blocks(more) < _RIGID_MARGIN_CELL
        _put(flow, rigid, affine)
        return flow

    def _affine(
        self, flow: Floats, things: _Things, box: tuple[slice, slice], pixels: tuple[Bytes, Bytes]
    ) -> Floats:
        """The flow, with each large thing's affine movement in its place."""
        affine = flow.copy()
        for rows, columns, place in things.large():
            part = (rows, columns)
            first = (box[0].start + rows.start, box[1].start + columns.start)
            fitted = fit_affine(place, flow[part], first, *pixels, self._side, self._kernels)
            if fitted is not None:
                _put(affine[part], place, fitted)
        return affine


class _Things:
    """The connected parts of what moves.

    ``labels`` (rows, columns) are from 0, where nothing moves, to ``count`` - 1.
    """

    def __init__(self, moves: Mask) -> None:
        self.moves = moves
        # Without statistics, of which a few boxes are wanted: OpenCV takes three times as long for all of them.
        self.count, self.labels = cv2.connectedComponents(moves.view(np.uint8), connectivity=4)

    def large(self) -> Iterator[tuple[slice, slice, Mask]]:
        """Of each thing that is large enough: the rows and columns that hold it, and which of their blocks are its."""
        for thing in np.flatnonzero(np.bincount(self.labels.ravel()) >= _THING):
            if thing == 0:
                continue
            place = self.labels == thing
            down, across = np.flatnonzero(place.any(1)), np.flatnonzero(place.any(0))
            rows = slice(int(down[0]), int(down[-1]) + 1)
            columns = slice(int(across[0]), int(across[-1]) + 1)
            yield rows, columns, place[rows, columns]


def _surely(gain: Floats, things: _Things) -> Mask:
    """Blocks of things that the noise alone would hardly set in motion.

    Args:
        gain: By how much its movement explains a block better than rest, in variances of noise, (rows, columns), as
            means over 3 x 3 blocks.
        things: What moves.
    """
    sure = np.bincount(things.labels.ravel(), gain.ravel(), things.count) > _SURE_GAIN
    return np.asarray(sure[things.labels])


def _put(flow: Floats, where: Mask, other: Floats) -> None:
    """Writes other vectors into a flow at some blocks: NumPy takes much longer for it."""
    cv2.copyTo(other, where.view(np.uint8), flow)


class _Around:
    """Weighted means over squares of so many."""

    def __init__(self, weights: Floats, width: int) -> None:
        self._weights, self._size = weights, (width, width)
        self._total = np.maximum(cv2.blur(weights, self._size), _LEAST_WEIGHT)

    def mean(self, values: Floats) -> Floats:
        """Of values, (rows, columns)."""
        return np.asarray(cv2.blur(values * self._weights, self._size) / self._total, np.float32)

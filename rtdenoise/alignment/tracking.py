"""Follows what moves from frame to frame: which blocks belong to it, flat ones too, and how it moves.

A block in the middle of a moving thing that has no texture looks the same whether it moves or not. But the average of
earlier frames holds on only where it moves along, and what surrounds the block tells that it does. So each block has a
belief that it moves: the logarithm of the odds, to which every frame adds what the difference says for and against, and
which moves along with the thing, as in a Bayes filter.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import Bytes, Floats, Mask
from .affine import fit_affine
from .motion import FEWEST, MOVED, Movement, Search, remap, search_area

_STRIDE, _STEPS = 4, 6  # of the search
# The belief of a block of which nothing is known; what is left of one from frame to frame; the most that a frame adds,
# and that it comes to; how much of it is the mean over so many blocks around; and from where on a block is moved.
_PRIOR, _MEMORY, _MOST_ADDED, _MOST, _AROUND, _SHARED, _MOVES = -2.0, 0.8, 4.0, 6.0, 7, 0.5, 0.0
_EXPLAINS = 2.0  # variances of noise by which a movement must explain more than rest, to be spread to others
_BETTER = 0.6  # of the difference, which a movement must leave less of
_CORE = 0.3  # share of the blocks around that it does so for
# Over how many blocks vectors are spread, and with what weight; the second are on a coarser grid.
_NEAR_WIDTHS, _FAR_WIDTHS, _COARSER = ((3, 1.0), (9, 0.1)), ((7, 0.01), (17, 0.001)), 4
_THING = 60  # blocks that a thing needs to be taken for one
_RIGID_AROUND, _RIGID_MARGIN = 9, 0.5  # blocks, and variances of noise
_STILL = 0.02  # blocks: a smaller movement is none
_TINY = 1e-9
# Mean squared difference of 3 × 3 blocks, in variances of noise, above which something has surely moved: of noise alone
# 4 % are above MOVED.
_SURELY_MOVED = 8.0


class Tracker:
    """Finds the movement between the state and a new frame, and keeps in mind what moves.

    Args:
        grid: Blocks, (rows, columns).
        side: Luma pixels along a block.
        finest_scale: How often the grid is halved for the search: 0 finds more on coarse grids, and takes longer.
    """

    def __init__(self, grid: tuple[int, int], side: int, finest_scale: int = 1) -> None:
        self._search = Search(grid, finest_scale, (_STRIDE, _STEPS))
        self._grid, self._side = grid, side
        self._belief: Floats = np.full(grid, _PRIOR, np.float32)

    def reset(self) -> None:
        """Forgets what moved."""
        self._belief.fill(_PRIOR)

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
        belief = self._belief
        self._belief = belief * np.float32(_MEMORY) + np.float32((1 - _MEMORY) * _PRIOR)
        known = belief > _MOVES
        if not self._search.usable:
            return None
        if np.count_nonzero(moving) < FEWEST * moving.size and not known.any():
            return None
        rectangle = search_area((strong > _SURELY_MOVED) | known)
        if rectangle is None:
            return None
        box = rectangle.of((1, 1))
        new, change, noise = old[box] + difference[box], difference[box], variance[box]
        found = self._search.vectors(old[box], new)
        before = cv2.blur(change * change, (3, 3))
        after = self._error(old, new, box, found)
        saved = before - after
        explained = (saved > _EXPLAINS * noise) & (after < _BETTER * before) & moving[box]
        core = explained.astype(np.float32)
        core *= cv2.blur(core, (5, 5)) > _CORE
        if not core.any():
            return None
        flow = _spread(found, core * np.maximum(saved, 0))
        after = self._error(old, new, box, flow)
        # Where neither explains the frame, the noise is stronger than it is known to be.
        spread = np.maximum(noise, np.minimum(before, after))
        moves = self._believe(belief, (before - after) / (2 * spread), flow, box)
        flow = self._rigid(old, new, noise, flow, moves, box, pixels)
        moves &= cv2.magnitude(*cv2.split(flow)) > _STILL
        if not moves.any():
            return None
        whole, moved = np.zeros((*self._grid, 2), np.float32), np.zeros(self._grid, np.bool_)
        whole[box], moved[box] = flow * moves[:, :, None], moves
        return Movement(whole, moved, self._search.base)

    def _error(self, old: Floats, new: Floats, box: tuple[slice, slice], flow: Floats) -> Floats:
        """Mean squares of what is left of the difference after a movement, over 3 × 3 blocks."""
        rest = new - remap(old, self._search.base[box] + flow)
        return np.asarray(cv2.blur(rest * rest, (3, 3)), np.float32)

    def _believe(
        self, belief: Floats, evidence: Floats, flow: Floats, box: tuple[slice, slice]
    ) -> Mask:
        """Takes in what a frame says for movement (positive) and against it; the blocks that move."""
        along = remap(belief, self._search.base[box] + flow)
        added = np.clip(evidence, -_MOST_ADDED, _MOST_ADDED)
        here = np.float32(_MEMORY) * along + added
        around = cv2.blur(here, (_AROUND, _AROUND))
        here = np.clip((1 - _SHARED) * here + _SHARED * around, -_MOST, _MOST)
        self._belief[box] = here
        return np.asarray(here > _MOVES)

    def _rigid(
        self,
        old: Floats,
        new: Floats,
        noise: Floats,
        flow: Floats,
        moves: Mask,
        box: tuple[slice, slice],
        pixels: tuple[Bytes, Bytes],
    ) -> Floats:
        """The flow, where each thing's affine movement explains the frame as well with that one instead."""
        count, things, sizes, _ = cv2.connectedComponentsWithStats(
            moves.view(np.uint8), connectivity=4
        )
        affine = flow.copy()
        for thing in range(1, count):
            left, top, width, height, size = sizes[thing]
            if size < _THING:
                continue
            part = (slice(top, top + height), slice(left, left + width))
            place = things[part] == thing
            first = (box[0].start + top, box[1].start + left)
            fitted = fit_affine(place, flow[part], first, *pixels, self._side)
            if fitted is not None:
                np.copyto(affine[part], fitted, where=place[:, :, None])
        inside = moves.astype(np.float32)
        worse = self._error(old, new, box, affine) - self._error(old, new, box, flow)
        size = (_RIGID_AROUND, _RIGID_AROUND)
        share = np.maximum(cv2.blur(inside, size), 1e-3)
        rigid = cv2.blur(worse * inside, size) / share < _RIGID_MARGIN * noise
        return np.where(rigid[:, :, None], affine, flow)


def _spread(flow: Floats, weights: Floats) -> Floats:
    """Weighted means of vectors, over as few blocks as have any weight."""
    parts = np.empty((*weights.shape, 3), np.float32)
    np.multiply(flow, weights[:, :, None], out=parts[:, :, :2])
    parts[:, :, 2] = weights
    rows, columns = weights.shape
    size = (-(-columns // _COARSER), -(-rows // _COARSER))
    coarse = cv2.resize(parts, size, interpolation=cv2.INTER_AREA)
    far = np.zeros(coarse.shape, np.float32)
    for width, share in _FAR_WIDTHS:
        far += np.float32(share) * cv2.blur(coarse, (width, width))
    total = np.asarray(cv2.resize(far, (columns, rows)), np.float32)
    for width, share in _NEAR_WIDTHS:
        total += np.float32(share) * cv2.blur(parts, (width, width))
    return np.asarray(total[:, :, :2] / (total[:, :, 2:] + np.float32(_TINY)), np.float32)

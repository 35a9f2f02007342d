"""How much was taken away, and where that is next to nothing, why."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..denoisers import Denoiser
from ..denoisers.still import StillDenoiser
from ..denoisers.streaming import StreamDenoiser
from ..frames import Planes
from ..noise.estimate import Seen
from ..noise.single import Finding

NEXT_TO_NOTHING = 0.3
"""Root mean square of what was taken away, in levels of 255: rounding to bytes alone does as much."""
_STEP = 3  # rows: a part tells enough


class Removal:
    """Adds up what was taken away."""

    def __init__(self) -> None:
        self._squares: list[float] = [0.0, 0.0]  # of luma, of chroma
        self._pixels = [0, 0]

    def add(self, noisy: Planes, clean: Planes) -> None:
        """Takes a frame, as it was and as it became."""
        for index, one, other in (
            (0, noisy.y, clean.y),
            (1, noisy.u, clean.u),
            (1, noisy.v, clean.v),
        ):
            if one is not other and one.size:
                a, b = (np.ascontiguousarray(plane[::_STEP]) for plane in (one, other))
                self._squares[index] += cv2.norm(a, b, cv2.NORM_L2SQR)
            self._pixels[index] += one[::_STEP].size

    @property
    def std(self) -> float:
        """Root mean square of it, in levels: of luma or of chroma, whichever is more."""
        pairs = zip(self._squares, self._pixels, strict=True)
        return max(math.sqrt(squares / pixels) if pixels else 0.0 for squares, pixels in pairs)


def why_nothing(denoiser: Denoiser, removed_std: float, frames: int) -> str | None:
    """A sentence that says why next to nothing was taken away; None where something was, or where nothing can be said.

    Args:
        denoiser: What cleaned, after its last frame.
        removed_std: Of :class:`Removal`.
        frames: How many frames there were.
    """
    if removed_std >= NEXT_TO_NOTHING:
        return None
    reason = _reason(denoiser, frames)
    return None if reason is None else f"Next to nothing was taken away: {reason}."


def _reason(denoiser: Denoiser, frames: int) -> str | None:
    if isinstance(denoiser, StillDenoiser):
        return _of_one(denoiser.single, "the picture")
    if not isinstance(denoiser, StreamDenoiser):
        return None
    evidence = denoiser.evidence
    if evidence.given:
        return "there is less noise than the camera's noise model tells"
    if evidence.seen is None:
        if frames < 2:
            return _of_one(evidence.single, "its one frame")
        return "its frames are all the same, or too small, so that no noise can be told from the picture"
    if evidence.seen is Seen.MOVING:
        if evidence.single is Finding.NOISE:
            return "everything moves, and single frames show little noise"
        return "everything moves, and single frames don't show noise apart from texture"
    if evidence.seen is Seen.FROZEN:
        if evidence.single is Finding.NOISE:
            return (
                "its noise is the same in every frame, as if compression had frozen it, and can't be told from the "
                "picture"
            )
        return "no noise was found, neither from frame to frame nor within a frame"
    return "it has hardly any noise"


def _of_one(finding: Finding | None, what: str) -> str:
    if finding is Finding.NONE:
        return f"no noise was found, the flat places of {what} are clean"
    if finding is Finding.SMALL:
        return f"{what} is too small to tell noise from what it shows"
    if finding is Finding.TEXTURE:
        return f"{what} has no flat place in which noise can be told from texture"
    return f"{what} has hardly any noise"

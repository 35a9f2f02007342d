"""A still series in 4:2:0: its mean, and the residuals that are its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Floats
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes

YuvArrays = tuple[Floats, Floats, Floats]

FEWEST = 4  # frames of a series
_LEAST_DRIFT = 0.1  # bytes


@dataclass(frozen=True)
class StillStack:
    """A still series in 4:2:0.

    ``mean`` is y (H, W), u and v (H/2, W/2) in bytes; ``residuals`` the frames less the mean, times √(N/(N − 1)),
    which gives them the variance of the noise: y (N, H, W), u and v likewise.
    """

    mean: YuvArrays
    residuals: YuvArrays


def still_stack(frames: Sequence[Planes], mask: NDArray[np.bool_] | None = None) -> StillStack:
    """The mean and the residuals of a still series' frames; other chroma than 4:2:0 is averaged down to it.

    A drift of the exposure is no noise: where a frame as a whole is brighter or darker than the mean by more than
    a tenth of a byte, that is taken out of its residual.

    Args:
        frames: In the order in which they were taken.
        mask: Which luma pixels are still, (H, W); only these tell the drift. None: all.

    Raises:
        ClipError: fewer than four frames, or frames without colour.
    """
    if len(frames) < FEWEST:
        raise ClipError(
            f"A series of {len(frames)} frames is too short to train with.",
            "Record a longer still series with rtdenoise capture.",
        )
    if frames[0].format.chroma == "gray":
        raise ClipError("The series has no colour planes.", "Record it in a mode with colour.")
    planes = [_even_420(frame) for frame in frames]
    means, residuals = [], []
    scale = np.float32(np.sqrt(len(frames) / (len(frames) - 1)))
    for k in range(3):
        whole = np.stack([p[k] for p in planes])
        mean = whole.mean(0, dtype=np.float32)
        means.append(mean)
        whole -= mean
        still = np.ones(mean.shape, bool) if mask is None else _mask_for(mask, mean.shape)
        # Luma scales with the light; chroma lies around 128 and is left with an offset.
        _remove_drift(whole, mean if k == 0 else np.ones_like(mean), still)
        whole *= scale
        residuals.append(whole)
    return StillStack((means[0], means[1], means[2]), (residuals[0], residuals[1], residuals[2]))


def _remove_drift(residuals: Floats, form: Floats, still: NDArray[np.bool_]) -> None:
    """Takes out of each frame's residual, (N, H, W), its multiple of ``form``, (H, W), as told by still pixels."""
    told = form[still]
    power = float((told**2).sum())
    if power == 0:
        return
    for residual in residuals:
        share = float((residual[still] * told).sum()) / power
        if abs(share) * float(told.mean()) > _LEAST_DRIFT:
            residual -= np.float32(share) * form


def _mask_for(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A luma mask for a plane of its size or of half of it: a pixel of chroma is still where all of luma's are."""
    height, width = shape
    if mask.shape[0] // 2 * 2 == height:
        return mask[:height, :width]
    blocks = mask[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return np.asarray(blocks.all(axis=(1, 3)))


def _even_420(frame: Planes) -> YuvArrays:
    """The planes of an even-sized part of a frame as float32 in 4:2:0."""
    height, width = (n // 2 * 2 for n in frame.y.shape)
    chroma = []
    for plane in (frame.u, frame.v):
        fine: Floats = plane.astype(np.float32)
        half = np.float32(0.5)
        if frame.format.chroma == "444":
            fine = (fine[:, 0:width:2] + fine[:, 1:width:2]) * half
        if frame.format.chroma in ("444", "422"):
            fine = (fine[0:height:2] + fine[1:height:2]) * half
        chroma.append(np.ascontiguousarray(fine[: height // 2, : width // 2]))
    return (frame.y[:height, :width].astype(np.float32), chroma[0], chroma[1])

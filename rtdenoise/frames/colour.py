"""Ranges, matrices, sub-sampling, and planes as R'G'B' tensors.

Chroma samples are taken to sit in the middle of the luma samples that they cover, as in JPEG and as libswscale
does it. Sub-sampling averages those samples; going back interpolates linearly. Both agree with libswscale
(``AREA`` down, ``BILINEAR`` up, both with ``ACCURATE_RND | FULL_CHR_H_INT | FULL_CHR_H_INP``) to ±1 level.
At odd sizes the last sample of a row or column stands for one luma sample, where libswscale stretches the whole.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes
from .planes import NO_CHROMA, Chroma, Matrix, PlaneFormat, Planes

if TYPE_CHECKING:
    import torch

_LUMA_WEIGHTS: dict[Matrix, tuple[float, float]] = {  # (red, blue)
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
}


def convert(
    planes: Planes,
    chroma: Chroma,
    full_range: bool,
    matrix: Matrix | None = None,
    *,
    out: Planes | None = None,
) -> Planes:
    """The same picture with another chroma sub-sampling, range or matrix.

    Args:
        planes: The picture.
        chroma: The sub-sampling that is wanted.
        full_range: The range that is wanted.
        matrix: The matrix that is wanted; None keeps the one that it has.
        out: Planes of the format that is wanted, to be written into; without it, planes that don't change
            are shared with ``planes`` (and ``planes`` itself is returned where nothing changes).

    Raises:
        ValueError: ``out`` has another format.
    """
    source = planes.format
    target = PlaneFormat(source.width, source.height, chroma, full_range, matrix or source.matrix)
    if out is not None and out.format != target:
        raise ValueError(f"out has {out.format}, expected {target}")
    if source == target and out is None:
        return planes
    u, v = (
        _resample(plane, source, target) if source.chroma != "gray" else _neutral(target)
        for plane in (planes.u, planes.v)
    )
    y = planes.y
    if source.matrix != target.matrix and "gray" not in (source.chroma, target.chroma):
        y, u, v = _change_matrix(y, u, v, source, target)
    elif source.full_range != target.full_range:
        y = _look_up(y, _range_table(full_range, luma=True), None if out is None else out.y)
        if chroma != "gray" and source.chroma != "gray":
            table = _range_table(full_range, luma=False)
            u, v = _look_up(u, table), _look_up(v, table)
    if out is None:
        return Planes(y, u, v, target, planes.time_s, planes.owner)
    for to, array in zip((out.y, out.u, out.v), (y, u, v), strict=True):
        if to is not array:
            to[:] = array
    return replace(out, time_s=planes.time_s)


def _neutral(layout: PlaneFormat) -> Bytes:
    return np.full(layout.chroma_shape, 128, np.uint8)


def _resample(plane: Bytes, source: PlaneFormat, target: PlaneFormat) -> Bytes:
    """A chroma plane of ``source`` in the sub-sampling of ``target``."""
    rows, columns = target.chroma_shape
    if (rows, columns) == (0, 0):
        return NO_CHROMA
    if source.chroma == target.chroma:
        return plane
    if plane.shape[1] > columns:
        plane = _halve(plane.T).T
    if plane.shape[0] > rows:
        plane = _halve(plane)
    if plane.shape != (rows, columns):
        plane = np.asarray(cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_LINEAR))
    return np.ascontiguousarray(plane)


def _halve(plane: Bytes) -> Bytes:
    """The mean of each pair of rows, halves rounded up; a last row without a partner stays."""
    even = plane.shape[0] // 2 * 2
    a, b = plane[0:even:2], plane[1:even:2]
    mean: Bytes = np.bitwise_xor(a, b)
    mean >>= 1
    np.subtract(a | b, mean, out=mean)  # (a + b + 1) // 2 without leaving bytes
    return mean if even == plane.shape[0] else np.concatenate([mean, plane[-1:]])


def _look_up(plane: Bytes, table: Bytes, out: Bytes | None = None) -> Bytes:
    return np.asarray(cv2.LUT(plane, table, out), np.uint8)


@lru_cache(maxsize=4)
def _range_table(to_full: bool, luma: bool) -> Bytes:
    """What each of the 256 levels becomes in the other range."""
    level = np.arange(256.0)
    if luma:
        changed = (level - 16) * 255 / 219 if to_full else 16 + level * 219 / 255
    else:
        changed = 128 + (level - 128) * (255 / 224 if to_full else 224 / 255)
    return np.clip(np.floor(changed + 0.5), 0, 255).astype(np.uint8)


def _coefficients(layout: PlaneFormat) -> tuple[float, float, float]:
    """Luma's offset in bytes, and what luma and chroma are scaled by to become [0, 1] and [-0.5, 0.5]."""
    return (0.0, 255.0, 255.0) if layout.full_range else (16.0, 219.0, 224.0)


def _rgb_from_ycc(matrix: Matrix) -> NDArray[np.float64]:
    """(3, 3): R', G', B' in [0, 1] from Y' in [0, 1] and Cb, Cr in [-0.5, 0.5]."""
    red, blue = _LUMA_WEIGHTS[matrix]
    green = 1 - red - blue
    from_cb, from_cr = 2 * (1 - blue), 2 * (1 - red)
    return np.array(
        [
            [1, 0, from_cr],
            [1, -from_cb * blue / green, -from_cr * red / green],
            [1, from_cb, 0],
        ]
    )


def ycc_from_rgb(matrix: Matrix) -> NDArray[np.float64]:
    """(3, 3): Y' in [0, 1] and Cb, Cr in [-0.5, 0.5] from R', G', B' in [0, 1]."""
    return np.asarray(np.linalg.inv(_rgb_from_ycc(matrix)), np.float64)


def bytes_from_rgb(layout: PlaneFormat) -> NDArray[np.float64]:
    """(3, 4): the bytes of Y', Cb and Cr from those of R', G', B' (0…255) and 1."""
    low, luma_span, chroma_span = _coefficients(layout)
    spans = np.array([luma_span, chroma_span, chroma_span])
    turn = ycc_from_rgb(layout.matrix) * spans[:, None] / 255
    return np.column_stack([turn, [low, 128, 128]])


def rgb_from_bytes(layout: PlaneFormat) -> NDArray[np.float64]:
    """(3, 4): the bytes of R', G', B' from those of Y', Cb, Cr and 1; the inverse of :func:`bytes_from_rgb`."""
    there = bytes_from_rgb(layout)
    turn = np.linalg.inv(there[:, :3])
    return np.column_stack([turn, -turn @ there[:, 3]])


def _change_matrix(
    y: Bytes, u: Bytes, v: Bytes, source: PlaneFormat, target: PlaneFormat
) -> tuple[Bytes, Bytes, Bytes]:
    """Y, U, V (chroma already in the target's sub-sampling) in the target's matrix and range.

    Y'CbCr → R'G'B' → Y'CbCr is one 3×3 matrix, in which chroma doesn't depend on luma: so chroma is
    changed at its own size, and luma gets a correction that is enlarged to its size.
    """
    turn = ycc_from_rgb(target.matrix) @ _rgb_from_ycc(source.matrix)
    low, luma_span, chroma_span = _coefficients(source)
    new_low, new_luma_span, new_chroma_span = _coefficients(target)
    cb, cr = u.astype(np.float32), v.astype(np.float32)
    ratio = new_chroma_span / chroma_span

    def mixed(row: int, scale: float, offset: float) -> NDArray[np.float32]:
        a, b = turn[row, 1] * scale, turn[row, 2] * scale
        return np.asarray(cv2.addWeighted(cb, a, cr, b, offset - 128 * (a + b)), np.float32)

    correction = mixed(0, new_luma_span / chroma_span, 0.0)
    if correction.shape != y.shape:
        correction = np.asarray(
            cv2.resize(correction, y.shape[::-1], interpolation=cv2.INTER_LINEAR)
        )
    gain = new_luma_span / luma_span
    luma = cv2.addWeighted(y, gain, correction, 1.0, new_low - low * gain, dtype=cv2.CV_8U)
    new_u, new_v = (cv2.convertScaleAbs(np.maximum(mixed(k, ratio, 128.0), 0)) for k in (1, 2))
    return np.asarray(luma, np.uint8), np.asarray(new_u, np.uint8), np.asarray(new_v, np.uint8)


def rgb_tensor(planes: Planes, device: torch.device | str = "cpu") -> torch.Tensor:
    """The frame as R'G'B': (3, H, W) float32, nominally in [0, 1], not clipped.

    The bytes go to ``device`` first, the rest is done there.
    """
    import torch
    from torch.nn import functional

    layout = planes.format
    low, luma_span, chroma_span = _coefficients(layout)
    y = _bytes_tensor(planes.y).to(device).float().sub_(low).div_(luma_span)
    if layout.chroma == "gray":
        return y.expand(3, -1, -1).clone()  # (3, H, W)
    chroma = torch.stack([_bytes_tensor(planes.u), _bytes_tensor(planes.v)]).to(device)
    chroma = chroma.float().sub_(128).div_(chroma_span)  # (2, rows, columns) in [-0.5, 0.5]
    if layout.chroma != "444":
        size = (layout.height, layout.width)
        chroma = functional.interpolate(
            chroma[None], size=size, mode="bilinear", align_corners=False
        )[0]
    turn = torch.tensor(_rgb_from_ycc(layout.matrix)[:, 1:], dtype=torch.float32, device=device)
    rgb: torch.Tensor = torch.tensordot(turn, chroma, dims=1).add_(y)  # (3, H, W)
    return rgb


def _bytes_tensor(plane: Bytes) -> torch.Tensor:
    import torch

    # A decoder's buffer may be read-only for numpy, which torch warns about; it is never written here.
    plane = plane if plane.flags.writeable and plane.strides[0] > 0 else plane.copy()
    return torch.from_numpy(plane)


def planes_from_rgb(
    rgb: torch.Tensor,
    format: PlaneFormat,
    time_s: float,
) -> Planes:
    """The inverse of :func:`rgb_tensor`: (3, H, W) floats to byte planes of ``format``, rounded and clipped.

    Raises:
        ValueError: ``rgb`` has another size than ``format``.
    """
    import torch
    from torch.nn import functional

    if rgb.shape != (3, format.height, format.width):
        wanted = (3, format.height, format.width)
        raise ValueError(f"rgb has the shape {tuple(rgb.shape)}, expected {wanted}")
    turn = torch.tensor(ycc_from_rgb(format.matrix), dtype=torch.float32)
    low, luma_span, chroma_span = _coefficients(format)
    ycc = torch.tensordot(turn.to(rgb.device), rgb.detach().float(), dims=1)  # (3, H, W)
    y = _to_bytes(ycc[0] * luma_span + low)
    if format.chroma == "gray":
        return Planes(y, NO_CHROMA, NO_CHROMA, format, time_s)
    chroma = ycc[None, 1:]
    if format.chroma != "444":
        down = (2 if format.chroma == "420" else 1, 2)
        odd = (0, format.width % 2, 0, format.height % 2 if down[0] == 2 else 0)
        chroma = functional.avg_pool2d(functional.pad(chroma, odd, mode="replicate"), down)
    chroma = chroma[0] * chroma_span + 128
    return Planes(y, _to_bytes(chroma[0]), _to_bytes(chroma[1]), format, time_s)


def _to_bytes(values: torch.Tensor) -> Bytes:
    import torch

    result: Bytes = values.round().clamp_(0, 255).to(torch.uint8).cpu().numpy()
    return result

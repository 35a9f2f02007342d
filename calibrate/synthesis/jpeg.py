"""What JPEG does to a picture's planes: 8×8 cosine transform, quantisation and back (ITU-T T.81).

Only the loss matters here, so nothing is written as bits.
"""

from __future__ import annotations

import numpy as np
import torch

from rtdenoise.arrays import Doubles

# The default intra matrix of MPEG-1 (ISO/IEC 11172-2, 2.4.3.2), which FFmpeg's mjpeg encoder scales.
_MPEG = """
     8 16 19 22 26 27 29 34   16 16 22 24 27 29 34 37   19 22 26 27 29 34 34 38   22 22 26 27 29 34 37 40
    22 26 27 29 32 35 40 48   26 27 29 32 35 40 48 58   26 27 29 34 38 46 56 69   27 29 35 38 46 56 69 83
"""
# FFmpeg adds 3/8 of a step and cuts off, where rounding would add half a step.
MPEG_SHRINK = 0.125
# The example tables of T.81, annex K, which most cameras scale.
_LUMA = """
    16 11 10 16 24 40 51 61   12 12 14 19 26 58 60 55   14 13 16 24 40 57 69 56   14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101
    72 92 95 98 112 100 103 99
"""
_CHROMA = """
    17 18 24 47 99 99 99 99   18 21 26 66 99 99 99 99   24 26 56 99 99 99 99 99   47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99
"""


def mpeg_tables(quantiser: int) -> tuple[Doubles, Doubles]:
    """FFmpeg's tables for luma and chroma, (64,) each: the matrix times the quantiser over 8, the mean kept fine."""
    table = _numbers(_MPEG)
    scaled = np.clip(np.floor(table * quantiser / 8), 1, 255)
    scaled[0] = 8
    return scaled, scaled


def annex_tables(quality: int) -> tuple[Doubles, Doubles]:
    """The tables of annex K for a quality of 1 … 100, scaled as the Independent JPEG Group does, (64,) each."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (
        np.clip(np.floor((_numbers(text) * scale + 50) / 100), 1, 255) for text in (_LUMA, _CHROMA)
    )
    return luma, chroma


class Jpeg:
    """Sends planes through JPEG's loss.

    Args:
        tables: Quantisation steps of luma and chroma, (64,) each, row by row.
        device: Where the planes are.
        shrink: By how much of a step a coefficient falls before it is rounded: 0 rounds to the nearest.
    """

    def __init__(
        self, tables: tuple[Doubles, Doubles], device: torch.device, shrink: float = 0.0
    ) -> None:
        self._shrink = shrink
        transform = _transform()
        both = np.kron(transform, transform)  # (64 frequencies, 64 pixels)
        # The steps are part of the transform: one pass less over the picture.
        self._there = [self._tensor((both / t[:, None]).T, device) for t in tables]
        self._back = [self._tensor(both * t[:, None], device) for t in tables]

    def luma(self, plane: torch.Tensor) -> torch.Tensor:
        """Bytes (N, H, W) with sides that are multiples of 8 to bytes, all as float32."""
        return self._lossy(plane, 0)

    def chroma(self, plane: torch.Tensor) -> torch.Tensor:
        """Bytes (N, H, W) with sides that are multiples of 8 to bytes, all as float32."""
        return self._lossy(plane, 1)

    def _lossy(self, plane: torch.Tensor, table: int) -> torch.Tensor:
        count, height, width = plane.shape
        if height % 8 or width % 8:
            raise ValueError(f"JPEG takes planes in blocks of 8 × 8, not {width} × {height}")
        blocks = plane.reshape(count, height // 8, 8, width // 8, 8).transpose(2, 3)
        steps = (blocks.reshape(-1, 64) - 128) @ self._there[table]
        if self._shrink:
            means = steps[:, 0].clone()
            steps = torch.nn.functional.softshrink(steps, self._shrink)
            steps[:, 0] = means
        steps.round_()
        pixels = (steps @ self._back[table]).add_(128).round_().clamp_(0, 255)
        blocks = pixels.reshape(count, height // 8, width // 8, 8, 8).transpose(2, 3)
        return blocks.reshape(count, height, width)

    @staticmethod
    def _tensor(matrix: Doubles, device: torch.device) -> torch.Tensor:
        return torch.from_numpy(matrix.astype(np.float32)).contiguous().to(device)


def _transform() -> Doubles:
    """The orthonormal cosine transform of 8 samples, (8 frequencies, 8 samples)."""
    k, n = np.arange(8)[:, None], np.arange(8)[None, :]
    matrix = np.sqrt(2 / 8) * np.cos(np.pi * (2 * n + 1) * k / 16)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix)


def _numbers(text: str) -> Doubles:
    return np.array(text.split(), float)

"""The recursive filter: averages over time what stays, driven by the measured noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..frames import Bytes, PlaneFormat, Planes
from ..noise import PLANES, NoiseModel, PlaneNoise
from ..noise_fields import field
from ..noise_estimate import NoiseEstimator
from .coring import Coring

Floats = NDArray[np.float32]

GRID = 4  # luma pixels per grid cell
_FLOOR = 0.05
_CLIP = 3.5
QZ = QE = 0.999
WM = 9
CH = 0.25
STR = 1.0


def excess(z, m):
    return (z - 1) * np.clip((z - 1 - m) / m, 0, 1)


class _Plane:
    def __init__(self, noise: PlaneNoise, shape: tuple[int, int], grid: tuple[int, int]) -> None:
        self.shape, self.grid = shape, grid
        self.cell = (shape[0] // grid[0], shape[1] // grid[1])
        self.size, self.grid_size = shape[::-1], grid[::-1]
        self.table = np.maximum(noise.curve.table(), 0.15)
        sample = field(noise, (256, 256))
        gs = (256 // self.cell[1], 256 // self.cell[0])
        cells = cv2.resize(sample, gs, interpolation=cv2.INTER_AREA)
        self.cell_ratio = float(np.mean(cells**2))
        z3 = cv2.blur(cells**2 / self.cell_ratio, (3, 3))
        self.z3_margin = float(np.quantile(z3, QZ)) - 1
        c5 = cv2.blur(cells, (5, 5))
        self.wide_ratio = float(np.mean(c5**2))
        e3 = cv2.blur(cv2.resize(sample**2, gs, interpolation=cv2.INTER_AREA), (3, 3))
        self.e3_margin = float(np.quantile(e3, QE)) - 1
        self.coring = Coring(noise, shape, STR)
        self.state = np.empty(shape, np.float32)
        self.diff = np.empty(shape, np.float32)
        self.work = np.empty(shape, np.float32)
        self.gain = np.ones(grid, np.float32)
        self.outputs = [np.empty(shape, np.uint8) for _ in range(2)]

    def down(self, a):
        return cv2.resize(a, self.grid_size, interpolation=cv2.INTER_AREA)

    def evidence(self, new: Bytes, fine: bool) -> Floats:
        """Squared bias of the state in units of the noise's variance, (grid)."""
        cv2.subtract(new, self.state, dst=self.diff, dtype=cv2.CV_32F)
        d = self.down(self.diff)
        level = self.down(self.state)
        self.variance = cv2.LUT(cv2.convertScaleAbs(level), self.table)
        spread = 1 + self.gain  # (1 + P) in units of r
        unit = self.variance * spread
        z = cv2.blur(d * d / (unit * self.cell_ratio), (3, 3))
        b = excess(z, self.z3_margin) * (spread * self.cell_ratio)
        w = cv2.blur(d, (5, 5))
        zw = w * w / (unit * self.wide_ratio)
        b = np.maximum(b, excess(zw, WM) * (spread * self.wide_ratio))
        if fine:
            cv2.multiply(self.diff, self.diff, dst=self.work)
            e = cv2.blur(self.down(self.work) / unit, (3, 3))
            b = np.maximum(b, excess(e, self.e3_margin) * spread)
        return np.maximum(b, 0)

    def update(self, new: Bytes, bias: Floats, out: Bytes) -> None:
        p = self.gain + bias
        self.gain = np.maximum(p / (p + 1), _FLOOR)
        k = cv2.resize(self.gain, self.size, interpolation=cv2.INTER_LINEAR)
        # lag = (1-k)·diff bounded; state = new − lag
        cv2.subtract(1.0, k, dst=k)
        cv2.multiply(self.diff, k, dst=self.diff)
        bound = cv2.resize(
            np.sqrt(self.variance) * _CLIP, self.size, interpolation=cv2.INTER_LINEAR
        )
        cv2.min(self.diff, bound, dst=self.diff)
        cv2.multiply(bound, -1.0, dst=bound)
        cv2.max(self.diff, bound, dst=self.diff)
        cv2.subtract(new, self.diff, dst=self.state, dtype=cv2.CV_32F)
        removed = self.coring.removed(self.state, self.variance * self.gain)
        cv2.subtract(self.state, removed, dst=out, dtype=cv2.CV_8U)


class RecursiveDenoiser:
    """Averages over time what stays; without a noise model it estimates the noise from the stream."""

    name = "recursive"

    def __init__(self, model: NoiseModel | None = None) -> None:
        self._model = model
        self._format: PlaneFormat | None = None
        self._turn = 0
        self._estimator = NoiseEstimator() if model is None else None
        self._planes: list[_Plane] = []

    def reset(self) -> None:
        """Forgets all earlier frames."""
        self._format = None
        if self._estimator is not None:
            self._estimator.reset()

    def __call__(self, planes: Planes) -> Planes:
        """Cleans the next frame."""
        f = planes.format
        src = [planes.y] if f.chroma == "gray" else [planes.y, planes.u, planes.v]
        model = self._model
        if self._estimator is not None and (self._estimator.update(planes) or self._planes == []):
            model = self._estimator.model()
            if model is None:
                return planes
            self._model, self._format = model, None
        elif model is None:
            return planes
        else:
            model = model.for_chroma(f.chroma)
        if f != self._format:
            self._format = f
            grid = ((f.height + GRID - 1) // GRID, (f.width + GRID - 1) // GRID)
            self._planes = [
                _Plane(model.plane(n), a.shape, grid) for n, a in zip(PLANES, src, strict=False)
            ]
            for p, a in zip(self._planes, src, strict=True):
                p.state[...] = a
        b = [p.evidence(a, i == 0) for i, (p, a) in enumerate(zip(self._planes, src, strict=True))]
        if len(b) == 3:
            chroma = np.maximum(b[1], b[2])
            luma = np.maximum(b[0], chroma)
            chroma = np.maximum(chroma, CH * b[0])
            b = [luma, chroma, chroma]
        self._turn ^= 1
        outs = []
        for p, a, q in zip(self._planes, src, b, strict=True):
            out = p.outputs[self._turn]
            p.update(a, q, out)
            outs.append(out)
        if len(outs) == 1:
            outs += [planes.u, planes.v]
        return Planes(*outs, f, planes.time_s)

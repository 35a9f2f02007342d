"""A single picture, cleaned in space: there is no second frame to average with, and there is time.

The picture's noise is what is known of its camera, or else what the picture itself shows. Then

- it is cleaned at several positions of the grid of blocks, and the mean of the results is taken (cycle spinning:
  Coifman and Donoho, "Translation-invariant de-noising", 1995);
- what would be taken away is held against the noise: where a DCT coefficient would lose more energy than the noise
  there explains, texture goes with it, and less is taken (a Wiener gain on what is removed);
- colours that are finer than the denoiser's 4:2:0 keep their own detail, less its noise.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..arrays import Bytes, Floats
from ..frames import Planes, convert
from ..frames.planes import padded
from ..noise import NoiseModel
from ..noise.dct import BLOCK, COEFFICIENTS, MEANS, PLANE_SLICES, SIDES, split, transform
from ..noise.normalised import band_std_of
from ..noise.single import Finding, noise_of_picture
from .recursive.shrinkage import level_variances
from .streaming import StreamDenoiser

# How far the grid is moved down and across, in luma pixels: whole chroma samples.
_POSITIONS = ((0, 0), (2, 2), (0, 2), (2, 0))
_MARGIN = 1.1  # times the noise's energy: so much may go
_AROUND = 5  # blocks along a side, over which energies are taken
_STRIP = 64  # rows of blocks that are looked at together: memory stays small


class StillDenoiser:
    """Cleans single pictures, each by itself.

    Args:
        denoiser: What cleans them: the recursive filter or a live network, with a camera's noise or without.
    """

    def __init__(self, denoiser: StreamDenoiser) -> None:
        self._denoiser = denoiser
        self.name = denoiser.name
        """That of the denoiser."""
        self.noise: NoiseModel | None = None
        """The noise of the last picture; None where it showed none."""
        self.single: Finding | None = None
        """What the last picture said about its noise; None where that was known."""

    def reset(self) -> None:
        """Forgets the last picture."""
        self._denoiser.reset()
        self.noise = self.single = None

    def __call__(self, planes: Planes) -> Planes:
        """Cleans a picture; gives ``planes`` itself where it shows no noise."""
        was = convert(planes, "420", planes.format.full_range)
        self._denoiser.prime([was])
        self.noise, self.single = self._denoiser.noise, self._denoiser.evidence.single
        if self.noise is None:
            return planes
        clean = _held_back(was, self._spun(was, self.noise), self.noise.for_chroma("420"))
        if planes.format.chroma == "420":
            return clean
        if planes.format.chroma == "gray":
            return Planes(clean.y, planes.u, planes.v, planes.format, planes.time_s)
        return _with_detail(planes, was, clean, self.noise)

    def _spun(self, planes: Planes, noise: NoiseModel) -> Planes:
        """The mean of the results at all positions of the grid, of 4:2:0 planes."""
        layout, half = planes.format, len(_POSITIONS) // 2
        steps = (1, 2, 2)  # rows and columns of luma for one of each plane
        sources = (planes.y, planes.u, planes.v)
        sums = [np.full(source.shape, half, np.uint16) for source in sources]
        for down, across in _POSITIONS:
            places = [(down // step, across // step) for step in steps]
            y, u, v = (_moved(s, *place) for s, place in zip(sources, places, strict=True))
            larger = replace(layout, width=layout.width + across, height=layout.height + down)
            frame = Planes(y, u, v, larger, planes.time_s)
            self._denoiser.assume(frame, noise)
            found = self._denoiser(frame)
            for total, part, (top, left) in zip(
                sums, (found.y, found.u, found.v), places, strict=True
            ):
                total += part[top:, left:]
        y, u, v = ((total // len(_POSITIONS)).astype(np.uint8) for total in sums)
        return Planes(y, u, v, layout, planes.time_s)


def _moved(plane: Bytes, down: int, across: int) -> Bytes:
    """A plane with so many rows and columns more above and to the left, mirrored."""
    if not plane.size or not (down or across):
        return plane
    return np.asarray(cv2.copyMakeBorder(plane, down, 0, across, 0, cv2.BORDER_REFLECT), np.uint8)


def _held_back(was: Planes, clean: Planes, noise: NoiseModel) -> Planes:
    """The clean picture where noise explains what was taken away, and a part of the way there elsewhere.

    Args:
        was: The picture as it was, 4:2:0.
        clean: The same without noise.
        noise: Its noise, 4:2:0.
    """
    grid = tuple(-(-n // BLOCK) for n in was.y.shape)
    shapes = [(grid[0] * side, grid[1] * side) for side in SIDES]
    whole = [
        [
            padded(plane, np.empty(shape, np.uint8))
            for plane, shape in zip(planes, shapes, strict=True)
        ]
        for planes in ((was.y, was.u, was.v), (clean.y, clean.u, clean.v))
    ]
    shares = np.square(band_std_of(noise))
    tables = [_MARGIN * plane.curve.table() for plane in (noise.y, noise.u, noise.v)]
    result = [np.empty(shape, np.uint8) for shape in shapes]
    halo = _AROUND // 2
    for top in range(0, grid[0], _STRIP):
        first, last = max(top - halo, 0), min(top + _STRIP + halo, grid[0])
        before, after = (
            [plane[first * side : last * side] for plane, side in zip(planes, SIDES, strict=True)]
            for planes in whole
        )
        removed = [a.astype(np.float32) - b for a, b in zip(before, after, strict=True)]
        coefficients = split(removed[0], removed[1], removed[2])
        there = split(before[0], before[1], before[2])
        for part, plane, table in zip(PLANE_SLICES, after, tables, strict=True):
            variance = cv2.LUT(_block_means(plane, coefficients.shape[1:]), table)
            for index in range(part.start, part.stop):
                most = variance * shares[index]
                if index not in MEANS:
                    # Of what is stronger than noise Wiener's filter takes noise² / energy. Half of the way there:
                    # a network knows more than the energy.
                    most *= np.sqrt(np.minimum(most / _energy(there[index]), 1))
                share = most / _energy(coefficients[index])
                coefficients[index] *= np.minimum(share, 1)
        kept = slice(top - first, min(top + _STRIP, grid[0]) - first)
        for plane, source, left, side in zip(
            result, before, _joined(coefficients), SIDES, strict=True
        ):
            rows = slice(kept.start * side, kept.stop * side)
            held = np.clip(np.rint(source[rows] - left[rows]), 0, 255)
            plane[top * side : top * side + len(held)] = held
    y, u, v = (
        r[: p.shape[0], : p.shape[1]] for r, p in zip(result, (was.y, was.u, was.v), strict=True)
    )
    return Planes(y, u, v, was.format, was.time_s)


def _energy(values: Floats) -> Floats:
    mean = cv2.blur(np.square(values), (_AROUND, _AROUND))
    return np.asarray(np.maximum(mean, 1e-6), np.float32)


def _block_means(plane: Bytes, grid: tuple[int, ...]) -> Bytes:
    return np.asarray(cv2.resize(plane, grid[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _joined(coefficients: Floats) -> list[Floats]:
    """The planes that the coefficients are those of."""
    rows, columns = coefficients.shape[1:]
    inverse = np.linalg.inv(transform()).astype(np.float32)
    pixels: Floats = inverse @ coefficients.reshape(COEFFICIENTS, -1)
    return [
        pixels[part]
        .reshape(side, side, rows, columns)
        .transpose(2, 0, 3, 1)
        .reshape(rows * side, columns * side)
        for part, side in zip(PLANE_SLICES, SIDES, strict=True)
    ]


def _with_detail(planes: Planes, was: Planes, clean: Planes, noise: NoiseModel) -> Planes:
    """Clean 4:2:0 planes in the sub-sampling of the picture, whose finer colours are kept, less their noise."""
    layout = planes.format
    if noise.chroma != layout.chroma:
        noise = noise_of_picture(planes).model or noise
    old, new = (convert(p, layout.chroma, layout.full_range) for p in (was, clean))
    found = []
    for source, before, after, plane in (
        (planes.u, old.u, new.u, noise.u),
        (planes.v, old.v, new.v, noise.v),
    ):
        detail = source.astype(np.float32) - before
        variance = cv2.LUT(source, plane.curve.table()) * np.float32(level_variances(plane, 1)[0])
        gain = 1 - variance / _energy(detail)
        found.append(np.clip(np.rint(after + detail * np.maximum(gain, 0)), 0, 255))
    u, v = (plane.astype(np.uint8) for plane in found)
    return Planes(clean.y, u, v, layout, planes.time_s)

"""A simulated camera in torch: the steps of :mod:`rtdenoise.cameras.simulated`, for many random cameras.

    linear light → colour filters → RGGB mosaic → shot, read and row noise, fixed pattern → clipping
        → noise that is carried on from frame to frame (:mod:`.recursion`)
        → demosaic, blur → colour matrix → tone curve → Y'CbCr → sharpening, chroma blur and blotches
        → noise reduction and sharpening that look at edges (:mod:`.processing`)
        → 4:2:2 or 4:2:0 → JPEG → 4:2:0

Most of it is linear but for the clipping, the tone curve and JPEG, and most linear steps are separable,
so that a frame costs a few matrix products (:mod:`.operators`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from rtdenoise.cameras.simulated.sensor import BLACK, COLOUR_MATRIX, SPAN, SensorParameters

from .edges import usual
from .jpeg import MPEG_SHRINK, Jpeg, annex_tables, mpeg_tables
from .operators import double, fill_even, gaussian, halve, separable, tensor
from .processing import Processing, Processor
from .recursion import Recursion
from .tone import BT709, Tone
from .variance import GREYS, curves, grey_tiles, picture_points, tile_points

# Below black there is as much room as in the camera that is copied, so that noise around black keeps its mean.
_RAW_FLOOR = -BLACK / SPAN
_PART = 6
_BRIGHTEST = 0.98  # of the greys on which noise is measured, linear
LUMA = (0.299, 0.587, 0.114)  # BT.601
# What OpenCV takes for the colour differences of that luma.
_BLUE, _RED = 0.564, 0.713


class Yuv(NamedTuple):
    """The planes of T frames in 4:2:0, in bytes as float32: y (T, H, W), u and v (T, H/2, W/2)."""

    y: torch.Tensor
    u: torch.Tensor
    v: torch.Tensor


def join_frames(parts: list[Yuv]) -> Yuv:
    """The frames of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Yuv(*(torch.cat(planes) for planes in zip(*parts, strict=True)))


class Camera(Protocol):
    """Turns light into noisy and clean frames."""

    def clean(self, light: torch.Tensor) -> Yuv:
        """The picture without noise and before what looks at edges, not rounded; light is (T, 3, H, W), linear."""

    def finish(self, clean: Yuv) -> Yuv:
        """What the camera would deliver without noise, from ``clean``: the truth."""

    def shoot(self, light: torch.Tensor, clean: Yuv, frames: int, noise: torch.Generator) -> Yuv:
        """``frames`` noisy frames in whole numbers; ``light`` and ``clean`` have as many, or one for all."""

    def variance(self, light: torch.Tensor, clean: Yuv, noise: torch.Generator) -> torch.Tensor:
        """The variance at each byte level per plane, (3, 256), as measured on the first frame held still."""


@dataclass(frozen=True)
class CameraParameters:
    """One camera. The defaults are those of the simulated camera in :mod:`rtdenoise.cameras.simulated`.

    Lengths are standard deviations in luma pixels; ``quantiser`` is FFmpeg's scale, ``quality`` that of the tables
    of JPEG's annex K; with neither there is no JPEG. ``chroma`` is "422" or "420". ``processing`` looks at edges, None
    for a camera that doesn't; ``temporal`` is the correlation of one frame's noise with the one before.
    """

    sensor: SensorParameters
    blur: float = 0.85
    sharpening: float = 0.35
    sharpening_radius: float = 1.6
    chroma_blur: float = 2.0
    chroma_blotch: float = 6.0
    chroma_blotch_share: float = 0.6
    tone: Tone = BT709
    white_balance: tuple[float, float] = (1.65, 1.85)
    colourfulness: float = 1.0
    quantiser: int | None = 3
    quality: int | None = None
    chroma: str = "422"
    mosaic: bool = True
    processing: Processing | None = None
    temporal: float = 0.0


def jpeg_of(quantiser: int | None, quality: int | None, device: torch.device) -> Jpeg | None:
    """JPEG with FFmpeg's tables or those of annex K, or none."""
    if quantiser is not None:
        return Jpeg(mpeg_tables(quantiser), device, MPEG_SHRINK)
    return Jpeg(annex_tables(quality), device) if quality is not None else None


class SensorCamera:
    """A camera with a sensor and a processor, for one size.

    Args:
        parameters: Its properties.
        size: (columns, rows), multiples of 16.
        device: Where it computes.
        pattern: Draws its fixed pattern; None for a sensor without one.
    """

    def __init__(
        self,
        parameters: CameraParameters,
        size: tuple[int, int],
        device: torch.device,
        pattern: torch.Generator | None,
    ) -> None:
        p = parameters
        self.parameters, self._size, self._device = p, size, device
        # So many frames stay in a processor's cache; a GPU is quickest with all of them.
        self._part = _PART if device.type == "cpu" else 1 << 20
        balance = np.array([p.white_balance[0], 1.0, p.white_balance[1]])
        mixing = np.eye(3) + p.colourfulness * (COLOUR_MATRIX.astype(float) - np.eye(3))
        matrix = mixing * balance[None, :]
        self._colour = tensor(matrix, device)
        self._response = tensor(np.linalg.inv(matrix), device)
        r, g, b = LUMA
        to_ycc = np.array(
            [
                [r, g, b],
                [-_BLUE * r, -_BLUE * g, _BLUE * (1 - b)],
                [_RED * (1 - r), -_RED * g, -_RED * b],
            ]
        )
        self._to_ycc = tensor(255 * to_ycc, device)
        self._jpeg = jpeg_of(p.quantiser, p.quality, device)
        self._processor = None if p.processing is None else Processor(p.processing, size, device)
        self._temporal = p.temporal
        width, height = size
        self._across, self._down = _Filters(p, width, device), _Filters(p, height, device)
        self._pattern: tuple[torch.Tensor, torch.Tensor] | None = None
        if pattern is not None:

            def normal(*shape: int) -> torch.Tensor:
                return torch.randn(shape, generator=pattern, device=device)

            sensor = p.sensor
            offset = normal(height, width) * sensor.dark + normal(1, width) * sensor.column
            sensitivity = 1 + normal(height, width) * sensor.prnu
            self._pattern = (sensitivity, offset / sensor.full_scale)

    def clean(self, light: torch.Tensor) -> Yuv:
        """The picture without noise, fixed pattern and JPEG loss and before what looks at edges, not rounded.

        Args:
            light: (T, 3, H, W), linear, 1 is white.
        """
        return join_frames([self._clean(part) for part in torch.split(light, self._part)])

    def _clean(self, light: torch.Tensor) -> Yuv:
        colours = self._respond(light)
        if not self.parameters.mosaic:
            return self._whole(self._picture(colours))
        raw = [plane.clamp(_RAW_FLOOR, 1) for plane in self._sites(colours)]
        return self._whole(self._picture(self._demosaic(*raw)))

    def finish(self, clean: Yuv) -> Yuv:
        """What the camera would deliver without noise, fixed pattern and JPEG loss: edges are sharpened."""
        if self._processor is None:
            return clean
        edges = self._processor.edges(clean.y)
        return clean._replace(y=self._processor.sharpen(clean.y, edges).clamp_(0, 255))

    def shoot(self, light: torch.Tensor, clean: Yuv, frames: int, noise: torch.Generator) -> Yuv:
        """Noisy frames in whole numbers as float32.

        Args:
            light: (frames, 3, H, W) or (1, 3, H, W), linear.
            clean: The same frames without noise; as many, or one for all.
            frames: How many.
            noise: Draws the noise, on the camera's device.
        """
        recursion = Recursion(self._temporal)
        if light.shape[0] == 1:
            counts = [min(self._part, frames - k) for k in range(0, frames, self._part)]
            shot = [self._shoot(light, clean.y, count, recursion, noise) for count in counts]
            return join_frames(shot)
        parts = torch.split(light, self._part)
        truths = torch.split(clean.y.expand(len(light), -1, -1), self._part)
        pairs = zip(parts, truths, strict=True)
        return join_frames([self._shoot(x, y, x.shape[0], recursion, noise) for x, y in pairs])

    def _shoot(
        self,
        light: torch.Tensor,
        clean: torch.Tensor,
        count: int,
        recursion: Recursion,
        noise: torch.Generator,
    ) -> Yuv:
        sensor = self.parameters.sensor
        height, width = light.shape[2:]
        shape = (count, height // 2, 2, width // 2, 2)
        mosaic = torch.empty(shape, device=self._device)
        sites = ((0, 0), (0, 1), (1, 0), (1, 1))
        for (row, column), plane in zip(sites, self._sites(self._respond(light)), strict=True):
            mosaic[:, :, row, :, column] = plane
        raw = mosaic.view(count, height, width)
        if self._pattern is not None:
            raw = raw * self._pattern[0]
        scale = sensor.full_scale
        spread = (raw / scale).add_((sensor.read_noise / scale) ** 2).clamp_(min=0).sqrt_()
        shape_of_all = (count, height, width)
        grain = torch.randn(shape_of_all, generator=noise, device=self._device)
        raw = torch.addcmul(raw, recursion(grain, raw, spread), spread)
        rows = torch.randn((count, height, 1), generator=noise, device=self._device)
        raw += rows * (sensor.row / scale)
        if self._pattern is not None:
            raw += self._pattern[1]
        cells = raw.clamp_(_RAW_FLOOR, 1).view(shape)
        planes = [cells[:, :, row, :, column] for row, column in sites]
        return self._deliver(self._picture(self._demosaic(*planes)), clean, noise)

    def variance(self, light: torch.Tensor, clean: Yuv, noise: torch.Generator) -> torch.Tensor:
        """The variance over time of the first frame and of even greys, (3, 256) in squared bytes.

        The fixed pattern is no part of it. Args as in :meth:`shoot`.
        """
        greys = _BRIGHTEST * (np.arange(GREYS) / (GREYS - 1)) ** 2.2 + 0.002
        tiles = grey_tiles(greys, self._size, self._device).expand(1, 3, -1, -1)
        # Frames that hold the same noise would differ by less.
        alone = copy(self)
        alone._pattern, alone._temporal = None, 0.0
        even = tile_points(alone.shoot(tiles, self.clean(tiles), 3, noise), self._size)
        first = Yuv(*(plane[:1] for plane in clean))
        even_luma = None
        if self._processor is not None:
            even_luma = usual(self._processor.power(self._processor.edges(first.y)))[0]
        frames = alone.shoot(light[:1], first, 4, noise)
        own = picture_points(frames, self.finish(first), (even_luma, None, None))
        return curves((even, own), self._device)

    # ------------------------------------------------------------------ steps

    def _respond(self, light: torch.Tensor) -> torch.Tensor:
        """What the colour filters see: (T, 3, H, W) to the same."""
        return _mix(self._response, light)

    def _sites(self, colours: torch.Tensor) -> list[torch.Tensor]:
        """What the four pixels of each RGGB cell see, (T, H/2, W/2) each."""
        return [
            colours[:, 0, 0::2, 0::2],
            colours[:, 1, 0::2, 1::2],
            colours[:, 1, 1::2, 0::2],
            colours[:, 2, 1::2, 1::2],
        ]

    def _demosaic(
        self, red: torch.Tensor, green: torch.Tensor, green2: torch.Tensor, blue: torch.Tensor
    ) -> torch.Tensor:
        """Bilinear demosaicing and the blur in linear light: four planes (T, H/2, W/2) to (T, 3, H, W)."""
        down, across = self._down, self._across
        count, height, width = red.shape
        colours = torch.empty((count, 3, 2 * height, 2 * width), device=self._device)
        colours[:, 0] = separable(red, down.fill[0], across.fill[0])
        colours[:, 2] = separable(blue, down.fill[1], across.fill[1])
        # Missing greens are the mean of their four neighbours.
        known = torch.zeros((count, 2 * height + 2, 2 * width + 2), device=self._device)
        known[:, 1:-1:2, 2:-1:2] = green
        known[:, 2:-1:2, 1:-1:2] = green2
        known[:, 0], known[:, -1] = known[:, 2], known[:, -3]
        known[:, :, 0], known[:, :, -1] = known[:, :, 2], known[:, :, -3]
        middle = known[:, 1:-1, 1:-1]
        around = known[:, :-2, 1:-1] + known[:, 2:, 1:-1]
        around += known[:, 1:-1, :-2]
        around += known[:, 1:-1, 2:]
        whole = torch.add(middle, around, alpha=0.25)
        colours[:, 1] = separable(whole, down.blur, across.blur)
        return colours

    def _picture(self, colours: torch.Tensor) -> torch.Tensor:
        """Colour, tone curve, Y'CbCr: (T, 3, H, W) in parts of full scale to (T, 3, H, W) in bytes, chroma from 0."""
        linear = _mix(self._colour, colours).clamp_(_RAW_FLOOR, 1)
        return _mix(self._to_ycc, self.parameters.tone(linear))

    def _whole(self, ycc: torch.Tensor) -> Yuv:
        """Filters and halves the chroma, and stays in fractions."""
        u, v = (self._chroma(ycc[:, k], self._down.chroma_420).clamp_(0, 255) for k in (1, 2))
        return Yuv(self._luma(ycc[:, 0]).clamp_(0, 255), u, v)

    def _deliver(self, ycc: torch.Tensor, clean: torch.Tensor, noise: torch.Generator) -> Yuv:
        """Filters, rounds to bytes and compresses; ``clean`` is luma without noise, before what looks at edges."""
        y = self._luma(ycc[:, 0])
        if self._processor is not None:
            edges = self._processor.edges(clean)
            sharp = self._processor.sharpen(clean, edges)
            y = sharp + self._processor.filter(y - clean, clean, edges, noise)
        y = y.round_().clamp_(0, 255)
        if self._jpeg is None:
            u, v = (
                self._chroma(ycc[:, k], self._down.chroma_420).round_().clamp_(0, 255)
                for k in (1, 2)
            )
            return Yuv(y, u, v)
        y = self._jpeg.luma(y)
        planes = []
        for k in (1, 2):
            plane = self._chroma(ycc[:, k], self._down.chroma_sent).round_().clamp_(0, 255)
            plane = self._jpeg.chroma(plane)
            if self.parameters.chroma == "422":
                plane = ((plane[:, 0::2] + plane[:, 1::2]) / 2).round_()
            planes.append(plane)
        return Yuv(y, *planes)

    def _luma(self, luma: torch.Tensor) -> torch.Tensor:
        amount = self.parameters.sharpening
        wide = separable(luma, self._down.wide, self._across.wide)
        return wide.mul_(-amount).add_(luma, alpha=1 + amount)

    def _chroma(
        self, chroma: torch.Tensor, down: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """(T, H, W) from 0 to (T, H', W/2) around 128."""
        half = torch.nn.functional.avg_pool2d(chroma, 2)
        share = self.parameters.chroma_blotch_share
        fine = separable(half, down[0], self._across.chroma_fine)
        coarse = separable(half, down[1], self._across.chroma_coarse)
        return fine.mul_(1 - share).add_(coarse, alpha=share).add_(128)


class _Filters:
    """A camera's filters along one side of ``size`` pixels, as matrices."""

    def __init__(self, p: CameraParameters, size: int, device: torch.device) -> None:
        blur = gaussian(size, p.blur)
        self.blur = tensor(blur, device)
        # Red and blue: interpolated and blurred at once, from the known pixels.
        self.fill = [tensor(blur @ fill_even(size, first), device) for first in (0, 1)]
        self.wide = tensor(gaussian(size, p.sharpening_radius), device)
        fine = gaussian(size // 2, p.chroma_blur / 2)
        coarse = double(size // 4) @ gaussian(size // 4, p.chroma_blotch / 4) @ halve(size // 2)
        self.chroma_fine, self.chroma_coarse = tensor(fine, device), tensor(coarse, device)
        if (
            p.chroma == "422"
        ):  # interpolated to all rows as it is sent, and averaged again after that
            rows = double(size // 2)
            mean = halve(size) @ rows
            self.chroma_sent = (tensor(rows @ fine, device), tensor(rows @ coarse, device))
            self.chroma_420 = (tensor(mean @ fine, device), tensor(mean @ coarse, device))
        else:
            self.chroma_sent = self.chroma_420 = (self.chroma_fine, self.chroma_coarse)


def _mix(matrix: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Mixes the channels: (3, 3) and (T, 3, H, W) to (T, 3, H, W)."""
    count = colours.shape[0]
    flat = colours.reshape(count, 3, -1)
    return torch.bmm(matrix.unsqueeze(0).expand(count, -1, -1), flat).view(colours.shape)

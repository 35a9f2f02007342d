"""A camera of which only the noise is known: it puts noise of a random model straight onto clean planes.

Real cameras do more than the simulated one: their own temporal filters, strong smoothing, noise that
changes with the level in other ways. A network that saw only one pipeline would learn that pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from rtdenoise.arrays import Doubles

from .camera import CameraParameters, SensorCamera, Yuv, jpeg_of
from .edges import Edges, edges_of, usual
from .operators import separable, tensor, unit_noise_filter
from .processing import along
from .recursion import Recursion
from .variance import GREYS, curves, grey_tiles, picture_points, tile_points

_CHROMA_SHARE = 0.2  # of what luma's noise gains at edges
_LARGEST = 25.0  # bytes: no camera's edges have a larger standard deviation


@dataclass(frozen=True)
class EdgeNoise:
    """Noise of its own at edges, which even walls lack.

    At a steep edge luma's variance is ``power`` times that of even walls of the same level; ``half`` is the steepness
    in bytes per pixel at which there is half of it; it is white but for a blur of ``along`` pixels along the edge.
    """

    power: float
    half: float
    along: float


@dataclass(frozen=True)
class PlaneParameters:
    """The noise of a camera's planes.

    ``std`` are the standard deviations at each byte level per plane, (3, 256), in bytes; ``widths`` those of
    the Gaussians that shape the noise along rows and down columns of each plane, (3, 2), in its pixels;
    ``blotch_share`` is the part of the chroma's variance that is ``blotch`` pixels wide; ``temporal`` the correlation
    of one frame's noise with the one before; ``rows`` the standard deviation of an offset per luma row, in bytes;
    ``edges`` is what edges have more of it, None for no more.
    """

    std: Doubles
    widths: Doubles
    blotch: float = 3.0
    blotch_share: float = 0.0
    temporal: float = 0.0
    rows: float = 0.0
    edges: EdgeNoise | None = None
    quantiser: int | None = None
    quality: int | None = None


class PlaneCamera:
    """Puts noise onto clean planes.

    Args:
        parameters: The noise.
        optics: Makes the clean planes; its own noise is not used.
        size: (columns, rows), multiples of 16.
        device: Where it computes.
    """

    def __init__(
        self,
        parameters: PlaneParameters,
        optics: CameraParameters,
        size: tuple[int, int],
        device: torch.device,
    ) -> None:
        self.parameters, self._size, self._device = parameters, size, device
        self._optics = SensorCamera(optics, size, device, None)
        self._std = tensor(parameters.std, device)
        self._jpeg = jpeg_of(parameters.quantiser, parameters.quality, device)
        self._fields = [
            _Field(size if k == 0 else (size[0] // 2, size[1] // 2), parameters, k, device)
            for k in range(3)
        ]

    def clean(self, light: torch.Tensor) -> Yuv:
        """The planes without noise and before what looks at edges, not rounded; light is (T, 3, H, W), linear."""
        return self._optics.clean(light)

    def finish(self, clean: Yuv) -> Yuv:
        """The planes without noise: edges are sharpened."""
        return self._optics.finish(clean)

    def shoot(self, light: torch.Tensor, clean: Yuv, frames: int, noise: torch.Generator) -> Yuv:
        """``frames`` noisy frames in whole numbers; ``clean`` has as many, or one for all."""
        return self._onto(self.finish(clean), frames, noise)

    def variance(self, light: torch.Tensor, clean: Yuv, noise: torch.Generator) -> torch.Tensor:
        """The variance over time of the first frame and of even tiles, (3, 256) in squared bytes."""
        levels = np.linspace(4, 251, GREYS)
        width, height = self._size
        half = (width // 2, height // 2)
        tiles = Yuv(
            *(grey_tiles(levels, s, self._device)[None] for s in ((width, height), half, half))
        )
        even = tile_points(self._onto(tiles, 3, noise, temporal=False), self._size)
        first = self.finish(Yuv(*(plane[:1] for plane in clean)))
        edges = self.parameters.edges
        where: list[torch.Tensor | None] = [None, None, None]
        if edges is not None:
            power = 1 + (edges.power - 1) * edges_of(first.y, edges.half).weight
            where = [usual(power)[0], *[usual(1 + _CHROMA_SHARE * (_halved(power) - 1))[0]] * 2]
        own = picture_points(self._onto(first, 4, noise, temporal=False), first, where)
        return curves((even, own), self._device)

    def _onto(self, clean: Yuv, frames: int, noise: torch.Generator, temporal: bool = True) -> Yuv:
        planes = []
        uneven = self.parameters.edges
        edges = None if uneven is None else edges_of(clean.y, uneven.half)
        for k, plane in enumerate(clean):
            deviation = self._std[k][plane.round().clamp_(0, 255).long()]
            recursion = Recursion(self.parameters.temporal if temporal else 0.0)
            grain = recursion(self._fields[k].draw(frames, noise), plane, deviation)
            if edges is not None and uneven is not None:
                grain = self._at_edges(grain, deviation, edges, uneven, k, noise)
            noisy = torch.addcmul(plane.expand_as(grain), grain, deviation)
            if k == 0 and self.parameters.rows:
                shape = (frames, plane.shape[1], 1)
                offsets = torch.randn(shape, generator=noise, device=self._device)
                noisy += offsets * self.parameters.rows
            noisy = noisy.round_().clamp_(0, 255)
            if self._jpeg is not None:
                noisy = self._jpeg.luma(noisy) if k == 0 else self._jpeg.chroma(noisy)
            planes.append(noisy)
        return Yuv(*planes)

    def _at_edges(
        self,
        grain: torch.Tensor,
        deviation: torch.Tensor,
        edges: Edges,
        uneven: EdgeNoise,
        plane: int,
        noise: torch.Generator,
    ) -> torch.Tensor:
        """Noise of unit variance on even walls with what edges have more, (T, H, W)."""
        more = edges.weight * (uneven.power - 1)
        if plane == 0:
            more = torch.minimum(more, (_LARGEST / deviation.clamp(min=0.1)).square())
        if plane > 0:
            return grain * (1 + _CHROMA_SHARE * _halved(more)).sqrt_()
        white = torch.randn(grain.shape, generator=noise, device=self._device)
        rough = along(white, edges.direction, uneven.along)
        return grain + rough.div_(rough.std()) * more.sqrt_()


def _halved(plane: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(plane, 2)


class _Field:
    """Draws noise of unit variance with the correlation of one plane."""

    def __init__(
        self, size: tuple[int, int], p: PlaneParameters, plane: int, device: torch.device
    ) -> None:
        self._size, self._device = size, device
        self._fine = [
            tensor(unit_noise_filter(n, _bell(float(w))), device)
            for n, w in zip(size, p.widths[plane], strict=True)
        ]
        self._share = p.blotch_share if plane > 0 else 0.0
        if self._share:
            self._coarse = [tensor(unit_noise_filter(n, _bell(p.blotch)), device) for n in size]

    def draw(self, frames: int, noise: torch.Generator) -> torch.Tensor:
        """(frames, H, W); each frame has noise of its own."""
        grain = self._white(frames, noise, self._fine)
        if self._share:
            grain = grain * (1 - self._share) ** 0.5
            grain += self._white(frames, noise, self._coarse) * self._share**0.5
        return grain

    def _white(
        self, frames: int, noise: torch.Generator, filters: list[torch.Tensor]
    ) -> torch.Tensor:
        width, height = self._size
        white = torch.randn((frames, height, width), generator=noise, device=self._device)
        return separable(white, filters[1], filters[0])


def _bell(sigma: float) -> Doubles:
    reach = max(1, int(np.ceil(3 * sigma)))
    offsets = np.arange(-reach, reach + 1)
    return np.asarray(np.exp(-(offsets**2) / (2 * max(sigma, 0.05) ** 2)))

"""A camera of which only the noise is known: it puts noise of a random model straight onto clean planes.

Real cameras do more than the simulated one: their own temporal filters, strong smoothing, noise that
changes with the level in other ways. A network that saw only one pipeline would learn that pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .camera import CameraParameters, SensorCamera, Yuv, jpeg_of
from .edges import stronger, usual
from .operators import separable, smooth_steps, tensor, unit_noise_filter
from .variance import GREYS, curves, grey_tiles, picture_points, tile_points

Doubles = NDArray[np.float64]

_UNEVEN = 0.7  # share of the cameras with stronger noise at edges


@dataclass(frozen=True)
class PlaneParameters:
    """The noise of a camera's planes.

    ``deviations`` are the standard deviations at each byte level per plane, (3, 256), in bytes; ``widths`` those of
    the Gaussians that shape the noise along rows and down columns of each plane, (3, 2), in its pixels;
    ``blotch_share`` is the part of the chroma's variance that is ``blotch`` pixels wide; ``temporal`` the correlation
    of one frame's noise with the one before; ``rows`` the standard deviation of an offset per luma row, in bytes;
    ``edges`` how much stronger it is at edges (:func:`.edges.stronger`).
    """

    deviations: Doubles
    widths: Doubles
    blotch: float = 3.0
    blotch_share: float = 0.0
    temporal: float = 0.0
    rows: float = 0.0
    edges: float = 0.0
    quantiser: int | None = None
    quality: int | None = None


def random_plane_parameters(random: np.random.Generator) -> PlaneParameters:
    """Draws a noise model: smooth curves, weak to strong correlation, sometimes in time."""
    some = random.uniform
    luma = np.exp(some(np.log(0.6), np.log(12)))
    curves: list[Doubles] = []
    for scale in (luma, luma * np.exp(some(-1.4, 0.2)), luma * np.exp(some(-1.4, 0.2))):
        knots = random.normal(0, 0.5 if not curves else 0.25, 5)
        bends = smooth_steps(256, 5) @ knots
        curves.append(np.clip(scale * np.exp(bends), 0.15, 20))
    # Widths of 0.45 … 1.25 pixels give correlations of 0.3 … 0.85 between neighbours.
    width = some(0.45, 1.25) if random.random() < 0.7 else some(0, 0.5)
    widths = width * np.exp(random.normal(0, 0.15, (3, 2)))
    widths[1:] = np.maximum(widths[1:], some(0, 1.5))
    jpeg = random.random()
    return PlaneParameters(
        np.stack(curves),
        widths,
        some(2, 5),
        some(0, 0.7) if random.random() < 0.6 else 0.0,
        some(0, 0.2) if random.random() < 0.35 else 0.0,
        luma * some(0, 0.15) if random.random() < 0.3 else 0.0,
        float(np.exp(some(np.log(0.1), np.log(1.2)))) if random.random() < _UNEVEN else 0.0,
        int(random.integers(2, 9)) if jpeg < 0.25 else None,
        int(random.integers(70, 97)) if 0.25 <= jpeg < 0.4 else None,
    )


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
        self._deviations = tensor(parameters.deviations, device)
        self._jpeg = jpeg_of(parameters.quantiser, parameters.quality, device)
        self._fields = [
            _Field(size if k == 0 else (size[0] // 2, size[1] // 2), parameters, k, device)
            for k in range(3)
        ]

    def clean(self, light: torch.Tensor) -> Yuv:
        """The planes without noise, not rounded; light is (T, 3, H, W), linear."""
        return self._optics.clean(light)

    def shoot(self, light: torch.Tensor, clean: Yuv, frames: int, noise: torch.Generator) -> Yuv:
        """``frames`` noisy frames in whole numbers; ``clean`` has as many, or one for all."""
        return self._onto(clean, frames, noise)

    def variance(self, light: torch.Tensor, clean: Yuv, noise: torch.Generator) -> torch.Tensor:
        """The variance over time of the first frame and of even tiles, (3, 256) in squared bytes."""
        levels = np.linspace(4, 251, GREYS)
        width, height = self._size
        half = (width // 2, height // 2)
        tiles = Yuv(
            *(grey_tiles(levels, s, self._device)[None] for s in ((width, height), half, half))
        )
        even = tile_points(self._onto(tiles, 3, noise, temporal=False), self._size)
        first = Yuv(*(plane[:1] for plane in clean))
        # Without stronger noise at edges all of the picture is usual.
        where = [usual(factor[0]) for factor in self._factors(first)]
        own = picture_points(self._onto(first, 4, noise, temporal=False), first, where)
        return curves((even, own), self._device)

    def _factors(self, clean: Yuv) -> list[torch.Tensor]:
        """By which factors the noise's standard deviation grows at edges, per plane."""
        luma = stronger(clean.y, self.parameters.edges)
        half = torch.nn.functional.avg_pool2d(luma, 2)
        return [luma, half, half]

    def _onto(self, clean: Yuv, frames: int, noise: torch.Generator, temporal: bool = True) -> Yuv:
        planes = []
        factors = self._factors(clean) if self.parameters.edges else None
        for k, plane in enumerate(clean):
            deviation = self._deviations[k][plane.round().clamp_(0, 255).long()]
            if factors is not None:
                deviation = deviation * factors[k]
            grain = self._fields[k].draw(frames, noise, temporal)
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


class _Field:
    """Draws noise of unit variance with the correlation of one plane."""

    def __init__(
        self, size: tuple[int, int], p: PlaneParameters, plane: int, device: torch.device
    ) -> None:
        self._size, self._device = size, device
        self._temporal = p.temporal
        self._fine = [
            tensor(unit_noise_filter(n, _bell(float(w))), device)
            for n, w in zip(size, p.widths[plane], strict=True)
        ]
        self._share = p.blotch_share if plane > 0 else 0.0
        if self._share:
            self._coarse = [tensor(unit_noise_filter(n, _bell(p.blotch)), device) for n in size]

    def draw(self, frames: int, noise: torch.Generator, temporal: bool) -> torch.Tensor:
        """(frames, H, W); without ``temporal``, each frame has noise of its own."""
        grain = self._white(frames, noise, self._fine)
        if self._share:
            grain = grain * (1 - self._share) ** 0.5
            grain += self._white(frames, noise, self._coarse) * self._share**0.5
        if self._temporal and temporal:
            fresh = (1 - self._temporal**2) ** 0.5
            for t in range(1, frames):
                grain[t] = grain[t] * fresh + grain[t - 1] * self._temporal
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

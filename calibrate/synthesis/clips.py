"""Training clips: pictures that move, seen by random cameras, with the noise-free truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch

from .camera import Camera, SensorCamera, Yuv
from .layers import Layer, Scene
from .motion import Track
from .photos import Pictures
from .plane_camera import PlaneCamera
from .random_cameras import random_parameters, random_plane_parameters
from .scenes import CutOut, Drawing, Mix, draw_scene

PlaneTensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

_DENSITY = 2.0  # pixels of a picture per output pixel: sampled between pixels, it stays sharp
_ROOM = 1.2  # how much larger than the frame a background is where it moves, beside its way
_GREY = 0.2  # what a person's parts are painted for: the mean of the light on a middling picture
_MOST_ROOM = 2.4  # beyond it, the background goes on mirrored


@dataclass(frozen=True)
class ClipBatch:
    """B clips of T frames in 4:2:0, in bytes as float32.

    ``noisy`` is y (B, T, 1, H, W), u and v (B, T, 1, H/2, W/2) in whole numbers from 0 to 255; ``clean`` the same
    without noise and not rounded. ``variance``, (B, 3, 256), is the noise variance at each byte level per plane, in
    squared bytes: what a measured noise model of the camera would say. ``moving``, (B, T, 1, H/4, W/4), are the blocks
    of 4 × 4 luma pixels that something moved across or uncovered since the frame before (none in the first frame,
    all of them at a cut); ``cut``, (B, T), is the first frame after a cut.
    """

    noisy: PlaneTensors
    clean: PlaneTensors
    variance: torch.Tensor
    moving: torch.Tensor
    cut: torch.Tensor

    def __len__(self) -> int:
        return self.cut.shape[0]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ClipBatch:
        """The same clips on another device."""
        return self._each(lambda x: x.to(device, non_blocking=non_blocking))

    def _each(self, change: _Change) -> ClipBatch:
        y, u, v = (change(x) for x in self.noisy)
        clean_y, clean_u, clean_v = (change(x) for x in self.clean)
        return ClipBatch(
            (y, u, v),
            (clean_y, clean_u, clean_v),
            change(self.variance),
            change(self.moving),
            change(self.cut),
        )


class _Change(Protocol):
    def __call__(self, x: torch.Tensor, /) -> torch.Tensor: ...


def join(batches: Sequence[ClipBatch]) -> ClipBatch:
    """All clips of several batches of one size on one device as one batch."""

    def planes(name: str) -> PlaneTensors:
        y, u, v = (torch.cat([getattr(b, name)[k] for b in batches]) for k in range(3))
        return (y, u, v)

    return ClipBatch(
        planes("noisy"),
        planes("clean"),
        torch.cat([b.variance for b in batches]),
        torch.cat([b.moving for b in batches]),
        torch.cat([b.cut for b in batches]),
    )


class Clip(NamedTuple):
    """One clip before it is put into a batch: planes (T, H, W), variance (3, 256), moving (T, H/4, W/4), cut (T,)."""

    noisy: Yuv
    clean: Yuv
    variance: torch.Tensor
    moving: torch.Tensor
    cut: torch.Tensor


def stack(clips: Sequence[Clip]) -> ClipBatch:
    """Clips of one size as a batch."""

    def planes(name: str) -> PlaneTensors:
        y, u, v = (torch.stack([getattr(c, name)[k] for c in clips])[:, :, None] for k in range(3))
        return (y, u, v)

    return ClipBatch(
        planes("noisy"),
        planes("clean"),
        torch.stack([c.variance for c in clips]),
        torch.stack([c.moving for c in clips])[:, :, None],
        torch.stack([c.cut for c in clips]),
    )


class PhotoClips:
    """Clips made from pictures, seen by simulated cameras with random parameters.

    The same seed gives the same clips on the same kind of device.

    Args:
        photos: Photographs.
        size: (columns, rows) of the clips, multiples of 16.
        frames: Frames per clip.
        seed: Of everything that is drawn.
        device: Where the clips are made.
        mix: How often something happens.
        procedural: How many procedural pictures are drawn beforehand.

    Raises:
        ClipError: a photograph can't be read.
        ValueError: the size is no multiple of 16.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        size: tuple[int, int] = (192, 192),
        frames: int = 24,
        seed: int = 0,
        device: torch.device | str = "cpu",
        *,
        mix: Mix | None = None,
        procedural: int = 24,
    ) -> None:
        if any(n % 16 or n < 64 for n in size):
            raise ValueError(
                f"clips need sides of at least 64 that are multiples of 16, not {size}"
            )
        self.size, self.frames = size, frames
        self.device = torch.device(device)
        self._mix = mix or Mix()
        self._pictures = Pictures(photos, procedural, self._mix.procedural, seed, self.device)
        self._random = np.random.default_rng([seed, 0x51])
        self._noise = torch.Generator(self.device).manual_seed(seed)

    @torch.no_grad()
    def batch(self, n: int) -> ClipBatch:
        """Makes ``n`` clips."""
        return stack([self._clip() for _ in range(n)])

    def _clip(self) -> Clip:
        random, (width, height) = self._random, self.size
        camera, gain = self._camera()
        light, moving = self._scene(gain).render(width, height)
        cut = torch.zeros(self.frames, dtype=torch.bool, device=self.device)
        if random.random() < self._mix.cut and self.frames > 1:
            other, other_moving = self._scene(gain).render(width, height)
            at = int(random.integers(1, self.frames))
            light = torch.cat(
                [
                    x.expand(self.frames, -1, -1, -1)[s]
                    for x, s in ((light, np.s_[:at]), (other, np.s_[at:]))
                ]
            )
            moving = torch.cat([moving[:at], other_moving[at:]])
            moving[at] = True
            cut[at] = True
        clean = camera.clean(light)
        noisy = camera.shoot(light, clean, self.frames, self._noise)
        variance = camera.variance(light, clean, self._noise)
        whole = Yuv(*(p.expand(self.frames, -1, -1) for p in camera.finish(clean)))
        return Clip(noisy, whole, variance, moving, cut)

    def _camera(self) -> tuple[Camera, float]:
        """A camera, and its gain."""
        random = self._random
        parameters = random_parameters(random)
        if random.random() >= self._mix.plane_noise:
            camera = SensorCamera(parameters, self.size, self.device, self._noise)
            return camera, parameters.sensor.gain
        optics = replace(parameters, mosaic=False, quantiser=None, quality=None, chroma="420")
        return PlaneCamera(random_plane_parameters(random), optics, self.size, self.device), 1.0

    def _scene(self, gain: float) -> Scene:
        drawing = draw_scene(self._random, self.frames, self.size, self._mix)
        return self._with_pictures(drawing, self.size, self._brightness(gain))

    def _with_pictures(self, drawing: Drawing, size: tuple[int, int], brightness: float) -> Scene:
        layers = [self._background(drawing.background, size, brightness)]
        layers += [self._layer(cut_out, brightness) for cut_out in drawing.cut_outs]
        screens = []
        for box in drawing.boxes:
            bright = min(brightness * self._random.uniform(0.7, 4), 0.6)
            inside = (box.width, box.height)
            screens.append(box.screen(self._with_pictures(box.drawing, inside, bright)))
        return drawing.scene(layers, screens)

    def _brightness(self, gain: float) -> float:
        """The mean of the light: mostly well exposed, else from dim rooms to bright ones."""
        random = self._random
        if random.random() < 0.6:
            return float(np.clip(0.2 * np.exp(random.normal(0, 0.5)), 0.05, 0.6))
        # A camera turns its gain up for a picture that is not quite dark. In the dark, strong noise would lose its
        # mean at the bend of the tone curve, more than any denoiser could know.
        darkest = 0.015 * max(1.0, gain / 15) ** 0.6
        return float(np.exp(random.uniform(np.log(darkest), np.log(0.5))))

    def _background(self, track: Track, size: tuple[int, int], brightness: float) -> Layer:
        random = self._random
        room = 1.0 if track.still else _ROOM
        way = (float(np.abs(track.x).max()), float(np.abs(track.y).max()))
        rooms = [min(room + 2 * w / n, _MOST_ROOM) for w, n in zip(way, size, strict=True)]
        sides = (
            round(size[0] * rooms[0] * _DENSITY) + 4,
            round(size[1] * rooms[1] * _DENSITY) + 4,
        )
        zoomed = float(random.uniform(3, 10)) if random.random() < self._mix.unfocused else 1.0
        return Layer(self._lit(self._pictures.draw(random, sides, zoomed), brightness), track)

    def _layer(self, cut_out: CutOut, brightness: float) -> Layer:
        side = round(cut_out.side * _DENSITY)
        picture = cut_out.painted(side, self.device)
        if picture is None:
            brightness *= self._random.uniform(0.5, 2)
            picture = self._lit(self._pictures.draw(self._random, (side, side)), brightness)
        else:
            picture = (picture * (brightness / _GREY)).clamp_(0, 1.5)
        mask = cut_out.mask(side, self.device)
        whole = torch.cat([picture, mask[None]])
        return Layer(whole, cut_out.track, cut_out=True, shown=cut_out.shown)

    def _lit(self, picture: torch.Tensor, brightness: float) -> torch.Tensor:
        """Another light on a picture: its mean, its colours, a lens that is not sharp to the last pixel."""
        random = self._random
        tint = np.exp(random.normal(0, 0.12, 3)) * brightness / max(float(picture.mean()), 1e-3)
        picture = (
            picture * torch.tensor(tint, dtype=torch.float32, device=self.device)[:, None, None]
        )
        colourful = random.uniform(0.3, 1.2)
        grey = picture.mean(0, keepdim=True)
        picture = torch.lerp(grey.expand_as(picture), picture, colourful)
        soft = picture.clone()
        soft[:, 1:-1] = (
            (picture[:, :-2] + picture[:, 2:]).mul_(0.25).add_(picture[:, 1:-1], alpha=0.5)
        )
        softer = soft.clone()
        softer[:, :, 1:-1] = (
            (soft[:, :, :-2] + soft[:, :, 2:]).mul_(0.25).add_(soft[:, :, 1:-1], alpha=0.5)
        )
        return softer.clamp_(0, 1.5)

"""Training clips from a camera's own still series: their means made to move, with the camera's real noise.

The noise of a frame stays where it is on the sensor while the picture moves. So residuals are taken as they
were filmed, frame after frame at one place of the sensor, and a block of them is used where the picture that
moved there has a level with about the same noise; elsewhere noise is drawn from the noise model. The truth is
brighter than the mean of noisy frames (:mod:`.darkening`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.errors import ClipError
from rtdenoise.noise import PLANES, NoiseModel
from rtdenoise.noise.dct import BLOCK
from rtdenoise.noise.fields import spectrum

from .camera import Yuv
from .clips import Clip, ClipBatch, stack
from .darkening import darkening
from .layers import Layer
from .scenes import Drawing, Mix, draw_scene
from .still import FEWEST, YuvArrays

_JPEG_BLOCK = 8  # pixels of a luma block that is taken or left as a whole, as JPEG made it
_CANDIDATES = 3  # places that residuals are taken from
_MATCHES = 1.35  # up to this ratio of standard deviations residuals are scaled
_ROUNDING = 1 / 12  # variance that rounding adds again


class SeriesClips:
    """Clips in the likeness of one camera, from its own still series.

    Args:
        means: Per series y (H, W), u and v (H/2, W/2): what :func:`still_stack` gives.
        residuals: Per series y (N, H, W), u and v likewise.
        model: The camera's noise.
        size: (columns, rows) of the clips, multiples of 16; no larger than the frames.
        frames: Frames per clip.
        seed: Of everything that is drawn.
        device: Where the clips are made, and where the series are kept, in half precision.
        masks: Per series which luma pixels are still, (H, W); None where all are.
        mix: How often something happens.

    Raises:
        ClipError: no series, or one that is smaller than the clips or too short.
        ValueError: the size is no multiple of 16.
    """

    def __init__(
        self,
        means: Sequence[YuvArrays],
        residuals: Sequence[YuvArrays],
        model: NoiseModel,
        size: tuple[int, int] = (192, 192),
        frames: int = 24,
        seed: int = 0,
        device: torch.device | str = "cpu",
        *,
        masks: Sequence[NDArray[np.bool_]] | None = None,
        mix: Mix | None = None,
    ) -> None:
        if any(n % 16 or n < 64 for n in size):
            raise ValueError(
                f"clips need sides of at least 64 that are multiples of 16, not {size}"
            )
        if not means or len(means) != len(residuals):
            raise ClipError("There is no series to make clips from.", "Record a still scene first.")
        shortest = min(len(r[0]) for r in residuals)
        if shortest < FEWEST:
            raise ClipError(
                f"A series of {shortest} frames is too short to train with.",
                "Record a longer still series with rtdenoise capture.",
            )
        for mean in means:
            if mean[0].shape[1] < size[0] or mean[0].shape[0] < size[1]:
                height, width = mean[0].shape
                raise ClipError(
                    f"Frames of {width}×{height} are too small for clips of {size[0]}×{size[1]}.",
                    "Ask for smaller clips.",
                )
        self.size, self.frames = size, frames
        self.device = torch.device(device)
        self.still_frames = min(frames, shortest // 2)
        model = model.for_chroma("420")
        tables = np.stack([model.plane(name).curve.table() for name in PLANES])
        self._variance = torch.from_numpy(tables.astype(np.float32)).to(self.device)
        self._deviation = self._variance.clamp(min=1e-3).sqrt()
        # By how much noise darkens each level; chroma keeps its mean.
        self._darker = torch.zeros((len(PLANES), 256), device=self.device)
        self._darker[0] = torch.from_numpy(darkening(model.y.curve))
        self._random = np.random.default_rng([seed, 0x5E])
        self._noise = torch.Generator(self.device).manual_seed(seed)
        self._mix = mix or Mix()
        whole = [None] * len(means) if masks is None else list(masks)
        self._series = [
            _Series(m, r, mask, self.device)
            for m, r, mask in zip(means, residuals, whole, strict=True)
        ]
        width, height = size
        shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
        self._spectra = [
            torch.from_numpy(np.sqrt(spectrum(model.plane(name), shape)).astype(np.float32)).to(self.device)
            for name, shape in zip(PLANES, shapes, strict=True)
        ]  # fmt: skip

    @torch.no_grad()
    def batch(self, n: int) -> ClipBatch:
        """Makes ``n`` clips in which something moves, or the light changes, or nothing does."""
        return stack([self._moving() for _ in range(n)])

    @torch.no_grad()
    def still(self, n: int) -> ClipBatch:
        """Takes ``n`` clips of real frames: places and times at random, nothing moves.

        ``clean`` of each frame is the mean of the series without this frame and without the clip's frames before it,
        as much brighter as noise has made it darker: a causal denoiser has seen those frames, and their noise must not
        be in its target. Half of a series' frames are left for the mean, so clips have ``still_frames`` frames, which
        may be fewer than ``frames``. ``moving`` marks the blocks that are not still according to the masks.
        """
        return stack([self._still() for _ in range(n)])

    # ------------------------------------------------------------------ clips

    def _still(self) -> Clip:
        random, (width, height) = self._random, self.size
        series = self._series[int(random.integers(len(self._series)))]
        left, top = series.place(random, width, height)
        count, frames = series.count, self.still_frames
        first = int(random.integers(count - frames + 1))
        seen = np.arange(1, frames + 1)
        noisy, clean = [], []
        for plane in range(3):
            mean = series.crop(plane, left, top, width, height)
            taken = series.residual(
                plane, np.arange(first, first + frames), left, top, width, height
            )
            taken = taken * (1 - 1 / count) ** 0.5
            noisy.append((mean + taken).round().clamp(0, 255))
            left_over = torch.tensor(count - seen, device=self.device)[:, None, None]
            darker = self._darker[plane][mean.round().clamp(0, 255).long()]
            clean.append(mean + darker - taken.cumsum(0) / left_over)
        still = series.still[top : top + height, left : left + width]
        blocks = ~still.view(height // BLOCK, BLOCK, width // BLOCK, BLOCK).all(3).all(1)
        return Clip(
            Yuv(*noisy),
            Yuv(*clean),
            self._variance,
            blocks.expand(frames, -1, -1).clone(),
            torch.zeros(frames, dtype=torch.bool, device=self.device),
        )

    def _moving(self) -> Clip:
        random, (width, height) = self._random, self.size
        home = self._series[int(random.integers(len(self._series)))]
        left, top = home.place(random, width, height)
        drawing = draw_scene(random, self.frames, self.size, self._mix)
        picture, moving = self._render(drawing, home, left, top)
        cut = torch.zeros(self.frames, dtype=torch.bool, device=self.device)
        if self.frames > 1 and random.random() < self._mix.cut:
            other = self._series[int(random.integers(len(self._series)))]
            place = other.place(random, width, height)
            again, also = self._render(
                draw_scene(random, self.frames, self.size, self._mix), other, *place
            )
            at = int(random.integers(1, self.frames))
            whole = [x.expand(self.frames, -1, -1, -1) for x in (picture, again)]
            picture = torch.cat([whole[0][:at], whole[1][at:]])
            moving = torch.cat([moving[:at], also[at:]])
            moving[at] = cut[at] = True
        picture = picture.clamp(0, 255)
        chroma = torch.nn.functional.avg_pool2d(picture[:, 1:], 2)
        clean = Yuv(
            *(p.expand(self.frames, -1, -1) for p in (picture[:, 0], chroma[:, 0], chroma[:, 1]))
        )
        noisy = self._onto(clean, home, left, top)
        return Clip(noisy, clean, self._variance, moving, cut)

    def _render(
        self, drawing: Drawing, home: _Series, left: int, top: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Y'CbCr pictures, (T or 1, 3, H, W), and what moved."""
        random, (width, height) = self._random, self.size

        def background() -> Layer:
            # All of the frame that the camera could see around the place.
            track = drawing.background
            room = (0, 0) if track.still else (width, height)
            sides = (width + 2 * room[0], height + 2 * room[1])
            whole = home.around(left - room[0], top - room[1], *sides)
            return Layer(whole, track, density=1.0, sharp=True)

        layers = [background()]
        for cut_out in drawing.cut_outs:
            series = self._series[int(random.integers(len(self._series)))]
            side = min(cut_out.side, *series.shape)
            x = int(random.integers(series.shape[1] - side + 1))
            y = int(random.integers(series.shape[0] - side + 1))
            patch = series.around(x, y, side, side)
            if random.random() < 0.5:
                patch = patch.flip(2)
            # The same thing in another light, so that it differs from what is behind it.
            patch = _lit(patch, float(np.exp(random.normal(0, 0.3))))
            mask = cut_out.mask(side, self.device)
            whole = torch.cat([patch, mask[None]])
            layers.append(Layer(whole, cut_out.track, 1.0, True, True, cut_out.shown))
        scene = drawing.scene(layers)
        picture, moving = replace(scene, exposure=None, banding=None).render(width, height)
        for factor in (drawing.exposure, drawing.banding):
            if factor is not None:
                # Light acts before the tone curve, a power of about 0.45.
                shaped = factor.reshape(len(factor), 1, -1, 1).astype(np.float32) ** np.float32(
                    0.45
                )
                picture = _lit(picture, torch.from_numpy(shaped).to(self.device))
        return picture, moving

    # ------------------------------------------------------------------ noise

    def _onto(self, clean: Yuv, home: _Series, left: int, top: int) -> Yuv:
        """Real residuals where they fit, else noise of the model; rounded to bytes."""
        random, (width, height) = self._random, self.size
        places = [(home, left, top)]
        while len(places) < _CANDIDATES:
            series = self._series[int(random.integers(len(self._series)))]
            # On the grid of JPEG's blocks, as the place itself is.
            places.append((series, *series.place(random, width, height)))
        orders = {id(s): self._order(s.count) for s, _, _ in places}
        planes = []
        fits: list[
            torch.Tensor
        ] = []  # per candidate the blocks of luma that fit, which chroma follows
        for k, plane in enumerate(clean):
            levels = plane.round().clamp(0, 255).long()
            wanted = (self._variance[k][levels] - _ROUNDING).clamp_(min=0.02).sqrt_()
            white = torch.randn(plane.shape, generator=self._noise, device=self.device)
            shaped = torch.fft.rfft2(white) * self._spectra[k]
            noise = torch.fft.irfft2(shaped, s=plane.shape[-2:]) * wanted
            free = torch.ones_like(plane, dtype=torch.bool)
            for number, (series, x, y) in enumerate(places):
                source = series.crop(k, x, y, width, height).round().clamp(0, 255).long()
                ratio = wanted / self._deviation[k][source]
                if k == 0:
                    still = series.still[y : y + height, x : x + width]
                    fits.append(self._blocks(ratio, still))
                size = _JPEG_BLOCK if k == 0 else _JPEG_BLOCK // 2
                fit = fits[number].repeat_interleave(size, 1).repeat_interleave(size, 2)
                fit &= free
                real = series.residual(k, orders[id(series)], x, y, width, height)
                limited = ratio.clamp(1 / _MATCHES, _MATCHES)
                noise = torch.where(fit, real * limited, noise)
                free &= ~fit
            planes.append((plane - self._darker[k][levels] + noise).round_().clamp_(0, 255))
        return Yuv(*planes)

    def _blocks(self, ratio: torch.Tensor, still: torch.Tensor) -> torch.Tensor:
        """The blocks in which residuals fit, (T, H/8, W/8), from how many times too weak they are, (T, H, W)."""
        wrong = torch.nn.functional.avg_pool2d(ratio.log().abs(), _JPEG_BLOCK)
        moved = torch.nn.functional.max_pool2d((~still)[None].float(), _JPEG_BLOCK) > 0
        return (wrong < float(np.log(_MATCHES))) & ~moved

    def _order(self, count: int) -> NDArray[np.intp]:
        """Which residual each frame of a clip takes: in the order in which they were filmed, none twice in a row."""
        first = int(self._random.integers(count))
        return np.arange(first, first + self.frames) % count


class _Series:
    """One series on the device."""

    def __init__(
        self,
        mean: YuvArrays,
        residuals: YuvArrays,
        mask: NDArray[np.bool_] | None,
        device: torch.device,
    ) -> None:
        height, width = (n // 2 * 2 for n in mean[0].shape)
        self.shape = (height, width)
        self.count = len(residuals[0])
        self.mean = [torch.from_numpy(np.ascontiguousarray(m, np.float32)).to(device) for m in mean]
        self._residuals = [
            torch.from_numpy(np.ascontiguousarray(r, np.float16)).to(device) for r in residuals
        ]
        still = np.ones((height, width), bool) if mask is None else mask[:height, :width]
        self.still = torch.from_numpy(np.ascontiguousarray(still)).to(device)

    def place(self, random: np.random.Generator, width: int, height: int) -> tuple[int, int]:
        """A random place on the grid of blocks, (left, top), rather one that is still."""
        # Two blocks, so that blocks of 4:2:0 chroma fit as well.
        grid = 2 * _JPEG_BLOCK
        best, place = -1.0, (0, 0)
        for _ in range(8):
            left = int(random.integers((self.shape[1] - width) // grid + 1)) * grid
            top = int(random.integers((self.shape[0] - height) // grid + 1)) * grid
            still = float(self.still[top : top + height, left : left + width].float().mean())
            if still > best:
                best, place = still, (left, top)
            if best > 0.98:
                break
        return place

    def crop(self, plane: int, left: int, top: int, width: int, height: int) -> torch.Tensor:
        """A piece of a plane of the mean, at places of luma: (H, W) or (H/2, W/2)."""
        s = 1 if plane == 0 else 2
        rows, columns = slice(top // s, (top + height) // s), slice(left // s, (left + width) // s)
        return self.mean[plane][rows, columns]

    def residual(
        self, plane: int, order: NDArray[np.intp], left: int, top: int, width: int, height: int
    ) -> torch.Tensor:
        """The same piece of some residuals, (T, H, W) or (T, H/2, W/2) as float32."""
        s = 1 if plane == 0 else 2
        rows, columns = slice(top // s, (top + height) // s), slice(left // s, (left + width) // s)
        piece = self._residuals[plane][:, rows, columns]
        return piece[torch.from_numpy(order).to(piece.device)].float()

    def around(self, left: int, top: int, width: int, height: int) -> torch.Tensor:
        """The mean's piece as a Y'CbCr picture, (3, H, W), mirrored where it reaches over the frame."""
        rows = _mirrored(top, height, self.shape[0])
        columns = _mirrored(left, width, self.shape[1])
        y = self.mean[0][rows][:, columns]
        # Pixels of a pair share a chroma sample: means of pairs give it back exactly where nothing moves.
        u, v = (p[rows // 2][:, columns // 2] for p in self.mean[1:])
        return torch.stack([y, u, v])


def _mirrored(first: int, count: int, size: int) -> NDArray[np.intp]:
    at = np.arange(first, first + count) % (2 * size)
    return np.where(at < size, at, 2 * size - 1 - at)


def _lit(picture: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
    """Y'CbCr in another light: (…, 3, H, W); chroma grows from 128."""
    grey = torch.tensor([0.0, 128.0, 128.0], device=picture.device).view(3, 1, 1)
    return (picture - grey) * factor + grey

"""Clips as the live networks learn from them: in units of noise, with the movement found beforehand.

Clips are kept as bytes with a table each, which takes a sixteenth of the memory of their coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from rtdenoise.arrays import Floats
from rtdenoise.networks.live import LiveNetwork
from rtdenoise.noise import PLANES, NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import BLOCK, COEFFICIENTS, MEANS
from rtdenoise.noise.normalised import band_std_of
from rtdenoise.noise.vst import Stabiliser

from ..distributed import ALONE, Group
from ..synthesis import ClipBatch
from .following import BrightnessChange, Following, find, nothing_to_follow

Three = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

_EIGHTHS = 8  # steps of the clean picture's tables per level
_LEAST_DEVIATION = 0.02
_LEAST_SLOPE = 1e-6
_FLAT = 0.4  # share of a picture's blocks that are called flat
_GRID = 16  # crops lie on it, as the blocks of JPEG and of the DCT do
_OF_CLIPS = ("band_std", "top", "byte_of")  # what material has once per clip, not per frame
_STEPS = 1 << 12  # of the way from units of noise back to bytes


class Units(NamedTuple):
    """What turns a camera's bytes into units of noise.

    ``noisy`` (3, 256) is the variance-stabilising transform of each byte per plane; ``clean`` (3, 2041) what it gives
    in the mean at each eighth of a level; ``weight`` (256,) are squared bytes per squared unit of luma;
    ``band_std`` (24,) the standard deviation of the noise in each coefficient, None where it isn't known.
    """

    noisy: torch.Tensor
    clean: torch.Tensor
    weight: torch.Tensor
    band_std: torch.Tensor | None = None

    @classmethod
    def of_variance(cls, variance: Floats) -> Units:
        """For a camera of which the variance at each level is known, (3, 256)."""
        levels = tuple(float(level) for level in range(256))
        curves = [NoiseCurve(levels, tuple(float(v) for v in plane)) for plane in variance]
        return cls._of([PlaneNoise(curve) for curve in curves])

    @classmethod
    def of_model(cls, model: NoiseModel) -> Units:
        """For a measured camera, as :class:`rtdenoise.denoisers.live_network.LiveNetworkDenoiser` does it."""
        model = model.for_chroma("420")
        band_std = torch.from_numpy(band_std_of(model))
        return cls._of([model.plane(name) for name in PLANES])._replace(band_std=band_std)

    def luma_bytes(self) -> torch.Tensor:
        """Luma's way back: the byte at each of so many steps from 0 to the brightest level's units, (steps + 1,)."""
        expected, top = self.clean[0].cpu().numpy(), float(self.noisy[0, -1])
        levels = np.arange(len(expected)) / _EIGHTHS
        found = np.interp(np.linspace(0, top, _STEPS + 1), np.maximum.accumulate(expected), levels)
        return torch.from_numpy(np.rint(found).astype(np.uint8)).to(self.clean.device)

    @classmethod
    def _of(cls, planes: Sequence[PlaneNoise]) -> Units:
        found = [Stabiliser.of(plane) for plane in planes]
        levels = np.arange(256)
        fine = np.arange(255 * _EIGHTHS + 1) / _EIGHTHS
        forward = np.stack([s.forward for s in found])
        clean = np.stack([np.interp(fine, levels, s.expected) for s in found])
        slope = 1 / np.maximum(np.gradient(forward[0]), _LEAST_SLOPE)
        return cls(*(torch.from_numpy(a.astype(np.float32)) for a in (forward, clean, slope**2)))


@dataclass(frozen=True)
class PreparedClip:
    """One clip of T frames, ready to be drawn from.

    ``noisy`` and ``clean`` are the planes (T, H, W), (T, H/2, W/2) twice, in bytes and in eighths of them;
    ``following`` is what the state has to follow; ``moving`` and ``counted`` (T, h, w) are the blocks that moved,
    and those whose clean value is known; ``cut`` (T,) are first frames after a cut.
    """

    noisy: Three
    clean: Three
    units: Units
    following: Following
    moving: torch.Tensor
    counted: torch.Tensor
    cut: torch.Tensor

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return int(self.cut.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of luma."""
        rows, columns = self.noisy[0].shape[-2:]
        return int(rows), int(columns)


@dataclass(frozen=True)
class Material:
    """B pieces of clips in units of noise.

    ``noisy`` and ``clean`` are coefficients (B, T, 24, h, w), not yet divided by their ``band_std`` (B, 24, 1, 1);
    ``luma`` (B, T, H, W) is the clean luma and ``weight`` its squared bytes per squared unit; ``slope`` and ``offset``
    (B, T, 3) and ``rows`` (B, T, h, w) are brightness changes. ``luma_bytes`` (B, T, H, W) is the noisy luma as the
    camera gives it, ``top`` (B,) what the brightest level is in units of noise, and ``byte_of`` (B, n) the byte at each
    of n steps from 0 to there. The rest is as in :class:`PreparedClip`, with B first.
    """

    noisy: torch.Tensor
    clean: torch.Tensor
    luma: torch.Tensor
    weight: torch.Tensor
    slope: torch.Tensor
    offset: torch.Tensor
    rows: torch.Tensor
    flow: torch.Tensor
    moving: torch.Tensor
    counted: torch.Tensor
    cut: torch.Tensor
    luma_bytes: torch.Tensor
    band_std: torch.Tensor
    top: torch.Tensor
    byte_of: torch.Tensor

    @property
    def frames(self) -> int:
        """How many frames the pieces have."""
        return int(self.cut.shape[1])

    def brightness(self, frame: int) -> BrightnessChange:
        """How brightness changed before a frame, as :func:`.following.brightened` takes it."""
        return BrightnessChange(self.slope[:, frame], self.offset[:, frame], self.rows[:, frame])

    def part(self, first: int, last: int) -> Material:
        """The frames from ``first`` to ``last``, exclusive."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        cut = {name: p if name in _OF_CLIPS else p[:, first:last] for name, p in parts.items()}
        return Material(**cut)


@torch.no_grad()
def prepare(
    batch: ClipBatch, network: LiveNetwork, units: Units | None = None, *, still: bool = False
) -> list[PreparedClip]:
    """Makes clips ready to learn from; they stay on the batch's device.

    Args:
        batch: Clips.
        network: For its coefficients, on the same device.
        units: The camera's; None: each clip has its own camera, whose noise is measured in the clip.
        still: Nothing moves, and ``batch.moving`` are blocks whose clean value isn't known.
    """
    return [_prepared(batch, index, network, units, still) for index in range(len(batch))]


def _prepared(
    batch: ClipBatch, index: int, network: LiveNetwork, units: Units | None, still: bool
) -> PreparedClip:
    device = batch.cut.device
    if units is None:
        units = Units.of_variance(batch.variance[index].cpu().numpy())
    units = Units(*(None if table is None else table.to(device) for table in units))  # type: ignore[arg-type]
    y, u, v = (plane[index, :, 0].byte() for plane in batch.noisy)
    fine = [
        (plane[index, :, 0] * _EIGHTHS).round().clamp(0, 255 * _EIGHTHS) for plane in batch.clean
    ]
    clean_y, clean_u, clean_v = (plane.to(torch.int16) for plane in fine)
    noisy, clean = (y, u, v), (clean_y, clean_u, clean_v)
    coefficients, true = (
        _coefficients(network, noisy, units.noisy),
        _coefficients(network, clean, units.clean),
    )
    band_std = units.band_std
    if band_std is None:
        band_std = _band_std(coefficients - true, true)
        units = units._replace(band_std=band_std)
    cut, marked = batch.cut[index], batch.moving[index, :, 0]
    if still:
        rows, columns = marked.shape[-2:]
        following = nothing_to_follow(len(cut), int(rows), int(columns), device)
    else:
        following = find(coefficients, true, band_std, cut, units.noisy[:, -1].tolist())
    moving = torch.zeros_like(marked) if still else marked
    counted = ~marked if still else torch.ones_like(marked)
    return PreparedClip(noisy, clean, units, following, moving, counted, cut)


def _coefficients(network: LiveNetwork, planes: Three, tables: torch.Tensor) -> torch.Tensor:
    """The planes, bytes or eighths, through their tables as coefficients, (T, 24, h, w)."""
    y, u, v = (table[plane.long()][:, None] for table, plane in zip(tables, planes, strict=True))
    return network.split(y, u, v)


def flat_blocks(clean: torch.Tensor, counted: torch.Tensor | None = None) -> torch.Tensor:
    """The share of the blocks with the least detail around them, (T, h, w).

    Args:
        clean: coefficients, (T, 24, h, w).
        counted: blocks whose clean value is known, (T, h, w); None: all.
    """
    energy = clean[:, 1:16].square().sum(1)
    unknown = torch.zeros_like(energy, dtype=torch.bool) if counted is None else counted == 0
    around = nn.functional.avg_pool2d(energy.masked_fill(unknown, 0)[:, None], 3, 1, 1)[:, 0]
    around = around.masked_fill(unknown, torch.inf)
    limit = torch.quantile(around.flatten(1), _FLAT, dim=1, interpolation="lower")
    return (around <= limit[:, None, None]) & ~unknown


def _band_std(residual: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Standard deviations of the coefficients' noise where the picture is flat, (24,).

    That is what is known of a camera's noise while it runs: at edges it can be far larger. What is the same in every
    frame, a fixed pattern, is no noise.

    Args:
        residual: the noise's coefficients, (T, 24, h, w).
        clean: the picture's.
    """
    frames = len(residual)
    varying = residual - residual.mean(0, keepdim=True)
    flat = flat_blocks(clean).to(residual.dtype)[:, None]
    variance = (varying.square() * flat).sum((0, 2, 3)) / flat.sum() * frames / max(frames - 1, 1)
    return variance.sqrt().clamp(min=_LEAST_DEVIATION)


class Pool:
    """Clips to draw from.

    Args:
        clips: What is in it at first.
        most: The oldest leave where there would be more.
    """

    def __init__(self, clips: Sequence[PreparedClip] = (), most: int = 1 << 30) -> None:
        self._clips: list[PreparedClip] = []
        self._most = most
        self.add(clips)

    def __len__(self) -> int:
        return len(self._clips)

    def add(self, clips: Sequence[PreparedClip]) -> None:
        """Puts clips into the pool."""
        self._clips = [*self._clips, *clips][-self._most :]

    def draw(
        self,
        network: LiveNetwork,
        random: np.random.Generator,
        count: int,
        crop: int,
        turn: bool,
        group: Group = ALONE,
    ) -> Material:
        """Draws pieces of ``count`` clips of one size and length, flipped at random.

        Args:
            network: For its coefficients.
            random: Chooses.
            count: How many pieces.
            crop: Their side in luma pixels; smaller where clips are.
            turn: Rows may become columns too: for noise of no camera in particular.
            group: The processes that draw the same; only this one's share of the pieces is made.
        """
        first = self._clips[int(random.integers(len(self._clips)))]
        alike = [c for c in self._clips if (c.frames, c.size) == (first.frames, first.size)]
        chosen = [first]
        chosen += [alike[int(i)] for i in random.integers(len(alike), size=count - 1)]
        side = min(crop, *first.size) // _GRID * _GRID
        drawn = []
        for clip in chosen:
            top, left = (int(random.integers((n - side) // _GRID + 1)) * _GRID for n in clip.size)
            flips = [bool(random.integers(2)) for _ in range(3)]
            flips[2] &= turn
            drawn.append((clip, (top, left, side), flips))
        return _stack([_piece(network, *choices) for choices in group.share(drawn)])


def whole(network: LiveNetwork, clips: Sequence[PreparedClip]) -> Material:
    """Clips of one size and length as they are."""
    return _stack([_piece(network, clip, None, [False] * 3) for clip in clips])


def _piece(
    network: LiveNetwork,
    clip: PreparedClip,
    place: tuple[int, int, int] | None,
    flips: Sequence[bool],
) -> dict[str, torch.Tensor]:
    """A square of a clip at (top, left, side), mirrored left to right, up and down, and across its diagonal."""

    def cut(plane: torch.Tensor, scale: int) -> torch.Tensor:
        if place is not None:
            top, left, side = (n // scale for n in place)
            plane = plane[..., top : top + side, left : left + side]
        axes = [axis for axis, flip in zip((-1, -2), flips, strict=False) if flip]
        plane = plane.flip(axes) if axes else plane
        return plane.transpose(-1, -2) if flips[2] else plane

    def planes(three: Three) -> Three:
        return cut(three[0], 1), cut(three[1], 2), cut(three[2], 2)

    units, noisy, clean = clip.units, planes(clip.noisy), planes(clip.clean)
    assert units.band_std is not None
    band_std = units.band_std
    brightness, flow = clip.following.brightness, clip.following.flow
    rows = brightness.rows[:, :, None].expand(-1, -1, flow.shape[-1])
    flow = cut(flow, BLOCK).float()
    signs = [-1.0 if flip else 1.0 for flip in flips[:2]]
    flow = flow * torch.tensor(signs, device=flow.device)[:, None, None]
    if flips[2]:
        flow = flow.flip(1)
        band_std = band_std[_TURNED]
    level = clean[0].long()
    return {
        "noisy": _coefficients(network, noisy, units.noisy),
        "clean": _coefficients(network, clean, units.clean),
        "luma": units.clean[0][level],
        "weight": units.weight[level // _EIGHTHS],
        "slope": brightness.slope,
        "offset": brightness.offset,
        "rows": cut(rows, BLOCK),
        "flow": flow,
        "moving": cut(clip.moving, BLOCK).float(),
        "counted": cut(clip.counted, BLOCK).float(),
        "cut": clip.cut,
        "luma_bytes": noisy[0],
        "band_std": band_std[:, None, None],
        "top": units.noisy[0, -1],
        "byte_of": units.luma_bytes(),
    }


def _stack(pieces: Sequence[dict[str, torch.Tensor]]) -> Material:
    return Material(**{name: torch.stack([p[name] for p in pieces]) for name in pieces[0]})


def _turned() -> list[int]:
    """Which coefficient each becomes when rows and columns change places."""
    order: list[int] = []
    for first, n in zip(MEANS, (BLOCK, BLOCK // 2, BLOCK // 2), strict=True):
        order += [first + column * n + row for row in range(n) for column in range(n)]
    assert len(order) == COEFFICIENTS
    return order


_TURNED = _turned()

"""The U-Net that the compared methods learn with, and how it cleans a window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from rtdenoise.arrays import Floats

from ...paper.windows import Window, with_context
from .base import Cleaner

_SLOPE = 0.1  # of the leaky ReLU (Noise2Noise)
_USUAL_NOISE = 0.02  # standard deviation that a network sees as 1
_CONTEXT = 48  # pixels around a window that are looked at
_TILE = 384  # side of a tile's output

Forward = Callable[[nn.Module, torch.Tensor], torch.Tensor]
"""Runs a network on (B, 3, H, W)."""
Prepare = Callable[[Floats], Floats]
"""Makes of a frame, (3, H, W), what the network sees of it."""


class UNet(nn.Module):
    """A U-Net (Ronneberger et al., 2015) with nearest-neighbour enlargement, as Noise2Noise has it.

    The authors' Noise2Noise network has 48 features and five levels, Noise2Void's 32 and two. Here it is 32 and four
    at most, which learns about twice as quickly on a processor; the picture's colours come in again at the last level.

    Args:
        mean: What is taken off the input first, about the middle of the picture's values.
        deviation: What the rest is divided by, so that the network sees values of about 1.
        width: Features at full size.
        levels: How often the picture is halved.
        norm: Batch normalisation after each convolution but the last (Noise2Void).
        residual: The network's change is added to what came in, and it begins as the identity.
        told: A fourth channel of the input is the noise's standard deviation at each pixel, of values in [0, 1].
    """

    def __init__(
        self,
        mean: float,
        deviation: float,
        *,
        width: int = 32,
        levels: int = 4,
        norm: bool = False,
        residual: bool = False,
        told: bool = False,
    ) -> None:
        super().__init__()
        self._mean, self._deviation, self._residual = mean, deviation, residual
        self._multiple, inputs = 2**levels, 4 if told else 3

        def conv(coming: int, outputs: int) -> nn.Sequential:
            layers: list[nn.Module] = [nn.Conv2d(coming, outputs, 3, padding=1, bias=not norm)]
            nn.init.kaiming_normal_(layers[0].weight, a=_SLOPE)  # type: ignore[arg-type]
            layers += [nn.BatchNorm2d(outputs)] if norm else []
            return nn.Sequential(*layers, nn.LeakyReLU(_SLOPE, inplace=True))

        self.start = nn.Sequential(conv(inputs, width), conv(width, width))
        self.down = nn.ModuleList(conv(width, width) for _ in range(levels))
        self.up = nn.ModuleList()
        coming = width
        for level in reversed(range(levels)):
            features = width if level == 0 else 2 * width
            skipped = width + inputs if level == 0 else width
            self.up.append(
                nn.Sequential(conv(coming + skipped, features), conv(features, features))
            )
            coming = features
        self.colours = nn.Conv2d(width, 3, 3, padding=1)
        if residual:
            nn.init.zeros_(self.colours.weight)
        nn.init.zeros_(self.colours.bias)  # type: ignore[arg-type]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3 or 4, H, W) in [0, 1] → (B, 3, H, W), of any size."""
        height, width = image.shape[-2:]
        below, right = -height % self._multiple, -width % self._multiple
        padded = functional.pad(image, (0, right, 0, below), mode="replicate")
        x = (padded[:, :3] - self._mean) / self._deviation
        seen = torch.cat([x, padded[:, 3:] / _USUAL_NOISE], 1)
        features = self.start(seen)
        skips = [torch.cat([features, seen], 1)]
        for down in self.down:
            features = down(functional.max_pool2d(features, 2))
            skips.append(features)
        skips.pop()
        for up in self.up:
            larger = functional.interpolate(features, scale_factor=2, mode="nearest")
            features = up(torch.cat([larger, skips.pop()], 1))
        change = self.colours(features)
        result: torch.Tensor = (x + change if self._residual else change)[..., :height, :width]
        return result * self._deviation + self._mean


def parameter_count(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(weight.numel() for weight in network.parameters())


class NetworkCleaner:
    """Cleans windows with a network that keeps its input's size, in tiles with the picture around them.

    Args:
        network: On ``device``.
        forward: How it is run.
        device: Where.
        prepare: What is done to a whole frame before.
    """

    single: Cleaner | None = None

    def __init__(
        self,
        network: nn.Module,
        forward: Forward,
        device: torch.device,
        prepare: Prepare | None = None,
    ) -> None:
        self._network, self._forward, self._device = network, forward, device
        self._prepare = prepare

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return parameter_count(self._network)

    @torch.no_grad()
    def __call__(self, frame: Floats, window: Window) -> Floats:
        """Cleans a window, (3, h, w), of a frame, (3, H, W) in [0, 1]."""
        self._network.eval()
        seen = frame if self._prepare is None else self._prepare(frame)
        cleaned = np.empty((3, window.height, window.width), np.float32)
        for top in range(0, window.height, _TILE):
            for left in range(0, window.width, _TILE):
                rows, columns = min(_TILE, window.height - top), min(_TILE, window.width - left)
                part = Window(window.top + top, window.left + left, rows, columns)
                around = torch.from_numpy(with_context(seen, part, _CONTEXT)).to(self._device)
                output = self._forward(self._network, around[None])[0]
                inner = output[:, _CONTEXT : _CONTEXT + rows, _CONTEXT : _CONTEXT + columns]
                cleaned[:, top : top + rows, left : left + columns] = inner.cpu().numpy()
        return cleaned

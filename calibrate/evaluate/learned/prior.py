"""Deep Image Prior (Ulyanov et al., CVPR 2018): a network that has seen nothing is fitted to one noisy frame.

It follows pictures sooner than noise, so that fitting is stopped early. Nothing is learned for the next frame: each
begins afresh. Frames are cleaned one by one, so that the mask of still pixels has no part in it.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from rtdenoise.arrays import Floats

from ...paper.windows import Window
from .base import Cleaner, Say, Tick, Training
from .unet import parameter_count

_INPUTS = 32  # channels of the noise that goes in
_INPUT_SCALE = 0.1
_INPUT_NOISE = 1 / 30  # is added to it anew in each step
_RATE = 0.01
_AVERAGE = 0.99  # memory of the mean of the outputs
_MOST_STEPS = 3000  # the authors'; later, the noise is fitted


def _block(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False, padding_mode="reflect"),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2, inplace=True),
    )


class SkipNetwork(nn.Module):
    """The authors' hourglass with skip connections of four channels.

    It has 32 features at four sizes, where the authors' has 128 at five: theirs takes a second and more per step on
    two cores, and some hundred steps are needed.
    """

    def __init__(self, features: int = 32, levels: int = 4, skipped: int = 4) -> None:
        super().__init__()
        widths = [_INPUTS] + [features] * levels
        self.skip = nn.ModuleList(_block(w, skipped, 1) for w in widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(_block(w, features, stride=2), _block(features, features))
            for w in widths[:-1]
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(features + skipped),
                _block(features + skipped, features),
                _block(features, features, 1),
            )
            for _ in range(levels)
        )
        self.colours = nn.Conv2d(features, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(1, 32, H, W) → (1, 3, H, W) in [0, 1]; H and W multiples of 16 and at least 64."""
        skips = []
        for skip, down in zip(self.skip, self.down, strict=True):
            skips.append(skip(x))
            x = down(x)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            larger = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = up(torch.cat([larger, skip], 1))
        return torch.sigmoid(self.colours(x))


class PriorCleaner:
    """Fits a network to each window that it is given.

    Args:
        training: How long: its minutes are divided among its frames.
        tick: Told after each step how long it took.
    """

    single: Cleaner | None = None

    def __init__(self, training: Training, tick: Tick) -> None:
        self._training, self._tick = training, tick
        self.parameters = parameter_count(SkipNetwork())

    def __call__(self, frame: Floats, window: Window) -> Floats:
        """Cleans a window, (3, h, w), of a frame, (3, H, W) in [0, 1]."""
        training, device = self._training, self._training.device
        noisy = torch.from_numpy(np.ascontiguousarray(frame[(slice(None), *window.inside)]))
        below, right = (max(-n % 16, 64 - n) for n in noisy.shape[1:])
        target = functional.pad(noisy[None], (0, right, 0, below), mode="replicate").to(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            network = SkipNetwork().to(device).train()
        random = torch.Generator(device).manual_seed(training.seed)
        shape = (1, _INPUTS, *target.shape[-2:])
        inputs = _INPUT_SCALE * torch.rand(shape, generator=random, device=device)
        optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
        average = torch.zeros_like(target)
        budget_s, spent_s = training.minutes * 60 / max(training.frames, 1), 0.0
        for step in range(training.steps or _MOST_STEPS):
            if training.steps is None and step > 0 and spent_s >= budget_s:
                break
            started = time.monotonic()
            shaken = inputs + _INPUT_NOISE * torch.randn(shape, generator=random, device=device)
            output = network(shaken)
            loss = functional.mse_loss(output, target)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            memory = min(_AVERAGE, (1 + step) / (10 + step)) if step else 0.0
            average.lerp_(output.detach(), 1 - memory)
            took_s = time.monotonic() - started
            spent_s += took_s
            self._tick(took_s)
        height, width = noisy.shape[1:]
        return np.asarray(average[0, :, :height, :width].cpu().numpy(), np.float32)


def train_prior(training: Training, tick: Tick, say: Say) -> Cleaner:  # noqa: ARG001
    """Trains nothing: the time goes into cleaning, which tells ``tick``."""
    return PriorCleaner(training, tick)

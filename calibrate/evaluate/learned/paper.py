"""The paper's network with its leave-one-out targets, with plain means as targets, and as plain Noise2Noise."""

from __future__ import annotations

import numpy as np
import torch

from rtdenoise.arrays import Floats
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.tiles import Cleaned

from ...paper.dataset import Target
from ...paper.training import Recipe, Trainer
from ...paper.windows import Window, clean_window
from .base import Cleaner, Say, Tick, Train, Training
from .unet import parameter_count


class PaperCleaner:
    """Cleans windows with the paper's network.

    Args:
        network: On ``device``.
        device: Where.
        tta: Take the mean over eight views (eq. 10).
    """

    def __init__(self, network: PaperNetwork, device: torch.device, *, tta: bool) -> None:
        self._network, self._device, self._tta = network, device, tta

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return parameter_count(self._network)

    @property
    def single(self) -> Cleaner | None:
        """The same without the mean over eight views."""
        return PaperCleaner(self._network, self._device, tta=False) if self._tta else None

    def __call__(self, frame: Floats, window: Window) -> Floats:
        """Cleans a window, (3, h, w), of a frame, (3, H, W) in [0, 1]."""
        return np.asarray(self._clean(frame, window).mean.cpu().numpy(), np.float32)

    def spread(self, frame: Floats, window: Window) -> Floats:
        """The standard deviation over the views, (h, w): large where the network is unsure."""
        return np.asarray(self._clean(frame, window).spread.cpu().numpy(), np.float32)

    def _clean(self, frame: Floats, window: Window) -> Cleaned:
        return clean_window(self._network, frame, window, self._device, tta=self._tta)


def paper_training(target: Target) -> Train:
    """A training of the paper's network with these targets."""

    def train(training: Training, tick: Tick, say: Say) -> Cleaner:
        recipe = Recipe(
            minutes=training.minutes, target=target, seed=training.seed, steps=training.steps
        )
        trainer = Trainer(
            training.series, training.split, recipe, training.device, training.folder, say
        )
        trained = trainer.run(lambda seconds, _: tick(seconds))
        return PaperCleaner(trained.network, training.device, tta=True)

    return train

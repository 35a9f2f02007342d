"""The methods that learn, each with its authors' way of training.

Authors train for hours on a GPU, and networks here for minutes on a processor. So rates are those of quick trainings,
and where that made more of a recipe another one, this file says so. All but the paper's network and Deep Image Prior
have a U-Net's layers (:mod:`.unet`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ...paper.dataset import Crops, Target
from .base import Cleaner, LearnedMethod, Say, Tick, Train, Training
from .blind import HiddenGrid, HiddenPixels, each_from_others
from .paper import paper_training
from .prior import train_prior
from .simulated import SimulatedPairs, with_noise_level
from .training import Draw, NetworkTrainer, Recipe, Sample
from .unet import Forward, NetworkCleaner, Prepare, UNet


@dataclass(frozen=True)
class Values:
    """What pictures' values are about: middle, spread, and the noise's standard deviation, all of [0, 1]."""

    middle: float
    spread: float
    noise: float


_ANY = Values(0.45, 0.25, 0.03)  # of no camera in particular


@dataclass(frozen=True)
class _Way:
    """One method's way of training: what is drawn, what is made of it, and with which network."""

    name: str
    target: Target | None  # of the crops of this camera; None: it is not looked at
    draw: Callable[[Crops], Draw] | None
    network: Callable[[Values], UNet]
    forward: Forward
    learning_rate: float
    batch: int = 4
    crop: int = 64
    loss: str = "l2"
    judged_frames: int = 4
    judged_pixels: int = 40_000
    prepare: Prepare | None = None

    def __call__(self, training: Training, tick: Tick, say: Say) -> Cleaner:
        """Trains, see :class:`.base.Train`."""
        recipe = Recipe(
            self.name,
            training.minutes,
            training.steps,
            self.learning_rate,
            self.batch,
            self.crop,
            self.loss,
            self.judged_frames,
            self.judged_pixels,
            training.seed,
        )
        draw: Draw
        if self.target is None or self.draw is None:
            values, draw = _ANY, SimulatedPairs(self.crop)
        else:
            regions = training.split.training
            crops = Crops(training.series, regions, 0, self.crop, self.target)
            values, draw = _values(training, crops), self.draw(crops)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            network = self.network(values)
        cleaner = NetworkCleaner(network, self.forward, training.device, self.prepare)
        chosen_by = None if self.target is None else cleaner
        NetworkTrainer(recipe, training, network, draw, chosen_by, values.noise, say).run(tick)
        return cleaner


def _values(training: Training, crops: Crops) -> Values:
    """Those of the frames that are learned from."""
    sums = np.zeros(3)
    for region in training.split.training:
        one = training.series[region.series]
        frame = one.frames[region.first, :, :, region.left : region.right] / np.float32(255)
        sums += (frame.size, float(frame.sum()), float((frame**2).sum()))
    middle = sums[1] / sums[0]
    spread = max(sums[2] / sums[0] - middle**2, 1e-4) ** 0.5
    return Values(float(middle), float(spread), crops.noise_variance**0.5)


def _pairs(crops: Crops) -> Draw:
    def draw(random: np.random.Generator, count: int) -> Sample:
        batch = crops.batch(random, count)
        return Sample(batch.inputs, batch.targets, batch.mask)

    return draw


def _once(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = network(image)
    return result


def _identity_first(values: Values) -> UNet:
    return UNet(values.middle, values.spread, residual=True)


def _normalised(values: Values) -> UNet:
    return UNet(values.middle, values.spread, levels=2, norm=True)


def _told(values: Values) -> UNet:
    return UNet(values.middle, values.spread, residual=True, told=True)


# Authors have no path around the network. In minutes, it would not learn to copy a picture, which has to come first.
_NOISE2NOISE = _Way("noise2noise", "one", _pairs, _identity_first, _once, 1e-3)
# A path around the network would carry the hidden pixel's wrong colours, so that there is none.
_NOISE2VOID = _Way("noise2void", "self", HiddenPixels, _normalised, _once, 1e-3, batch=8)
# The path around the network carries what the hidden pixel was filled with, from its neighbours. Sixteen passes for a
# frame leave time to judge a small part of one.
_NOISE2SELF = _Way(
    "noise2self",
    "self",
    HiddenGrid,
    _identity_first,
    each_from_others,
    1e-3,
    judged_frames=1,
    judged_pixels=10_000,
)
_UNPROCESSING = _Way(
    "unprocessing", None, None, _told, _once, 1e-3, loss="l1", prepare=with_noise_level
)


def _method(name: str, title: str, source: str, train: Train, views: bool = False) -> LearnedMethod:
    return LearnedMethod(name, title, source, views, train)


_PAPER = "Kovalenko and Demyanenko, 2021"

LEARNED: dict[str, LearnedMethod] = {
    method.name: method
    for method in (
        _method("noise2noise", "Noise2Noise", "Lehtinen et al., ICML 2018", _NOISE2NOISE),
        _method("noise2void", "Noise2Void", "Krull et al., CVPR 2019", _NOISE2VOID),
        _method("noise2self", "Noise2Self", "Batson and Royer, ICML 2019", _NOISE2SELF),
        _method("dip", "Deep Image Prior", "Ulyanov et al., CVPR 2018", train_prior),
        _method("unprocessing", "Simulated noise alone", "Brooks et al., CVPR 2019", _UNPROCESSING),
        _method("paper", "The paper's network", _PAPER, paper_training("others"), True),
        _method(
            "paper-mean", "The paper's network, plain mean", _PAPER, paper_training("mean"), True
        ),
        _method(
            "paper-noise2noise",
            "The paper's network, Noise2Noise",
            _PAPER,
            paper_training("one"),
            True,
        ),
    )
}
"""The methods, by the names by which the command knows them."""

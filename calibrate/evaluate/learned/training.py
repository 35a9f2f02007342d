"""Trains a network on what a method draws, for a given time; a training that was stopped goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ...checkpoint import load_optimizer, optimizer_tensors
from ...paper.dataset import fingerprint
from ...paper.judging import held_out_error
from ...paper.windows import CleanWindow
from ...trainer import Judgement, ResumableTrainer, Tensors, TrainingState, copied
from .base import Say, Tick, Training

_SAVE_EVERY_S = 30.0
_LOOKS = 20  # judgements in the whole time
_JUDGING_SHARE = 10  # training takes at least so many times as long as judging
_WARM_UP = 0.02  # share of the time in which the learning rate rises
_RAMP_DOWN = 0.3  # … in which it falls in a cosine, at the end (Noise2Noise)


@dataclass(frozen=True)
class Recipe:
    """How a method trains: with Adam, at its authors' ``learning_rate``; ``loss`` is "l2" or "l1"."""

    method: str
    minutes: float
    steps: int | None
    learning_rate: float
    batch: int = 4
    crop: int = 64
    loss: str = "l2"
    judged_frames: int = 4  # of each held-out region
    judged_pixels: int = 40_000  # of a frame, all regions together
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """What a network is given, (B, 3, S, S), what it is compared with, and where: weights (B, 1, S, S)."""

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor


class Draw(Protocol):
    """Draws what one step learns from."""

    def __call__(self, random: np.random.Generator, count: int) -> Sample:
        """Draws ``count`` crops."""


@dataclass
class _State(TrainingState):
    best_error: float = math.inf


class NetworkTrainer(ResumableTrainer[_State]):
    """Trains a network; the best of its states in held-out places is what remains, or the last one.

    Authors choose by the loss on other pictures, or not at all. All methods are chosen alike here, by an estimate of
    the error that needs no clean picture, see :func:`calibrate.paper.judging.held_out_error`.

    Args:
        recipe: How.
        training: On what, and where the state is kept.
        network: Not trained.
        draw: What a step learns from.
        clean: How the network cleans, for judging it; None keeps the last state, for a method that must not know
            anything of the camera.
        unit: The noise's standard deviation, about; errors are told in it.
        say: Told what is worth knowing.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: Training,
        network: nn.Module,
        draw: Draw,
        clean: CleanWindow | None,
        unit: float,
        say: Say,
    ) -> None:
        mark = fingerprint(training.series, training.split)
        super().__init__(recipe, _State(mark, asdict(recipe)), training.folder)
        self._recipe, self._training, self._draw, self._clean = recipe, training, draw, clean
        self._unit = unit
        self._network = network.to(training.device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._best = copied(network.state_dict())
        self._optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
        self._resume(network, say)

    def run(self, tick: Tick) -> None:
        """Trains until the time is used up; the network then has its best state.

        An exception that leaves this method (Ctrl-C, too) leaves a saved state behind.

        Raises:
            StorageError: the state can't be kept.
        """
        state = self._state
        judged_s = saved_s = state.elapsed_s
        judging_s, judged_step = 0.0, state.step
        losses: list[float] = []
        try:
            while self._share() < 1:
                before_s = state.elapsed_s
                losses.append(self._timed(self._step))
                every_s = self._recipe.minutes * 60 / _LOOKS
                if state.elapsed_s - judged_s >= max(every_s, _JUDGING_SHARE * judging_s):
                    start_s = state.elapsed_s
                    self._timed(lambda: self._look(float(np.mean(losses))))
                    judged_s, judging_s = state.elapsed_s, state.elapsed_s - start_s
                    judged_step = state.step
                    losses.clear()
                if state.elapsed_s - saved_s >= _SAVE_EVERY_S:
                    self._save()
                    saved_s = state.elapsed_s
                tick(state.elapsed_s - before_s)
            if state.step > judged_step:
                self._look(float(np.mean(losses)))
        finally:
            self._save()
        self._network.load_state_dict(self._best)
        self._network.eval()

    def _timed(self, work: Callable[[], float]) -> float:
        started = time.monotonic()
        result = work()
        self._state.elapsed_s += time.monotonic() - started
        return result

    def _rate(self) -> float:
        share = self._share()
        rise = min(1.0, 0.05 + share / _WARM_UP)
        fall = max(0.0, (share - (1 - _RAMP_DOWN)) / _RAMP_DOWN)
        return self._recipe.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * fall))

    def _step(self) -> float:
        """One step on the mean error in the pixels that count."""
        recipe, state, device = self._recipe, self._state, self._training.device
        # Seeded by the step, so that a training that goes on draws what it would have drawn.
        random = np.random.default_rng([recipe.seed, state.step])
        sample = self._draw(random, recipe.batch)
        targets, weights = sample.targets.to(device), sample.weights.to(device)
        inputs = sample.inputs.to(device).contiguous(memory_format=torch.channels_last)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        self._network.train()
        measure = functional.l1_loss if recipe.loss == "l1" else functional.mse_loss
        output, unit = self._network(inputs), self._unit
        error = measure(output / unit, targets / unit, reduction="none") * weights
        loss = error.sum() / (3 * weights.sum()).clamp(min=1)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimizer.step()
        state.step += 1
        return float(loss.detach())

    def _look(self, loss: float) -> float:
        """Judges the network, and keeps it if it is the best so far."""
        state, training = self._state, self._training
        if self._clean is None:
            self._best = copied(self._network.state_dict())
            return 0.0
        places = training.split.validation
        frames, most = self._recipe.judged_frames, self._recipe.judged_pixels // len(places)
        error = held_out_error(self._clean, training.series, places, frames, training.device, most)
        if error < state.best_error:
            state.best_error, self._best = error, copied(self._network.state_dict())
        gain = 10 * math.log10(state.history[0].error / error) if state.history else 0.0
        state.history.append(Judgement(state.step, state.elapsed_s, loss, error, gain))
        return error

    def _tensors(self) -> dict[str, Tensors]:
        return {
            "network": self._network.state_dict(),
            "best": self._best,
            "optimizer": optimizer_tensors(self._optimizer),
        }

    def _load(self, parts: dict[str, Tensors]) -> None:
        for name in ("best", "network"):  # the last one stays in the network
            self._network.load_state_dict(parts[name])
        load_optimizer(self._optimizer, parts.get("optimizer", {}))
        self._best = {k: v.to(self._training.device) for k, v in parts["best"].items()}

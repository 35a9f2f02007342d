"""Trains the paper's network on still series without a clean picture, within a given time.

A training that was stopped goes on where it was. The network that comes out is the one that did best in held-out
places on held-out frames; where none beats its input, it is the identity.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rtdenoise.networks.paper import PaperNetwork

from ..checkpoint import load_optimizer, optimizer_tensors
from ..distributed import ALONE, Group
from ..trainer import Judgement, ResumableTrainer, Tensors, TrainingState, copied
from .dataset import Crops, Split, StillSeries, Target, fingerprint
from .judging import held_out_error

_SAVE_EVERY_S = 30.0
_JUDGING_SHARE = 10  # training takes at least so many times as long as judging
_LEAST_RATE = 0.005  # of the recipe's; below it, nothing changes any more
SCALES = (1.0, 1.0, 0.1)
"""Learning rates of the three groups of :meth:`PaperNetwork.groups`, relative to the recipe's."""


@dataclass(frozen=True)
class Recipe:
    """How to train. The defaults were chosen on a validation strip of real footage, not on the test strip."""

    minutes: float = 10.0
    learning_rate: float = 5e-4
    batch: int | None = None  # over all processes; None: 1 on a CPU, 8 on an accelerator
    # The paper's is 116 (224 less what the network takes off). Of a larger crop less goes into its margin, and
    # steps are steadier: measured, 200 gains in 215 steps what 116 gains in 400, in as much time.
    crop: int = 200
    warm_up: float = 0.02  # share of the time in which the learning rate rises
    clip: float = 1.0  # largest norm of the gradient; the loss is relative to the noise
    # Pull back to the start, the identity: a picture or two hold few textures, and would be learned by heart.
    pull: float = 4.0
    average: float = 0.99  # memory of the moving average of the weights, which is what is kept
    # After so many judgements without a better one, training goes back to the best weights with a smaller rate. One
    # scene in a small picture is soon learned by heart: the held-out places say so long before the time is over.
    patience: int = 5
    rate_cut: float = 0.3
    judge_every: float = 0.02  # share of the time between two judgements
    judged_frames: int = 4  # held-out frames of each region that a judgement looks at
    judged_pixels: int = 40_000  # at most so many of each of them, all regions together
    half: bool | None = None  # residual blocks in half precision; None: where it is quicker
    target: Target = "others"  # what a crop is compared with
    seed: int = 0
    steps: int | None = None  # a number of steps in place of a time: the same result every time


@dataclass
class _State(TrainingState):
    """What a stopped training goes on from, besides tensors."""

    best_error: float = math.inf
    identity_error: float = math.inf
    rate: float = 1.0  # what cuts have left of the learning rate
    stale: int = 0  # judgements since the last better one, or the last cut


@dataclass(frozen=True)
class Trained:
    """The result.

    ``network`` is that of the start (the exact identity, where none was given) if no state of the training beat it;
    ``improved`` says whether it beats its input. ``gain_db`` is on the validation places, which
    chose the network: judge it elsewhere. ``resumed_from`` is the step at which this run began.
    """

    network: PaperNetwork
    improved: bool
    gain_db: float
    steps: int
    elapsed_s: float
    history: tuple[Judgement, ...]
    resumed_from: int


class Trainer(ResumableTrainer[_State]):
    """Trains for ``recipe.minutes`` minutes of work, counted over all runs.

    Args:
        series: Still series.
        split: What may be seen.
        recipe: How to train.
        device: Where.
        folder: Where the state is kept every half minute; None keeps none.
        say: Told in one sentence what is worth knowing (a fresh start, a training that goes on).
        start: The network to begin with; None: the exact identity.
        group: The processes that train together, each with the same series.

    Raises:
        RtdenoiseError: the batch can't be divided among the processes.
    """

    def __init__(
        self,
        series: Sequence[StillSeries],
        split: Split,
        recipe: Recipe,
        device: torch.device,
        folder: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
        *,
        start: PaperNetwork | None = None,
        group: Group = ALONE,
    ) -> None:
        super().__init__(recipe, _State(fingerprint(series, split), asdict(recipe)), folder, group)
        self._batch = recipe.batch or (1 if device.type == "cpu" else 8)
        group.check_batch(self._batch)
        self._series, self._split, self._recipe, self._device = series, split, recipe, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            network = PaperNetwork()
        if start is not None:
            network.load_state_dict(start.state_dict())
        self._network = network.to(device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = copied(self._network.state_dict())
        self._best = copied(self._average)
        self._optimizer = torch.optim.RAdam(
            [{"params": group} for group in self._network.groups()], betas=(0.9, 0.99)
        )
        self._starts = [[w.detach().clone() for w in group] for group in self._network.groups()]
        self._resume(self._network, say)
        if not math.isfinite(self._state.identity_error):
            self._state.identity_error = self._judge(None)
            begun = self._state.identity_error if start is None else self._judge(self._network)
            self._state.best_error = begun
        self._crops = Crops(
            series, split.training, self._network.context, recipe.crop, recipe.target
        )
        self._choose_precision()

    def run(self, tick: Callable[[float, Judgement | None], None] = lambda *_: None) -> Trained:
        """Trains until the time is used up, or until nothing is left to be gained.

        Args:
            tick: Called after every step with the seconds that it took, and with a judgement where one was made.

        An exception that leaves this method (Ctrl-C, too) leaves a saved state behind.

        Raises:
            LostProcessError: one of several processes is gone.
            StorageError: the state can't be kept.
        """
        recipe, state = self._recipe, self._state
        budget_s = recipe.minutes * 60
        judged_s = saved_s = state.elapsed_s
        judging_s = (
            0.0  # how long the last judgement took: a tenth of the time at most goes into them
        )
        losses: list[float] = []
        with self._keeping():
            while self._share() < 1 and state.rate >= _LEAST_RATE:
                started = time.monotonic()
                before_s = state.elapsed_s
                losses.append(self._step())
                self._count_time(before_s, started)
                judgement = None
                if state.elapsed_s - judged_s >= max(
                    recipe.judge_every * budget_s, _JUDGING_SHARE * judging_s
                ):
                    judged_s = state.elapsed_s
                    judgement = self._look(losses)
                    self._count_time(before_s, started)
                    judging_s, judged_s = state.elapsed_s - judged_s, state.elapsed_s
                    losses.clear()
                if state.elapsed_s - saved_s >= _SAVE_EVERY_S:
                    self._save()
                    saved_s = state.elapsed_s
                tick(state.elapsed_s - before_s, judgement)
                self._group.check_stop()
            if losses:
                self._look(losses)
        self._network.load_state_dict(self._best)
        self._network.set_compute_dtype(None)
        return Trained(
            network=self._network.eval(),
            improved=state.best_error < state.identity_error,
            gain_db=10 * math.log10(state.identity_error / state.best_error),
            steps=state.step,
            elapsed_s=state.elapsed_s,
            history=tuple(state.history),
            resumed_from=self.resumed_from,
        )

    def _choose_precision(self) -> None:
        """Runs the residual blocks in bfloat16 where that is quicker: on processors that can multiply it."""
        wanted = self._recipe.half
        if wanted is None and self._device.type == "cpu":
            wanted = self._seconds(torch.bfloat16) < 0.9 * self._seconds(None)
        elif wanted is None:
            wanted = self._device.type in ("cuda", "xpu")
        wanted = bool(self._group.decide(lambda: float(bool(wanted))))
        self._network.set_compute_dtype(torch.bfloat16 if wanted else None)

    def _seconds(self, dtype: torch.dtype | None) -> float:
        """How long a small forward and backward pass takes, the quickest of two after a warm-up."""
        side = 2 * self._network.context + 32
        x = torch.rand(1, 3, side, side).contiguous(memory_format=torch.channels_last)
        self._network.set_compute_dtype(dtype)
        times = []
        for _ in range(3):
            started = time.perf_counter()
            torch.autograd.backward(self._network.forward_in_context(x).square().mean())
            times.append(time.perf_counter() - started)
        self._network.zero_grad(set_to_none=True)
        return min(times[1:])

    def _judge(self, network: PaperNetwork | None) -> float:
        recipe, places = self._recipe, self._split.validation
        most = recipe.judged_pixels // len(places)
        return self._group.decide(
            lambda: held_out_error(
                network, self._series, places, recipe.judged_frames, self._device, most
            )
        )

    def _rate(self, share: float) -> float:
        """Learning rate after ``share`` of the time: up in a line, down in a cosine."""
        highest, warm = self._recipe.learning_rate, self._recipe.warm_up
        if share < warm:
            return highest * (0.05 + 0.95 * share / warm)
        return highest * 0.5 * (1 + math.cos(math.pi * min((share - warm) / (1 - warm), 1.0)))

    def _step(self) -> float:
        """One step of RAdam on the masked mean squared error (eq. 9), relative to the noise's variance."""
        recipe, state = self._recipe, self._state
        # Seeded by the step, so that a training that goes on draws what it would have drawn.
        random = np.random.default_rng([recipe.seed, state.step])
        batch = self._crops.batch(random, self._batch, self._group)
        inputs = batch.inputs.to(self._device).contiguous(memory_format=torch.channels_last)
        targets, mask = batch.targets.to(self._device), batch.mask.to(self._device)
        for group, scale in zip(self._optimizer.param_groups, SCALES, strict=True):
            group["lr"] = self._rate(self._share()) * state.rate * scale
        output = self._network.forward_in_context(inputs)
        error = ((output - targets) ** 2 * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3))).clamp(
            min=1
        )
        loss = (error / batch.noise_variance.to(self._device)).mean()
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._group.average(self._network.parameters())
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), recipe.clip)
        if torch.isfinite(norm):
            self._optimizer.step()
            self._pull_back()
        state.step += 1
        memory = min(recipe.average, (1 + state.step) / (10 + state.step))
        with torch.no_grad():
            for name, value in self._network.state_dict().items():
                self._average[name].lerp_(value, 1 - memory)
        return float(loss.detach())

    @torch.no_grad()
    def _pull_back(self) -> None:
        """Decoupled weight decay, towards the weights at the start in place of zero."""
        for group, starts in zip(self._optimizer.param_groups, self._starts, strict=True):
            share = min(group["lr"] * self._recipe.pull, 1.0)
            for weight, start in zip(group["params"], starts, strict=True):
                weight.lerp_(start, share)

    def _look(self, losses: Sequence[float]) -> Judgement:
        """Judges the averaged weights, and keeps them if they are the best so far."""
        state = self._state
        loss = self._group.mean(torch.tensor(losses, dtype=torch.float64))
        current = copied(self._network.state_dict())
        self._network.load_state_dict(self._average)
        error = self._judge(self._network)
        self._network.load_state_dict(current)
        state.stale += 1
        if error < state.best_error:
            state.best_error, state.stale = error, 0
            self._best = copied(self._average)
        elif state.stale >= self._recipe.patience:
            state.rate, state.stale = state.rate * self._recipe.rate_cut, 0
            self._network.load_state_dict(self._best)
            self._average = copied(self._best)
        gain = 10 * math.log10(state.identity_error / error)
        judgement = Judgement(state.step, state.elapsed_s, loss, error, gain)
        state.history.append(judgement)
        return judgement

    def _tensors(self) -> dict[str, Tensors]:
        return {
            "network": self._network.state_dict(),
            "average": self._average,
            "best": self._best,
            "optimizer": optimizer_tensors(self._optimizer),
        }

    def _load(self, parts: dict[str, Tensors]) -> None:
        for name in ("best", "average", "network"):  # the last one stays in the network
            self._network.load_state_dict(parts[name])
        load_optimizer(self._optimizer, parts.get("optimizer", {}))
        device = self._device
        self._average = {k: v.to(device) for k, v in parts["average"].items()}
        self._best = {k: v.to(device) for k, v in parts["best"].items()}

"""Trains a live network on clips with known truth, within a given time.

A clip is gone through in chunks of a few frames. The state is carried on from chunk to chunk, gradients are not. The
state is moved along with the picture, as in use (:mod:`rtdenoise.denoisers.live_network`). A training that was
stopped goes on where it was, with other clips.
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

from rtdenoise.networks.live import LiveNetwork, State
from rtdenoise.networks.memory import keep_freed_memory

from ..checkpoint import load_optimizer, optimizer_tensors
from ..distributed import ALONE, Group
from ..trainer import Judgement, ResumableTrainer, Tensors, TrainingState
from .batches import Material, Pool, PreparedClip
from .searching import Searches
from .unroll import evaluate, loss_of, run_chunk

_SAVE_EVERY_S = 30.0


@dataclass(frozen=True)
class LiveRecipe:
    """How to train. The defaults train a network from nothing."""

    minutes: float = 60.0
    learning_rate: float = 3e-3
    batch: int = 8  # clips of a step, over all processes
    crop: int = 128
    chunk: int = 8  # frames that gradients go back through
    turn: bool = True  # rows may become columns: for noise of no camera in particular
    searched: bool = (
        False  # what moves is searched in the state, as in a call, not found beforehand
    )
    warm_up: int = 100  # steps in which the learning rate rises
    last_rate: float = 0.003  # of the learning rate, at the end
    decay: float = 1e-4
    clip: float = 0.5  # largest norm of the gradient
    average: float = 0.995  # memory of the moving average of the weights, which is what is kept
    average_from: float = 0.3  # share of the time from which on it is taken
    judge_every: float = 0.1  # share of the time between two judgements
    seed: int = 0
    steps: int | None = None  # a number of steps in place of a time: the same result every time


@dataclass(frozen=True)
class LiveTrained:
    """The result. ``gain_db`` is the last judgement's; ``resumed_from`` the step at which this run began."""

    network: LiveNetwork
    gain_db: float
    steps: int
    elapsed_s: float
    history: tuple[Judgement, ...]
    resumed_from: int


class LiveTrainer(ResumableTrainer[TrainingState]):
    """Trains for ``recipe.minutes`` minutes of work, counted over all runs.

    Args:
        network: What to start from; it is changed.
        pool: Clips to learn from, on the network's device.
        judged: Clips that it doesn't learn from, to see how it goes.
        recipe: How to train.
        renew: Called before every step with the step's number: may put new clips into the pool.
        folder: Where the state is kept every half minute, when a clip has been gone through; None keeps none.
        mark: Says what is trained on what: a stopped training with another mark is not gone on with.
        say: Told in one sentence what is worth knowing (a fresh start, a training that goes on).
        group: The processes that train together, each with the same network, pool and clips to judge with.

    Raises:
        RtdenoiseError: the batch can't be divided among the processes.
    """

    def __init__(
        self,
        network: LiveNetwork,
        pool: Pool,
        judged: Sequence[PreparedClip],
        recipe: LiveRecipe,
        *,
        renew: Callable[[int], None] = lambda _: None,
        folder: Path | None = None,
        mark: str = "",
        say: Callable[[str], None] = lambda _: None,
        group: Group = ALONE,
    ) -> None:
        super().__init__(recipe, TrainingState(mark, asdict(recipe)), folder, group)
        group.check_batch(recipe.batch)
        keep_freed_memory()
        self._network, self._pool, self._judged = network.train(), pool, judged
        self._recipe, self._renew = recipe, renew
        network.requires_grad_(True)
        self._optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.decay,
            betas=(0.9, 0.99),
        )
        self._average: Tensors | None = None
        self._material: Material | None = None
        self._recurrent: State | None = None
        self._searches: Searches | None = None
        self._at = 0
        self._resume(network, say)

    def run(self, tick: Callable[[float, Judgement | None], None] = lambda *_: None) -> LiveTrained:
        """Trains until the time is used up.

        Args:
            tick: Called after every step with the seconds that it took, and with a judgement where one was made.

        An exception that leaves this method (Ctrl-C, too) leaves a saved state behind.

        Raises:
            LostProcessError: one of several processes is gone.
            StorageError: the state can't be kept.
        """
        state, recipe = self._state, self._recipe
        saved_s, losses = state.elapsed_s, list[float]()
        next_look = self._share() + recipe.judge_every
        with self._keeping():
            while self._share() < 1:
                started, before_s = time.monotonic(), state.elapsed_s
                losses.append(self._step())
                self._count_time(before_s, started)
                judgement = None
                # The last look falls away where there has just been one.
                due = next_look if self._share() < 1 else next_look - recipe.judge_every / 2
                if self._share() >= due:
                    judgement = self._look(losses)
                    self._count_time(before_s, started)
                    next_look = self._share() + recipe.judge_every
                    losses.clear()
                # In the middle of a clip there is a recurrent state, which isn't kept.
                if self._material is None and state.elapsed_s - saved_s >= _SAVE_EVERY_S:
                    self._save()
                    saved_s = state.elapsed_s
                tick(state.elapsed_s - before_s, judgement)
                self._group.check_stop()
        if self._average is not None:
            self._network.load_state_dict(self._average)
        return LiveTrained(
            self._network.eval(),
            state.history[-1].gain_db if state.history else math.nan,
            state.step,
            state.elapsed_s,
            tuple(state.history),
            self.resumed_from,
        )

    def _rate(self) -> float:
        """Up in a line over some steps, down in a cosine over the time."""
        recipe = self._recipe
        rise = min(1.0, (self._state.step + 1) / recipe.warm_up)
        fall = 0.5 * (1 + math.cos(math.pi * min(self._share(), 1.0)))
        return recipe.learning_rate * rise * (fall + recipe.last_rate)

    def _step(self) -> float:
        """One step of AdamW on the next chunk of a batch of clips."""
        recipe, state, network = self._recipe, self._state, self._network
        self._renew(state.step)
        if self._material is None:
            # Seeded by the step, so that a training that goes on draws what it would have drawn.
            random = np.random.default_rng([recipe.seed, state.step])
            with torch.no_grad():
                self._material = self._pool.draw(
                    network, random, recipe.batch, recipe.crop, recipe.turn, self._group
                )
            self._recurrent, self._at = None, 0
            self._searches = Searches.of(self._material) if recipe.searched else None
        part = self._material.part(self._at, self._at + recipe.chunk)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        outputs, recurrent = run_chunk(network, part, self._recurrent, self._searches)
        loss = loss_of(network, outputs, part)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._group.average(network.parameters())
        norm = nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        if torch.isfinite(norm):
            self._optimizer.step()
        self._recurrent = State(*(part.detach() for part in recurrent))
        self._at += recipe.chunk
        if self._at >= self._material.frames:
            self._material = None
        state.step += 1
        self._take_average()
        return float(loss.detach())

    @torch.no_grad()
    def _take_average(self) -> None:
        if self._share() < self._recipe.average_from:
            return
        now = self._network.state_dict()
        if self._average is None:
            self._average = {name: value.clone() for name, value in now.items()}
            return
        for name, value in now.items():
            self._average[name].lerp_(value, 1 - self._recipe.average)

    def _look(self, losses: list[float]) -> Judgement:
        """Judges the averaged weights, or those of now where there is no average yet."""
        current = {name: value.clone() for name, value in self._network.state_dict().items()}
        if self._average is not None:
            self._network.load_state_dict(self._average)
        gain = evaluate(
            self._network, self._judged, searched=self._recipe.searched, group=self._group
        )
        self._network.load_state_dict(current)
        both = gain.whole_db if math.isnan(gain.moving_db) else sum(gain) / 2
        state = self._state
        error = 10 ** (-both / 10)
        loss = self._group.mean(torch.tensor(losses, dtype=torch.float64))
        judgement = Judgement(state.step, state.elapsed_s, loss, error, both)
        state.history.append(judgement)
        return judgement

    def _tensors(self) -> dict[str, Tensors]:
        return {
            "network": self._network.state_dict(),
            "average": self._average or {},
            "optimizer": optimizer_tensors(self._optimizer),
        }

    def _load(self, parts: dict[str, Tensors]) -> None:
        self._network.load_state_dict(parts["network"])
        load_optimizer(self._optimizer, parts.get("optimizer", {}))
        average = parts.get("average")
        if average:
            now = self._network.state_dict()
            self._average = {name: value.to(now[name].device) for name, value in average.items()}

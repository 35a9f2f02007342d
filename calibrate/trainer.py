"""What all trainings have in common: a budget of time or steps, counted over all runs, and going on after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch

from .checkpoint import parse_state, read_state, save_state
from .distributed import ALONE, Group

Tensors = dict[str, torch.Tensor]

S = TypeVar("S", bound="TrainingState")

_FREE = ("minutes", "steps")  # what may change from run to run
_DAMAGED = "What was kept of an earlier training is damaged: starting afresh."


class Recipe(Protocol):
    """How long to train."""

    @property
    def minutes(self) -> float:
        """Of work, over all runs."""

    @property
    def steps(self) -> int | None:
        """A number of steps in place of a time: the same result every time."""


@dataclass(frozen=True)
class Judgement:
    """One look at places that are not learned from; ``error`` is a mean square of values in [0, 1]."""

    step: int
    elapsed_s: float
    training_loss: float
    error: float
    gain_db: float


@dataclass
class TrainingState:
    """What a stopped training goes on from, besides tensors; ``mark`` says what is trained on what."""

    mark: str
    recipe: dict[str, Any]
    step: int = 0
    elapsed_s: float = 0.0
    history: list[Judgement] = field(default_factory=list)

    @classmethod
    def from_json(cls: type[S], value: dict[str, Any]) -> S:
        """The inverse of ``asdict``; raises ``KeyError``, ``TypeError`` or ``ValueError`` on damage."""
        history = [Judgement(**judgement) for judgement in value["history"]]
        return cls(**{f.name: value[f.name] for f in fields(cls)} | {"history": history})


class ResumableTrainer(Generic[S]):
    """Counts time and steps, keeps what a stopped training needs, and goes on from it.

    Args:
        recipe: How long to train.
        state: That of a training which begins.
        folder: Where the state is kept; None keeps none. With several processes it is the first one's.
        group: The processes that train together.
    """

    def __init__(self, recipe: Recipe, state: S, folder: Path | None, group: Group = ALONE) -> None:
        self._budget, self._state, self._folder, self._group = recipe, state, folder, group
        self.resumed_from = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds of work so far, over all runs."""
        return self._state.elapsed_s

    def _share(self) -> float:
        """How much of the time, or of the steps, is used up."""
        if self._budget.steps is not None:
            return self._state.step / self._budget.steps
        return self._state.elapsed_s / (self._budget.minutes * 60)

    def _count_time(self, before_s: float, started: float) -> None:
        """Sets the time, by one clock for all processes: the learning rate and the end hang on it.

        Args:
            before_s: The time at the start of a step.
            started: What ``time.monotonic`` said then.
        """
        now_s = before_s + time.monotonic() - started
        self._state.elapsed_s = self._group.decide(lambda: now_s)

    def _tensors(self) -> dict[str, Tensors]:
        """What is kept beside the state: by part, by name."""
        raise NotImplementedError

    def _load(self, parts: dict[str, Tensors]) -> None:
        """Takes what :meth:`_tensors` gave; raises ``KeyError``, ``RuntimeError`` or ``ValueError`` on damage."""
        raise NotImplementedError

    def _save(self) -> None:
        """Keeps the state.

        Raises:
            StorageError: the folder can't be written.
        """
        if self._folder is not None and self._group.first:
            save_state(self._folder, self._tensors(), asdict(self._state))

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Keeps the state at the end of the block, and where an exception leaves it: Ctrl-C, too.

        With several processes, only where all end after the same step: in the middle of one, what is kept already
        is what all of them go on from.
        """
        try:
            with self._group.stepping():
                yield
        except BaseException as error:
            if not self._group.launched or isinstance(error, KeyboardInterrupt):
                self._save()
            raise
        self._save()

    def _resume(self, network: torch.nn.Module, say: Callable[[str], None]) -> None:
        """Goes on from what is kept, where it is whole and of the same training; says which."""
        if self._folder is None:
            return
        folder = self._folder
        data = self._group.fetch(lambda: read_state(folder))
        if data is None:
            return
        try:
            parts, numbers = parse_state(data)
            state = type(self._state).from_json(numbers)
        except (KeyError, TypeError, ValueError):
            say(_DAMAGED)
            return
        if state.mark != self._state.mark:
            say("The training that was stopped learned from other material: starting afresh.")
            return
        recipe = self._state.recipe
        if any(state.recipe.get(k) != v for k, v in recipe.items() if k not in _FREE):
            say("The training that was stopped had other settings: starting afresh.")
            return
        fresh = copied(network.state_dict())
        try:
            self._load(parts)
        except (KeyError, RuntimeError, ValueError):
            network.load_state_dict(fresh)
            say(_DAMAGED)
            return
        state.recipe = recipe
        self._state, self.resumed_from = state, state.step
        minutes = state.elapsed_s / 60
        say(f"Going on with the training that was stopped after {minutes:.1f} minutes.")


def copied(tensors: Tensors) -> Tensors:
    """Tensors that nothing else changes."""
    return {name: value.detach().clone() for name, value in tensors.items()}

"""One training on several processes, GPUs or machines, which ``torchrun`` starts: what each does, what all agree on.

Every process holds the same network and draws the same choices, but makes and learns from its own part of each batch
alone (:meth:`Group.share`). The gradients are averaged before each step (:meth:`Group.average`), so that all networks
stay the same, and are what one process makes of the whole batch, but for rounding. What rests on a clock, or is
measured, the first process decides (:meth:`Group.decide`).

Of PyTorch's ``DistributedDataParallel`` only the gradients' mean would be of use. Its hooks hide the averaging behind
the backward pass, which pays for networks of many megabytes (these have two at most: one message). They want the module
to be called through a wrapper, best once a step (here several of its methods are, for every frame of an unrolled
chunk), and wait for weights that got no gradient.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from rtdenoise.errors import RtdenoiseError

T = TypeVar("T")
R = TypeVar("R")

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # those that torchrun hands on when it is told to end


class LostProcessError(RtdenoiseError):
    """Another process of the training ended or can't be reached."""


class Group:
    """The processes of a training; this one is alone: nothing is shared out, awaited or sent."""

    rank = 0
    size = 1
    launched = False
    """Whether ``torchrun`` started it, be it one process only: then what was lost has to come out the same again."""

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files, decides and speaks."""
        return self.rank == 0

    def share(self, things: Sequence[T]) -> Sequence[T]:
        """Which of them are this process's: consecutive ones, as many as others have, or one more or fewer."""
        count = len(things)
        return things[count * self.rank // self.size : count * (self.rank + 1) // self.size]

    def check_batch(self, batch: int) -> None:
        """Makes sure that all processes get equal parts of a batch, so that a mean of means is the mean.

        Raises:
            RtdenoiseError: they don't.
        """
        if batch % self.size:
            raise RtdenoiseError(
                f"A batch of {batch} can't be divided evenly among {self.size} processes.",
                f"Choose a --batch that is a multiple of {self.size}, or another number of processes.",
            )

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Puts the mean over all processes in the place of each gradient."""

    def mean(self, values: Tensor) -> float:
        """The mean of values, (n,), over those of all processes; NaN where none has any."""
        return float(values.mean()) if len(values) else math.nan

    def decide(self, make: Callable[[], float]) -> float:
        """What ``make`` gives in the first process; the others don't call it."""
        return make()

    def fetch(self, read: Callable[[], bytes | None]) -> bytes | None:
        """Like :meth:`decide`, for bytes, such as a file's on the first process's disk."""
        return read()

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Within, a signal to end waits until :meth:`check_stop`, so that all processes end after the same step."""
        yield

    def check_stop(self) -> None:
        """Ends all processes alike where one was asked to.

        Raises:
            KeyboardInterrupt: one was.
        """


ALONE = Group()


class Stop:
    """Takes the signals to end.

    ``asked`` says whether one came. ``deferred``: it is only noted; else it ends the process at once, as Ctrl-C does.
    """

    def __init__(self) -> None:
        self.asked = self.deferred = False

    def __call__(self, number: int, frame: object) -> None:
        """What Python calls when one comes."""
        self.asked = True
        if not self.deferred:
            raise KeyboardInterrupt

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Takes them in this block."""
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        before = {number: signal.signal(number, self) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Processes(Group):
    """Several processes that PyTorch has connected.

    Args:
        rank: Which of them this is.
        size: How many there are.
        device: Where this one computes, and its messages lie.
        stop: Takes the signals to end.
    """

    launched = True

    def __init__(self, rank: int, size: int, device: torch.device, stop: Stop) -> None:
        self.rank, self.size = rank, size
        self._device, self._stop = device, stop

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Puts the mean over all processes in the place of each gradient, of all weights in one message.

        A weight that got a gradient in some processes only has that of 0 in the others, and stays without one where
        it has none anywhere.
        """
        weights = list(parameters)
        parts = [w.new_zeros(w.numel()) if w.grad is None else w.grad.flatten() for w in weights]
        there = parts[0].new_tensor([w.grad is not None for w in weights])
        message = torch.cat([*parts, there])
        self._sum(message)
        lengths = [*(len(part) for part in parts), len(weights)]
        *means, there = torch.split(message / self.size, lengths)
        for weight, mean, seen in zip(weights, means, there.tolist(), strict=True):
            weight.grad = mean.view_as(weight) if seen else None

    def mean(self, values: Tensor) -> float:
        """The mean of values, (n,), over those of all processes; NaN where none has any."""
        total, count = self._numbers([float(values.double().sum()), len(values)], self._sum)
        return total / count if count else math.nan

    def decide(self, make: Callable[[], float]) -> float:
        """What ``make`` gives in the first process; the others don't call it."""
        (value,) = self._numbers([make() if self.first else 0.0], self._hand_out)
        return value

    def fetch(self, read: Callable[[], bytes | None]) -> bytes | None:
        """Bytes that the first process reads."""
        data = read() if self.first else None
        length = int(self.decide(lambda: -1 if data is None else len(data)))
        if length <= 0:
            return None if length < 0 else b""
        message = torch.empty(length, dtype=torch.uint8, device=self._device)
        if data is not None:
            message.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        self._hand_out(message)
        return message.cpu().numpy().tobytes()

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Within, a signal to end waits until :meth:`check_stop`, so that all processes end after the same step."""
        self._stop.deferred = True
        try:
            yield
        finally:
            self._stop.deferred = False
        if self._stop.asked:
            raise KeyboardInterrupt

    def check_stop(self) -> None:
        """Ends all processes alike where one was asked to.

        Raises:
            KeyboardInterrupt: one was.
        """
        (asked,) = self._numbers([float(self._stop.asked)], self._sum)
        if asked:
            raise KeyboardInterrupt

    def _numbers(self, values: Sequence[float], exchange: Callable[[Tensor], None]) -> list[float]:
        message = torch.tensor(values, dtype=torch.float64, device=self._device)
        exchange(message)
        return [float(value) for value in message.tolist()]

    def _sum(self, message: Tensor) -> None:
        exchanged(lambda: distributed.all_reduce(message))

    def _hand_out(self, message: Tensor) -> None:
        exchanged(lambda: distributed.broadcast(message, 0))


def exchanged(work: Callable[[], R]) -> R:
    """What a call gives that needs the other processes.

    Raises:
        LostProcessError: one of them is gone.
    """
    try:
        return work()
    except RuntimeError as error:  # of gloo and NCCL alike, and of a store that can't be reached
        raise LostProcessError(
            "Another process of this training was lost.",
            "torchrun goes on from the last checkpoint where --max-restarts allows it.",
        ) from error

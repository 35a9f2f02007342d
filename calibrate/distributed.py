"""One training on several processes, GPUs or machines, which ``torchrun`` starts: what each does, what all agree on.

Every process holds the same network and draws the same choices, but makes and learns from its own part of each batch
alone (:meth:`Group.share`). The gradients are averaged before each step (:meth:`Group.average`), so that all networks
stay the same, and are what one process makes of the whole batch, but for rounding. What rests on a clock, or is
measured, the first process decides (:meth:`Group.decide`).

Nothing but the gradients' mean is needed of PyTorch's ``DistributedDataParallel``: its hooks hide averaging behind the
backward pass, which pays for networks of many megabytes (these have some hundred kilobytes: one message), want the
module to be called through a wrapper, once a step (here its methods are called for every frame of an unrolled chunk),
and wait for weights that got no gradient.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from rtdenoise.console import counted
from rtdenoise.cores import available_cores
from rtdenoise.errors import NetworkError, RtdenoiseError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")
R = TypeVar("R")

_BACKENDS = {"cpu": "gloo", "cuda": "nccl"}
# The longest that one process waits for another: the clips of a slow machine take their time. One that died is noticed
# at once, or by torchrun.
_PATIENCE = timedelta(hours=1)
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # those that torchrun hands on when it is told to end
_FIRST_SPEAKS_S = 3.0
_LOOKING_S = 0.02


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


class _Stop:
    """Takes the signals to end."""

    def __init__(self) -> None:
        self.asked = self.deferred = False

    def __call__(self, number: int, frame: object) -> None:
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

    def __init__(self, rank: int, size: int, device: torch.device, stop: _Stop) -> None:
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
        _exchanged(lambda: distributed.all_reduce(message))

    def _hand_out(self, message: Tensor) -> None:
        _exchanged(lambda: distributed.broadcast(message, 0))


def _exchanged(work: Callable[[], R]) -> R:
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


# ---------------------------------------------------------------------- starting


def launched() -> bool:
    """Whether ``torchrun`` started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def speaks() -> bool:
    """Whether this process is the one that tells the user how it goes."""
    return not launched() or os.environ["RANK"] == "0"


def let_first_speak() -> None:
    """Before an error is told: where all processes of a machine fail alike, its first one tells it.

    Then torchrun ends the others, before they say the same once more.
    """
    if launched() and os.environ["LOCAL_RANK"] != "0":
        time.sleep(_FIRST_SPEAKS_S)


def own_device(device: torch.device) -> torch.device:
    """The device of this process: each of a machine's processes has a GPU of its own.

    Args:
        device: The kind that was chosen.

    Raises:
        NetworkError: there are fewer GPUs than processes, or they are of a kind that can't be shared.
    """
    if not launched():
        return device
    if device.type not in _BACKENDS:
        raise NetworkError(
            f"torchrun can't start a training on {device.type}.", "Choose --device cuda or cpu."
        )
    if device.type == "cpu":
        return device
    processes, gpus = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if processes > gpus:
        raise NetworkError(
            f"This machine has {counted(gpus, 'GPU')} for {processes} processes.",
            f"Start it with --nproc-per-node {gpus}.",
        )
    own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)
    return own


@contextmanager
def joined(device: torch.device, settings: Callable[[], Mapping[str, Any]]) -> Iterator[Group]:
    """Connects this process with the others that ``torchrun`` started; where it didn't, it stays alone.

    Args:
        device: Of this process, see :func:`own_device`.
        settings: Gives by name, in JSON's types, what must be the same in all processes; asked where there are others.

    Raises:
        LostProcessError: another process doesn't come.
        RtdenoiseError: another process was started with other settings.
    """
    if not launched():
        yield ALONE
        return
    from torch.distributed.rendezvous import rendezvous  # some builds of PyTorch lack it

    _share_cores(int(os.environ["LOCAL_WORLD_SIZE"]))
    stop = _Stop()
    with stop.installed():
        shared, rank, size = _exchanged(lambda: next(rendezvous("env://", timeout=_PATIENCE)))
        store = _exchanged(lambda: fresh_store(shared, rank, size))
        check_settings(store, rank, size, {**settings(), "device": device.type})
        _exchanged(
            lambda: distributed.init_process_group(
                _BACKENDS[device.type],
                store=store,
                rank=rank,
                world_size=size,
                timeout=_PATIENCE,
            )
        )
        yield Processes(rank, size, device, stop)
        # After a failure there may be nobody left to take leave of: the process's end has to do.
        distributed.destroy_process_group()


def fresh_store(store: Store, rank: int, size: int) -> Store:
    """The part of a store that the processes share which run now, and none before them.

    torchrun's store outlives its restarts, and with it what lost processes wrote: where they could be reached, say. So
    each process says hello with a word that it makes up. The first one answers every such word with its own, and waits
    until all have got it: an old word has nobody left who gets the answer.

    Raises:
        LostProcessError: another process doesn't come.
    """
    from torch.distributed.distributed_c10d import PrefixStore

    word = secrets.token_hex(8)
    if rank:
        store.set(f"hello/{rank}", word)
        word = _awaited(store, f"answer/{word}")
        store.set(f"got/{word}/{rank}", "")
    else:
        for other in range(1, size):
            _awaited(store, f"got/{word}/{other}", lambda: _answer(store, word, size))
    return PrefixStore(word, store)


def _answer(store: Store, word: str, size: int) -> None:
    for other in range(1, size):
        if store.check([f"hello/{other}"]):
            store.set(f"answer/{store.get(f'hello/{other}').decode()}", word)


def _awaited(store: Store, key: str, meanwhile: Callable[[], None] = lambda: None) -> str:
    """What another process sets in a store. Signals come through: a wait within the store would hold them up."""
    end = time.monotonic() + _PATIENCE.total_seconds()
    while not store.check([key]):
        if time.monotonic() > end:
            raise LostProcessError(
                "Another process of this training didn't come.", "Start all of them."
            )
        meanwhile()
        time.sleep(_LOOKING_S)
    return store.get(key).decode()


def check_settings(store: Store, rank: int, size: int, settings: Mapping[str, Any]) -> None:
    """Makes sure that all processes were started with the same settings.

    It is done before they are connected: a process on a GPU and one on a CPU would wait for each other.

    Raises:
        LostProcessError: another process doesn't come.
        RtdenoiseError: they weren't; all processes name the same one.
    """
    store.set(f"settings/{rank}", json.dumps(settings))
    ours: dict[str, Any] = {}
    for other in range(size):
        theirs = json.loads(_awaited(store, f"settings/{other}"))
        ours = ours or theirs
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                raise RtdenoiseError(
                    f"Process {other} was started with {name} {theirs.get(name)}, "
                    f"process 0 with {ours.get(name)}.",
                    "Start all of them with the same arguments and files.",
                )


def _share_cores(processes: int) -> None:
    """Shares a machine's cores among its processes. torchrun gives each one thread where nobody says otherwise."""
    if processes == 1 or os.environ.get("OMP_NUM_THREADS", "1") != "1":
        return
    import cv2

    threads = max(1, available_cores() // processes)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)

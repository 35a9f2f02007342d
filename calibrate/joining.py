"""How the processes that ``torchrun`` started for a training find each other, and whether they suit each other."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from rtdenoise.console import counted
from rtdenoise.cores import available_cores
from rtdenoise.errors import NetworkError, RtdenoiseError

from .distributed import ALONE, Group, LostProcessError, Processes, Stop, exchanged

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_BACKENDS = {"cpu": "gloo", "cuda": "nccl"}
# The longest that one process waits for another: the clips of a slow machine take their time. One that died is noticed
# at once, or by torchrun.
_PATIENCE = timedelta(hours=1)
_FIRST_SPEAKS_S = 3.0
_LOOKING_S = 0.02


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
    stop = Stop()
    with stop.installed():
        shared, rank, size = exchanged(lambda: next(rendezvous("env://", timeout=_PATIENCE)))
        store = exchanged(lambda: fresh_store(shared, rank, size))
        check_settings(store, rank, size, {**settings(), "device": device.type})
        exchanged(
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

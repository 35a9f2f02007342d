"""Processes of this machine that clean an archive, a file at a time each."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

from .work import Job, Outcome, clean

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
TRIES = 2
"""How often a file is begun whose process dies: once may be bad luck."""


class LocalPool:
    """Cleans files with so many processes.

    Each process is a pool of its own: where one dies, it is known which file it was at, and the others go on.

    Args:
        processes: How many, at least 1.
    """

    def __init__(self, processes: int) -> None:
        self._pools: list[ProcessPoolExecutor | None] = [None] * processes

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The outcomes, in the order in which they come."""
        waiting = ((job, TRIES) for job in jobs)
        again: list[tuple[Job, int]] = []
        running: dict[Future[Outcome], tuple[int, Job, int]] = {}
        free = list(range(len(self._pools)))
        while True:
            while free and (one := again.pop() if again else next(waiting, None)):
                job, tries = one
                slot = free.pop()
                running[self._pool(slot).submit(clean, job)] = (slot, job, tries - 1)
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                slot, job, left = running.pop(future)
                free.append(slot)
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    self._pools[slot] = None
                    if left:
                        again.append((job, left))
                        continue
                    outcome = Outcome(reason=f"The process that cleaned it died, {TRIES} times.")
                yield job, outcome

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        pool = self._pools[slot]
        if pool is None:
            # Forked processes would share locks of threads that they don't have.
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, context, _begin, (os.getpid(),))
            self._pools[slot] = pool
        return pool

    def close(self) -> None:
        """Ends the processes at once; what they were at is not written."""
        for pool in self._pools:
            if pool is None:
                continue
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(parent: int) -> None:
    """Ctrl-C is for the first process, which ends the others: by a signal that lets them remove unfinished files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if sys.platform == "linux":  # however the first process ends, the others don't stay
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)

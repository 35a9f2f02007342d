"""A Dask cluster that cleans an archive: machines that see the same folders."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ClusterError, writing
from ..version import __version__
from .work import Job, Outcome, clean, packed_profiles

_CONNECT_S, _WORKERS_S, _RESULT_S = 10.0, 60.0, 60.0
_AHEAD = 3  # files that are handed out for each thread of a worker


def look(source: str, target: str, mark: str) -> str:
    """Run by each worker: the version of rtdenoise there; or why it can't work, after an exclamation mark."""
    if not os.path.isdir(source):
        return f"!{source} isn't there"
    if not os.path.exists(os.path.join(target, mark)):
        return f"!{target} isn't there, or is another folder"
    if not os.access(target, os.W_OK):
        return f"!{target} can't be written"
    return __version__


class ClusterPool:
    """Cleans files on a Dask cluster.

    Args:
        address: The scheduler's, such as ``tcp://192.168.1.10:8786``.
        source: The folder that is cleaned.
        target: The folder of the clean files; it is there.
        home: The folder for profiles. What cleaning needs of it is sent along.
        say: Told when it waits.

    Raises:
        ClusterError: ``distributed`` isn't installed, the scheduler doesn't answer, or its workers can't do the work.
    """

    def __init__(
        self, address: str, source: Path, target: Path, home: Path, say: Callable[..., None]
    ) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise ClusterError(
                "--cluster needs Dask's distributed.", "pip install 'rtdenoise[cluster]'"
            ) from error
        try:
            self._client = Client(
                address, timeout=_CONNECT_S, set_as_default=False, name="rtdenoise"
            )
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ClusterError(
                f"No Dask scheduler answers at {address}.",
                "Start one with dask scheduler, and name the address that it prints.",
            ) from error
        try:
            self._wait_for_workers(address, say)
            self._check(source, target)
            self._profiles = self._client.scatter(packed_profiles(home), broadcast=True)
        except BaseException:
            self.close()
            raise

    def _workers(self) -> dict[str, Any]:
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def _wait_for_workers(self, address: str, say: Callable[..., None]) -> None:
        if self._workers():
            return
        say("The cluster has no workers yet: waiting for one for {:.0f} s.", _WORKERS_S)
        try:
            self._client.wait_for_workers(1, timeout=_WORKERS_S)
        except (OSError, TimeoutError) as error:
            raise ClusterError(
                f"The cluster at {address} has no workers.",
                f"On each machine: dask worker {address} --nthreads 1 --nworkers auto",
            ) from error

    def _check(self, source: Path, target: Path) -> None:
        mark = f".rtdenoise-{secrets.token_hex(8)}"
        with writing(target):
            (target / mark).touch()
        try:
            answers = self._client.run(look, str(source), str(target), mark, on_error="return")
        except (OSError, TimeoutError) as error:
            raise ClusterError("The cluster's workers don't answer.", "Look at them.") from error
        finally:
            with suppress(OSError):
                (target / mark).unlink()
        for worker, answer in sorted(answers.items()):
            if isinstance(answer, ImportError):
                raise ClusterError(
                    f"Worker {worker} has no rtdenoise of this kind: {answer}.",
                    f"Install rtdenoise {__version__} on each machine.",
                )
            if isinstance(answer, BaseException):
                raise ClusterError(f"Worker {worker} can't work: {answer}.", "Look at it.")
            if answer.startswith("!"):
                raise ClusterError(
                    f"Worker {worker} can't work: {answer[1:]}.",
                    "All machines must see both folders by the same paths, on a disk that they share.",
                )
            if answer != __version__:
                raise ClusterError(
                    f"Worker {worker} has rtdenoise {answer}, and here it is {__version__}.",
                    "Install the same version on all.",
                )

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The outcomes, in the order in which they come. A file whose worker dies is begun elsewhere.

        Raises:
            ClusterError: the cluster went away.
        """
        from distributed import Future, as_completed

        waiting = iter(jobs)
        running: dict[str, Job] = {}
        done = as_completed(loop=self._client.loop)

        def hand_out() -> None:
            threads = sum(w["nthreads"] for w in self._workers().values())
            while len(running) < _AHEAD * max(1, threads) and (job := next(waiting, None)):
                future = self._client.submit(clean, job, self._profiles, pure=False)
                running[future.key] = job
                done.add(future)

        try:
            hand_out()
            future: Future
            for future in done:
                job = running.pop(future.key)
                yield job, self._outcome(future)
                hand_out()
        except (OSError, TimeoutError) as error:
            raise self._gone() from error

    def _outcome(self, future: Any) -> Outcome:
        from distributed import KilledWorker

        try:
            found = future.result(timeout=_RESULT_S)
        except KilledWorker:
            return Outcome(reason="The workers that cleaned it died, one after the other.")
        except Exception as error:
            if self._client.status != "running" or future.cancelled():
                raise self._gone() from error
            return Outcome(reason=f"It failed on its worker: {type(error).__name__}: {error}")
        assert isinstance(found, Outcome)
        return found

    def _gone(self) -> ClusterError:
        return ClusterError(
            "The cluster went away.", "The same command goes on: what is done is kept."
        )

    def close(self) -> None:
        """Leaves the cluster; files that workers are at are finished there, and cleaned again by the next run."""
        with suppress(Exception):
            self._client.close(timeout=5)

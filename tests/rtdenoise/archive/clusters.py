"""A Dask cluster of this machine's processes, for tests and benchmarks: a scheduler and workers, on 127.0.0.1."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Cluster:
    """``workers`` are processes without a nanny: one that is killed stays away."""

    address: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill(self, worker: int) -> None:
        """Ends a worker as a power failure does."""
        self.workers[worker].send_signal(signal.SIGKILL)
        self.workers[worker].wait()


@contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    """Starts one, and ends it with the block."""
    port = free_port()
    made = Cluster(f"tcp://127.0.0.1:{port}")
    with tempfile.TemporaryDirectory(prefix="rtdenoise-dask-") as folder:
        common = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        words = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        scheduler = subprocess.Popen([*dask, *words], env=environment, **common)  # type: ignore[call-overload]
        dask = [sys.executable, "-m", "distributed.cli.dask_worker", made.address]
        words = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
        words += ["--host", "127.0.0.1", "--local-directory", folder]
        try:
            for _ in range(workers):
                made.workers.append(subprocess.Popen([*dask, *words], env=environment, **common))  # type: ignore[call-overload]
            yield made
        finally:
            for process in [*made.workers, scheduler]:
                process.kill()
                process.wait()


def command(home: Path, source: Path, target: Path, *more: str) -> list[str]:
    """The command that cleans an archive."""
    words = ["--home", str(home), "denoise", "--recursive", str(source), str(target), *more]
    return [sys.executable, "-m", "rtdenoise", *words]

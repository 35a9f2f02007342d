"""Captures work as CUDA graphs, and falls back to doing it piece by piece where that fails.

A step is some hundred small kernels; started one by one they take longer than they run. Captured once, all of them
start with one call. Capturing asks for much (no waiting, no memory from outside, a driver that plays along), so it is
tried, compared with the plain way, and left where anything is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch

Work = Callable[[], None]

# cuDNN and cuBLAS set themselves up in the first run, and choose algorithms; PyTorch advises a few more.
_WARM_UP = 3


class Graph(Protocol):
    """What was captured."""

    def replay(self) -> None:
        """Queues all of it on the current stream."""

    def pool(self) -> Any:
        """The memory it works in, which later graphs may share: only one of them runs at a time."""


class Capture(Protocol):
    """Captures work, with the memory of an earlier graph or None."""

    def __call__(self, work: Work, pool: Any) -> Graph:
        """Runs ``work`` once, as the capture needs it."""


@dataclass(frozen=True)
class Recorded:
    """How work is done.

    Attributes:
        works: What to call.
        captured: Whether those replay graphs.
        reason: Why not; empty where they do.
    """

    works: Sequence[Work]
    captured: bool
    reason: str = ""


def cuda_capture(work: Work, pool: Any) -> Graph:
    """Captures what ``work`` queues on the current stream, which must not be the default one."""
    graph = torch.cuda.CUDAGraph()
    # Other threads of a call decode and publish meanwhile: what they do must not spoil it.
    with torch.cuda.graph(
        graph, pool=pool, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"
    ):
        work()
    return graph


def record(
    works: Sequence[Work], agree: Callable[[Sequence[Work]], bool], capture: Capture
) -> Recorded:
    """Warms up and captures.

    Args:
        works: What to capture. Each reads and writes only tensors that outlive it and are never replaced.
        agree: Whether other ways to do the works give what the works give; called with the replays.
        capture: :func:`cuda_capture`, or what stands in for it.

    Returns:
        The replays; or the works themselves where anything failed, for then the plain way may still work.
    """
    try:
        with _tuned():
            for _ in range(_WARM_UP):
                for work in works:
                    work()
            graphs: list[Graph] = []
            for work in works:
                graphs.append(capture(work, graphs[0].pool() if graphs else None))
        replays = [graph.replay for graph in graphs]
        if agree(replays):
            return Recorded(replays, True)
        return Recorded(works, False, "graphs and the plain way differ")
    except RuntimeError as error:  # whatever CUDA, cuDNN or the driver have to say
        return Recorded(works, False, str(error).partition("\n")[0])


def _tuned() -> AbstractContextManager[None]:
    """Lets cuDNN time its algorithms while warming up; a capture takes what was quickest."""
    if not torch.cuda.is_available():
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=True)

"""Capturing, with stand-ins where there is no CUDA."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rtdenoise.engines.cuda_graphs import Capture, Graph, Work, record
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.networks.live import LiveNetwork, LiveSize
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS
from rtdenoise.noise.normalised import Normalised

GRID = (8, 12)
Planes = list[NDArray[np.uint8]]


def network() -> LiveNetwork:
    torch.manual_seed(3)
    return LiveNetwork(LiveSize(gate=4, context=8, energy=5, wide=6, filters=7, stages=2)).eval()


def frame(seed: int) -> Planes:
    random = np.random.default_rng(seed)
    shapes = [(side * GRID[0], side * GRID[1]) for side in (4, 2, 2)]
    return [random.integers(90, 110, shape, dtype=np.uint8) for shape in shapes]


def normalised(variance: float) -> Normalised:
    curve = PlaneNoise(NoiseCurve((0.0, 255.0), (variance, 2 * variance)))
    return Normalised(NoiseModel(curve, curve, curve, chroma="420"))


def run(engine: TorchEngine) -> list[Planes]:
    """Frames with all that happens between them."""
    results = []
    for index in range(7):
        if index in (0, 4):
            engine.set_noise(normalised(9.0 + index), np.full(COEFFICIENTS, 0.8, np.float32))
        engine.analyse(frame(index))
        if index == 2:
            engine.rescale(0, 0.02, 0.5)
        if index == 5:
            engine.reset()
        results.append([plane.copy() for plane in engine.step()])
    return results


def same(one: list[Planes], other: list[Planes]) -> bool:
    return all(
        np.array_equal(a, b)
        for first, second in zip(one, other, strict=True)
        for a, b in zip(first, second, strict=True)
    )


class Again:
    """A graph that does its work again, as a replay would."""

    def __init__(self, work: Work) -> None:
        self.replay = work
        self.replayed = 0

    def pool(self) -> Any:
        return self


class Stale(Again):
    """A graph whose replays do nothing."""

    def __init__(self, work: Work) -> None:
        super().__init__(lambda: None)


def refuses(work: Work, pool: Any) -> Graph:
    raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")


def breaks_in_the_second(work: Work, pool: Any) -> Graph:
    if pool is not None:
        raise torch.OutOfMemoryError("out of memory")
    return Again(work)


def stale(work: Work, pool: Any) -> Graph:
    return Stale(work)


def test_replays_stand_for_the_plain_way() -> None:
    pools: list[Any] = []

    def capture(work: Work, pool: Any) -> Graph:
        pools.append(pool)
        work()
        return Again(work)

    captured = TorchEngine(network(), GRID, torch.device("cpu"), capture=capture)
    assert captured.name == "PyTorch, float32, cpu, graphs"
    assert captured.no_graphs == ""
    assert captured.fresh
    # The two steps and the way to coefficients share the first one's memory.
    assert pools[0] is None
    assert len(pools) == 3
    assert pools[1] is pools[2] is not None
    assert same(run(captured), run(TorchEngine(network(), GRID, torch.device("cpu"))))


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        (refuses, "CUDA error: operation not permitted when stream is capturing"),
        (breaks_in_the_second, "out of memory"),
        (stale, "graphs and the plain way differ"),
    ],
)
def test_where_capturing_fails_the_plain_way_is_left(capture: Capture, reason: str) -> None:
    engine = TorchEngine(network(), GRID, torch.device("cpu"), capture=capture)
    assert engine.name == "PyTorch, float32, cpu"
    assert engine.no_graphs == reason
    assert same(run(engine), run(TorchEngine(network(), GRID, torch.device("cpu"))))


def test_graphs_can_be_declined() -> None:
    engine = TorchEngine(network(), GRID, torch.device("cpu"), capture=refuses, graphs=False)
    assert engine.no_graphs == ""


def test_a_warm_up_that_fails_leaves_the_plain_way() -> None:
    def fails() -> None:
        raise RuntimeError("no algorithm")

    def never(_works: Sequence[Work]) -> bool:
        raise AssertionError("there is nothing to compare")

    found = record([fails], never, stale)
    assert not found.captured
    assert found.reason == "no algorithm"
    assert list(found.works) == [fails]


def test_other_errors_are_not_hidden() -> None:
    def wrong() -> None:
        raise TypeError("a mistake of ours")

    with pytest.raises(TypeError, match="mistake"):
        record([wrong], lambda _: True, stale)


cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a CUDA device")


@cuda
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_replayed_graphs_equal_the_plain_way(dtype: torch.dtype) -> None:
    device = torch.device("cuda")
    captured = TorchEngine(network(), GRID, device, dtype)
    assert captured.no_graphs == ""
    assert captured.name.endswith(", graphs")
    plain = TorchEngine(network(), GRID, device, dtype, graphs=False)
    for one, other in zip(run(captured), run(plain), strict=True):
        for a, b in zip(one, other, strict=True):
            # cuDNN may choose other algorithms for one than for the other.
            assert np.abs(a.astype(int) - b).max() <= 1


@cuda
def test_cuda_gives_what_the_cpu_gives() -> None:
    found = run(TorchEngine(network(), GRID, torch.device("cuda")))
    expected = run(TorchEngine(network(), GRID, torch.device("cpu")))
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert np.abs(a.astype(int) - b).max() <= 2

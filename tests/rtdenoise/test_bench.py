"""What a machine can do is measured in the live loop, on frames of the simulated camera."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from rtdenoise import bench
from rtdenoise.bench import RATE_FPS, Replay, Subject, decode_times, measure, paper_seconds, steps
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.console import Ticker
from rtdenoise.denoisers import Passthrough
from rtdenoise.frames import Planes
from rtdenoise.machine import SPARE, Machine
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.networks.shipped import base_network_path

SIZE = (64, 48)


class Counting(Ticker):
    """Counts steps."""

    done = 0.0

    def advance(self, amount: float = 1, note: str = "") -> None:
        self.done += amount


class Noting(Passthrough):
    """Notes what it is given."""

    def __init__(self) -> None:
        self.planes: list[Planes] = []
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def __call__(self, planes: Planes) -> Planes:
        self.planes.append(planes.copy())
        return planes


def ship(size: str) -> None:
    save_network(base_network_path(size), LiveNetwork(SIZES[size]), Card(size))


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base network, untrained, in a folder of its own."""
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", tmp_path / "base")
    ship("nano")


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> Noting:
    """Stands in for nano; the recursive filter and the paper's network have stand-ins, too."""
    noting = Noting()

    def stand_ins(devices: Sequence[str]) -> list[Subject]:
        return [
            Subject("recursive", "cpu", "", Passthrough),
            Subject("nano", "cpu", "", lambda: noting),
        ]

    monkeypatch.setattr(bench, "subjects", stand_ins)
    monkeypatch.setattr(bench, "paper_seconds", lambda size, device: 60.0)
    return noting


def change(planes: list[Planes]) -> float:
    """The largest difference from the first frame, of means over 8 × 8 pixels."""
    means = [p.y.reshape(6, 8, 8, 8).mean((1, 3)) for p in planes]
    return float(max(np.abs(m - means[0]).max() for m in means))


def test_every_method_cleans_both_scenes(noting: Noting) -> None:
    known, ticker = Machine(), Counting()
    found = measure(SIZE, ["cpu"], known, ticker)
    assert ticker.done == steps(["cpu"])
    assert [m.name for m in found.methods] == ["recursive", "nano"]
    assert all(set(m.scenes) == {"still", "moving"} for m in found.methods)
    assert noting.resets == 2
    each = len(noting.planes) // 2
    still, moving = noting.planes[:each], noting.planes[each:]
    assert {p.format.chroma for p in noting.planes} == {"420"}
    assert [p.time_s for p in moving] == pytest.approx([n / RATE_FPS for n in range(each)])
    assert change(moving) > 2 * change(still)
    for method in found.methods:
        assert method.rate_fps == min(s.rate_fps for s in method.scenes.values())
        assert method.spare_fps == pytest.approx(SPARE * method.rate_fps)
        timing = known.find(method.name, "cpu", "", SIZE)
        assert timing is not None
        assert timing.whole
        assert timing.frame_ms == pytest.approx(1e3 / method.rate_fps)
    assert found.paper[0].frame_s == 60.0
    assert found.choices["live"][0] in ("nano", "recursive")
    assert known.bench == found.to_json()


def test_a_slow_method_is_stopped(noting: Noting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_MOST_S", 1e-9)
    ticker = Counting()
    found = measure(SIZE, ["cpu"], Machine(), ticker)
    assert ticker.done == steps(["cpu"])
    assert all(0 < m.rate_fps < 1e9 for m in found.methods)


def test_packets_are_sent_forth_and_back() -> None:
    camera = open_simulated(":desk?frames=3", size=SIZE)
    packets = list(camera.packets())
    sent = list(Replay(packets, camera.mode, 7).packets())
    assert [packets.index(p) for p in sent] == [0, 1, 2, 1, 0, 1, 2]
    assert len(list(Replay(packets, camera.mode, 7).frames())) == 7
    spread = decode_times(packets)
    assert 0 < spread.p50_ms <= spread.p95_ms


def test_each_base_network_is_measured_on_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    ship("small")
    monkeypatch.setattr(bench, "pick_device", torch.device)
    monkeypatch.setattr(bench, "hardware_name", lambda device: {"cuda": "A"}.get(device.type, ""))
    found = [(s.name, s.device, s.hardware) for s in bench.subjects(["cpu", "cuda"])]
    assert found == [
        ("recursive", "cpu", ""),
        ("nano", "cpu", ""),
        ("small", "cpu", ""),
        ("nano", "cuda", "A"),
        ("small", "cuda", "A"),
    ]


def test_without_networks_the_recursive_filter_is_chosen(
    noting: Noting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", tmp_path / "empty")
    found = measure(SIZE, ["cpu"], Machine())
    assert {name for name, _ in found.choices.values()} == {"recursive"}


def test_the_papers_network_is_estimated_from_one_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter((0.0, 1.0, 10.0, 12.0))
    monkeypatch.setattr("rtdenoise.bench.time.perf_counter", lambda: next(ticks))
    monkeypatch.setattr(bench, "choose_tile", lambda *_: 8)
    # Six tiles at 2 s.
    assert paper_seconds((24, 16), torch.device("cpu")) == pytest.approx(12.0)

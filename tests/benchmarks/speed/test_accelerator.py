import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark; the folder isn't installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.speed.accelerator")


def test_a_small_run_on_the_cpu_times_all_there_is(
    accelerator: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    small = ["--size", "90x64", "--frames", "3", "--warm-up", "1", "--megabytes", "1"]
    asked = ["--device", "cpu", "--networks", "nano,small", "--side", "64", "--json", str(path)]
    accelerator.main([*small, *asked])
    figures = json.loads(path.read_text(encoding="utf-8"))
    assert figures["size"] == "90x64"
    assert all(value > 0 for value in figures["machine"].values())
    timings = {timing["what"]: timing for timing in figures["timings"]}
    assert list(timings) == [
        "nano",
        "nano and its grids",
        "small",
        "small and its grids",
        "the paper's, 1 view",
    ]
    for timing in timings.values():
        assert timing["floor_ms"] > 0
        assert 0 < timing["median_ms"] <= timing["p95_ms"]
    assert timings["nano"]["how"] == "PyTorch, float32, cpu"
    # More to copy, and more to multiply.
    floors = {what: timing["floor_ms"] for what, timing in timings.items()}
    assert floors["nano"] < floors["nano and its grids"]
    assert floors["nano"] < floors["the paper's, 1 view"]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + len(timings)
    assert lines[2].split()[-3:] == ["floor", "ms", "ratio"]


def test_the_floor_adds_copies_to_the_longer_of_the_rest(accelerator: ModuleType) -> None:
    machine = accelerator.Machine(up=10e9, down=5e9, memory=1e12, products=1e14)
    # 0.1 ms up, 0.2 ms down; 0.05 ms of memory under 0.3 ms of products.
    assert machine.floor_ms(1e6, 1e6, 5e7, 3e10) == pytest.approx(0.6)
    assert machine.floor_ms(0, 0, 5e7, 1e9) == pytest.approx(0.05)


def test_quantiles_are_of_milliseconds(accelerator: ModuleType) -> None:
    median, most = accelerator.quantiles([i / 1000 for i in range(101)])
    assert median == pytest.approx(50)
    assert most == pytest.approx(95)

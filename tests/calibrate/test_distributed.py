"""Trainings on several processes: what each does, and whole ones that torchrun starts with two, over gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed import HashStore  # type: ignore[attr-defined]

from calibrate.checkpoint import parse_state, read_state
from calibrate.distributed import Group
from calibrate.joining import check_settings, fresh_store, own_device
from calibrate.launching import _Unseen
from calibrate.live.base_training import train_base
from calibrate.paper import base_training as paper
from rtdenoise.errors import NetworkError, RtdenoiseError
from rtdenoise.networks.card import load_network
from tests.calibrate.processes import ENDED_AT, live_job, make_small, paper_job

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


class Launched(Group):
    """One process that torchrun started."""

    launched = True


def torchrun(what: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Two processes of :mod:`tests.calibrate.processes`."""
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += [*options, "-m", "tests.calibrate.processes", what, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """What the processes train, in this one."""
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch.setattr)
        yield


@pytest.fixture(scope="module")
def alone(small: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a network lies that one process trained with the whole batch, undisturbed."""
    folder = tmp_path_factory.mktemp("alone")
    train_base(live_job(folder), CPU, _Unseen(), print)
    return folder / "live.safetensors"


def test_two_processes_reach_what_one_does_with_the_whole_batch(
    tmp_path: Path, alone: Path
) -> None:
    run = torchrun("whole", tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("All is done.") == 1
    # Nothing is left of what would have been needed after a loss.
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["live.safetensors", "paper.safetensors"]
    same_networks(alone, tmp_path / "live.safetensors")
    paper.train_base(paper_job(tmp_path / "one"), CPU, _Unseen(), print)
    same_networks(tmp_path / "one/paper.safetensors", tmp_path / "paper.safetensors")


def test_a_lost_process_and_a_stop_change_nothing(tmp_path: Path, alone: Path) -> None:
    run = torchrun("disturbed", tmp_path, "--max-restarts", "1")
    assert run.stderr.count("Going on with the training that was stopped") == 1, run.stderr
    assert run.stderr.count("Stopped. Run the same command again") == 1, run.stderr
    job, said = live_job(tmp_path), list[str]()
    data = read_state(job.folder)
    assert data is not None
    assert parse_state(data)[1]["step"] == ENDED_AT
    assert [path.name for path in tmp_path.iterdir()] == [job.folder.name]
    # What is kept doesn't hang on the number of processes.
    card = train_base(job, CPU, _Unseen(), said.append, Launched())
    assert "Going on" in said[0]
    assert card.data["steps"] == job.recipe.steps
    same_networks(alone, job.out)


def same_networks(one: Path, other: Path) -> None:
    """The files hold the same weights, and say that they gain the same."""
    (first, card), (second, other_card) = load_network(one), load_network(other)
    weights = second.state_dict()
    for name, value in first.state_dict().items():
        torch.testing.assert_close(weights[name], value, atol=1e-4, rtol=0)
    assert other_card.figures == pytest.approx(card.figures, abs=0.002)


def test_processes_with_other_arguments_are_refused(tmp_path: Path) -> None:
    run = torchrun("differing", tmp_path)
    assert run.returncode == 1
    said = "Error: Process 1 was started with learning_rate 1.003, process 0 with 0.003. Start all"
    assert run.stderr.count(said) == 1, run.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_lost_processes_wrote_is_not_seen() -> None:
    store = HashStore()
    for _ in range(3):
        with ThreadPoolExecutor(3) as threads:
            parts = list(threads.map(lambda rank: fresh_store(store, rank, 3), range(3)))
        assert not parts[0].check(["where"])
        parts[0].set("where", "here")
        assert [part.get("where") for part in parts] == [b"here"] * 3
        store.set("hello/2", "of one that was lost before it was answered")


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_each_process_finds_the_one_that_differs(rank: int) -> None:
    store = HashStore()
    settings: list[dict[str, Any]] = [{"batch": 8}, {"batch": 8}, {"batch": 8, "seed": 3}]

    def check(number: int) -> str:
        try:
            check_settings(store, number, 3, settings[number])
        except RtdenoiseError as error:
            return error.message
        return ""

    with ThreadPoolExecutor(3) as threads:
        said = list(threads.map(check, range(3)))
    assert said[rank] == "Process 2 was started with seed 3, process 0 with None."


def test_all_of_a_batch_is_shared_out() -> None:
    group = Group()
    group.size = 3
    group.check_batch(6)
    with pytest.raises(RtdenoiseError, match=r"8 can't be divided evenly among 3 .* multiple of 3"):
        group.check_batch(8)
    shared: list[int] = []
    for group.rank in range(3):
        share = group.share(range(7))
        assert len(share) in (2, 3)
        shared += share
    assert shared == list(range(7))


def test_a_machine_needs_a_gpu_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda")
    assert own_device(gpu) == gpu
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(NetworkError, match=r"has 2 GPUs for 4 processes.*--nproc-per-node 2"):
        own_device(gpu)
    with pytest.raises(NetworkError, match="can't start a training on mps"):
        own_device(torch.device("mps"))
    assert own_device(CPU) == CPU
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert own_device(gpu) == torch.device("cuda", 1)
    assert chosen == [torch.device("cuda", 1)]

"""The script that trains the base networks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from calibrate.live import base_training
from calibrate.live.base_training import Job, train_base
from calibrate.live.training import LiveRecipe, LiveTrainer
from calibrate.synthesis import PhotoClips
from rtdenoise.console import Ticker
from rtdenoise.errors import NetworkError
from rtdenoise.networks.card import load_network, read_card
from rtdenoise.networks.live import SIZES, LiveNetwork

CPU = torch.device("cpu")
RECIPE = LiveRecipe(steps=3, batch=2, crop=64, chunk=2, judge_every=0.5)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_training, "PhotoClips", partial(PhotoClips, procedural=1))


@contextmanager
def quiet(label: str, total: float | None, unit: str = "") -> Iterator[Ticker]:
    yield Ticker()


def job(out: Path, photos: tuple[Path, ...] = ()) -> Job:
    return Job(photos, "nano", out, clips=2, held_out=1, side=64, frames=4, recipe=RECIPE)


def photo(folder: Path, name: str) -> Path:
    random = np.random.default_rng(len(name))
    small = random.integers(0, 256, (12, 16, 3)).astype(np.uint8)
    folder.mkdir(exist_ok=True)
    path = folder / name
    assert cv2.imwrite(str(path), cv2.resize(small, (320, 240)))
    return path


def test_writes_a_network_with_a_card_that_says_what_it_saw(tmp_path: Path) -> None:
    out, path = tmp_path / "base" / "nano.safetensors", photo(tmp_path / "photos", "hill.png")
    card = train_base(job(out, (path,)), CPU, quiet, print)
    network, read = load_network(out)
    assert isinstance(network, LiveNetwork)
    assert network.size == SIZES["nano"]
    assert read == card
    assert (card.kind, card.camera_id) == ("nano", "")
    assert card.data["photographs"] == ["hill.png"]
    assert (card.data["clips"], card.data["steps"], card.data["seed"]) == (2, 3, 0)
    assert card.data["vectors"] == "found beforehand"
    assert np.isfinite(card.figures["whole_gain_db"])
    assert [p.name for p in out.parent.iterdir()] == ["nano.safetensors"]


def test_goes_on_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "nano.safetensors"
    step = LiveTrainer._step

    def interrupted(trainer: LiveTrainer) -> float:
        if trainer._state.step == 2:
            raise KeyboardInterrupt
        return step(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(LiveTrainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_base(job(out), CPU, quiet, print)
    assert not out.exists()
    said: list[str] = []
    card = train_base(job(out), CPU, quiet, said.append)
    assert "Going on" in said[0]
    assert card.data["steps"] == 3
    assert not job(out).folder.exists()


def test_goes_on_from_a_network(tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "nano.safetensors"
    train_base(job(first), CPU, quiet, print)
    # Without a rate nothing is learned: what comes out is what went in.
    still = replace(RECIPE, learning_rate=0.0)
    card = train_base(replace(job(second), start=first, recipe=still), CPU, quiet, print)
    one, two = (load_network(path)[0].state_dict() for path in (first, second))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)
    assert card.data["started_from"] == "first.safetensors"
    ends = [tmp_path / "all.safetensors", tmp_path / "half.safetensors"]
    for path, share in zip(ends, (1.0, 0.5), strict=True):
        train_base(replace(job(path), start=first, share=share), CPU, quiet, print)
    end, half = (load_network(path)[0].state_dict() for path in ends)
    assert not all(torch.equal(one[name], end[name]) for name in one)
    for name, weight in half.items():
        assert torch.allclose(weight, (one[name] + end[name]) / 2, atol=1e-6)
    with pytest.raises(NetworkError, match="no network of the size small"):
        train_base(replace(job(second), start=first, size="small"), CPU, quiet, print)


def test_a_training_that_searches_says_so_and_learns_something_else(tmp_path: Path) -> None:
    paths = [tmp_path / "found.safetensors", tmp_path / "searched.safetensors"]
    for path, searched in zip(paths, (False, True), strict=True):
        recipe = replace(RECIPE, searched=searched, crop=128)
        train_base(replace(job(path), recipe=recipe, side=128, frames=8), CPU, quiet, print)
    assert read_card(paths[1]).data["vectors"] == "searched"
    one, two = (load_network(path)[0].state_dict() for path in paths)
    assert not all(torch.equal(one[name], two[name]) for name in one)


def test_the_command_takes_the_free_photographs_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hill.png", "analogpattern_by_x.jpg"):
        photo(tmp_path / "photos", name)
    jobs: list[Job] = []

    def train(asked: Job, *rest: object) -> object:
        jobs.append(asked)
        return train_base(job(asked.out, asked.photos), CPU, quiet, print)

    monkeypatch.setattr(base_training, "train_base", train)
    out = tmp_path / "nano.safetensors"
    words = ["--photos", str(tmp_path / "photos"), "--minutes", "3", "--out", str(out)]
    result = CliRunner().invoke(base_training.main, [*words, "--seed", "4", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    (asked,) = jobs
    assert [path.name for path in asked.photos] == ["hill.png"]
    assert (asked.recipe.minutes, asked.recipe.seed, asked.size) == (3, 4, "nano")
    assert not asked.recipe.searched
    assert read_card(out).data["photographs"] == ["hill.png"]
    assert "dB in clips that it has not seen" in result.output
    words = ["--vectors", "searched", "--minutes", "3", "--out", str(out), "--device", "cpu"]
    result = CliRunner().invoke(base_training.main, words)
    assert result.exit_code == 0, result.output
    assert jobs[-1].recipe.searched
    for wrong in (["--size", "huge"], ["--share", "0.5"], ["--vectors", "none"]):
        assert CliRunner().invoke(base_training.main, [*wrong, "--out", "x"]).exit_code == 2

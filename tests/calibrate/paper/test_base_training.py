"""The script that trains the paper's base network, and the series that it learns from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from calibrate.paper import base_training, simulated
from calibrate.paper.base_training import Job, base_recipe, train_base
from calibrate.paper.dataset import Crops, Region, Split, StillSeries
from calibrate.paper.simulated import SimulatedSeries
from calibrate.paper.training import Trainer
from calibrate.synthesis import PhotoClips
from rtdenoise.console import Ticker
from rtdenoise.errors import NetworkError
from rtdenoise.networks.card import load_network
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.shipped import load_base

CPU = torch.device("cpu")
RECIPE = replace(base_recipe(1.0), steps=3, crop=16, judged_pixels=400, judge_every=0.5)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "PhotoClips", partial(PhotoClips, procedural=1))


@contextmanager
def quiet(label: str, total: float | None, unit: str = "") -> Iterator[Ticker]:
    yield Ticker()


def job(out: Path, start: Path | None = None) -> Job:
    return Job((), out, scenes=2, held_out=1, side=64, frames=4, start=start, recipe=RECIPE)


def test_series_stand_still_and_differ_in_scene_and_noise() -> None:
    source = SimulatedSeries((), 64, 6, 3)
    first, second = source.next(), source.next()
    assert first.frames.shape == (6, 3, 64, 64)
    assert first.mask.all()
    assert abs(first.frames.mean() - second.frames.mean()) > 1 or (
        np.corrcoef(first.frames[0].ravel(), second.frames[0].ravel())[0, 1] < 0.9
    )
    noise = first.frames - first.frames.mean(axis=0)
    halves = noise[:3].mean(axis=0), noise[3:].mean(axis=0)
    assert noise.std() > 0.1
    # Nothing moves: half of the frames differs from the other by noise alone, 1/3 + 1/3 of its variance.
    assert np.var(halves[0] - halves[1]) == pytest.approx(2 / 3 * noise.var() * 6 / 5, rel=0.3)
    again = SimulatedSeries((), 64, 6, 3).next()
    assert (again.frames == first.frames).all()


def test_errors_count_relative_to_each_series_noise() -> None:
    random = np.random.default_rng(0)
    series = [
        StillSeries(
            np.clip(random.normal(128, std, (12, 3, 40, 40)).round(), 0, 255).astype(np.uint8),
            np.ones((40, 40), bool),
        )
        for std in (4.0, 8.0)
    ]
    crops = Crops(series, [Region(i, 0, 12, 0, 40) for i in range(2)], context=4, size=16)
    variances = {round(float(v), 6) for v in crops.batch(random, 40).noise_variance}
    expected = [(std**2 + 1 / 12) / 255**2 for std in (4.0, 8.0)]
    assert sorted(variances) == pytest.approx(expected, rel=0.05)


def test_writes_a_network_with_a_card_and_goes_on_from_it(tmp_path: Path) -> None:
    out = tmp_path / "base" / "paper.safetensors"
    card = train_base(job(out), CPU, quiet, print)
    network, read = load_network(out)
    assert isinstance(network, PaperNetwork)
    assert read == card
    assert (card.kind, card.camera_id) == ("paper", "")
    assert (card.data["scenes"], card.data["steps"]) == (2, 3)
    assert [p.name for p in out.parent.iterdir()] == ["paper.safetensors"]
    with torch.no_grad():
        network.colours.weight += 0.25
    series = [StillSeries(np.zeros((8, 3, 64, 64), np.uint8), np.ones((64, 64), bool))]
    split = Split((Region(0, 0, 8, 0, 64),), (Region(0, 0, 8, 0, 64),), (), True)
    trainer = Trainer(series, split, RECIPE, CPU, start=network)
    assert torch.equal(trainer._network.colours.weight, network.colours.weight)
    further = train_base(job(tmp_path / "further.safetensors", out), CPU, quiet, print)
    assert further.data["started_from"] == "paper.safetensors"


def test_goes_on_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "paper.safetensors"
    step = Trainer._step

    def interrupted(trainer: Trainer) -> float:
        if trainer._state.step == 2:
            raise KeyboardInterrupt
        return step(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_base(job(out), CPU, quiet, print)
    assert not out.exists()
    said: list[str] = []
    train_base(job(out), CPU, quiet, said.append)
    assert said[0].startswith("Going on with the training")
    assert [p.name for p in tmp_path.iterdir()] == ["paper.safetensors"]


def test_a_network_of_another_kind_is_no_start(tmp_path: Path) -> None:
    from rtdenoise.networks.card import Card, save_network

    other = tmp_path / "nano.safetensors"
    save_network(other, load_base("nano"), Card("nano"))
    with pytest.raises(NetworkError, match="another network than the paper's"):
        train_base(job(tmp_path / "paper.safetensors", other), CPU, quiet, print)
    words = ["--start", str(other), "--out", str(tmp_path / "p.safetensors"), "--device", "cpu"]
    result = CliRunner().invoke(base_training.main, words)
    assert result.exit_code == 1
    assert "another network than the paper's" in result.output

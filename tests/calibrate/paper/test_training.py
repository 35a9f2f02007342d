from pathlib import Path

import numpy as np
import pytest
import torch

from calibrate.checkpoint import forget, parse_state, read_state
from calibrate.paper.dataset import StillSeries, split_series
from calibrate.paper.judging import held_out_error
from calibrate.paper.training import Recipe, Trained, Trainer
from calibrate.trainer import Judgement

CPU = torch.device("cpu")
QUICK = Recipe(steps=4, crop=16, half=False, learning_rate=1e-3)


def clean_scene() -> np.ndarray:
    rows, columns = np.mgrid[:48, :96]
    one = 120 + 60 * np.sin(rows / 9) * np.cos(columns / 13)
    return np.stack([one, one * 0.9, one * 0.7])


def still_series(std: float = 10, seed: int = 0) -> StillSeries:
    random = np.random.default_rng(seed)
    frames = clean_scene() + random.normal(0, std, (16, 3, 48, 96))
    return StillSeries(np.clip(np.round(frames), 0, 255).astype(np.uint8), np.ones((48, 96), bool))


def train(series: StillSeries, recipe: Recipe, folder: Path | None = None) -> Trained:
    return Trainer([series], split_series([series]), recipe, CPU, folder).run()


def test_learns_to_remove_noise_without_a_clean_picture() -> None:
    series = still_series()
    split = split_series([series])
    recipe = Recipe(steps=30, crop=24, half=False, judged_frames=2)
    looks: list[Judgement] = []
    trained = Trainer([series], split, recipe, CPU).run(lambda _, j: looks.append(j) if j else None)
    assert trained.improved
    assert trained.steps == 30
    before = held_out_error(None, [series], split.test, 5, CPU)
    after = held_out_error(trained.network, [series], split.test, 5, CPU)
    # The noise of 10 levels is known, and so is the clean picture.
    assert before == pytest.approx((100 + 1 / 12) / 255**2, rel=0.1)
    assert after < 0.65 * before


def test_never_worse_than_its_input() -> None:
    trained = train(still_series(), Recipe(steps=3, crop=16, half=False, learning_rate=10.0))
    assert not trained.improved
    assert trained.gain_db == 0
    image = torch.rand(1, 3, 124, 124)
    with torch.no_grad():
        assert torch.equal(trained.network(image), image[..., 54:-54, 54:-54])


def test_noise_free_series_keep_the_identity() -> None:
    trained = train(still_series(std=0), Recipe(steps=2, crop=16, half=False))
    assert not trained.improved


def averages(folder: Path) -> dict[str, torch.Tensor]:
    data = read_state(folder)
    assert data is not None
    return parse_state(data)[0]["average"]


def test_what_is_held_out_does_not_reach_the_weights(tmp_path: Path) -> None:
    series = still_series()
    region = split_series([series]).training[0]
    poisoned = series.frames.copy()
    poisoned[region.last :] = np.random.default_rng(1).integers(
        0, 255, poisoned[region.last :].shape
    )
    poisoned[:, :, :, region.right :] = 255 - poisoned[:, :, :, region.right :]
    train(series, QUICK, tmp_path / "a")
    train(StillSeries(poisoned, series.mask), QUICK, tmp_path / "b")
    a, b = averages(tmp_path / "a"), averages(tmp_path / "b")
    start = Trainer([series], split_series([series]), QUICK, CPU)._average
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], start[name]) for name in a)


class Stop(BaseException):
    """What Ctrl-C is in a real run."""


def test_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    series = still_series()
    split = split_series([series])
    whole = Trainer([series], split, QUICK, CPU, tmp_path / "whole")
    whole.run()

    def stop_after_two(_: float, __: Judgement | None) -> None:
        if first._state.step == 2:
            raise Stop

    first = Trainer([series], split, QUICK, CPU, tmp_path / "parts")
    with pytest.raises(Stop):
        first.run(stop_after_two)
    said: list[str] = []
    second = Trainer([series], split, QUICK, CPU, tmp_path / "parts", said.append)
    assert second.resumed_from == 2
    assert second.run().steps == 4
    assert said[0].startswith("Going on")
    a, b = averages(tmp_path / "whole"), averages(tmp_path / "parts")
    for name in a:
        torch.testing.assert_close(b[name], a[name], atol=1e-7, rtol=0)


def test_starts_afresh_where_it_must(tmp_path: Path) -> None:
    series = still_series()
    split = split_series([series])
    train(series, QUICK, tmp_path)

    def said(one: StillSeries, recipe: Recipe) -> str:
        words: list[str] = []
        trainer = Trainer([one], split, recipe, CPU, tmp_path, words.append)
        assert trainer.resumed_from == 0
        return words[0]

    assert "learned from other material" in said(still_series(seed=9), QUICK)
    assert "other settings" in said(series, Recipe(steps=4, crop=20, half=False))
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1000])
    assert "damaged" in said(series, QUICK)
    forget(tmp_path)
    assert not tmp_path.exists()


def test_time_budget_counts_over_runs(tmp_path: Path) -> None:
    series = still_series()
    split = split_series([series])
    recipe = Recipe(minutes=1 / 60, crop=16, half=False)
    ticks: list[float] = []
    done = Trainer([series], split, recipe, CPU, tmp_path).run(lambda s, _: ticks.append(s))
    assert done.elapsed_s >= 1
    assert sum(ticks) == pytest.approx(done.elapsed_s, rel=0.2)
    again = Trainer([series], split, recipe, CPU, tmp_path)
    assert again.run().steps == done.steps


def test_goes_back_to_the_best_and_slows_down_when_nothing_is_gained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series = still_series()
    recipe = Recipe(minutes=10, crop=16, half=False, patience=2, judge_every=0)
    trainer = Trainer([series], split_series([series]), recipe, CPU)
    start = {k: v.clone() for k, v in trainer._network.state_dict().items()}
    errors = iter([0.5 * trainer._state.identity_error])
    monkeypatch.setattr(trainer, "_judge", lambda _: next(errors, 1.0))
    monkeypatch.setattr("calibrate.paper.training._JUDGING_SHARE", 0)
    trained = trainer.run()
    # One better judgement, then two at a time without one: cuts until the rate is below the least.
    assert len(trained.history) <= 1 + 2 * 5 + 1
    assert trainer._state.rate < 0.005
    assert trained.improved
    moved = [not torch.equal(v, start[k]) for k, v in trained.network.state_dict().items()]
    assert any(moved)

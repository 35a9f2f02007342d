from pathlib import Path

import numpy as np
import pytest
import torch

from calibrate.evaluate.learned import LEARNED, Cleaner, Training, Window
from calibrate.evaluate.learned.paper import PaperCleaner
from calibrate.evaluate.learned.prior import PriorCleaner
from calibrate.paper.dataset import StillSeries, split_series

CPU = torch.device("cpu")
WINDOW = Window(4, 60, 40, 64)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def clean_scene() -> np.ndarray:
    rows, columns = np.mgrid[:48, :128]
    one = (
        120 + 60 * np.sin(rows / 9) * np.cos(columns / 13) + 30 * ((rows // 24 + columns // 32) % 2)
    )
    return np.asarray(np.stack([one, one * 0.9, one * 0.7]))  # (3, H, W)


def still_series() -> StillSeries:
    frames = clean_scene() + np.random.default_rng(0).normal(0, 12, (16, 3, 48, 128))
    mask = np.ones((48, 128), bool)
    return StillSeries(np.clip(np.round(frames), 0, 255).astype(np.uint8), mask)


def training(series: StillSeries, steps: int, folder: Path | None = None) -> Training:
    return Training([series], split_series([series]), 1.0, folder, CPU, 1, steps=steps)


def train(name: str, steps: int) -> Cleaner:
    return LEARNED[name].train(training(still_series(), steps), lambda _: None, lambda _: None)


def psnr_db(picture: np.ndarray, window: Window) -> float:
    truth = clean_scene()[(slice(None), *window.inside)] / 255
    return float(-10 * np.log10(np.mean((picture - truth) ** 2)))


def last_frame() -> np.ndarray:
    return np.asarray(still_series().frames[-1] / 255, np.float32)


@pytest.mark.parametrize(
    ("name", "steps", "gain_db"),
    [("noise2noise", 60, 3), ("noise2void", 40, 4), ("noise2self", 30, 4), ("dip", 60, 2)],
)
def test_white_noise_is_removed_from_a_frame_that_was_not_learned_from(
    name: str, steps: int, gain_db: float
) -> None:
    cleaner = train(name, steps)
    frame = last_frame()
    noisy = frame[(slice(None), *WINDOW.inside)]
    cleaned = cleaner(frame, WINDOW)
    assert cleaned.shape == noisy.shape
    assert cleaned.dtype == np.float32
    assert psnr_db(cleaned, WINDOW) > psnr_db(noisy, WINDOW) + gain_db
    assert cleaner.parameters > 100_000
    assert cleaner.single is None


def test_the_papers_network_cleans_with_and_without_its_views_after_three_targets() -> None:
    frame, window = last_frame(), Window(20, 70, 12, 16)
    pictures = set()
    for name in ("paper", "paper-mean", "paper-noise2noise"):
        cleaner = train(name, 3)
        single = cleaner.single
        assert single is not None
        assert single.single is None
        assert cleaner.parameters == single.parameters == 511_390
        one = single(frame, window)
        assert one.shape == (3, 12, 16)
        pictures.add(one.tobytes())
    # Where no step was better in held-out places, the state before them is kept: two may be the same.
    assert len(pictures) >= 2
    assert isinstance(cleaner, PaperCleaner)
    mean, spread = cleaner(frame, window), cleaner.spread(frame, window)
    assert mean.shape == one.shape
    assert not np.array_equal(mean, one)
    assert spread.shape == (12, 16)
    assert spread.max() > 0


class Stop(BaseException):
    """What Ctrl-C is in a real run."""


@pytest.mark.parametrize("name", ["noise2noise", "noise2void", "noise2self"])
def test_goes_on_where_it_was_stopped(name: str, tmp_path: Path) -> None:
    series, method = still_series(), LEARNED[name]
    whole = method.train(training(series, 3), lambda _: None, lambda _: None)
    ticks: list[float] = []

    def stop_after_two(seconds: float) -> None:
        ticks.append(seconds)
        if len(ticks) == 2:
            raise Stop

    said: list[str] = []
    with pytest.raises(Stop):
        method.train(training(series, 3, tmp_path), stop_after_two, said.append)
    assert not said
    ticks = [0.0] * 10  # no more stops
    parts = method.train(training(series, 3, tmp_path), stop_after_two, said.append)
    assert len(ticks) == 11
    assert said[0].startswith("Going on")
    frame = last_frame()
    np.testing.assert_allclose(parts(frame, WINDOW), whole(frame, WINDOW), atol=1e-5)
    # What was finished is not trained again.
    method.train(training(series, 3, tmp_path), stop_after_two, said.append)
    assert len(ticks) == 11


@pytest.mark.parametrize("name", ["noise2noise", "noise2void", "noise2self", "unprocessing"])
def test_what_is_held_out_is_not_learned_from(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibrate.evaluate.learned.simulated._PROCEDURAL", 1)
    monkeypatch.setattr("calibrate.evaluate.learned.simulated._POOL", 2)
    series = still_series()
    region = split_series([series]).training[0]
    poisoned = series.frames.copy()
    poisoned[:, :, :, region.right :] = 255 - poisoned[:, :, :, region.right :]
    poisoned[region.last :] = 7
    # One step, so that the chosen state is the only one.
    pictures = [
        LEARNED[name].train(training(one, 1), lambda _: None, lambda _: None)(last_frame(), WINDOW)
        for one in (series, StillSeries(poisoned, series.mask))
    ]
    assert np.array_equal(pictures[0], pictures[1])


def test_noise_that_neighbours_share_stays_in_a_blind_result() -> None:
    """What a webcam's noise does to blind-spot methods: of white noise as strong they take more than 4 dB."""
    white = np.random.default_rng(0).normal(0, 12, (16, 3, 52, 132))
    shared = sum(white[..., i : 48 + i, j : 128 + j] for i in range(5) for j in range(5)) / 5
    frames = np.clip(np.round(clean_scene() + shared), 0, 255).astype(np.uint8)
    series = StillSeries(frames, np.ones((48, 128), bool))
    frame = frames[-1].astype(np.float32) / np.float32(255)
    cleaner = LEARNED["noise2self"].train(training(series, 30), lambda _: None, lambda _: None)
    noisy = psnr_db(frame[(slice(None), *WINDOW.inside)], WINDOW)
    assert psnr_db(cleaner(frame, WINDOW), WINDOW) < noisy + 2.5


def test_deep_image_prior_divides_its_time_among_the_frames() -> None:
    spent: list[float] = []
    series = still_series()
    task = Training([series], split_series([series]), 0.01, None, CPU, 3)
    cleaner = LEARNED["dip"].train(task, spent.append, lambda _: None)
    assert isinstance(cleaner, PriorCleaner)
    assert not spent
    for _ in range(3):
        start = sum(spent)
        cleaner(last_frame(), Window(0, 0, 10, 20))
        # It ends with the first step at or beyond its share of 0.2 s.
        assert sum(spent[:-1]) < start + 0.2 <= sum(spent)


def test_each_method_says_whose_it_is() -> None:
    assert set(LEARNED) >= {
        "noise2noise",
        "noise2void",
        "noise2self",
        "dip",
        "unprocessing",
        "paper",
    }
    for name, method in LEARNED.items():
        assert method.name == name
        assert method.title
        assert method.source
        assert method.views == name.startswith("paper")

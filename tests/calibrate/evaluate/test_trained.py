"""Methods that learn: trained once, applied to every series and to another camera's, and gone on with after a stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from calibrate.evaluate.kept import Kept
from calibrate.evaluate.learned import LEARNED, Cleaner, LearnedMethod, Training, Window
from calibrate.evaluate.material import Material
from calibrate.evaluate.methods import check, default_methods, described
from calibrate.evaluate.trained import SINGLE, Group, learn, missing
from rtdenoise.console import Ticker
from rtdenoise.errors import NetworkError

Floats = NDArray[np.float32]
CPU = torch.device("cpu")


@dataclass
class Halves:
    """Halves what it is given; with ``shift``, it also favours what lies to the right, so that views differ."""

    shift: bool = False
    parameters: int = 7
    calls: list[Window] = field(default_factory=list)
    single: Cleaner | None = None

    def __call__(self, frame: Floats, window: Window) -> Floats:
        self.calls.append(window)
        moved = np.roll(frame, -1, -1) if self.shift else frame
        return np.asarray(0.5 * moved[(slice(None), *window.inside)], np.float32)


@dataclass
class Trainings:
    """Counts trainings, and notes what each was given."""

    cleaner: Halves
    given: list[Training] = field(default_factory=list)
    stop: bool = False

    def __call__(
        self, training: Training, tick: Callable[[float], None], say: Callable[[str], None]
    ) -> Cleaner:
        self.given.append(training)
        tick(30.0)
        if self.stop:
            raise KeyboardInterrupt
        return self.cleaner


class Sum(Ticker):
    """What a bar was told."""

    done = 0.0

    def advance(self, amount: float = 1, note: str = "") -> None:
        self.done += amount


def run(trainings: Trainings, material: Material, folder: Path, views: bool) -> tuple[Kept, Sum]:
    kept, ticker = Kept(folder / "methods", "mark"), Sum()
    learn(
        LearnedMethod("halves", "Halves", "", views, trainings),
        material.training(),
        material.split,
        [Group(material.places, kept)],
        minutes=1.0,
        folder=folder / "training",
        device=CPU,
        ticker=ticker,
        say=lambda _: None,
    )
    return kept, ticker


def test_every_series_is_cleaned_once(material: Material, tmp_path: Path) -> None:
    trainings = Trainings(Halves())
    kept, ticker = run(trainings, material, tmp_path, views=False)
    assert ticker.done == 60
    (training,) = trainings.given
    assert training.frames == len(trainings.cleaner.calls) == 6  # four judged; two to see flicker
    for place in material.places:
        found = kept.load("halves", place.name)
        assert found is not None
        assert found.frames.shape == (
            len(place.cleaned),
            3,
            place.window.height,
            place.window.width,
        )
        noisy = place.footage().frame(place.judged.frames[0])
        assert found.frames[0] == pytest.approx(noisy / 2, abs=1e-4)
    assert kept.facts("halves")["parameters"] == 7
    assert kept.facts("halves")["minutes"] == 1.0
    groups = [Group(material.places, kept)]
    assert not missing("halves", groups)
    assert missing("other", groups)
    (tmp_path / "methods" / "halves" / f"{material.places[1].name}.npz").unlink()
    assert missing("halves", groups)
    run(trainings, material, tmp_path, views=False)
    assert len(trainings.cleaner.calls) == 6 + len(material.places[1].cleaned)


def test_a_stop_leaves_nothing_done(material: Material, tmp_path: Path) -> None:
    trainings = Trainings(Halves(), stop=True)
    with pytest.raises(KeyboardInterrupt):
        run(trainings, material, tmp_path, views=False)
    trainings.stop = False
    run(trainings, material, tmp_path, views=False)
    assert len(trainings.given) == 2
    assert {one.folder for one in trainings.given} == {tmp_path / "training"}


def test_the_mean_over_eight_views(material: Material, tmp_path: Path) -> None:
    """Turned, cleaned and turned back: what a network sees to its right lies on all sides of the picture."""
    trainings = Trainings(Halves(single=Halves(shift=True)))
    kept, _ = run(trainings, material, tmp_path, views=True)
    place = material.places[-1]
    mean, one = kept.load("halves", place.name), kept.load("halves" + SINGLE, place.name)
    assert mean is not None
    assert one is not None
    noisy = place.footage().frame(place.judged.frames[0])
    inner = (slice(None), slice(1, -1), slice(1, -1))
    right = 0.5 * noisy[:, 1:-1, 2:]
    assert one.frames[0][inner] == pytest.approx(right, abs=1e-4)
    around = noisy[:, 1:-1, 2:] + noisy[:, 1:-1, :-2] + noisy[:, 2:, 1:-1] + noisy[:, :-2, 1:-1]
    assert mean.frames[0][inner] == pytest.approx(around / 8, abs=1e-4)
    assert mean.spread is not None
    assert mean.spread.shape == noisy.shape[1:]
    assert mean.spread.max() > 0.01
    assert one.spread is None
    assert mean.ms_per_frame > one.ms_per_frame


def test_deep_image_prior_spends_no_time_on_flicker(material: Material, tmp_path: Path) -> None:
    trainings, kept = Trainings(Halves()), Kept(tmp_path / "methods", "mark")
    learn(
        LearnedMethod("dip", "Deep Image Prior", "", False, trainings),
        material.training(),
        material.split,
        [Group(material.places, kept)],
        minutes=1.0,
        folder=tmp_path,
        device=CPU,
        ticker=Ticker(),
        say=lambda _: None,
    )
    assert trainings.given[0].frames == len(trainings.cleaner.calls) == len(material.places)


def test_names_that_mean_nothing_are_refused() -> None:
    check(["recursive", "nano-base", "atadenoise", "own"], ["own"], learning=False)
    check(["paper", "nano-calibrated"], [], learning=True)
    with pytest.raises(NetworkError, match="no method 'nonesuch'"):
        check(["nonesuch"], [], learning=True)
    with pytest.raises(NetworkError, match="trained first"):
        check(["paper"], [], learning=False)


def test_all_methods_of_the_papers_table_are_there() -> None:
    names = default_methods(learning=True, fine_tuned=True, own=["nano"])
    assert {*LEARNED, "nano-calibrated", "nano-base", "recursive", "opencv-nlmeans"} <= {*names}
    assert "nano" not in names
    assert "nano" in default_methods(learning=False, fine_tuned=False, own=["nano"])
    for name in names:
        known = described(name)
        assert known.title
        assert known.kind in ("filter", "live", "learned")
    shown = [described(n).title for name in names for n in (name, name + SINGLE) if name in LEARNED]
    assert len({*shown}) == len(shown)

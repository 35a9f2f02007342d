"""The whole comparison on a simulated camera, with methods that learn nothing; and the command around it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from calibrate.evaluate.assembling import uneven_remarks
from calibrate.evaluate.command import command
from calibrate.evaluate.learned import LEARNED, Cleaner, LearnedMethod, Training, Window
from calibrate.evaluate.protocol import QUICK, Filmed
from calibrate.evaluate.run import Evaluation, Request, evaluate, other_sensor
from calibrate.evaluate.table import sentence, show_table
from rtdenoise.cli import Settings
from rtdenoise.console import Ticker
from rtdenoise.errors import NetworkError

Floats = NDArray[np.float32]
SCENES = (("desk", 0), ("room", 1), ("street", 1), ("chart", 0))
SMALL = replace(
    QUICK,
    filmed=(Filmed("scenes", SCENES[:2], 1, 14), Filmed("webcam", SCENES[2:], 1, 14)),
    other=(Filmed("webcam", (("desk", 4), ("room", 4)), 1, 14),),
    window=64,
    size=(256, 144),
)
METHODS = ("atadenoise", "recursive", "paper", "paper-noise2noise", "dip")


@dataclass
class Soft:
    """A mean of neighbours in place of a network."""

    reach: int
    parameters: int = 3
    single: Cleaner | None = None

    def __call__(self, frame: Floats, window: Window) -> Floats:
        shifts = range(-self.reach, self.reach + 1)
        mean = np.mean([np.roll(frame, (i, j), (1, 2)) for i in shifts for j in shifts], axis=0)
        return np.asarray(mean[(slice(None), *window.inside)], np.float32)


@dataclass
class Train:
    """Learns nothing, and counts how often."""

    cleaner: Soft
    times: list[Training] = field(default_factory=list)

    def __call__(
        self, training: Training, tick: Callable[[float], None], say: Callable[[str], None]
    ) -> Cleaner:
        self.times.append(training)
        return self.cleaner


@contextmanager
def quiet(label: str, total: float | None, unit: str = "frames") -> Iterator[Ticker]:
    yield Ticker()


@pytest.fixture
def trains(monkeypatch: pytest.MonkeyPatch) -> dict[str, Train]:
    """Methods in place of those that take minutes."""
    found = {}
    for name, reach, views in (
        ("paper", 1, True),
        ("paper-noise2noise", 3, False),
        ("dip", 0, False),
    ):
        single = Soft(reach) if views else None
        found[name] = Train(Soft(reach, single=single))
        monkeypatch.setitem(
            LEARNED, name, LearnedMethod(name, name.title(), "", views, found[name])
        )
    return found


def finite(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def run(home: Path, **changed: Any) -> Evaluation:
    request = Request(
        camera="simulated:desk?noise=high", protocol=SMALL, methods=METHODS, home=home
    )
    return evaluate(replace(request, **changed), quiet)


def test_the_whole_comparison(trains: dict[str, Train], tmp_path: Path) -> None:
    found = run(tmp_path)
    facts = found.to_json()
    finite(facts)
    assert json.loads((found.folder / "evaluation.json").read_text()) == facts
    rows = {row["name"]: row for row in facts["methods"]}
    assert set(rows) == {"camera", *METHODS, "paper-single"}
    assert next(iter(rows)) == "camera"
    assert list(rows)[1:] == facts["order"]
    values = [rows[name]["places"]["unseen"]["upsnr_db"]["value"] for name in facts["order"]]
    assert values == sorted(values, reverse=True)
    assert facts["order"][0] == "recursive"
    assert [one["seen"] for one in facts["series"]] == [True, False, True, False]
    camera = rows["camera"]["places"]["unseen"]
    assert camera["gain_db"] == {"value": 0, "low": 0, "high": 0}
    assert camera["upsnr_db"]["value"] == pytest.approx(camera["true_psnr_db"], abs=0.5)
    assert camera["psnr_bias_db"] == pytest.approx(-0.2, abs=0.4)
    for name, row in rows.items():
        assert set(row["series"]) == {one["name"] for one in facts["series"]}
        assert 0 < row["places"]["seen"]["ssim"] <= 1
        if name not in ("camera", "dip"):
            assert row["flicker_db"] > 1
    assert rows["dip"]["flicker_db"] is None
    assert rows["dip"]["places"]["unseen"]["gain_db"]["value"] == pytest.approx(0, abs=0.01)
    assert rows["atadenoise"]["setting"].startswith("a=")
    # A mean over 7 × 7 pixels takes the picture's detail away, averaging over time doesn't.
    assert rows["paper-noise2noise"]["structure"] > rows["recursive"]["structure"] + 0.1
    assert rows["paper"]["parameters"] == 3
    pairs = {(c["a"], c["b"]): c for c in facts["comparisons"] if c["place"] == "unseen"}
    assert pairs["paper", "paper-noise2noise"]["verdict"] == "better"
    # Neighbours alike in all directions: the mean over views is what one view is.
    assert {"paper", "paper-single"} in [set(group) for group in facts["ties"]]
    assert "can't be told apart" in sentence(pairs["paper", "paper-single"])
    crops = facts["crops"]
    assert [crop["series"] for crop in crops] == ["scenes-desk", "scenes-room1"]
    for crop in crops:
        files = [*crop["methods"].values(), *crop["removed"].values()]
        files += [crop[name] for name in ("uncertainty", "low", "high", "truth", "mean")]
        assert all((found.folder / name).is_file() for name in files)
    show_table(found)


def test_another_camera(trains: dict[str, Train], tmp_path: Path) -> None:
    cross = run(tmp_path).to_json()["cross_camera"]
    rows = {row["name"]: row for row in cross["methods"]}
    assert set(rows) == {"paper", "paper-single", "paper-noise2noise"}  # nothing of dip is learned
    assert [one["name"] for one in cross["series"]] == ["webcam-room4"]
    # The softer one takes more of the picture away, on this camera too.
    softer = rows["paper-noise2noise"]["cross_gain_db"]["high"]
    assert rows["paper"]["cross_gain_db"]["low"] > softer
    # What learns nothing is as good on either camera.
    assert rows["paper"]["difference_db"]["value"] == pytest.approx(0, abs=1e-6)
    assert rows["paper"]["verdict"] == "tie"
    assert rows["paper-noise2noise"]["own_gain_db"] is None
    assert len(trains["paper"].times) == 2
    own = trains["paper"].times[1]
    assert [one.name for one in own.series] == ["webcam-desk4"]


def test_a_run_goes_on_from_what_is_done(
    trains: dict[str, Train], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(
        training: Training, tick: Callable[[float], None], say: Callable[[str], None]
    ) -> Cleaner:
        raise KeyboardInterrupt

    paper = LEARNED["paper-noise2noise"]
    monkeypatch.setitem(LEARNED, "paper-noise2noise", replace(paper, train=stopped))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert len(trains["paper"].times) == 1
    monkeypatch.setitem(LEARNED, "paper-noise2noise", paper)
    first = run(tmp_path).to_json()
    assert len(trains["paper"].times) == 2  # the second is that on the other camera
    again = run(tmp_path).to_json()
    assert again == first
    assert [len(train.times) for train in trains.values()] == [2, 1, 1]
    more = run(tmp_path, minutes=0.8).to_json()
    assert [len(train.times) for train in trains.values()] == [4, 2, 2]
    assert {row["minutes_trained"] for row in more["methods"]} == {None, 0.8}


def test_an_uneven_race_is_said() -> None:
    rows: list[dict[str, Any]] = [
        {"name": "one", "cores": 1.9},
        {"name": "two", "cores": 0.4},
        {"name": "filter"},
    ]
    (remark,) = uneven_remarks(rows)
    assert remark.startswith("While two learned")
    assert uneven_remarks([{"name": "one", "cores": 1.9}, {"name": "two", "cores": 1.6}]) == []
    alone = {"name": "two", "cores": 0.998}  # uses one core by itself
    assert uneven_remarks([{"name": "one", "cores": 1.98}, alone]) == []


def test_methods_that_are_not_there_cost_nothing(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no method 'bm4d'"):
        run(tmp_path, methods=("bm4d",))


@pytest.mark.parametrize(
    ("spec", "other"),
    [
        ("simulated", "simulated?noise=high&sensor=1"),
        ("simulated:room?noise=high", "simulated:room?noise=medium&sensor=1"),
        (
            "simulated:desk?noise=low&sensor=4&processing=mild",
            "simulated:desk?sensor=5&processing=mild&noise=high",
        ),
        ("simulated:desk?gain=12", "simulated:desk?noise=high&sensor=1"),
    ],
)
def test_the_other_camera_is_another_sensor_with_other_noise(spec: str, other: str) -> None:
    found = other_sensor(spec)
    assert set(found.partition("?")[2].split("&")) == set(other.partition("?")[2].split("&"))
    assert found.partition("?")[0] == other.partition("?")[0]


def test_options_of_the_protocol_need_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--minutes", "1"], obj=Settings(tmp_path))
    assert done.exit_code == 2
    assert "go with --paper or --quick" in done.output

"""What a person has filmed, as the material of a comparison."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from calibrate.evaluate.filming import film
from calibrate.evaluate.preparing import Prepared, own_footage, simulated_camera
from calibrate.evaluate.protocol import OWN, PAPER, Filmed
from calibrate.paper.dataset import held_frame_count
from rtdenoise.console import Ticker
from rtdenoise.errors import ClipError
from rtdenoise.profile import Profile

SIZE = (256, 144)
SMALL = replace(PAPER, window=64)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with four clips of one camera, and one in another mode."""
    folder: Path = tmp_path_factory.mktemp("home")
    scenes = (("desk", 0), ("room", 1), ("street", 1), ("chart", 0))
    clips = folder / "profiles" / "simulated-high-0-256x144" / "clips"
    filmed = Filmed("filmed", scenes, 0, 14)
    found = film("simulated:desk?noise=high", (filmed,), SIZE, clips, Ticker())
    info = found[0].clip.camera
    assert Profile.of(info, folder).clips_folder == clips
    Profile.of(info, folder).remember(info)
    other = Filmed("other", (("desk", 5),), 0, 14)
    film("simulated:desk?noise=high", (other,), (320, 180), clips, Ticker(), 50)
    for number, one in enumerate(found):  # the newest last
        path = one.clip.path
        stamp = 1_900_000_000 + number
        path.touch()
        os.utime(path, (stamp, stamp))
    return folder


def test_all_clips_of_one_mode_count_for_the_papers_protocol(home: Path) -> None:
    prepared = own_footage("simulated-high-0-256x144", SMALL, None, home)
    assert len(prepared.material.places) == 4
    assert [place.seen for place in prepared.material.places] == [True, True, True, False]
    assert "here there are 4 series" in prepared.remarks[0]
    assert prepared.folder.name == "paper"


def test_the_newest_clip_counts_otherwise(home: Path) -> None:
    prepared = own_footage("simulated-high-0-256x144", replace(OWN, window=64), None, home)
    (place,) = prepared.material.places
    assert place.name.startswith("filmed-chart")
    assert "strip at the right" in prepared.remarks[0]


def test_noise_is_measured_where_one_may_learn(home: Path, tmp_path: Path) -> None:
    prepared = own_footage("simulated-high-0-256x144", SMALL, None, home)
    prepared = replace(prepared, folder=tmp_path)
    learned = list(prepared.learned_frames())
    assert [len(planes) for planes, _ in learned] == [14 - held_frame_count(14)] * 3
    noise = prepared.noise()
    assert noise.mode == str(prepared.material.places[0].recorded.clip.mode)
    assert prepared.noise() == noise  # from its file


def test_the_training_clip_has_the_same_frames(home: Path, tmp_path: Path) -> None:
    prepared = replace(own_footage("simulated-high-0-256x144", SMALL, None, home), folder=tmp_path)
    clip = prepared.training_clip(Ticker())
    assert len(clip.accepted) == 3
    for series, (planes, _) in zip(clip.accepted, prepared.learned_frames(), strict=True):
        for one, other in zip(clip.read(series), planes, strict=True):
            assert one.y.tobytes() == other.y.tobytes()


def test_the_mark_changes_with_the_windows(home: Path) -> None:
    def of(side: int) -> Prepared:
        return own_footage("simulated-high-0-256x144", replace(SMALL, window=side), None, home)

    assert of(64).mark == of(64).mark != of(48).mark


def test_what_is_meant_by_a_simulated_camera(home: Path) -> None:
    assert simulated_camera("simulated:room", home) == "simulated:room"
    known = simulated_camera("simulated-high-0-256x144", home)
    assert known is not None
    assert known.startswith("simulated:desk?noise=high")
    assert simulated_camera("/dev/video0", home) is None
    assert simulated_camera(None, home) is None


def test_a_camera_with_short_series_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibrate.evaluate.preparing.FEWEST_FRAMES", 15)
    with pytest.raises(ClipError, match="longest accepted series"):
        own_footage("simulated-high-0-256x144", SMALL, None, home)

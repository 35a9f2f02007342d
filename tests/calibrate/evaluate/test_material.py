"""What is learned from and what is judged: never the same frames, and windows that no result has chosen."""

from dataclasses import replace

import numpy as np
import pytest

from calibrate.evaluate.filming import film, scene_spec
from calibrate.evaluate.material import Material, Recorded, gather, luma
from calibrate.evaluate.protocol import PAPER, beside_the_paper
from calibrate.evaluate.truth import truth
from calibrate.evaluate.windows import around, choose_window, cut
from calibrate.paper.dataset import held_frame_count
from rtdenoise.cameras import open_camera
from rtdenoise.console import Ticker
from rtdenoise.errors import ClipError
from rtdenoise.frames import rgb_tensor


def test_nothing_learns_from_what_is_judged(material: Material) -> None:
    assert [place.seen for place in material.places] == [True, True, True, False]
    series = material.training()
    assert len(series) == len(material.split.training) == len(material.split.validation) == 3
    for one, place, region, other in zip(
        series, material.places, material.split.training, material.split.validation, strict=False
    ):
        held = place.count - held_frame_count(place.count)
        assert len(one.frames) == region.last == other.last == held
        assert place.judged.frames[0] >= held
        assert region.right == other.left
        # The window lies in columns that are learned from, where the validation's would tell less.
        assert place.window.left + place.window.width <= region.right
        assert set(place.references).isdisjoint(place.cleaned[: len(place.judged.frames)])
        assert len(place.references) >= 4


def test_settings_are_chosen_on_frames_that_are_learned_from(material: Material) -> None:
    assert len(material.tuning) == 3
    for place in material.tuning:
        held = held_frame_count(place.recorded.series.count)
        assert place.references[-1] < place.recorded.series.count - held


def test_few_scenes_are_judged_in_a_strip_at_the_right(recorded: list[Recorded]) -> None:
    few = [replace(one, held=False) for one in recorded[:2]]
    material = gather(few, 1, 96, 1000)
    assert not material.by_scene
    for place, region in zip(material.places, material.split.training, strict=True):
        assert not place.seen
        assert place.window.left >= 0.8 * 320
        assert region.right <= 0.65 * 320
    assert [len(one.frames) for one in material.training()] == [9, 9]


def test_three_scenes_of_a_person_hold_one_out(recorded: list[Recorded]) -> None:
    scenes = [replace(one, held=False) for one in recorded]
    material = gather(scenes, 1, 96, 1000)
    assert [place.seen for place in material.places] == [True, True, True, False]


def test_series_too_short_are_refused(recorded: list[Recorded]) -> None:
    short = [replace(one, series=replace(one.series, count=7)) for one in recorded]
    with pytest.raises(ClipError, match="8 frames"):
        gather(short, 1, 96, 1000)


def test_footage_is_what_the_camera_sent(material: Material) -> None:
    place = material.places[0]
    footage = place.footage()
    k = place.judged.frames[0]
    *_, sent = (p for i, p in zip(range(k + 1), place.planes(), strict=False))
    whole = rgb_tensor(sent).clamp(0, 1).numpy()
    assert np.array_equal(footage.frame(k), whole[(slice(None), *place.window.inside)])
    clean = truth(place)
    assert clean is not None
    noise = np.var((luma(footage.frame(k)) - luma(clean[0]))[footage.mask])
    assert footage.noise_variance == pytest.approx(noise, rel=0.25)
    others = footage.mean_of_others(k)
    assert np.var((others - luma(clean[0]))[footage.mask]) < noise / 3


def test_scenes_of_one_camera_have_noise_of_their_own(recorded: list[Recorded]) -> None:
    assert len({one.clip.camera.id for one in recorded}) == 1
    specs = [one.clip.camera.spec for one in recorded]
    assert len({spec.partition("seed=")[2] for spec in specs}) == len(specs)
    spec = scene_spec("simulated:desk?noise=low&seed=9&motion=pan", "room", 2, 5, 14)
    assert spec == "simulated:room?noise=low&variant=2&seed=5&frames=14"


def test_filmed_clips_are_taken_again(recorded: list[Recorded]) -> None:
    folder = recorded[0].clip.path.parent
    before = recorded[0].clip.path.stat().st_mtime_ns
    from .conftest import GROUPS, SIZE

    again = film("simulated:desk?noise=high", GROUPS, SIZE, folder, Ticker())
    assert [one.series for one in again] == [one.series for one in recorded]
    assert recorded[0].clip.path.stat().st_mtime_ns == before


def test_the_papers_protocol_has_its_series() -> None:
    assert [(len(group.scenes), group.frames) for group in PAPER.filmed] == [(7, 14), (6, 20)]
    scenes = [scene for group in PAPER.filmed for scene in group.scenes]
    assert len(set(scenes)) == 13
    assert "13 series" in beside_the_paper(2, 30, (640, 480))
    assert "there is 1 series" in beside_the_paper(1, 30, (640, 480))


def test_a_window_shows_flat_and_textured_and_edges() -> None:
    mean = np.full((200, 300), 100, np.float32)
    mean[80:120, 160:200] += 60 * (np.arange(40) // 5 % 2)
    mask = np.ones(mean.shape, bool)
    window = choose_window(mean, mask, (0, 300), 64)
    rows, columns = window.inside
    assert rows.start <= 96 <= rows.stop
    assert columns.start <= 180 <= columns.stop
    mask[:, 150:] = False
    window = choose_window(mean, mask, (0, 300), 64)
    assert mask[window.inside].mean() > 0.7
    window = choose_window(mean, mask, (101, 300), 64)
    assert window.left >= 101
    assert window.left % 2 == 0
    small = choose_window(mean, mask, (0, 300), 1000)
    assert (small.height, small.width) == (200, 300)


def test_a_part_of_a_frame_is_that_part() -> None:
    camera = open_camera("simulated:desk?frames=1", size=SIZE)
    planes = camera.noisy(0)  # type: ignore[attr-defined]
    camera.close()
    from calibrate.evaluate.learned import Window

    part = around(Window(40, 60, 64, 80), 6, (180, 320))
    small = cut(planes, part)
    assert (small.format.height, small.format.width) == (part.height, part.width) == (76, 92)
    assert np.array_equal(small.y, planes.y[part.inside])
    assert np.array_equal(small.u, planes.u[34:110, 27:73])


SIZE = (320, 180)

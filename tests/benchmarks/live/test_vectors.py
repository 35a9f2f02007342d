"""The scenes' true movement is that of their pixels, and the figures of known vectors come out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.live.ours import maker
from benchmarks.live.trembling import measured
from benchmarks.live.vectors import Film, figure_table, judge, mean, measure_scene
from benchmarks.live.vectors_scenes import KINDS, Moving
from rtdenoise.alignment.motion import Movement
from rtdenoise.alignment.tracking import Tracker

SIZE = (192, 128)


@pytest.mark.parametrize("kind", KINDS)
def test_the_true_movement_brings_the_frame_before_to_this_one(kind: str) -> None:
    moving = Moving(kind, 3.0, SIZE)
    columns, rows = (np.arange(n, dtype=np.float64) for n in SIZE)
    x, y = np.meshgrid(columns, rows)
    flow = moving.movement(5, x, y)
    inside = cv2.erode((moving.coverage(5) > 0.99).astype(np.uint8), np.ones((5, 5))) > 0
    assert inside.sum() > 500
    assert 1.0 < float(np.hypot(*flow[inside].T).mean()) < 5.0
    at_x, at_y = ((a + flow[:, :, i]).astype(np.float32) for i, a in enumerate((x, y)))
    before, now = moving.light(4), moving.light(5)
    brought = np.asarray(cv2.remap(before, at_x, at_y, cv2.INTER_CUBIC), np.float32)
    wrong, change = (np.square(a - now)[inside].mean() for a in (brought, before))
    assert wrong < 0.05 * change


def found(film: Film, index: int, off: float, place: NDArray[np.bool_]) -> Movement:
    true = film.movement(index)
    wrong = np.array([off / 4, 0], np.float32)
    flow = np.asarray((true.flow + wrong) * place[:, :, None], np.float32)
    return Movement(flow, place, true.base)


def test_vectors_that_are_off_by_half_a_pixel_are_found_to_be() -> None:
    film = Film(Moving("translation", 2.0, SIZE), "medium", SIZE, 6)
    results = dict.fromkeys(("noisy", "none", "searched", "true"), film.frames)
    movements: dict[int, Movement | None] = {
        index: found(film, index, 0.5, film.blocks[index] > 0.9) for index in range(1, 6)
    }
    figure = judge("translation", film, movements, results, first=2)
    assert figure.speed == pytest.approx(2.0, abs=0.1)
    assert figure.median == pytest.approx(0.5, abs=1e-3)
    assert figure.rms == pytest.approx(0.5, abs=1e-3)
    assert figure.followed == 1
    assert figure.outside == 0
    assert figure.moving_noisy == figure.moving_searched
    assert 25 < figure.moving_noisy < 45

    movements[4] = None
    movements[5] = found(film, 5, 0.5, np.ones(film.blocks[5].shape, bool))
    figure = judge("translation", film, movements, results, first=4)
    assert figure.followed == pytest.approx(0.5, abs=0.05)
    assert figure.outside > 0.5

    nothing = judge("translation", film, {}, results, first=4)
    assert np.isnan(nothing.median)
    assert nothing.followed == 0
    assert mean([figure, nothing]).median == pytest.approx(figure.median)
    assert "–" in figure_table([nothing, figure]).splitlines()[2]


def test_a_scene_is_cleaned_three_times_and_the_tracker_is_as_before() -> None:
    before = Tracker.find
    figure = measure_scene(
        "translation", 3.0, maker("nano", "cpu"), measured("medium"), size=SIZE, count=12, first=6
    )
    assert Tracker.find is before
    assert figure.followed > 0.5
    assert figure.median < 1.0
    assert figure.moving_none < figure.moving_true
    assert figure.still_none > figure.still_noisy + 2
    assert len(figure_table([figure]).splitlines()) == 4

"""The trail of filters that are known must come out, and what is no trail must not look like one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.live.ghosting import SPANS, average, pair_mean
from benchmarks.live.trembling import Figure, Meter, Shot, film_scene
from benchmarks.live.trembling_scenes import SCENES, Trembling
from rtdenoise.frames import PlaneFormat, Planes

SIZE = (96, 64)
LAYOUT = PlaneFormat(*SIZE, "420", full_range=True, matrix="bt601")


def picture(y: NDArray[Any], index: int, size: tuple[int, int] = SIZE) -> Planes:
    layout = PlaneFormat(*size, "420", full_range=True, matrix="bt601")
    chroma = np.full(layout.chroma_shape, 128, np.uint8)
    luma = np.asarray(np.rint(np.clip(y, 0, 255)), np.uint8)
    return Planes(luma, chroma, chroma, layout, index / 30)


@pytest.fixture(scope="module")
def shot() -> Shot:
    """Textures that have nothing to do with each other, one per frame, and white noise."""
    random = np.random.default_rng(5)
    truths, frames = [], []
    for index in range(60):
        texture = cv2.GaussianBlur(random.normal(size=SIZE[::-1]).astype(np.float32), (0, 0), 1.5)
        truth = picture(128 + 120 * texture, index)
        truths.append(truth)
        frames.append(picture(truth.y + random.normal(0, 4, truth.y.shape), index))
    return Shot("texture", "medium", frames, truths, {"all": (0, 0, *SIZE)})


def measured(shot: Shot, results: list[Planes]) -> Figure:
    (figure,) = Meter(shot).figures("", "", results)
    return figure


def test_doing_nothing_has_no_trail_and_no_gain(shot: Shot) -> None:
    figure = measured(shot, shot.frames)
    assert abs(figure.trail) < 0.005
    assert figure.cleaned_db == figure.noisy_db == pytest.approx(36.1, abs=0.2)  # σ = 4


def test_the_mean_of_two_frames_has_one_half(shot: Shot) -> None:
    figure = measured(shot, list(pair_mean(shot.frames)))
    assert figure.trail == pytest.approx(0.5, abs=0.01)
    assert figure.cleaned_db < figure.noisy_db - 5


@pytest.mark.parametrize("weight", [0.3, 0.6])
def test_a_running_average_has_what_its_weights_say(weight: float) -> None:
    # Squares so large that a blur has nothing to say, new levels in every frame. With the share a of the frame itself,
    # and a past of n frames with the share s together, the regression sees (s/n + 1 − a)/(1/n + 1).
    random, squares = np.random.default_rng(7), np.ones((32, 32))
    levels = random.uniform(20, 235, (60, 8, 12))
    truths = [picture(np.kron(level, squares), i, (384, 256)) for i, level in enumerate(levels)]
    flicker = Shot("squares", "low", truths, truths, {"all": (0, 0, 384, 256)})

    def slope(new: int, old: int) -> float:
        shares = weight * (1 - weight) ** np.arange(60)
        share, count = shares[new : old + 1].sum(), old - new + 1
        return float((share / count + 1 - weight) / (1 / count + 1))

    expected = max(slope(new, old) for new, old in SPANS)
    figure = measured(flicker, list(average(weight)(flicker.frames)))
    assert figure.trail == pytest.approx(expected, abs=0.03)


def test_what_is_older_is_found(shot: Shot) -> None:
    mixed = [
        picture(0.8 * now.y + 0.2 * np.mean([t.y for t in shot.truths[i - 20 : i - 4]], 0), i)
        if i >= 20
        else now
        for i, now in enumerate(shot.frames)
    ]
    assert measured(shot, mixed).trail == pytest.approx(0.2, abs=0.01)


def test_blur_is_no_trail(shot: Shot) -> None:
    blurred = [
        picture(cv2.blur(f.y, (3, 3)).astype(np.float32), i) for i, f in enumerate(shot.frames)
    ]
    figure = measured(shot, blurred)
    assert abs(figure.trail) < 0.02


def test_a_trail_in_chroma_is_told_apart() -> None:
    random = np.random.default_rng(6)
    truths = []
    for index in range(40):
        grey = picture(np.full(SIZE[::-1], 100, np.float32), index)
        u = random.integers(60, 200, LAYOUT.chroma_shape).astype(np.uint8)
        truths.append(
            Planes(random.integers(40, 200, grey.y.shape).astype(np.uint8), u, u, LAYOUT, 0)
        )
    results = [
        Planes(
            now.y, cv2.addWeighted(now.u, 0.7, before.u, 0.3, 0).astype(np.uint8), now.v, LAYOUT, 0
        )
        for before, now in zip([truths[0], *truths], truths, strict=False)
    ]
    figure = measured(Shot("", "low", truths, truths, {"all": (0, 0, *SIZE)}), results)
    assert abs(figure.trail) < 0.01
    assert figure.chroma_trail == pytest.approx(0.15, abs=0.02)  # U has it, V has not


@pytest.mark.parametrize("name", list(SCENES))
def test_scenes_change_in_their_parts_and_nowhere_else(name: str) -> None:
    scene = SCENES[name]()
    first = scene.light(0.0)
    changed = np.zeros(first.shape[:2], bool)
    for time_s in (0.1, 0.2, 0.45, 0.7):
        changed |= np.abs(scene.light(time_s) - first).max(2) > 0.02
    for left, top, right, bottom in scene.parts.values():
        part = changed[top:bottom, left:right]
        assert part.mean() > 0.005
        part[:] = False
    assert not changed.any()
    assert np.array_equal(scene.light(0.0), first)


def test_filmed_frames_hold_the_truth_and_noise() -> None:
    def light(time_s: float) -> NDArray[np.float32]:
        grey = np.full((64, 96, 3), 0.2, np.float32)
        grey[:, 40 : 40 + int(60 * time_s)] = 0.6
        return grey

    low, high = film_scene("bar", Trembling(light, {"bar": (30, 0, 70, 64)}), ("low", "high"), 12)
    assert np.array_equal(low.truths[5].y, high.truths[5].y)
    assert np.abs(low.truths[11].y.astype(int) - low.truths[0].y).max() > 50
    spread = {
        s.noise: np.std(s.frames[11].y[:, :24].astype(int) - s.truths[11].y[:, :24])
        for s in (low, high)
    }
    assert 0.3 < spread["low"] < 2.5 < spread["high"] < 12

"""How denoisers for a call behave in scenes of the simulated camera, where the truth is known.

Every denoiser with a memory has to pass: what stands still gets better with time, and nothing freezes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibrate.noise.measure import measure
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.denoisers.base import Denoiser
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import Planes, convert, planes_from_frame
from rtdenoise.networks.shipped import load_base
from rtdenoise.noise import NoiseModel

Make = Callable[[NoiseModel | None], Denoiser]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIZE = (320, 192)
SENSOR = 31
# Add a line for every denoiser that `live` may use.
DENOISERS: dict[str, Make] = {
    "recursive": RecursiveDenoiser,
    "nano": lambda model: LiveNetworkDenoiser(load_base("nano"), model, "cpu"),
}


@pytest.fixture(params=DENOISERS)
def make(request: pytest.FixtureRequest) -> Make:
    return DENOISERS[request.param]


@pytest.fixture(params=["measured", "own estimate"])
def model(request: pytest.FixtureRequest) -> NoiseModel | None:
    return measured() if request.param == "measured" else None


def camera(
    scene: str, motion: str, frames: int, seed: int, rate_fps: float = 30, more: str = ""
) -> SimulatedCamera:
    options = f"motion={motion}&frames={frames}&seed={seed}&sensor={SENSOR}{more}"
    noise = "" if "gain" in more else "noise=medium&"
    return open_simulated(f":{scene}?{noise}{options}", size=SIZE, rate_fps=rate_fps)


def in_420(planes: Planes) -> Planes:
    return convert(planes, "420", planes.format.full_range)


def frames_of(source: SimulatedCamera) -> list[Planes]:
    return [in_420(planes_from_frame(frame)).copy() for frame in source.frames()]


@lru_cache
def measured() -> NoiseModel:
    """The camera's noise, from another scene than those that are judged."""
    series = frames_of(camera("room", "still", 16, seed=500))
    return measure([(series, np.ones(series[0].y.shape, bool))], "simulated", "")


def luma(planes: Planes) -> Floats:
    return planes.y.astype(np.float32)


def mse(a: Floats, b: Floats, where: Mask | None = None) -> float:
    squares = np.square(a - b)
    return float(squares.mean() if where is None else squares[where].mean())


def decibel(ratio: float) -> float:
    return 10 * float(np.log10(ratio))


@pytest.mark.parametrize("scene", ["desk", "street"])
def test_what_stands_still_gets_better_for_a_second_or_two(
    make: Make, model: NoiseModel | None, scene: str
) -> None:
    # What averaging can reach is the mean of many frames, not the truth: fixed pattern and JPEG stay. Two
    # means are used, whose own noise is independent and cancels in the product.
    first, second = (
        np.mean([p.y for p in frames_of(camera(scene, "still", 24, seed=600 + k))], axis=0)
        for k in range(2)
    )

    def noise(y: Floats) -> float:
        return float(((y - first) * (y - second)).mean())

    denoiser = make(model)
    gone = []
    for planes in frames_of(camera(scene, "still", 61, seed=7)):
        result = denoiser(planes)
        gone.append(decibel(noise(luma(planes)) / noise(luma(result))))
    assert gone[60] > 10
    assert gone[60] > gone[5] + 1
    assert gone[60] > gone[30] - 0.3  # nothing is lost again


def test_a_slow_drift_of_exposure_is_followed(make: Make, model: NoiseModel | None) -> None:
    denoiser = make(model)
    frames = frames_of(camera("desk", "still", 90, seed=8, rate_fps=90, more="&drift=0.4"))
    still = luma(frames[0])
    tones = [still < 70, (still >= 70) & (still < 140), still >= 140]
    lags = []
    for planes in frames:
        result = denoiser(planes)
        lags.append([float((luma(result) - luma(planes))[tone].mean()) for tone in tones])
    drifted = luma(frames[-1]) - luma(frames[0])
    assert float(drifted.mean()) < -10  # there is something to follow
    assert float(np.abs(lags).max()) < 1.0
    assert float(np.abs(np.mean(lags, axis=0)).max()) < 0.5


def test_a_step_of_exposure_is_followed_at_once(make: Make, model: NoiseModel | None) -> None:
    dark = frames_of(camera("desk", "still", 15, seed=9, more="&gain=32&light=0.03"))
    bright = frames_of(camera("desk", "still", 10, seed=10, more="&gain=32&light=0.036"))
    denoiser = make(model)
    for planes in dark:
        denoiser(planes)
    for index, planes in enumerate(bright):
        lag = float((luma(denoiser(planes)) - luma(planes)).mean())
        assert abs(lag) < (1.5 if index < 2 else 0.7)


@pytest.mark.parametrize("rate_fps", [30, 240])  # the more frames per second, the slower it moves
@pytest.mark.parametrize("scene", ["desk", "street"])
def test_a_moving_subject_is_followed_without_a_trail(
    make: Make, model: NoiseModel | None, scene: str, rate_fps: float
) -> None:
    denoiser = make(model)
    source = camera(scene, "subject", 40, seed=11, rate_fps=rate_fps)
    frames = frames_of(source)
    truths = [luma(in_420(source.truth(i))) for i in (30, 39)]
    results = [luma(denoiser(planes).copy()) for planes in frames]
    subject = source.subject_mask(39)
    sigma = float(np.std(luma(frames[39]) - truths[1]))

    # Nothing is frozen: where the picture changed, the result is the picture of now.
    changed = np.abs(truths[1] - truths[0]) > 4 * sigma
    assert changed.sum() > 100
    assert mse(results[39], truths[1], changed) < mse(results[39], truths[0], changed) / 8
    # The subject is cleaned, too.
    before, after = (mse(y, truths[1], subject) for y in (luma(frames[39]), results[39]))
    assert decibel(before / after) > 1
    # Where it has been there is no trail. What the frame's own noise and the truth's lack of fixed pattern do
    # to such a mean is far less.
    been = np.any([source.subject_mask(i) for i in range(25, 39)], axis=0) & ~subject
    if been.sum() > 200:
        error = np.abs(cv2.blur(results[39] - truths[1], (5, 5)))[been]
        assert float(np.percentile(error, 99)) < 2 * sigma
        assert mse(results[39], truths[1], been) < mse(luma(frames[39]), truths[1], been)


def test_nothing_of_the_old_picture_is_left_after_a_cut(
    make: Make, model: NoiseModel | None
) -> None:
    before = frames_of(camera("room", "still", 12, seed=12))
    source = camera("desk", "still", 3, seed=13)
    after = frames_of(source)
    truth = luma(in_420(source.truth(0)))
    used, fresh = make(model), make(model)
    for planes in before:
        used(planes)
    for planes in after:
        mine, theirs = luma(used(planes)), luma(fresh(planes))
        assert decibel(mse(theirs, truth) / mse(mine, truth)) > -0.5
        ghost = luma(before[-1]) - truth
        share = float(((mine - truth) * ghost).mean() / np.square(ghost).mean())
        assert abs(share) < 0.02

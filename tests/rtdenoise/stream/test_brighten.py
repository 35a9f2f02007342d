from __future__ import annotations

import numpy as np
import pytest

from rtdenoise.cameras import open_camera
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.frames.colour import rgb_from_bytes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.stream.brighten import Brighten, brightened, fit_lift


def ramp(full_range: bool = True) -> Planes:
    """Every level once in luma, chroma neutral."""
    layout = PlaneFormat(256, 2, "420", full_range, "bt601")
    y = np.tile(np.arange(256, dtype=np.uint8), (2, 1))
    grey = np.full((1, 128), 128, np.uint8)
    return Planes(y, grey, grey, layout, 0.0)


def noise(std: float) -> NoiseModel:
    plane = PlaneNoise(NoiseCurve((0.0, 255.0), (std * std, std * std)))
    return NoiseModel(plane, plane, plane)


def dark(rng: np.random.Generator, index: int, std: float = 1.0) -> Planes:
    """A dim picture with noise."""
    layout = PlaneFormat(160, 96, "420", True, "bt601")
    scene = 30 + np.add.outer(np.arange(96) * 0.3, np.arange(160) * 0.3)
    y = np.clip(np.rint(scene + rng.normal(0, std, scene.shape)), 0, 255).astype(np.uint8)
    grey = np.full((48, 80), 128, np.uint8)
    return Planes(y, grey, grey, layout, index / 30)


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("lift", [0.1, 1.0, 2.0])
def test_luma_rises_everywhere_and_keeps_its_ends(lift: float, full_range: bool) -> None:
    source = ramp(full_range)
    curve = brightened(source, lift).y[0].astype(int)
    low, high = (0, 255) if full_range else (16, 235)
    assert (np.diff(curve) >= 0).all()
    assert (np.diff(curve[low : high + 1 : 4]) > 0).all()  # nothing is flattened
    assert (curve >= source.y[0]).all()
    assert (curve[low], curve[high]) == (low, high)
    assert (curve[:low] == np.arange(low)).all()  # what lies outside the range stays
    assert (curve[high:] == np.arange(high, 256)).all()


def test_nothing_is_the_frame_itself() -> None:
    rng = np.random.default_rng(0)
    planes = dark(rng, 0)
    assert brightened(planes, 0.0) is planes
    assert Brighten(0.0)(planes) is planes


def test_hue_and_saturation_are_kept() -> None:
    """The ratios of R', G' and B' stay, of skin among them."""
    layout = PlaneFormat(2, 2, "444", True, "bt601")
    for rgb in ((90, 62, 50), (40, 25, 20), (20, 60, 30), (30, 35, 80), (120, 90, 75)):
        there = np.linalg.inv(rgb_from_bytes(layout)[:, :3])
        ycc = there @ np.array(rgb, float) + [0, 128, 128]
        y, u, v = (np.full((2, 2), round(c), np.uint8) for c in ycc)
        lifted = brightened(Planes(y, u, v, layout, 0.0), 1.5)
        before, after = (
            rgb_from_bytes(layout) @ [float(p.y[0, 0]), float(p.u[0, 0]), float(p.v[0, 0]), 1.0]
            for p in (Planes(y, u, v, layout, 0.0), lifted)
        )
        assert after.sum() > 1.1 * before.sum()
        assert after / after.sum() == pytest.approx(before / before.sum(), abs=0.012)


def test_strong_colours_keep_their_hue_at_the_end_of_the_range() -> None:
    layout = PlaneFormat(2, 2, "444", True, "bt601")
    y, u, v = (np.full((2, 2), level, np.uint8) for level in (30, 240, 100))
    lifted = brightened(Planes(y, u, v, layout, 0.0), 2.0)
    assert (int(lifted.v[0, 0]) - 128) / (int(lifted.u[0, 0]) - 128) == pytest.approx(
        -28 / 112, abs=0.02
    )


def test_grey_has_no_chroma_to_lift() -> None:
    layout = PlaneFormat(256, 2, "gray", True, "bt601")
    nothing = np.empty((0, 0), np.uint8)
    lifted = brightened(Planes(ramp().y, nothing, nothing, layout, 0.0), 1.0)
    assert (lifted.y == brightened(ramp(), 1.0).y).all()


def test_more_noise_allows_less_and_a_bright_picture_needs_none() -> None:
    levels = np.zeros(256)
    levels[20:70] = 1 / 50
    lifts = [fit_lift(levels, noise(std), 1.0, True) for std in (0.2, 1.8, 2.0, 8.0)]
    assert lifts[0] > lifts[1] > lifts[2] > 0
    assert lifts[3] == 0
    assert fit_lift(levels, noise(9.0), 0.2, True) == pytest.approx(lifts[1])
    bright = np.roll(levels, 100)
    assert fit_lift(bright, noise(0.2), 1.0, True) == 0
    # Shadows' noise, after the lift, is what is allowed: 2.4 levels.
    x = np.arange(256) / 255
    slope = 1 + lifts[2] * ((1 - x) ** 3 - 3 * x * (1 - x) ** 2)
    assert np.sqrt((levels * (2.0 * slope) ** 2).sum()) == pytest.approx(2.4, abs=0.01)


def test_it_comes_slowly_and_then_stands_still() -> None:
    rng = np.random.default_rng(1)
    model = noise(1.0)
    brighten = Brighten(noise=lambda: model, left=lambda: 0.3)
    lifts: list[float] = []
    steps: list[int] = []
    last: Planes | None = None
    for index in range(600):
        planes = dark(rng, index)
        before = brightened(planes, lifts[-1]).y.astype(int) if lifts else planes.y.astype(int)
        last = brighten(planes)
        lifts.append(brighten.lift)
        steps.append(int(np.abs(last.y.astype(int) - before).max()))
    assert last is not None
    assert lifts[-1] > 0.5
    assert lifts[0] == 0
    assert max(steps) <= 1  # no frame is more than a level brighter than with the lift before
    assert len(set(lifts[-200:])) == 1  # the noise of the picture's brightness moves nothing


def test_a_small_change_of_the_picture_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    model = noise(0.5)
    brighten = Brighten(noise=lambda: model)
    for index in range(500):
        brighten(dark(rng, index))
    rest = brighten.lift
    for index in range(500, 700):
        planes = dark(rng, index)
        planes.y[:, :] = np.minimum(planes.y, 254) + (index % 2)  # a lamp that hums
        brighten(planes)
        assert brighten.lift == rest


def test_without_a_known_noise_it_measures_that_of_the_frames() -> None:
    """The noisier, the less."""
    lifts = {}
    for std in (0.7, 2.6):
        rng = np.random.default_rng(3)
        brighten = Brighten()
        for index in range(400):
            brighten(dark(rng, index, std))
        lifts[std] = brighten.lift
    assert lifts[0.7] > lifts[2.6] + 0.1


def test_as_long_as_no_noise_is_known_nothing_is_lifted() -> None:
    rng = np.random.default_rng(4)
    brighten = Brighten(noise=lambda: None)
    for index in range(60):
        planes = dark(rng, index)
        assert brighten(planes) is planes


def test_a_camera_too_noisy_for_it_is_left_alone_and_its_clean_picture_is_not() -> None:
    camera = open_camera("simulated:desk?noise=high&light=0.003&frames=90", size=(320, 180))
    frames = [planes_from_frame(frame) for frame in camera.frames()]
    plain = Brighten()
    for planes in frames:
        plain(planes)
    model = plain._own.model if plain._own else None
    assert model is not None
    clean = Brighten(noise=lambda: model, left=lambda: 0.1)
    for planes in frames:
        clean(planes)
    assert plain.lift == 0
    assert clean.lift > 0.3

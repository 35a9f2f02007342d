"""The meter that leads a person who films."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from capture.guidance import words
from capture.meter import Meter, Reading
from rtdenoise.arrays import Bytes, Floats
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame

SIZE = (640, 360)
FORMAT = PlaneFormat(*SIZE, "gray", True, "bt601")
NO_CHROMA = np.empty((0, 0), np.uint8)


def scene(processing: str = "none") -> Floats:
    camera = open_simulated(f":room?noise=low&frames=1&processing={processing}", size=SIZE)
    return camera.truth(0).y.astype(np.float32)


def filmed(
    pictures: Iterator[Floats] | list[Floats], noise: float = 3.0, rate: float = 30.0
) -> Iterator[Planes]:
    random = np.random.default_rng(4)
    for index, picture in enumerate(pictures):
        noisy = np.clip(picture + random.normal(0, noise, picture.shape), 0, 255)
        luma: Bytes = noisy.round().astype(np.uint8)
        yield Planes(luma, NO_CHROMA, NO_CHROMA, FORMAT, index / rate)


def shifted(picture: Floats, x: float, y: float = 0.0) -> Floats:
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(
        cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT),
        np.float32,
    )


def read(frames: Iterator[Planes]) -> list[Reading]:
    meter = Meter()
    return [meter(frame) for frame in frames]


@pytest.mark.parametrize("noise", [1.0, 6.0])
def test_a_still_scene_is_good_from_the_second_frame_on(noise: float) -> None:
    readings = read(filmed([scene()] * 60, noise))
    assert readings[0].state == "waiting"
    assert [r.state for r in readings[1:]] == ["good"] * 59
    assert readings[-1].good == 59
    assert readings[-1].moving == 0
    assert words(readings[-1]) == "Hold still."


@pytest.mark.parametrize("options", ["noise=high", "noise=medium&processing=strong"])
def test_the_simulated_cameras_still_scenes_are_good(options: str) -> None:
    camera = open_simulated(f":desk?{options}&frames=40", size=SIZE)
    readings = read(planes_from_frame(frame) for frame in camera.frames())
    assert {r.state for r in readings[1:]} == {"good"}


def test_a_camera_that_was_bumped_is_told_and_the_scene_begins_anew() -> None:
    before = scene()
    readings = read(filmed([before] * 30 + [shifted(before, 3, 1)] * 40))
    states = [r.state for r in readings]
    told = states.index("shift")
    assert 30 <= told <= 43
    assert readings[told].shift_px == pytest.approx(3.2, abs=0.4)
    assert words(readings[told]).startswith("The camera moved by 3 pixels")
    assert states[told + 1 :] == ["good"] * (69 - told)


def test_a_camera_that_is_carried_is_never_good() -> None:
    wide = np.asarray(cv2.resize(scene(), None, fx=2, fy=2), np.float32)
    pictures = [np.ascontiguousarray(wide[:360, 12 * k : 12 * k + 640]) for k in range(40)]
    readings = read(filmed(pictures))
    assert sum(r.still for r in readings) < 10


def test_what_moves_in_a_part_is_told_and_counts() -> None:
    random = np.random.default_rng(1)
    base = scene()

    def pictures() -> Iterator[Floats]:
        for _ in range(40):
            picture = base.copy()
            picture[100:250, 200:400] = random.uniform(60, 200, (1, 1))
            yield picture

    last = read(filmed(pictures()))[-1]
    assert last.state == "good"
    assert last.moving == pytest.approx(150 * 200 / (640 * 360), abs=0.05)
    assert "of the picture moves and will be left out" in words(last)


@pytest.mark.parametrize(
    ("change", "state", "told"),
    [
        (lambda p: np.zeros_like(p), "dark", "lens cap"),
        (lambda p: np.full_like(p, 255), "bright", "exposure"),
    ],
)
def test_nothing_to_be_seen(change: Callable[[Floats], Floats], state: str, told: str) -> None:
    readings = read(filmed([change(scene())] * 10, noise=0.5))
    assert {r.state for r in readings} == {state}
    assert told in words(readings[-1])
    assert readings[-1].good == 0


def test_light_that_changes_is_told_and_the_scene_begins_anew() -> None:
    base = scene()
    readings = read(filmed([base] * 30 + [base * 1.05] * 30))
    states = [r.state for r in readings]
    assert states[30] == "drift"
    assert states[31:] == ["good"] * 29


def test_noise_that_a_codec_repeats_is_told() -> None:
    random = np.random.default_rng(2)
    base, noise = scene(), np.zeros((SIZE[1], SIZE[0]), np.float32)

    def pictures() -> Iterator[Floats]:
        nonlocal noise
        for _ in range(60):
            new = random.normal(0, 4, noise.shape).astype(np.float32)
            noise = 0.8 * noise + 0.6 * new
            yield base + noise

    readings = read(filmed(pictures(), noise=0.0))
    assert readings[-1].state == "frozen"
    assert readings[-1].lag1 > 0.5
    assert "Motion JPEG" in words(readings[-1])


def test_lamps_that_flicker_are_told_with_their_mains() -> None:
    base = scene()
    rows = np.arange(SIZE[1])[:, None] / SIZE[1]
    pictures = [
        base * (1 + 0.03 * np.sin(2 * np.pi * 100 * (k / 30 + rows * 0.03))) for k in range(150)
    ]
    last = read(filmed([np.asarray(p, np.float32) for p in pictures]))[-1]
    assert last.mains_hz == 50
    assert words(last).endswith("to 50 Hz.")


def test_another_scene_begins_at_nothing() -> None:
    meter = Meter()
    frames = list(filmed([scene()] * 10))
    assert [meter(frame).good for frame in frames][-1] == 9
    meter.next_scene()
    assert [meter(frame).good for frame in frames[:3]] == [0, 1, 2]

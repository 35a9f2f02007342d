"""Which mains lamps hang on, from bands that were made with known frequencies; and no alarm for anything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rtdenoise.arrays import Bytes, Doubles
from rtdenoise.cameras import open_camera
from rtdenoise.frames import planes_from_frame
from rtdenoise.noise.flicker import FlickerWatch, find_flicker

ROWS, COLUMNS = 120, 160
READOUT_S = 0.025  # from the first row to the last
Scene = Callable[[int], Doubles]


def texture() -> Doubles:
    blocks = np.random.default_rng(1).uniform(40, 200, (ROWS // 8, COLUMNS // 8))
    return np.asarray(blocks.repeat(8, 0).repeat(8, 1))


def still(_index: int) -> Doubles:
    return STILL


STILL = texture()


def filmed(
    rate_fps: float,
    lamp_hz: float,
    depth: float = 0.02,
    scene: Scene = still,
    exposure: Callable[[float], float] = lambda _: 1.0,
    seconds: float = 20.5,
) -> list[int]:
    """The mains that were found in a scene under lamps, by a sensor that reads row after row."""
    random = np.random.default_rng(0)
    noise: Doubles = random.normal(0, 4, (8, ROWS, COLUMNS))
    watch, found = FlickerWatch(), []
    for index in range(int(seconds * rate_fps)):
        time_s = index / rate_fps + np.arange(ROWS) / ROWS * READOUT_S
        light = 1 + depth * np.sin(2 * np.pi * lamp_hz * time_s + 0.3) if lamp_hz else np.ones(ROWS)
        picture = scene(index) * light[:, None] * exposure(index / rate_fps) + noise[index % 8]
        luma: Bytes = picture.clip(0, 255).astype(np.uint8)
        flicker = watch.update(luma, index / rate_fps)
        if flicker is not None:
            found.append(flicker.mains_hz)
            assert flicker.amplitude == pytest.approx(depth, rel=0.1)
            assert flicker.bands == pytest.approx(lamp_hz * READOUT_S, abs=0.2)
    return found


def sideways(index: int) -> Doubles:
    return np.roll(STILL, 3 * index, 1)


def downwards(index: int) -> Doubles:
    return np.roll(STILL, 2 * index, 0)


@pytest.mark.parametrize(
    ("rate_fps", "lamp_hz", "mains"),
    [
        (30, 100.0, 50),
        (30, 99.95, 50),  # mains are never exact
        (29.97, 100.0, 50),
        (29.97, 120.0, 60),
        (15, 100.0, 50),
        (25, 120.0, 60),
        (24.9, 100.0, 50),
        (60, 100.0, 50),
    ],
)
def test_both_mains_are_told_apart(rate_fps: float, lamp_hz: float, mains: int) -> None:
    assert filmed(rate_fps, lamp_hz) == [mains]


@pytest.mark.parametrize(("rate_fps", "lamp_hz", "mains"), [(30, 100.0, 50), (29.97, 120.0, 60)])
def test_weak_flicker_in_a_scene_that_moves(rate_fps: float, lamp_hz: float, mains: int) -> None:
    assert filmed(rate_fps, lamp_hz, 0.005) == [mains]
    assert filmed(rate_fps, lamp_hz, 0.02, sideways) == [mains]


def test_bands_that_stand_still_are_part_of_the_scene() -> None:
    assert filmed(30, 120.0) == []
    assert filmed(25, 100.0) == []


@pytest.mark.parametrize("rate_fps", [30.0, 29.97])
def test_what_moves_or_gets_brighter_is_no_flicker(rate_fps: float) -> None:
    assert filmed(rate_fps, 0) == []
    assert filmed(rate_fps, 0, scene=sideways) == []
    assert filmed(rate_fps, 0, scene=downwards) == []
    assert filmed(rate_fps, 0, exposure=lambda t: 1 + 0.2 * np.sin(2 * np.pi * 0.12 * t)) == []
    assert filmed(rate_fps, 0, exposure=lambda t: 1.3 if t > 9 else 1.0) == []


@pytest.mark.parametrize(
    "scene", ["desk?motion=subject&noise=high", "street", "desk?motion=pan", "room"]
)
def test_no_alarm_in_scenes_that_move(scene: str) -> None:
    assert in_clip(f"simulated:{scene}{'&' if '?' in scene else '?'}frames=120") is None


def test_the_simulated_cameras_own_flicker_is_found() -> None:
    assert in_clip("simulated:desk?flicker=0.05&motion=subject&noise=high&frames=120") == 50


DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.parametrize("name", ["ceiling", "highway", "parking"])
def test_no_alarm_in_real_clips(name: str) -> None:
    path = DATA / f"{name}.mkv"
    if not path.exists():
        pytest.skip("the real clips aren't here")
    assert in_clip(f"file:{path}") is None


def in_clip(spec: str) -> int | None:
    """What is found in a whole clip."""
    camera = open_camera(spec, size=None if spec.startswith("file") else (320, 180))
    watch = FlickerWatch(1e9)
    for frame in camera.frames():
        planes = planes_from_frame(frame)
        watch.update(planes.y, planes.time_s)
    camera.close()
    flicker = find_flicker(np.stack(watch._tiles), np.asarray(watch._times))
    return None if flicker is None else flicker.mains_hz

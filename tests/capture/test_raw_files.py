"""A folder of raw files goes through the judgement as a film does."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from capture.record import record, suffix_for
from capture.series import judge_clip
from rtdenoise.cameras import open_camera
from tests.capture.conftest import Floats
from tests.dng import mosaic, write_dng

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("rawpy") is None, reason="the extra rtdenoise[raw] isn't installed"
)

COUNT = 12
NOISE = 80  # of 3839 levels, at white


def judged(scene: Floats, tmp_path: Path, brighter: float = 0.0) -> tuple[bool, str, int]:
    """(accepted, why not, frames) of the longest series of a folder of noisy DNGs."""
    folder = tmp_path / "raws"
    folder.mkdir()
    linear = np.repeat((scene.astype(np.float64) / 255)[..., None] ** 2.2, 3, axis=2)
    for number in range(COUNT):
        seen = linear * (1 + brighter * number / COUNT)
        write_dng(folder / f"{number}.dng", mosaic(seen, NOISE, seed=number))
    with closing(open_camera(f"file:{folder}")) as camera:
        path = record(camera, tmp_path / f"clip{suffix_for(camera)}", 30).path
    series = max(judge_clip(path).series, key=lambda s: s.count)
    return series.accepted, series.reason, series.count


def test_a_still_scene_is_accepted(scene: Floats, tmp_path: Path) -> None:
    assert judged(scene, tmp_path) == (True, "", COUNT)


def test_one_that_becomes_brighter_is_not(scene: Floats, tmp_path: Path) -> None:
    accepted, reason, _ = judged(scene, tmp_path, brighter=0.3)
    assert not accepted
    assert "bright" in reason

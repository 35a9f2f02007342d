"""Capture on clips of real cameras, which lie outside the project; skipped where they are missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from capture.clip import Clip
from capture.series import judge_clip

DATA = Path(__file__).resolve().parents[2] / "../shared/data"


def judged(name: str, tmp_path: Path) -> Clip:
    source = DATA / name
    if not source.exists():
        pytest.skip(f"real footage is not at hand: {source}")
    path = tmp_path / name
    shutil.copyfile(source, path)
    return judge_clip(path)


def test_parking_is_accepted_without_what_moves(tmp_path: Path) -> None:
    clip = judged("parking.mkv", tmp_path)
    assert sum(s.count for s in clip.accepted) == 120
    for series in clip.accepted:
        assert series.static_fraction == pytest.approx(0.82, abs=0.08)
        assert series.shift_px < 0.05
        assert series.lag1 < 0.1
        mask = clip.static_mask(series)
        luma = np.stack([planes.y for planes in clip.read(series)]).astype(np.float32)
        deviation = np.sqrt(luma.var(axis=0, ddof=1)[mask].mean())
        assert 2.5 < deviation < 3.6  # what was measured of the camera by other means


def test_the_ceiling_is_accepted_after_its_exposure_has_settled(tmp_path: Path) -> None:
    clip = judged("ceiling.mkv", tmp_path)
    assert not clip.series[0].accepted
    assert "drifts" in clip.series[0].reason
    assert clip.series[0].count <= 40
    assert sum(s.count for s in clip.accepted) >= 100
    assert all(s.static_fraction > 0.75 for s in clip.accepted)


def test_cars_on_the_highway_are_masked_or_refused(tmp_path: Path) -> None:
    clip = judged("highway.mkv", tmp_path)
    truth = DATA / "highway_motion.mkv"
    assert all(s.accepted or s.reason for s in clip.series)
    if not clip.accepted or not truth.exists():
        return
    motion = Clip(truth, clip.camera, clip.mode, 120)
    marks = [planes.y > 200 for planes in motion.read()]
    for series in clip.accepted:
        # What moves in at least 3 of the frames: a mean of the frames would smear it.
        moves = np.sum(marks[series.first : series.stop], axis=0) >= 3
        assert (~clip.static_mask(series))[moves].mean() > 0.9

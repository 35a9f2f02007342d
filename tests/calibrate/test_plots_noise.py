from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from calibrate.plots_noise import plot_noise
from rtdenoise.errors import StorageError
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise


def model() -> NoiseModel:
    luma = PlaneNoise(
        NoiseCurve((20.0, 120.0, 220.0), (60.0, 30.0, 20.0), (100, 50_000, 900)),
        (0.7, 0.3),
        (0.6, 0.2),
        (0.01, 0.0),
        0.8,
    )
    grey = PlaneNoise(NoiseCurve((128.0,), (0.0,)))
    return NoiseModel(luma, grey, grey, "046d-0825", "MJPG 1920×1080 @ 30")


def test_draws_a_picture(tmp_path: Path) -> None:
    plot_noise(model(), tmp_path / "noise.png")
    picture = cv2.imread(str(tmp_path / "noise.png"))
    assert picture is not None
    assert picture.shape[1] > 1000
    assert picture.std() > 5


def test_a_place_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        plot_noise(model(), tmp_path / "file" / "noise.png")

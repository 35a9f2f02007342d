from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from capture import plots
from capture.clip import Clip
from capture.series import judge_clip
from rtdenoise.errors import StorageError

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]


@pytest.fixture
def clip(write_clip: WriteClip, scene: Floats, noisy: Noisy) -> Clip:
    pictures = []
    for k in range(40):
        picture = scene.copy()
        picture[40:80, 3 * k : 3 * k + 30] = 240
        pictures.append(picture)
    return judge_clip(write_clip(noisy(pictures, 40, 3.0)))


def colours(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


def share(picture: NDArray[np.uint8], bgr: tuple[int, int, int]) -> float:
    return float(np.mean(np.abs(picture.astype(int) - bgr).max(-1) < 40))


GREEN, RED = (0x3F, 0x7F, 0x2A), (0x30, 0x3B, 0xC2)


def test_density_curves_show_accepted_and_refused(clip: Clip, tmp_path: Path) -> None:
    path = plots.density_path(clip)
    good = replace(clip, series=(clip.accepted[0],))
    bad = replace(clip.accepted[0], accepted=False, reason="no", mu=0.05, sigma=0.01)
    plots.plot_densities(replace(clip, series=(*good.series, bad)), path)
    both = colours(path)
    plots.plot_densities(good, path)
    alone = colours(path)
    assert share(both, RED) > 1.5 * share(alone, RED)
    assert share(both, GREEN) > 0.001


def test_density_curves_of_odd_clips_can_be_drawn(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    plots.plot_densities(replace(clip, series=()), path)
    exact = replace(clip.series[0], sigma=0.0)
    plots.plot_densities(replace(clip, series=(exact,)), path)
    assert colours(path).shape[1] == 800


def test_scenes_show_in_red_what_moves(clip: Clip) -> None:
    path = plots.scenes_path(clip)
    plots.plot_scenes(clip, path)
    picture = colours(path).astype(int)
    red = (picture[..., 2] - picture[..., 1] > 60).mean()
    assert clip.accepted
    moving = 1 - clip.accepted[0].static_fraction
    assert red == pytest.approx(moving, rel=0.5)


def test_plots_are_written_whole(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        plots.plot_densities(clip, tmp_path / "file" / "plot.png")

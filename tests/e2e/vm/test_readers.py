"""Programs that open the virtual camera and leave it, by themselves or killed, with real drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .conftest import draw_noisy, outcome, read_note


@pytest.fixture(scope="module")
def share(play: Callable[..., Path]) -> Path:
    return play("readers", lambda folder: draw_noisy(folder, 640, 360))


def test_readers_come_and_go(share: Path) -> None:
    assert outcome(share, "readers")["frames_out"] > 0
    steps = [f"reader_{n}" for n in range(3)] + [f"pair_{n}" for n in range(2)]
    for step in steps:
        frames = np.load(share / f"{step}.npz")["frames"]
        assert frames.shape == (10, 360 * 3 // 2, 640)


def test_the_camera_is_released_while_nobody_looks_and_taken_for_each_reader(share: Path) -> None:
    assert read_note(share, "held") == [False, True, False, True]
    outcome(share, "on_demand")
    said = read_note(share, "on_demand")["err"]
    assert said.count("the camera runs again") == 2


def test_a_reader_in_the_dark_sees_black_then_the_camera(share: Path) -> None:
    scene = np.load(share / "reader_0.npz")["frames"][-1][:360].astype(float)
    for index in range(2):
        frames = np.load(share / f"demand_{index}.npz")["frames"][:, :360]
        assert frames[0].max() <= 16  # not a picture of before
        assert np.abs(frames[-1] - scene).mean() < 6

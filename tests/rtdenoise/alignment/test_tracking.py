"""What moves is followed whole, and nothing else is, from a state that is nearly clean and frames that are noisy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.alignment.brightness import follow_brightness
from rtdenoise.alignment.motion import Movement, strength
from rtdenoise.alignment.tracking import Tracker

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 4
GRID = (48, 64)
SIGMA = 3.0  # of a pixel's noise
LEFT = 0.3  # standard deviation of the state's noise against a frame's
STEP = 3.0  # pixels a frame


def grain(seed: int, rows: int, columns: int, contrast: float) -> Floats:
    random = np.random.default_rng(seed)
    white = random.normal(size=(rows, columns)).astype(np.float32)
    fine, broad = cv2.GaussianBlur(white, (0, 0), 2.5), cv2.GaussianBlur(white, (0, 0), 8)
    return np.asarray(contrast * (fine / fine.std() + broad / broad.std()), np.float32)


class Square:
    """A square of 96 pixels, flat in the middle, before a background; both are textured."""

    side, flat = 96, 40

    def __init__(self) -> None:
        self._background = 90 + grain(1, SIDE * GRID[0], SIDE * GRID[1], 14)
        self._square = 150 + grain(2, self.side, self.side, 14)
        low, high = (self.side - self.flat) // 2, (self.side + self.flat) // 2
        self._square[low:high, low:high] = 150

    def picture(self, left: float, top: float = 48.0) -> Floats:
        """The luma with the square at a place."""
        size = (SIDE * GRID[1], SIDE * GRID[0])
        move = np.array([[1, 0, left], [0, 1, top]], np.float64)
        cover = np.ones(self._square.shape, np.float32)
        there = cv2.warpAffine(self._square, move, size, flags=cv2.INTER_CUBIC)
        share = np.asarray(cv2.warpAffine(cover, move, size, flags=cv2.INTER_LINEAR))
        return np.asarray(share * there + (1 - share) * self._background, np.float32)

    def blocks(self, left: float, top: float = 48.0, grown: int = 0) -> Mask:
        """Blocks that lie in the square, made larger by so many."""
        y, x = np.mgrid[: GRID[0], : GRID[1]]
        inside = (x >= left / SIDE - grown) & (x + 1 <= (left + self.side) / SIDE + grown)
        inside &= (y >= top / SIDE - grown) & (y + 1 <= (top + self.side) / SIDE + grown)
        return np.asarray(inside)


class Camera:
    """Feeds a tracker with frames, and with a state that was the frame before without most of its noise."""

    def __init__(self, first: Floats, grid: tuple[int, int] = GRID) -> None:
        self.tracker = Tracker(grid, SIDE)
        self._grid = grid
        self._random = np.random.default_rng(7)
        self._before = first

    def find(self, now: Floats) -> Movement | None:
        """What the tracker finds in the next frame."""
        last = self._noisy(self._before, LEFT * SIGMA)
        frame = self._noisy(now, SIGMA)
        self._before = now
        old, new = self._means(last), self._means(frame)
        variance = np.full(self._grid, (1 + LEFT**2) * SIGMA**2 / SIDE**2, np.float32)
        planes = [np.stack([a] * 3) for a in (old, new)]
        follow_brightness(planes[0], planes[1], np.full(3, SIGMA / SIDE, np.float32))
        old = np.ascontiguousarray(planes[0][0])
        difference = new - old
        strong = strength(difference, variance)
        return self.tracker.find(old, difference, variance, strong, (last, frame))

    def _noisy(self, luma: Floats, sigma: float) -> Bytes:
        noise = self._random.normal(0, sigma, luma.shape)
        return np.asarray(np.clip(np.rint(luma + noise), 0, 255), np.uint8)

    def _means(self, luma: Bytes) -> Floats:
        size = self._grid[::-1]
        means = cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return np.asarray(means, np.float32)


def moves(found: Movement | None) -> Mask:
    return np.zeros(GRID, bool) if found is None else found.moved


def test_a_square_is_followed_whole_and_the_background_is_not() -> None:
    square = Square()
    camera = Camera(square.picture(20))
    for index in range(1, 16):
        found = camera.find(square.picture(20 + STEP * index))
        if index < 4:
            continue
        assert found is not None
        inside = square.blocks(20 + STEP * index)
        assert found.moved[inside].mean() > 0.96  # the flat middle is a sixth of it
        assert not found.moved[~square.blocks(20 + STEP * index, grown=10)].any()
        assert found.moved[~square.blocks(20 + STEP * index, grown=2)].mean() < 0.05
        error = SIDE * found.flow[inside & found.moved] - (-STEP, 0)
        assert (
            float(np.hypot(*error.T).max()) < 0.2
        )  # all go by the square's own fit, also at its edge
        assert not found.flow[~found.moved].any()
        assert found.flow.shape == (*GRID, 2)


def test_in_a_still_scene_nothing_moves() -> None:
    picture = Square().picture(60)
    camera = Camera(picture)
    for _ in range(30):
        assert not moves(camera.find(picture)).any()


def test_what_stops_is_let_go() -> None:
    square = Square()
    camera = Camera(square.picture(20))
    for index in range(1, 10):
        camera.find(square.picture(20 + STEP * index))
    left = [moves(camera.find(square.picture(20 + STEP * 9))) for _ in range(12)]
    assert not any(moved.any() for moved in left[4:])


def test_after_a_reset_nothing_is_remembered() -> None:
    square = Square()
    used, fresh = Camera(square.picture(20)), Camera(square.picture(20 + STEP * 9))
    for index in range(1, 10):
        used.find(square.picture(20 + STEP * index))
    used.tracker.reset()
    used._random = np.random.default_rng(7)
    for index in range(10, 14):
        one, two = (camera.find(square.picture(20 + STEP * index)) for camera in (used, fresh))
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            assert np.array_equal(one.moved, two.moved)
            assert np.array_equal(one.flow, two.flow)


@pytest.mark.parametrize("change", [0.01, 0.05, 0.15])
def test_changes_of_brightness_do_not_break_the_fit(change: float) -> None:
    square = Square()
    camera = Camera(square.picture(20))
    for index in range(1, 16):
        gain = np.float32(1 + change * (index % 2))
        found = camera.find(gain * square.picture(20 + STEP * index))
        if index < 4:
            continue
        assert found is not None
        inside = square.blocks(20 + STEP * index)
        assert found.moved[inside].mean() > 0.95
        error = SIDE * found.flow[inside & found.moved] - (-STEP, 0)
        assert float(np.median(np.hypot(*error.T))) < 0.45


def test_a_whole_picture_that_moves_is_followed() -> None:
    wide = 100 + grain(3, SIDE * GRID[0], SIDE * GRID[1] + 64, 14)

    def shown(index: int) -> Floats:
        return np.ascontiguousarray(wide[:, 2 * index : 2 * index + SIDE * GRID[1]])

    camera = Camera(shown(0))
    for index in range(1, 10):
        found = camera.find(shown(index))
    assert found is not None
    assert found.moved[2:-2, 2:-2].mean() > 0.98
    error = SIDE * found.flow[2:-2, 2:-2] - (2, 0)
    assert float(np.median(np.hypot(error[:, :, 0], error[:, :, 1]))) < 0.05


def test_what_moves_slowly_is_followed_within_a_second() -> None:
    square = Square()
    camera = Camera(square.picture(80))
    for index in range(1, 25):
        found = camera.find(square.picture(80 + 0.4 * index))
    assert found is not None
    inside = square.blocks(80 + 0.4 * 24)
    assert found.moved[inside].mean() > 0.6
    error = SIDE * found.flow[inside & found.moved] - (-0.4, 0)
    assert float(np.median(np.hypot(*error.T))) < 0.25
    assert found.moved[~square.blocks(80 + 0.4 * 24, grown=8)].mean() < 0.02


def test_what_bends_is_followed() -> None:
    wide = 100 + grain(3, SIDE * GRID[0], SIDE * GRID[1], 14)
    y, x = np.mgrid[: wide.shape[0], : wide.shape[1]].astype(np.float32)

    def bent(index: int) -> Floats:
        """Waves of 160 pixels that swing by up to two pixels a frame."""
        swing = np.float32(8 * np.sin(index / 4))
        return np.asarray(
            cv2.remap(
                wide, x + swing * np.sin(y / 25), y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
        )

    camera = Camera(bent(0))
    errors = []
    for index in range(1, 14):
        found = camera.find(bent(index))
        if index < 4 or found is None:
            continue
        swing = 8 * (np.sin((index - 1) / 4) - np.sin(index / 4))
        rows = SIDE * np.arange(GRID[0]) + (SIDE - 1) / 2
        # To first order: what was bent back by one swing and on by the other.
        true = np.repeat(-(swing * np.sin(rows / 25))[:, None], GRID[1], 1)
        inner = found.moved & (np.abs(true) > 0.3)
        errors.append(np.abs(SIDE * found.flow[:, :, 0] - true)[inner])
    error = np.concatenate(errors)
    assert len(errors) > 6
    assert float(np.median(error)) < 0.15


@pytest.mark.parametrize("grid", [(8, 8), (23, 64), (64, 23)])
def test_small_grids_are_not_searched(grid: tuple[int, int]) -> None:
    wide = 100 + grain(3, SIDE * grid[0], SIDE * grid[1] + 64, 14)
    camera = Camera(wide[:, : SIDE * grid[1]], grid)
    for index in range(1, 6):
        picture = np.ascontiguousarray(wide[:, 2 * index : 2 * index + SIDE * grid[1]])
        assert camera.find(picture) is None

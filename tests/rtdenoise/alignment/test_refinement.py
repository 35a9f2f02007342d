"""Vectors that start off by a pixel or two end close to a known movement, also where the thing bends."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from rtdenoise.alignment.kernels import CELL, Kernels
from rtdenoise.alignment.refinement import Refinement
from rtdenoise.arrays import Bytes, Floats
from rtdenoise.engines.native_kernels import quickest_kernels

GRID = (48, 64)  # blocks of four pixels
SIDE = 4
SIGMA = 3.0

KERNELS = pytest.mark.parametrize(
    "kernels", [Kernels(), quickest_kernels(2)], ids=["opencv", "compiled"]
)


def texture(seed: int = 1) -> Floats:
    white = (
        np.random.default_rng(seed).normal(size=(SIDE * GRID[0], SIDE * GRID[1])).astype(np.float32)
    )
    fine, broad = cv2.GaussianBlur(white, (0, 0), 2.5), cv2.GaussianBlur(white, (0, 0), 8)
    return np.asarray(120 + 14 * (fine / fine.std() + broad / broad.std()), np.float32)


def bend(pixels: float) -> Floats:
    """Where each pixel was, less where it is: waves of 120 pixels, (H, W, 2)."""
    y, x = np.mgrid[: SIDE * GRID[0], : SIDE * GRID[1]].astype(np.float32)
    return np.stack([pixels * np.sin(2 * np.pi * y / 120), pixels * np.cos(2 * np.pi * x / 120)], 2)


def filmed(last: Floats, flow: Floats, seed: int = 5) -> tuple[Bytes, Bytes]:
    """The last clean picture and a noisy frame in which everything came by the flow."""
    y, x = np.mgrid[: last.shape[0], : last.shape[1]].astype(np.float32)
    new = cv2.remap(
        last, x + flow[:, :, 0], y + flow[:, :, 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    noise = np.random.default_rng(seed).normal(0, SIGMA, last.shape)
    bytes_ = [np.clip(np.rint(a), 0, 255).astype(np.uint8) for a in (last, new + noise)]
    return bytes_[0], bytes_[1]


def blocks_of(flow: Floats) -> Floats:
    """Means of a flow over blocks, in blocks."""
    mean = cv2.resize(flow, GRID[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(mean / SIDE, np.float32)


@KERNELS
@pytest.mark.parametrize("side", [4, 8])
def test_a_bend_is_found_closely(kernels: Kernels, side: int) -> None:
    flow = bend(2.0)
    last, frame = filmed(texture(), flow)
    grid = (SIDE * GRID[0] // side, SIDE * GRID[1] // side)
    found = Refinement(last, frame, (slice(0, grid[0]), slice(0, grid[1])), side, kernels)
    start = np.zeros((*grid, 2), np.float32)
    refined = found.refine(found.vectors(start), found.cells(np.ones(grid, np.float32)), 8)
    true = cv2.resize(flow, grid[::-1], interpolation=cv2.INTER_AREA)
    error = side * found.block_vectors(refined) - true
    inner = np.hypot(*np.moveaxis(error, 2, 0))[
        6 * 4 // side : -6 * 4 // side, 6 * 4 // side : -6 * 4 // side
    ]
    assert float(np.median(inner)) < 0.15
    assert float(np.percentile(inner, 95)) < 0.4
    assert found.worse(found.vectors(start), refined, np.ones(refined.shape[:2], bool)).mean() > 10


def test_both_ways_of_computing_end_at_the_same_vectors() -> None:
    last, frame = filmed(texture(), bend(1.5))
    box = (slice(0, GRID[0]), slice(0, GRID[1]))
    ends = []
    for kernels in (Kernels(), quickest_kernels(), quickest_kernels(2)):
        found = Refinement(last, frame, box, SIDE, kernels)
        weights = found.cells(np.ones(GRID, np.float32))
        ends.append(found.refine(np.zeros((24, 32, 2), np.float32), weights, 6))
    assert np.array_equal(ends[1], ends[2])
    assert float(np.median(np.abs(ends[0] - ends[1])[3:-3, 3:-3])) < 0.02


@KERNELS
def test_sums_at_whole_pixels_are_those_of_central_differences(kernels: Kernels) -> None:
    last = np.random.default_rng(3).normal(100, 20, (60, 70)).astype(np.float32)
    frame = np.random.default_rng(4).normal(100, 20, (8 * CELL, 9 * CELL)).astype(np.float32)
    flow = np.zeros((8, 9, 2), np.float32)
    flow[:] = (3, -2)
    sums = kernels.slopes(last, frame, flow, (10.0, 12.0))
    here = (slice(12 - 2, 12 - 2 + 8 * CELL), slice(10 + 3, 10 + 3 + 9 * CELL))
    across, down = (np.roll(last, -1, a)[here] / 2 - np.roll(last, 1, a)[here] / 2 for a in (1, 0))
    error = frame - last[here]
    products = (across * across, across * down, down * down, across * error, down * error)
    inner = (slice(1, -1), slice(1, -1))  # OpenCV's slopes at the border know nothing beyond it
    for found, product in zip(sums, (*products, across, down, error, error * error), strict=True):
        true = product.reshape(8, CELL, 9, CELL).mean((1, 3))
        assert np.allclose(found[inner], true[inner], atol=0.05, rtol=1e-3)


@KERNELS
def test_a_part_of_the_picture_at_odd_blocks_and_at_the_border(kernels: Kernels) -> None:
    flow = bend(1.0)
    last, frame = filmed(texture(), flow)
    cut = (
        slice(0, last.shape[0] - 3),
        slice(0, last.shape[1] - 1),
    )  # the grid is larger than the picture
    for box in ((slice(5, 44), slice(7, 48)), (slice(21, 48), slice(31, 64))):
        found = Refinement(last[cut], frame[cut], box, SIDE, kernels)
        ones = np.ones((box[0].stop - box[0].start, box[1].stop - box[1].start), np.float32)
        zero = np.zeros((*ones.shape, 2), np.float32)
        refined = found.block_vectors(found.refine(found.vectors(zero), found.cells(ones), 6))
        assert refined.shape == zero.shape
        error = (SIDE * (refined - blocks_of(flow)[box]))[6:-6, 6:-6]
        assert float(np.median(np.hypot(*np.moveaxis(error, 2, 0)))) < 0.2


@KERNELS
def test_cells_without_weight_change_nothing(kernels: Kernels) -> None:
    class All(Kernels):
        """Computes the sums of all cells, wanted or not."""

        def __getattribute__(self, name: str) -> Any:
            if name == "slopes":
                return lambda *arguments: kernels.slopes(*arguments[:4])
            return getattr(kernels, name)

    last, frame = filmed(texture(), bend(1.5))
    weights = np.zeros((24, 32), np.float32)
    weights[6:15, 9:20] = 1
    ends = []
    for each in (kernels, All()):
        found = Refinement(last, frame, (slice(0, GRID[0]), slice(0, GRID[1])), SIDE, each)
        ends.append(found.refine(np.zeros((24, 32, 2), np.float32), weights, 4))
    assert np.abs(ends[0]).max() > 0.5
    assert np.array_equal(ends[0], ends[1])


@KERNELS
def test_where_there_is_no_texture_vectors_stay(kernels: Kernels) -> None:
    flat = np.full((SIDE * GRID[0], SIDE * GRID[1]), 90, np.float32)
    last, frame = filmed(flat, bend(0.0))
    found = Refinement(last, frame, (slice(0, GRID[0]), slice(0, GRID[1])), SIDE, kernels)
    start = np.full((24, 32, 2), 1.5, np.float32)
    assert np.array_equal(found.refine(start, np.ones((24, 32), np.float32), 4), start)


@KERNELS
def test_a_wrong_movement_is_worse_where_texture_tells(kernels: Kernels) -> None:
    picture = texture()
    picture[:, : SIDE * GRID[1] // 2] = 100
    last, frame = filmed(picture, bend(0.0))
    found = Refinement(last, frame, (slice(0, GRID[0]), slice(0, GRID[1])), SIDE, kernels)
    flow, everywhere = np.zeros((24, 32, 2), np.float32), np.ones((24, 32), np.bool_)
    found.refine(flow, np.ones((24, 32), np.float32), 1)
    worse = found.worse(flow + 1, flow, everywhere)
    assert abs(float(np.median(worse[:, :14]))) < 0.5
    assert np.median(worse[:, 18:]) > 5
    assert not found.worse(flow, flow, everywhere).any()

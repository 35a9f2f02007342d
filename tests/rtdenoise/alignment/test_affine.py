"""A thing's affine movement is found from poor vectors and noisy pixels, and nothing wild comes from nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtdenoise.alignment.affine import fit_affine
from rtdenoise.alignment.kernels import Kernels
from rtdenoise.engines.native_kernels import quickest_kernels

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

COMPILED = quickest_kernels()
SIDE = 4
ROWS, COLUMNS = 40, 56  # blocks
GRID = (ROWS, COLUMNS)


class Motion(NamedTuple):
    """Turn in degrees, enlargement, and shift in pixels: from where a place is to where it was, about the middle."""

    turn: float = 0.0
    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0


MOTIONS = (
    Motion(x=0.3, y=-0.2),
    Motion(x=5.4, y=-3.7),
    Motion(turn=2.0, x=1.0),
    Motion(turn=-5.0, zoom=1.02, x=-2.0),
    Motion(zoom=0.96, x=0.5, y=1.5),
)


def flow_at(motion: Motion, x: Floats, y: Floats) -> Floats:
    """Where pixels were, less where they are, (…, 2)."""
    middle_x, middle_y = SIDE * COLUMNS / 2, SIDE * ROWS / 2
    c = motion.zoom * math.cos(math.radians(motion.turn))
    s = motion.zoom * math.sin(math.radians(motion.turn))
    at_x, at_y = x - middle_x, y - middle_y
    was_x = c * at_x - s * at_y + motion.x
    was_y = s * at_x + c * at_y + motion.y
    return np.stack([was_x - at_x, was_y - at_y], -1).astype(np.float32)


def block_flow(motion: Motion) -> Floats:
    x, y = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    half = (SIDE - 1) / 2
    return flow_at(
        motion, (SIDE * x + half).astype(np.float32), (SIDE * y + half).astype(np.float32)
    )


def texture(seed: int = 0) -> Floats:
    random = np.random.default_rng(seed)
    white = random.normal(size=(SIDE * ROWS, SIDE * COLUMNS)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), 2.0)
    return np.asarray(110 + 25 * smooth / smooth.std(), np.float32)


def moved(picture: Floats, motion: Motion) -> Floats:
    rows, columns = picture.shape
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    flow = flow_at(motion, x, y)
    x, y = x + flow[:, :, 0], y + flow[:, :, 1]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))


def noisy(picture: Floats, sigma: float, seed: int = 1) -> Bytes:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.asarray(np.clip(np.rint(picture + noise), 0, 255), np.uint8)


def poor(flow: Floats, seed: int = 2) -> Floats:
    """Vectors as a search finds them: half a pixel off, and each tenth anywhere."""
    random = np.random.default_rng(seed)
    wild = random.random(flow.shape[:2]) < 0.1
    off = random.normal(0, 0.5, flow.shape)
    off[wild] = random.uniform(-12, 12, (int(wild.sum()), 2))
    return (flow + off).astype(np.float32)


def within(top: int, bottom: int, left: int, right: int) -> Mask:
    place = np.zeros(GRID, bool)
    place[top:bottom, left:right] = True
    return place


THING = within(10, 30, 14, 42)


def fitted(
    flow: Floats,
    place: Mask,
    last: Bytes,
    new: Bytes,
    side: int,
    kernels: Kernels = COMPILED,
) -> Floats | None:
    """The fit of a thing's blocks, (count, 2), in pixels."""
    found = fit_affine(place, (flow / side).astype(np.float32), (0, 0), last, new, side, kernels)
    return None if found is None else found[place] * side


def furthest(found: Floats | None, motion: Motion, place: Mask) -> float:
    """Pixels from the truth to the vector that is furthest from it."""
    assert found is not None
    assert found.shape == (np.count_nonzero(place), 2)
    return float(np.hypot(*(found - block_flow(motion)[place]).T).max())


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("sigma", [1.0, 4.0])
@pytest.mark.parametrize("kernels", [Kernels(), COMPILED], ids=["opencv", "compiled"])
def test_a_known_movement_is_found(motion: Motion, sigma: float, kernels: Kernels) -> None:
    last, vectors = texture(), poor(block_flow(motion))
    new = noisy(moved(last, motion), sigma)
    found = fitted(vectors, THING, noisy(last, 0.5, seed=3), new, SIDE, kernels)
    assert furthest(found, motion, THING) < 0.1


def waves(motion: Motion) -> Bytes:
    """A picture that needs no interpolation, of waves of 5 to 30 pixels, moved."""
    random = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(SIDE * COLUMNS), np.arange(SIDE * ROWS))
    total = np.zeros(x.shape)
    for _ in range(40):
        angle, phase = random.uniform(0, 2 * np.pi, 2)
        along = np.cos(angle) * (x + motion.x) + np.sin(angle) * (y + motion.y)
        total += np.cos(2 * np.pi / random.uniform(5, 30) * along + phase)
    return np.asarray(np.clip(np.rint(120 + 25 * total / total.std()), 0, 255), np.uint8)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("kernels", [Kernels(), COMPILED], ids=["opencv", "compiled"])
def test_parts_of_a_pixel_are_told_without_a_bias(part: float, kernels: Kernels) -> None:
    motion = Motion(x=part, y=-part / 2)
    vectors = block_flow(motion) + np.float32(0.2)
    found = fitted(vectors, THING, waves(Motion()), waves(motion), SIDE, kernels)
    assert furthest(found, motion, THING) < 0.03


def test_a_background_beside_it_that_stays_does_not_spoil_it() -> None:
    motion, last = Motion(turn=1.0), texture()
    wider = within(7, 33, 11, 45)
    moving = np.kron(THING, np.ones((SIDE, SIDE), bool))
    new = noisy(np.where(moving, moved(last, motion), last), 2.0)
    vectors = block_flow(motion) * THING[:, :, None]
    found = fitted(vectors, wider, noisy(last, 0.5, 3), new, SIDE)
    assert found is not None
    assert furthest(found[THING[wider]], motion, THING) < 0.1


def test_what_does_not_belong_to_it_counts_less() -> None:
    motion = MOTIONS[2]
    last = texture()
    new = noisy(moved(last, motion), 2.0)
    new[4 * 12 : 4 * 18, 4 * 16 : 4 * 24] = noisy(texture(9), 0)[: 4 * 6, : 4 * 8]  # covered
    found = fitted(poor(block_flow(motion)), THING, noisy(last, 0.5, 3), new, SIDE)
    assert furthest(found, motion, THING) < 0.1


@pytest.mark.parametrize("contrast", [1.0, 0.3])
@pytest.mark.parametrize("shade", [0.0, 60.0])
@pytest.mark.parametrize(("gain", "offset"), [(1.01, 0), (0.95, 0), (1.15, 4), (1, -12)])
def test_another_brightness_does_not_spoil_it(
    gain: float, offset: float, contrast: float, shade: float
) -> None:
    motion = MOTIONS[2]
    slope = shade * np.linspace(-1, 1, SIDE * COLUMNS, dtype=np.float32)
    last = 110 + contrast * (texture() - 110) + slope
    new = noisy(gain * moved(last, motion) + offset, 2.0)
    found = fitted(poor(block_flow(motion)), THING, noisy(last, 0.5, 3), new, SIDE)
    assert furthest(found, motion, THING) < 0.1


def test_without_texture_it_goes_by_the_vectors() -> None:
    motion = Motion(x=2.0, y=1.0)
    flat = np.full((SIDE * ROWS, SIDE * COLUMNS), 120, np.float32)
    last, new = noisy(flat, 0.5, seed=3), noisy(flat, 4.0)
    found = fitted(poor(block_flow(motion)), THING, last, new, SIDE)
    assert furthest(found, motion, THING) < 1.0


@pytest.mark.parametrize("sigma", [0.0, 4.0])
def test_without_texture_and_vectors_nothing_goes_wild(sigma: float) -> None:
    flat = np.full((SIDE * ROWS, SIDE * COLUMNS), 120, np.float32)
    vectors = np.zeros((*GRID, 2), np.float32)
    found = fitted(vectors, THING, noisy(flat, 0.5, seed=3), noisy(flat, sigma), SIDE)
    assert furthest(found, Motion(), THING) < 0.8


@pytest.mark.parametrize(
    "place",
    [within(0, 14, 0, 20), within(26, 40, 36, 56), within(0, 40, 0, 56), within(30, 40, 0, 30)],
    ids=["top left", "bottom right", "all", "bottom left"],
)
def test_a_thing_at_the_border_is_followed(place: Mask) -> None:
    motion = Motion(turn=0.7, x=3.3, y=-2.2)
    last = texture()
    new = noisy(moved(last, motion), 2.0)
    found = fitted(poor(block_flow(motion)), place, noisy(last, 0.5, 3), new, SIDE)
    assert furthest(found, motion, place) < 0.15


@pytest.mark.parametrize("count", [0, 1, 5])
def test_fewer_than_six_blocks_tell_nothing(count: int) -> None:
    picture = noisy(texture(), 1.0)
    place = within(5, 6, 5, 5 + count)
    assert fitted(np.zeros((*GRID, 2), np.float32), place, picture, picture, SIDE) is None


def test_blocks_in_one_line_are_enough() -> None:
    motion = Motion(x=1.4, y=-0.8)
    last = texture()
    new = noisy(moved(last, motion), 1.0)
    place = within(20, 21, 10, 40)
    found = fitted(block_flow(motion), place, noisy(last, 0.5, 3), new, SIDE)
    assert furthest(found, motion, place) < 0.3


def test_blocks_beyond_the_picture_are_left_out_of_the_fit_but_get_a_vector() -> None:
    motion = Motion(x=2.5, y=1.5)
    last = texture()
    new = noisy(moved(last, motion), 1.0)[: SIDE * ROWS - 6]
    place = within(20, 40, 10, 40)
    found = fitted(poor(block_flow(motion)), place, noisy(last, 0.5, 3), new, SIDE)
    assert furthest(found, motion, place) < 0.15


PICTURES = st.sampled_from(["flat", "stripes", "noise", "texture", "extremes"])


def drawn(kind: str, seed: int) -> Bytes:
    random, shape = np.random.default_rng(seed), (SIDE * ROWS, SIDE * COLUMNS)
    if kind == "flat":
        return np.full(shape, seed % 256, np.uint8)
    if kind == "stripes":
        return np.broadcast_to((np.arange(shape[1]) // 3 % 2 * 255).astype(np.uint8), shape).copy()
    if kind == "noise":
        return random.integers(0, 256, shape, np.uint8)
    if kind == "texture":
        return noisy(texture(seed), 2.0, seed)
    return (random.integers(0, 2, shape) * 255).astype(np.uint8)


@settings(deadline=None, max_examples=60)
@given(
    kinds=st.tuples(PICTURES, PICTURES),
    seed=st.integers(0, 2**16),
    share=st.sampled_from([0.001, 0.004, 0.05, 0.5, 1.0]),
    reach=st.sampled_from([0.0, 1.0, 30.0, 1e3, 1e6]),
)
def test_any_pictures_and_any_place_give_finite_vectors(
    kinds: tuple[str, str], seed: int, share: float, reach: float
) -> None:
    random = np.random.default_rng(seed)
    place = random.random(GRID) < share
    vectors = random.uniform(-reach, reach, (*GRID, 2)).astype(np.float32)
    last, new = drawn(kinds[0], seed), drawn(kinds[1], seed + 1)
    found = fitted(vectors, place, last, new, SIDE)
    assert (found is None) == (np.count_nonzero(place) < 6)
    if found is not None:
        assert found.shape == (np.count_nonzero(place), 2)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()

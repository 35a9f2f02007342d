from __future__ import annotations

import numpy as np
import pytest

from rtdenoise.frames import Planes, fitted, mirrored
from tests.rtdenoise.conftest import picture


def test_the_same_size_is_the_same_picture() -> None:
    planes = picture(64, 48)
    assert fitted(planes, (64, 48)) is planes


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
def test_half_is_the_mean_of_the_pixels_that_each_covers(chroma: str) -> None:
    planes = picture(64, 48, chroma)  # type: ignore[arg-type]
    small = fitted(planes, (32, 24))
    means = planes.y.reshape(24, 2, 32, 2).mean((1, 3))
    assert np.abs(small.y - means).max() <= 0.5
    assert small.format.chroma == chroma
    assert small.u.shape == small.format.chroma_shape


def test_noise_becomes_less_where_it_is_shrunk() -> None:
    planes = picture(64, 48)
    planes.y[:] = np.random.default_rng(0).normal(128, 10, planes.y.shape).astype(np.uint8)
    assert fitted(planes, (32, 24)).y.std() == pytest.approx(5, abs=0.6)


def test_there_and_back_nothing_is_shifted() -> None:
    planes = picture(64, 48)
    rows, columns = np.mgrid[0:48, 0:64]
    planes.y[:] = 40 + 2 * columns + rows
    large = fitted(planes, (128, 96))
    assert np.abs(fitted(large, (64, 48)).y.astype(int) - planes.y)[4:-4, 4:-4].max() <= 1


def test_levels_stay_where_it_is_enlarged() -> None:
    planes = picture(64, 48)
    planes.y[:], planes.u[:], planes.v[:] = 235, 30, 200
    large = fitted(planes, (128, 96))
    assert {int(p.min()) for p in (large.y, large.u, large.v)} == {235, 30, 200}
    assert {int(p.max()) for p in (large.y, large.u, large.v)} == {235, 30, 200}


@pytest.mark.parametrize(("size", "bars"), [((64, 64), "above"), ((96, 48), "beside")])
@pytest.mark.parametrize("full_range", [True, False])
def test_another_shape_gets_black_bars_and_keeps_the_picture(
    size: tuple[int, int], bars: str, full_range: bool
) -> None:
    planes = picture(64, 48, full_range=full_range)
    boxed = fitted(planes, size)
    black = 0 if full_range else 16
    top, left = (8, 0) if bars == "above" else (0, 16)
    assert (boxed.y[top : top + 48, left : left + 64] == planes.y).all()
    half = (slice(top // 2, top // 2 + 24), slice(left // 2, left // 2 + 32))
    assert (boxed.u[half] == planes.u).all()
    outside = np.ones(boxed.y.shape, bool)
    outside[top : top + 48, left : left + 64] = False
    assert (boxed.y[outside] == black).all()
    assert (boxed.u[0, 0], boxed.v[-1, -1]) == (128, 128)


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (0, 48)])
def test_odd_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="even"):
        fitted(picture(64, 48), size)


def test_a_mirror_exchanges_left_and_right_and_twice_is_nothing() -> None:
    planes = picture(64, 48)

    def same(a: Planes, b: Planes) -> bool:
        return all((x == y).all() for x, y in ((a.y, b.y), (a.u, b.u), (a.v, b.v)))

    once = mirrored(planes)
    assert (once.y[:, 0] == planes.y[:, -1]).all()
    assert (once.u[:, 0] == planes.u[:, -1]).all()
    assert same(mirrored(once), planes)

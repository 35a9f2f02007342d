"""NumPy arrays as planes, and back."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from rtdenoise.frames import (
    Chroma,
    Matrix,
    PlaneFormat,
    array_from_planes,
    empty_planes,
    planes_from_array,
    planes_from_frame,
    planes_from_yuv,
    rgb_frame,
)

SHAPES: dict[Chroma, tuple[int, int]] = {"420": (4, 5), "422": (7, 5), "444": (7, 9)}


def picture(height: int = 31, width: int = 45) -> NDArray[np.uint8]:
    """Any colours."""
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_an_array_is_the_frame_of_that_array(order: Literal["rgb", "bgr"]) -> None:
    array = picture()
    frame = planes_from_frame(VideoFrame.from_ndarray(array, f"{order}24"))
    planes = planes_from_array(array, order, 1.5)
    assert planes.format == frame.format == PlaneFormat(45, 31, "444", True, "bt601")
    assert planes.time_s == 1.5
    for a, b in ((planes.y, frame.y), (planes.u, frame.u), (planes.v, frame.v)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_there_and_back(order: Literal["rgb", "bgr"]) -> None:
    array = picture()
    back = array_from_planes(planes_from_array(array, order), order)
    assert back.flags.c_contiguous
    assert back.flags.writeable
    assert np.abs(back.astype(int) - array).max() <= 2
    assert abs(float(np.mean(back.astype(int) - array))) < 0.05


def test_the_orders_are_each_others_mirror() -> None:
    array = picture()
    planes, mirrored = planes_from_array(array, "rgb"), planes_from_array(array[..., ::-1], "bgr")
    np.testing.assert_array_equal(planes.y, mirrored.y)
    np.testing.assert_array_equal(
        array_from_planes(planes, "rgb"), array_from_planes(planes, "bgr")[..., ::-1]
    )
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert planes_from_array(red, "rgb").v[0, 0] == 255


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_any_format_gives_the_colours_of_libswscale(
    chroma: Chroma, full_range: bool, matrix: Matrix
) -> None:
    random = np.random.default_rng(2)
    planes = empty_planes(PlaneFormat(46, 32, chroma, full_range, matrix))
    planes.y[:] = random.integers(100, 160, planes.y.shape)
    planes.u[:] = random.integers(110, 146, planes.u.shape)
    planes.v[:] = random.integers(110, 146, planes.v.shape)
    found = array_from_planes(planes, "rgb").astype(int)
    difference = np.abs(found - rgb_frame(planes).to_ndarray().astype(int))
    assert difference.max() <= 2
    assert difference.mean() < 0.5


@pytest.mark.parametrize("chroma", list(SHAPES))
def test_bare_planes_tell_their_sub_sampling(chroma: Chroma) -> None:
    y, u, v = (np.full(s, 100 + i, np.uint8) for i, s in enumerate([(7, 9), *[SHAPES[chroma]] * 2]))
    planes = planes_from_yuv(y, u, v, full_range=False, matrix="bt709", time_s=2.0)
    assert planes.format == PlaneFormat(9, 7, chroma, False, "bt709")
    assert planes.time_s == 2.0
    assert planes.y is y
    assert planes.v is v


def test_a_bare_plane_is_grey() -> None:
    planes = planes_from_yuv(np.zeros((7, 9), np.uint8), full_range=True)
    assert planes.format == PlaneFormat(9, 7, "gray", True, "bt601")
    assert planes.u.size == 0


def test_rows_become_contiguous() -> None:
    interleaved = np.arange(7 * 18, dtype=np.uint8).reshape(7, 18)
    for view in (interleaved[:, ::2], interleaved[::-1, :9], interleaved[:, :9]):
        planes = planes_from_yuv(view, full_range=True)
        np.testing.assert_array_equal(planes.y, view)
        assert planes.y.strides[1] == 1
        assert planes.y.strides[0] >= 9


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the shape \(4, 5\), expected \(H, W, 3\)"):
        planes_from_array(np.zeros((4, 5), np.uint8), "rgb")
    with pytest.raises(ValueError, match="expected"):
        planes_from_array(np.zeros((0, 5, 3), np.uint8), "rgb")
    with pytest.raises(ValueError, match="float64, expected uint8"):
        planes_from_array(np.zeros((4, 5, 3)), "rgb")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order is 'gbr'"):
        planes_from_array(np.zeros((4, 5, 3), np.uint8), "gbr")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fit no sub-sampling"):
        planes_from_yuv(*(np.zeros(s, np.uint8) for s in ((8, 8), (4, 4), (4, 3))), full_range=True)
    with pytest.raises(ValueError, match="u is int64"):
        planes_from_yuv(np.zeros((8, 8), np.uint8), np.zeros((4, 4), int), full_range=True)

"""Frames against libswscale, and against themselves."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtdenoise.frames import (
    Bytes,
    Chroma,
    Matrix,
    PlaneFormat,
    Planes,
    convert,
    empty_planes,
    frame_from_planes,
    planes_from_frame,
    planes_from_rgb,
    rgb_frame,
    rgb_tensor,
)

EXACT = 0x40000 | 0x2000 | 0x4000  # libswscale's ACCURATE_RND, FULL_CHR_H_INT, FULL_CHR_H_INP
BILINEAR, AREA = EXACT | 0x2, EXACT | 0x20
SPACES = {"bt709": 1, "bt601": 5, "bt2020": 9, "smpte240m": 7}

chromas = st.sampled_from(["420", "422", "444"])
any_chroma = st.sampled_from(["420", "422", "444", "gray"])
matrices = st.sampled_from(["bt601", "bt709", "bt2020", "smpte240m"])
# libswscale takes other ways below 8 pixels, which are no reference.
sizes = st.tuples(st.integers(8, 70), st.integers(8, 40))
even_sizes = sizes.map(lambda size: (size[0] // 2 * 2, size[1] // 2 * 2))
seeds = st.integers(0, 2**32 - 1)


def noise(layout: PlaneFormat, seed: int) -> Planes:
    """Every byte that the format allows."""
    rng = np.random.default_rng(seed)
    planes = empty_planes(layout, 1.5)
    low, y_high, c_high = (0, 256, 256) if layout.full_range else (16, 236, 241)
    planes.y[:] = rng.integers(low, y_high, planes.y.shape)
    planes.u[:] = rng.integers(low, c_high, planes.u.shape)
    planes.v[:] = rng.integers(low, c_high, planes.v.shape)
    return planes


def muted(layout: PlaneFormat, seed: int) -> Planes:
    """Colours that are inside R'G'B' in both matrices, so that nothing is clipped on the way."""
    rng = np.random.default_rng(seed)
    planes = empty_planes(layout, 1.5)
    planes.y[:] = rng.integers(100, 160, planes.y.shape)
    planes.u[:] = rng.integers(110, 146, planes.u.shape)
    planes.v[:] = rng.integers(110, 146, planes.v.shape)
    return planes


def plane(frame: VideoFrame, index: int, rows: int, columns: int) -> Bytes:
    data = frame.planes[index]
    view = np.frombuffer(memoryview(data), np.uint8)
    return view.reshape(-1, data.line_size)[:rows, :columns]


def swscale(frame: VideoFrame, **options: Any) -> VideoFrame:
    return VideoReformatter().reformat(frame, threads=1, **options)


def swscale_rgb(planes: Planes) -> NDArray[np.int64]:
    """(3, H, W) in 0–255."""
    layout = planes.format
    space = SPACES[layout.matrix]
    frame = swscale(
        frame_from_planes(planes),
        format="gbrp",
        interpolation=BILINEAR,
        src_colorspace=space,
        dst_colorspace=space,
        src_color_range=2 if layout.full_range else 1,
        dst_color_range=2,
    )
    green, blue, red = (plane(frame, k, layout.height, layout.width) for k in range(3))
    return np.stack([red, green, blue]).astype(int)


def largest_difference(a: Any, b: Any) -> int:
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max(initial=0))


def assert_same(a: Planes, b: Planes) -> None:
    assert a.format == b.format
    for one, other in ((a.y, b.y), (a.u, b.u), (a.v, b.v)):
        np.testing.assert_array_equal(one, other)


def assert_close(a: Planes, b: Planes, levels: int = 1) -> None:
    assert a.format == b.format
    for one, other in ((a.y, b.y), (a.u, b.u), (a.v, b.v)):
        assert one.shape == other.shape
        assert largest_difference(one, other) <= levels


# --- frames to planes and back ---------------------------------------------------------------------------


@given(st.integers(1, 80), st.integers(1, 50), any_chroma, st.booleans(), matrices, seeds)
def test_round_trip_is_bit_exact(
    width: int, height: int, chroma: Chroma, full: bool, matrix: Matrix, seed: int
) -> None:
    planes = noise(PlaneFormat(width, height, chroma, full, matrix), seed)
    frame = frame_from_planes(planes)
    back = planes_from_frame(frame)
    assert_same(back, planes)
    assert back.time_s == pytest.approx(1.5)


def test_planar_frames_are_not_copied_and_live_on() -> None:
    planes = noise(PlaneFormat(34, 18, "422", True, "bt601"), 1)
    frame = frame_from_planes(planes)
    view = planes_from_frame(frame)
    assert view.y.strides[0] == frame.planes[0].line_size > 34
    plane(frame, 0, 1, 1)  # the view is of the frame's own memory
    np.frombuffer(memoryview(frame.planes[0]), np.uint8)[:]
    array = np.ndarray((1,), np.uint8, memoryview(frame.planes[0]))
    array[0] = planes.y[0, 0] ^ 255
    assert view.y[0, 0] == planes.y[0, 0] ^ 255
    del frame, array
    assert_same(Planes(view.y, view.u, view.v, view.format, 0), view.copy())


@given(st.integers(2, 40), st.integers(2, 20), st.integers(0, 70), seeds)
def test_any_line_size(half_width: int, half_height: int, extra: int, seed: int) -> None:
    width, height = 2 * half_width, 2 * half_height
    rng = np.random.default_rng(seed)
    wide = rng.integers(0, 256, (height * 3 // 2, width + 2 * extra), np.uint8)
    # FFmpeg's own buffers pad their lines by whole blocks; a buffer of ours can have any stride.
    frame = VideoFrame.from_numpy_buffer(wide, "yuv420p", width=width)
    planes = planes_from_frame(frame)
    line = frame.planes[0].line_size
    assert planes.y.strides[0] == line
    np.testing.assert_array_equal(planes.y, plane(frame, 0, height, width))
    np.testing.assert_array_equal(planes.v, plane(frame, 2, height // 2, width // 2))
    assert_same(planes_from_frame(frame_from_planes(planes)), planes)


@pytest.mark.parametrize(
    ("name", "planar"),
    [
        ("nv12", "yuv420p"),
        ("nv21", "yuv420p"),
        ("nv16", "yuv422p"),
        ("nv24", "yuv444p"),
        ("nv42", "yuv444p"),
        ("yuyv422", "yuv422p"),
        ("yvyu422", "yuv422p"),
        ("uyvy422", "yuv422p"),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (38, 22)])
def test_interleaved_layouts(name: str, planar: str, size: tuple[int, int]) -> None:
    chroma: Chroma = planar[3:6]  # type: ignore[assignment]
    planes = noise(PlaneFormat(*size, chroma, False, "bt709"), 3)
    frame = swscale(frame_from_planes(planes), format=name)
    frame.color_range, frame.colorspace = 1, 1
    assert_same(planes_from_frame(frame), planes)


@pytest.mark.parametrize("name", ["yuyv422", "uyvy422", "yvyu422"])
def test_packed_layouts_of_odd_width(name: str) -> None:
    frame = VideoFrame(7, 3, name)
    line = frame.planes[0].line_size
    data = np.ndarray((3, line), np.uint8, memoryview(frame.planes[0]))
    data[:, :16] = np.arange(48).reshape(3, 16)
    planes = planes_from_frame(frame)
    first = 1 if name == "uyvy422" else 0
    np.testing.assert_array_equal(planes.y, data[:, first:16:2][:, :7])
    at_u = {"yuyv422": 1, "uyvy422": 0, "yvyu422": 3}[name]
    np.testing.assert_array_equal(planes.u, data[:, at_u:16:4])
    assert planes.u.shape == planes.format.chroma_shape


@pytest.mark.parametrize(
    ("name", "color_range", "full"),
    [
        ("yuv420p", 0, False),
        ("yuv420p", 1, False),
        ("yuv420p", 2, True),
        ("yuvj420p", 0, True),
        ("yuvj422p", 2, True),
        ("yuvj444p", 0, True),
        ("yuyv422", 0, False),
        ("nv12", 0, False),
        ("gray", 0, True),
        ("gray", 1, False),
        ("rgb24", 0, True),
    ],
)
def test_range(name: str, color_range: int, full: bool) -> None:
    frame = VideoFrame(16, 16, name)
    frame.color_range = color_range
    assert planes_from_frame(frame).format.full_range is full


@pytest.mark.parametrize(
    ("space", "matrix"), [(0, "bt601"), (1, "bt709"), (2, "bt601"), (5, "bt601"), (6, "bt601")]
)
def test_matrix(space: int, matrix: str) -> None:
    frame = VideoFrame(16, 16, "yuv420p")
    frame.colorspace = space
    assert planes_from_frame(frame).format.matrix == matrix


@pytest.mark.parametrize(
    "name", ["rgb24", "bgr24", "bgr0", "rgba", "bgra", "argb", "abgr", "gbrp", "rgb48le"]
)
def test_rgb_becomes_full_range_444(name: str) -> None:
    rng = np.random.default_rng(5)
    rgb = rng.integers(0, 256, (22, 38, 3), np.uint8)
    frame = VideoFrame.from_ndarray(rgb, "rgb24")
    if name != "rgb24":
        frame = swscale(frame, format=name)
    planes = planes_from_frame(frame)
    assert planes.format == PlaneFormat(38, 22, "444", True, "bt601")
    red, green, blue = (rgb[..., k].astype(float) for k in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma_u, chroma_v = 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402
    for result, exact in ((planes.y, luma), (planes.u, chroma_u), (planes.v, chroma_v)):
        error = result - exact.clip(0, 255)
        assert np.abs(error).max() <= 0.6
        assert abs(error.mean()) < 0.05
    ranges = {"src_color_range": 2, "dst_color_range": 2, "dst_colorspace": 5}
    theirs = swscale(frame, format="yuv444p", interpolation=BILINEAR, **ranges)
    for index, ours in enumerate((planes.y, planes.u, planes.v)):
        # libswscale dithers what has more than 8 bits.
        levels = 2 if name == "rgb48le" else 1
        assert largest_difference(ours, plane(theirs, index, 22, 38)) <= levels


@pytest.mark.parametrize(
    ("name", "chroma"), [("yuv420p10le", "420"), ("yuv422p10le", "422"), ("p010le", "420")]
)
@pytest.mark.parametrize("full", [False, True])
def test_ten_bits_become_eight(name: str, chroma: Chroma, full: bool) -> None:
    planes = noise(PlaneFormat(38, 22, chroma, full, "bt709"), 7)
    same = {"src_color_range": 1 + full, "dst_color_range": 1 + full}
    frame = swscale(frame_from_planes(planes), format=name, **same)
    frame.color_range, frame.colorspace = 1 + full, 1
    assert_close(planes_from_frame(frame), planes)


def test_gray_and_palette() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    planes = planes_from_frame(VideoFrame.from_ndarray(ramp, "gray"))
    np.testing.assert_array_equal(planes.y, ramp)
    assert planes.u.size == planes.v.size == 0
    deep = VideoFrame.from_ndarray(ramp.astype(np.uint16) * 257, "gray16le")
    assert largest_difference(planes_from_frame(deep).y, ramp) <= 1
    palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
    frame = VideoFrame.from_ndarray((ramp, palette), "pal8")  # type: ignore[arg-type]
    assert largest_difference(planes_from_frame(frame).y, ramp) <= 1


@pytest.mark.parametrize(("code", "matrix"), [(9, "bt2020"), (10, "bt2020"), (7, "smpte240m")])
def test_wide_gamut_keeps_its_planes_and_its_matrix(code: int, matrix: Matrix) -> None:
    frame = frame_from_planes(muted(PlaneFormat(32, 16, "420", False, "bt709"), 2))
    y = planes_from_frame(frame).y.copy()
    frame.colorspace = code
    planes = planes_from_frame(frame)
    assert planes.format == PlaneFormat(32, 16, "420", False, matrix)
    np.testing.assert_array_equal(planes.y, y)
    assert frame_from_planes(planes).colorspace == (9 if matrix == "bt2020" else 7)


def test_copy_has_memory_of_its_own() -> None:
    frame = frame_from_planes(noise(PlaneFormat(34, 18, "420", True, "bt601"), 1))
    copied = planes_from_frame(frame).copy()
    assert copied.y.flags.c_contiguous
    assert copied.y.flags.owndata
    assert copied.owner is None


# --- planes to R'G'B' and back ----------------------------------------------------------------------------


@given(sizes, chromas, st.booleans(), matrices, seeds)
def test_rgb_is_that_of_libswscale(
    size: tuple[int, int], chroma: Chroma, full: bool, matrix: Matrix, seed: int
) -> None:
    planes = noise(PlaneFormat(*size, chroma, full, matrix), seed)
    rgb = (rgb_tensor(planes) * 255).round().clamp(0, 255).numpy()
    assert largest_difference(rgb, swscale_rgb(planes)) <= 1


def test_rgb_of_known_colours() -> None:
    # BT.709, limited: white, black, and pure red (Y' 63, Cb 102, Cr 240).
    layout = PlaneFormat(3, 1, "444", False, "bt709")
    y = np.array([[235, 16, 63]], np.uint8)
    u = np.array([[128, 128, 102]], np.uint8)
    v = np.array([[128, 128, 240]], np.uint8)
    rgb = rgb_tensor(Planes(y, u, v, layout, 0.0))
    expected = torch.tensor([[1.0, 0, 1], [1, 0, 0], [1, 0, 0]])
    assert torch.allclose(rgb[:, 0], expected, atol=0.006)
    assert rgb.dtype == torch.float32


def test_rgb_of_gray_has_three_equal_channels() -> None:
    planes = noise(PlaneFormat(9, 5, "gray", False, "bt601"), 0)
    rgb = rgb_tensor(planes)
    assert torch.equal(rgb[0], rgb[1])
    assert torch.allclose(rgb[2] * 219 + 16, torch.from_numpy(planes.y).float(), atol=1e-4)
    assert_same(planes_from_rgb(rgb, planes.format, 0.0), planes)


@given(st.integers(1, 40), st.integers(1, 30), st.booleans(), matrices, seeds)
def test_444_survives_rgb_bit_for_bit(
    width: int, height: int, full: bool, matrix: Matrix, seed: int
) -> None:
    planes = noise(PlaneFormat(width, height, "444", full, matrix), seed)
    back = planes_from_rgb(rgb_tensor(planes), planes.format, 1.5)
    assert_same(back, planes)
    assert back.time_s == 1.5


@given(even_sizes, chromas, st.booleans(), matrices, seeds)
def test_planes_from_rgb_are_those_of_libswscale(
    size: tuple[int, int], chroma: Chroma, full: bool, matrix: Matrix, seed: int
) -> None:
    width, height = size
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    layout = PlaneFormat(width, height, chroma, full, matrix)
    # First to 4:4:4, then sub-sampled: in one go libswscale takes every second R'G'B' pixel.
    options = {"interpolation": AREA, "dst_colorspace": SPACES[matrix]}
    frame = VideoFrame.from_ndarray(rgb, "rgb24")
    frame = swscale(frame, format="yuv444p", src_color_range=2, dst_color_range=1 + full, **options)
    ranges = {"src_color_range": 1 + full, "dst_color_range": 1 + full}
    frame = swscale(frame, format=f"yuv{chroma}p", **ranges, **options)
    rows, columns = layout.chroma_shape
    tensor = torch.from_numpy(rgb).permute(2, 0, 1) / 255
    planes = planes_from_rgb(tensor, layout, 0.0)
    assert largest_difference(planes.y, plane(frame, 0, height, width)) <= 1
    assert largest_difference(planes.u, plane(frame, 1, rows, columns)) <= 1
    assert largest_difference(planes.v, plane(frame, 2, rows, columns)) <= 1


def test_planes_from_rgb_clips_and_checks() -> None:
    layout = PlaneFormat(4, 4, "420", True, "bt601")
    planes = planes_from_rgb(torch.full((3, 4, 4), 2.0), layout, 0.0)
    assert (planes.y == 255).all()
    assert (planes_from_rgb(torch.full((3, 4, 4), -2.0), layout, 0.0).y == 0).all()
    with pytest.raises(ValueError, match=r"\(3, 5, 4\), expected \(3, 4, 4\)"):
        planes_from_rgb(torch.zeros(3, 5, 4), layout, 0.0)


@given(sizes, any_chroma, st.booleans(), matrices, seeds)
def test_rgb_frame_agrees_with_rgb_tensor(
    size: tuple[int, int], chroma: Chroma, full: bool, matrix: Matrix, seed: int
) -> None:
    planes = noise(PlaneFormat(*size, chroma, full, matrix), seed)
    rgb = rgb_frame(planes).to_ndarray().transpose(2, 0, 1)
    tensor = (rgb_tensor(planes) * 255).round().clamp(0, 255)
    # In packed rgb24 libswscale keeps fewer bits of chroma than in planar gbrp.
    assert largest_difference(rgb, tensor) <= 2


# --- planes to planes -------------------------------------------------------------------------------------


def swscale_planes(planes: Planes, target: PlaneFormat, flags: int) -> Planes:
    layout = planes.format
    frame = swscale(
        frame_from_planes(planes),
        format=f"yuv{target.chroma}p",
        interpolation=flags,
        src_colorspace=SPACES[layout.matrix],
        dst_colorspace=SPACES[target.matrix],
        src_color_range=1 + layout.full_range,
        dst_color_range=1 + target.full_range,
    )
    shape = target.chroma_shape
    u, v = plane(frame, 1, *shape).copy(), plane(frame, 2, *shape).copy()
    return Planes(plane(frame, 0, layout.height, layout.width).copy(), u, v, target, 1.5)


@given(even_sizes, chromas, chromas, st.booleans(), matrices, seeds)
def test_sub_sampling_is_that_of_libswscale(
    size: tuple[int, int], source: Chroma, target: Chroma, full: bool, matrix: Matrix, seed: int
) -> None:
    planes = noise(PlaneFormat(*size, source, full, matrix), seed)
    wanted = PlaneFormat(*size, target, full, matrix)
    flags = (
        AREA
        if ["444", "422", "420"].index(target) > ["444", "422", "420"].index(source)
        else BILINEAR
    )
    result = convert(planes, target, full)
    assert_close(result, swscale_planes(planes, wanted, flags))
    assert result.time_s == 1.5


@given(even_sizes, chromas, st.booleans(), matrices, seeds)
def test_range_is_that_of_libswscale(
    size: tuple[int, int], chroma: Chroma, full: bool, matrix: Matrix, seed: int
) -> None:
    planes = noise(PlaneFormat(*size, chroma, full, matrix), seed)
    wanted = PlaneFormat(*size, chroma, not full, matrix)
    assert_close(convert(planes, chroma, not full), swscale_planes(planes, wanted, BILINEAR))


@given(even_sizes, chromas, st.booleans(), st.booleans(), matrices, seeds)
def test_matrix_keeps_the_colours(
    size: tuple[int, int], chroma: Chroma, full: bool, to_full: bool, matrix: Matrix, seed: int
) -> None:
    planes = muted(PlaneFormat(*size, chroma, full, matrix), seed)
    other: Matrix = "bt601" if matrix == "bt709" else "bt709"
    result = convert(planes, chroma, to_full, other)
    assert result.format == PlaneFormat(*size, chroma, to_full, other)
    # Bytes of Y', Cb and Cr are each rounded once: at most 0.5 + 0.5·1.86 levels of R'G'B' in each place.
    difference = (rgb_tensor(result) - rgb_tensor(planes)).abs().max() * 255
    assert difference <= 1.9 * (1 if to_full else 255 / 219)


@given(
    st.integers(1, 33),
    st.integers(1, 33),
    any_chroma,
    any_chroma,
    st.booleans(),
    st.booleans(),
    matrices,
    seeds,
)
def test_any_format_becomes_any_other(
    width: int,
    height: int,
    source: Chroma,
    target: Chroma,
    full: bool,
    to_full: bool,
    to_matrix: Matrix,
    seed: int,
) -> None:
    planes = noise(PlaneFormat(width, height, source, full, "bt601"), seed)
    before = planes.copy()
    wanted = PlaneFormat(width, height, target, to_full, to_matrix)
    result = convert(planes, target, to_full, to_matrix)
    assert result.format == wanted
    assert result.y.shape == (height, width)
    assert result.u.shape == result.v.shape == wanted.chroma_shape
    assert result.y.dtype == result.u.dtype == np.uint8
    assert_same(planes, before)
    out = empty_planes(wanted)
    given_back = convert(planes, target, to_full, to_matrix, out=out)
    assert given_back.y is out.y
    assert given_back.time_s == planes.time_s
    assert_same(given_back, result)


def test_nothing_to_do_is_nothing_done() -> None:
    planes = noise(PlaneFormat(8, 8, "420", True, "bt709"), 0)
    assert convert(planes, "420", True) is planes
    assert convert(planes, "420", True, "bt709") is planes
    assert convert(noise(PlaneFormat(8, 8, "422", True, "bt601"), 0), "420", True).y.base is None


def test_luma_is_shared_where_only_chroma_changes() -> None:
    planes = noise(PlaneFormat(8, 8, "422", True, "bt601"), 0)
    assert convert(planes, "420", True).y is planes.y


def test_rows_are_averaged_in_pairs_and_halves_rounded_up() -> None:
    layout = PlaneFormat(2, 5, "422", True, "bt601")
    column = np.array([[0], [1], [254], [255], [77]], np.uint8)
    planes = Planes(np.zeros((5, 2), np.uint8), column, column[::-1].copy(), layout, 0.0)
    result = convert(planes, "420", True)
    assert result.u[:, 0].tolist() == [1, 255, 77]
    assert result.v[:, 0].tolist() == [166, 128, 0]


def test_gray_becomes_neutral_colour_and_back() -> None:
    planes = noise(PlaneFormat(9, 7, "gray", True, "bt601"), 0)
    coloured = convert(planes, "420", True)
    assert (coloured.u == 128).all()
    assert_same(convert(coloured, "gray", True), planes)


def test_range_ends() -> None:
    layout = PlaneFormat(4, 1, "444", True, "bt601")
    y = np.array([[0, 255, 128, 1]], np.uint8)
    c = np.array([[0, 255, 128, 1]], np.uint8)
    limited = convert(Planes(y, c, c, layout, 0.0), "444", False)
    assert limited.y.tolist() == [[16, 235, 126, 17]]
    assert limited.u.tolist() == [[16, 240, 128, 16]]
    full = convert(limited, "444", True)
    assert full.y.tolist() == [[0, 255, 128, 1]]
    assert full.u.tolist()[0][2] == 128


def test_out_of_another_format_is_refused() -> None:
    planes = noise(PlaneFormat(8, 8, "422", True, "bt601"), 0)
    with pytest.raises(ValueError, match="expected"):
        convert(planes, "420", True, out=empty_planes(PlaneFormat(8, 8, "420", False, "bt601")))


def test_frame_carries_time_range_and_matrix() -> None:
    frame = frame_from_planes(noise(PlaneFormat(8, 8, "422", True, "bt709"), 0))
    assert frame.time_base == Fraction(1, 1_000_000)
    assert frame.pts == 1_500_000
    assert frame.color_range == 2
    assert frame.colorspace == 1
    assert frame.format.name == "yuv422p"

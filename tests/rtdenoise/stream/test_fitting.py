"""Frames of another size in the format that the sink keeps."""

from __future__ import annotations

import numpy as np
import pytest

from rtdenoise.frames import Chroma, PlaneFormat, Planes
from rtdenoise.stream.fitting import fit


def flat(width: int, height: int, chroma: Chroma = "420", full: bool = True) -> Planes:
    layout = PlaneFormat(width, height, chroma, full_range=full, matrix="bt601")
    shape = layout.chroma_shape
    u, v = np.full(shape, 90, np.uint8), np.full(shape, 160, np.uint8)
    return Planes(np.full((height, width), 120, np.uint8), u, v, layout, 1.5)


def test_the_same_format_is_the_frame_itself() -> None:
    planes = flat(64, 48)
    assert fit(planes, planes.format) is planes


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
def test_a_wide_picture_gets_bars_above_and_below(chroma: Chroma) -> None:
    layout = flat(64, 64, chroma).format
    out = fit(flat(32, 16, chroma), layout)
    assert out.format == layout
    assert out.time_s == 1.5
    assert (out.y[16:48] == 120).all()
    assert (out.y[:16] == 0).all()
    assert (out.y[48:] == 0).all()
    if chroma != "gray":
        down = 64 // out.u.shape[0]
        assert (out.u[16 // down : 48 // down] == 90).all()
        assert (out.v[: 16 // down] == 128).all()


def test_bars_are_black_in_a_limited_range_too() -> None:
    out = fit(flat(16, 32, full=False), flat(64, 64, full=False).format)
    assert (out.y[:, :16] == 16).all()
    assert (out.y[:, 16:48] == 120).all()


def test_a_larger_picture_is_scaled_down_whole() -> None:
    source = flat(128, 96)
    source.y[:, :64] = 20
    out = fit(source, flat(64, 48).format)
    assert (out.y[:, :31] == 20).all()
    assert (out.y[:, 33:] == 120).all()


def test_odd_sizes_are_no_trouble() -> None:
    out = fit(flat(31, 17), flat(65, 49).format)
    assert out.y.shape == (49, 65)

"""Pictures that are shown otherwise than they are stored."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from rtdenoise.frames import Chroma, PlaneFormat, Planes, convert
from rtdenoise.frames.facts import VideoFacts
from rtdenoise.frames.orientation import UPRIGHT, Orientation, turned

STORED = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
# What EXIF's eight orientations mean: rows of what is shown.
SHOWN = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.mark.parametrize("number", SHOWN)
def test_exif(number: int) -> None:
    assert Orientation.from_exif(number).turn(STORED).tolist() == SHOWN[number]


@pytest.mark.parametrize(
    ("degrees", "number"), [(0, 1), (90, 8), (-90, 6), (180, 3), (270, 6), (-180, 3)]
)
def test_turns_against_the_clock(degrees: int, number: int) -> None:
    assert Orientation.from_rotation(degrees) == Orientation.from_exif(number)


@pytest.mark.parametrize(
    ("abcd", "number"),
    [
        ((1, 0, 0, 1), 1),
        ((-1, 0, 0, 1), 2),
        ((-1, 0, 0, -1), 3),
        ((1, 0, 0, -1), 4),
        ((0, 1, 1, 0), 5),
        ((0, 1, -1, 0), 6),
        ((0, -1, -1, 0), 7),
        ((0, -1, 1, 0), 8),
    ],
)
def test_display_matrices(abcd: tuple[int, ...], number: int) -> None:
    a, b, c, d = (x * 65536 for x in abcd)
    assert Orientation.from_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30)) == Orientation.from_exif(
        number
    )


def test_a_matrix_that_is_no_turn_by_quarters_counts_as_upright() -> None:
    assert Orientation.from_matrix((46341, 46341, 0, -46341, 46341, 0, 0, 0, 1)) == UPRIGHT


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
@pytest.mark.parametrize("number", SHOWN)
def test_frames_and_their_chroma_turn_together(chroma: Chroma, number: int) -> None:
    layout = PlaneFormat(8, 4, chroma, True, "bt709")
    shape = layout.chroma_shape
    rng = np.random.default_rng(number)
    y, u, v = (rng.integers(0, 256, s).astype(np.uint8) for s in ((4, 8), shape, shape))
    planes = Planes(y, u, v, layout, 1.5)
    way = Orientation.from_exif(number)
    shown = turned(planes, way)
    assert (shown.format.width, shown.format.height) == ((4, 8) if number > 4 else (8, 4))
    assert shown.time_s == 1.5
    np.testing.assert_array_equal(shown.y, way.turn(planes.y))
    if chroma == "422" and number > 4:  # half the columns can't become half the rows
        assert shown.format.chroma == "444"
        planes = convert(planes, "444", True)
    np.testing.assert_array_equal(shown.u, way.turn(planes.u))
    assert shown.format.matrix == "bt709"
    assert turned(planes, UPRIGHT) is planes


@pytest.mark.parametrize(
    ("number", "fields", "aspect"),
    [
        (1, "top", (16, 11)),
        (2, "top", (16, 11)),
        (3, "bottom", (16, 11)),
        (6, "progressive", (11, 16)),
    ],
)
def test_fields_and_shape_of_a_pixel_turn_too(
    number: int, fields: str, aspect: tuple[int, int]
) -> None:
    facts = VideoFacts(
        fields="top", aspect=Fraction(16, 11), orientation=Orientation.from_exif(number)
    )
    upright = facts.upright()
    assert (upright.fields, upright.aspect) == (fields, Fraction(*aspect))
    assert upright.orientation == UPRIGHT

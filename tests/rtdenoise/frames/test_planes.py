"""Frames that contradict themselves are refused at once, and not where they are used."""

import numpy as np
import pytest

from rtdenoise.frames import PlaneFormat, Planes

LAYOUT = PlaneFormat(6, 4, "420", full_range=True, matrix="bt601")


@pytest.mark.parametrize(
    ("y", "u", "said"),
    [
        (np.zeros((4, 5), np.uint8), np.zeros((2, 3), np.uint8), r"y is uint8 \(4, 5\), expected"),
        (np.zeros((4, 6), np.float32), np.zeros((2, 3), np.uint8), "y is float32"),
        (np.zeros((4, 6), np.uint8), np.zeros((4, 3), np.uint8), r"u is .*expected uint8 \(2, 3\)"),
    ],
)
def test_planes_are_what_their_format_says(y: np.ndarray, u: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Planes(y, u, np.zeros((2, 3), np.uint8), LAYOUT, 0.0)


def test_formats_that_nothing_has_are_refused() -> None:
    with pytest.raises(ValueError, match="of 0×4 pixels has none"):
        PlaneFormat(0, 4, "420", full_range=True, matrix="bt601")
    with pytest.raises(ValueError, match="'421' is none of 420, 422, 444, gray"):
        PlaneFormat(6, 4, "421", full_range=True, matrix="bt601")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'foo' is none of bt601, bt709"):
        PlaneFormat(6, 4, "420", full_range=True, matrix="foo")  # type: ignore[arg-type]

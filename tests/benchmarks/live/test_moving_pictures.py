"""A crop of what moves stands above its error."""

from __future__ import annotations

import numpy as np

from benchmarks.live.moving_pictures import _CROP, _GAIN, PLACES, SIZE, column


def test_a_crop_stands_above_its_error() -> None:
    truth = np.random.default_rng(1).integers(50, 200, (400, 600)).astype(np.uint8)
    picture = truth.copy()
    picture[200, 300] += 5
    found = column(picture, truth, (200, 300))
    rows, columns = _CROP
    assert found.shape == (2 * rows, columns)
    assert np.array_equal(found[:rows], picture[100:300, 150:450])
    error = found[rows:]
    assert error[100, 150] == 128 + 5 * _GAIN
    assert (np.delete(error.ravel(), 100 * columns + 150) == 128).all()


def test_all_places_lie_in_the_picture() -> None:
    for place in PLACES:
        for middle, side, whole in zip(place.middle, _CROP, SIZE[::-1], strict=True):
            assert side // 2 <= middle <= whole - side // 2

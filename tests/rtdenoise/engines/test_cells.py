import numpy as np
import pytest
from numpy.typing import DTypeLike

from rtdenoise.bands import BANDS, split, transform
from rtdenoise.engines.cells import from_cells, to_cells


def planes_of(dtype: DTypeLike) -> list[np.ndarray]:
    random = np.random.default_rng(3)
    shapes = [(24, 40), (12, 20), (12, 20)]
    return [random.integers(0, 255, shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_cells_hold_the_pixels_of_the_transform_and_lead_back(dtype: DTypeLike) -> None:
    planes = planes_of(dtype)
    cells = np.empty((6, 10, BANDS), dtype)
    to_cells(planes, cells)
    bands = cells.astype(np.float32) @ transform().T
    assert np.allclose(bands.transpose(2, 0, 1), split(*planes), atol=1e-3)
    back = [np.empty_like(plane) for plane in planes]
    from_cells(cells, back)
    assert all(np.array_equal(a, b) for a, b in zip(planes, back, strict=True))


def test_a_part_of_larger_planes_is_reached_in_place() -> None:
    whole = planes_of(np.float32)
    parts = [whole[0][4:12, 8:20], whole[1][2:6, 4:10], whole[2][2:6, 4:10]]
    cells = np.empty((2, 3, BANDS), np.float32)
    to_cells(parts, cells)
    from_cells(cells + 1, parts)
    changed = whole[0] - planes_of(np.float32)[0]
    assert np.all(changed[4:12, 8:20] == 1)
    assert changed.sum() == 8 * 12

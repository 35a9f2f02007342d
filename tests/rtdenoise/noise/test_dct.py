import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.noise.dct import COEFFICIENTS, MEANS, split, transform


def planes(rows: int, columns: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = [(rows, columns), (rows // 2, columns // 2), (rows // 2, columns // 2)]
    return [random.normal(100, 20, shape).astype(np.float32) for shape in shapes]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_the_means_are_the_blocks_means(rows: int, columns: int, seed: int) -> None:
    y, u, v = planes(4 * rows, 4 * columns, seed)
    coefficients = split(y, u, v)
    assert coefficients.shape == (COEFFICIENTS, rows, columns)
    assert coefficients[MEANS[0]] == pytest.approx(
        y.reshape(rows, 4, columns, 4).mean((1, 3)), rel=1e-4
    )
    for coefficient, plane in zip(MEANS[1:], (u, v), strict=True):
        means = plane.reshape(rows, 2, columns, 2).mean((1, 3))
        assert coefficients[coefficient] == pytest.approx(means, rel=1e-4)


def test_even_planes_have_nothing_but_means() -> None:
    y, u, v = (np.full(shape, 7.0, np.float32) for shape in ((8, 12), (4, 6), (4, 6)))
    detail = np.delete(split(y, u, v), MEANS, axis=0)
    assert np.abs(detail).max() < 1e-5


def test_the_coefficients_of_a_plane_hold_the_same_power_each() -> None:
    # Rows of the transform are orthogonal and equally long: white noise is alike in all coefficients of a plane.
    whole = transform().astype(np.float64)
    assert whole @ whole.T == pytest.approx(np.diag([1 / 16] * 16 + [1 / 4] * 8), abs=1e-6)

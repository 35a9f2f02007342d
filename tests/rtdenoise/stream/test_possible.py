"""What can't be a cleaned picture, held against its plain definition."""

from __future__ import annotations

import numpy as np

from rtdenoise.arrays import Bytes
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.stream.possible import is_possible


def has_hole(noisy: Bytes, clean: Bytes) -> bool:
    """Whether a whole block of 4 × 4 became black that was brighter than 64."""
    lost = (clean == 0) & (noisy > 64)
    rows, columns = (n // 4 * 4 for n in lost.shape)
    blocks = lost[:rows, :columns].reshape(rows // 4, 4, columns // 4, 4)
    return bool(blocks.all(axis=(1, 3)).any())


def test_holes_and_lost_colours_are_found_as_they_are_defined() -> None:
    random = np.random.default_rng(0)
    verdicts = []
    for _ in range(300):
        rows, columns = (int(2 * random.integers(1, 40)) for _ in range(2))
        layout = PlaneFormat(columns, rows, "420", True, "bt601")
        zeros = random.choice([0.0, 0.02, 0.6, 0.9])

        def plane(*shape: int, zeros: float = zeros) -> Bytes:
            levels = random.integers(60, 70, shape).astype(np.uint8)
            return np.where(random.random(shape) < zeros, np.uint8(0), levels)

        shapes = [(rows, columns), (rows // 2, columns // 2), (rows // 2, columns // 2)]
        noisy, clean = (
            Planes(plane(*shapes[0]), plane(*shapes[1]), plane(*shapes[2]), layout, 0.0)
            for _ in range(2)
        )
        if random.random() < 0.5:
            clean = Planes(clean.y, np.maximum(clean.u, 1), clean.v, layout, 0.0)
        if random.random() < 0.3:
            clean.y[:4, :4], noisy.y[:4, :4] = 0, random.choice([64, 65])
        colour_lost = (clean.u == 0) & (clean.v == 0) & (np.maximum(noisy.u, noisy.v) > 64)
        expected = not (has_hole(noisy.y, clean.y) or colour_lost.any())
        verdicts.append(expected)
        assert is_possible(noisy, clean) == expected
    assert 30 < sum(verdicts) < 270  # both kinds were there

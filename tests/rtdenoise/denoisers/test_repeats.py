from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.denoisers.repeats import Repeats
from rtdenoise.frames import PlaneFormat, Planes


def planes(seed: int, width: int = 64) -> Planes:
    rng = np.random.default_rng(seed)

    def plane(rows: int, columns: int) -> NDArray[np.uint8]:
        return np.asarray(np.clip(rng.normal(120, 4, (rows, columns)), 0, 255), np.uint8)

    y, u, v = plane(48, width), plane(24, width // 2), plane(24, width // 2)
    return Planes(y, u, v, PlaneFormat(width, 48, "420", True, "bt601"), float(seed))


def test_only_the_very_same_bytes_are_a_repeat() -> None:
    repeats = Repeats()
    first = planes(0)
    assert not repeats.is_repeat(first)
    assert repeats.is_repeat(first.copy())
    for name in ("y", "u", "v"):
        other = first.copy()
        getattr(other, name)[5, 7] ^= 1
        assert not repeats.is_repeat(other)
        assert not repeats.is_repeat(first)
    assert not repeats.is_repeat(planes(0, 66))
    repeats.reset()
    assert not repeats.is_repeat(planes(0, 66))


def test_after_long_without_repeats_the_first_one_goes_unnoticed_and_no_other() -> None:
    repeats = Repeats()
    for seed in range(100):
        assert not repeats.is_repeat(planes(seed))
    assert not repeats.is_repeat(planes(99))
    assert repeats.is_repeat(planes(99))
    assert not repeats.is_repeat(planes(100))
    assert repeats.is_repeat(planes(100))


def test_a_buffer_that_is_filled_again_is_no_repeat() -> None:
    repeats, held = Repeats(), planes(0)
    repeats.is_repeat(held)
    held.y[...] = planes(1).y
    assert not repeats.is_repeat(held)


def test_repeated_frames_give_the_same_results_as_without() -> None:
    once, often = RecursiveDenoiser(), RecursiveDenoiser()
    for seed, times in enumerate([2, 1, 3, 1, 2, 2, 1, 4, 2]):
        wanted = once(planes(seed))
        for index in range(times):
            again = replace(planes(seed), time_s=seed + index / 10)
            found = often(again)
            assert found.time_s == again.time_s
            for name in ("y", "u", "v"):
                np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))

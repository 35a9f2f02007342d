"""What a trial beside the call measures."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rtdenoise.denoisers import Denoiser
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.stream.warm_up import TIMED, WarmUp

LAYOUT = PlaneFormat(32, 32, "420", full_range=True, matrix="bt601")


def frame() -> Planes:
    y, u, v = (np.full(shape, 100, np.uint8) for shape in ((32, 32), (16, 16), (16, 16)))
    return Planes(y, u, v, LAYOUT, 0.0)


class Still:
    name = "still"

    def __call__(self, planes: Planes) -> Planes:
        return planes.copy()

    def reset(self) -> None:
        pass


def finished(make: type[Denoiser], frames: int, most_s: float = 10.0) -> WarmUp:
    warming = WarmUp(0, make, frames, most_s)
    while not warming.done:
        warming.show(frame())
        time.sleep(0.001)
    return warming


def test_the_first_frames_do_not_count() -> None:
    warming = finished(Still, 20)
    assert warming.denoiser is not None
    warming._work = [(n, n + (0.9 if n < 10 else 0.1)) for n in range(10 + TIMED)]
    assert warming.frame_s(0.5) == pytest.approx(0.1)
    assert warming.least_s(0.5) == pytest.approx(0.1)


def test_time_in_which_the_calls_own_denoiser_worked_too_counts_for_less() -> None:
    warming = finished(Still, 3)
    warming._work = [(n, n + 0.30) for n in range(TIMED)]
    for n in range(TIMED):
        warming.beside(n - 0.10, n + 0.05)  # 0.05 of it beside
        warming.beside(n + 0.25, n + 0.40)  # and again
    assert warming.frame_s(0.0) == pytest.approx(0.30)
    assert warming.frame_s(0.5) == pytest.approx(0.25)
    assert warming.least_s(0.5) == pytest.approx(0.25)


def test_what_is_much_too_slow_is_given_up_soon() -> None:
    warming = finished(Still, 1000, most_s=0.0)
    assert warming.denoiser is not None
    assert len(warming._work) == 8


def test_what_fails_is_told() -> None:
    class Broken(Still):
        def __call__(self, planes: Planes) -> Planes:
            raise ValueError("odd")

    warming = finished(Broken, 5)
    assert warming.denoiser is None
    assert isinstance(warming.error, ValueError)

"""Lamps that flicker are told once."""

from __future__ import annotations

import numpy as np

from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.frames.planes import NO_CHROMA
from rtdenoise.stream.mains import MainsWatch

LAYOUT = PlaneFormat(64, 96, "gray", full_range=True, matrix="bt601")


def shown(watch: MainsWatch, seconds: float, lamp_hz: float, start_s: float = 0.0) -> None:
    for index in range(int(seconds * 30)):
        time_s = start_s + index / 30
        rows = time_s + np.arange(96) / 96 * 0.03
        light = 100 * (1 + 0.05 * np.sin(2 * np.pi * lamp_hz * rows))
        luma = np.rint(light[:, None].repeat(64, 1)).astype(np.uint8)
        watch(Planes(luma, NO_CHROMA, NO_CHROMA, LAYOUT, time_s))


def test_two_looks_that_agree_are_told_once() -> None:
    told: list[int] = []
    watch = MainsWatch(told.append, window_s=5.0)
    shown(watch, 9.9, 100.0)
    assert told == []
    shown(watch, 100, 100.0, 9.9)
    assert told == [50]


def test_after_a_look_in_vain_it_rests() -> None:
    told: list[int] = []
    watch = MainsWatch(told.append, window_s=5.0)
    shown(watch, 6, 0.0)
    shown(watch, 58, 100.0, 6)
    assert told == []
    shown(watch, 12, 100.0, 64)
    assert told == [50]

"""A short soak: every fault once, at a small size."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.live.soak import FAULTS, fault_table, soak
from benchmarks.live.soak_parts import Clip, Faults, JudgingSink, longest_freeze


def test_every_fault_once_and_no_garbled_frame() -> None:
    run = soak((320, 180), 300.0, 2.4, rounds=1)
    assert run.faults == dict.fromkeys(FAULTS, 1)
    assert run.garbled == 0
    assert run.damaged >= 1
    assert run.frozen_s < 10  # a stream that hangs, not a slow machine
    notes = " ".join(run.notes)
    for words in (
        "went away",
        "is back",
        "impossible picture",
        "the soak says so",
        "keeps its size",
    ):
        assert words in notes
    assert "0" in fault_table(run)


def test_the_judge_knows_a_garbled_frame_and_a_clean_one() -> None:
    faults = Faults([Clip((320, 180), 30, 3)])
    sink = JudgingSink(faults, lambda: 0)
    frames = faults.clips[0].planes
    sink.open(frames[0].format, faults.clips[0].mode.rate_fps)
    for planes in frames:
        sink.write(planes)
    assert sink.garbled == 0
    torn = frames[1].copy()
    torn.y[64:128, 64:128] = np.roll(torn.y, 90, axis=1)[64:128, 64:128]
    torn.y[64:96, 64:96] ^= 0x40
    sink.write(torn)
    assert sink.garbled == 1


def test_time_without_a_camera_is_no_freeze() -> None:
    times = [0.0, 1.0, 5.0, 6.0]
    assert longest_freeze(times, []) == 4.0
    assert longest_freeze(times, [[1.5, 3.0]]) == pytest.approx(2.0)

"""Faults that are put into recordings, on seeds that the benchmark doesn't count."""

from __future__ import annotations

import pytest

from benchmarks.capture.faults import FAULTS, told

SEED = 2_000_000


@pytest.mark.parametrize("number", range(1, len(FAULTS)), ids=lambda n: FAULTS[n].name)
def test_a_fault_is_found_and_named(number: int) -> None:
    kinds, _ = told((number, SEED + number))
    assert set(kinds) & set(FAULTS[number].kinds)


def test_a_clean_recording_is_accepted_and_nothing_is_said() -> None:
    assert told((0, SEED)) == ([], 90)

from __future__ import annotations

import threading

import pytest

from rtdenoise.stream.demand import Demand, DemandPolicy, DemandWatch

WATCHED, LINGERING, DARK = Demand.WATCHED, Demand.LINGERING, Demand.DARK


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def policy(clock: Clock) -> DemandPolicy:
    return DemandPolicy(linger_s=5.0, settle_s=0.1, clock=clock)


def test_a_stream_that_nobody_opens_goes_dark(clock: Clock, policy: DemandPolicy) -> None:
    clock.now_s += 60  # a network may have been chosen meanwhile
    assert policy.update(False) is LINGERING
    clock.now_s += 4.9
    assert policy.update(False) is LINGERING
    clock.now_s += 0.2
    assert policy.update(False) is DARK


def test_while_it_lingers_a_reader_is_served_at_once(clock: Clock, policy: DemandPolicy) -> None:
    assert policy.update(True) is WATCHED
    clock.now_s += 1000
    assert policy.update(True) is WATCHED
    assert policy.update(False) is LINGERING
    clock.now_s += 4
    assert policy.update(True) is WATCHED
    # The time begins anew with the last reader.
    assert policy.update(False) is LINGERING
    clock.now_s += 4
    assert policy.update(False) is LINGERING
    clock.now_s += 1
    assert policy.update(False) is DARK


def test_a_glance_does_not_end_the_dark(clock: Clock, policy: DemandPolicy) -> None:
    assert policy.update(False) is LINGERING
    clock.now_s += 6
    assert policy.update(False) is DARK
    assert policy.update(True) is DARK
    clock.now_s += 0.05
    assert policy.update(True) is DARK
    assert policy.update(False) is DARK  # it only asked what the camera is
    clock.now_s += 0.2
    assert policy.update(True) is DARK
    clock.now_s += 0.11
    assert policy.update(True) is WATCHED


def test_waiting_ends_with_a_reader_or_with_the_run() -> None:
    looks = iter([False, False, True, True])
    policy = DemandPolicy(linger_s=0.0, settle_s=0.0)  # dark at once
    stop = threading.Event()
    watch = DemandWatch(lambda: next(looks), policy)
    assert watch.now() is DARK
    assert watch.wait(stop)
    stop.set()
    dark = DemandWatch(lambda: False, DemandPolicy(linger_s=0.0))
    assert not dark.wait(stop)

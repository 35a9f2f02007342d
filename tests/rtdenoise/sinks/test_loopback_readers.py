from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from rtdenoise.cameras import discovery, v4l2
from rtdenoise.sinks.loopback_readers import CLIENT_USAGE, LoopbackReaders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Driver:
    """v4l2loopback as it answers a descriptor: since 0.13 with events, before with EINVAL."""

    reading: ClassVar[int] = 0
    has_event: ClassVar[bool] = True
    opened: ClassVar[list[Driver]] = []

    def __init__(self, path: str) -> None:
        self.queue: list[tuple[int, int]] = []
        self.closed = False
        Driver.opened.append(self)

    def subscribe(self, event: int) -> None:
        assert event == 0x10E00001
        if not Driver.has_event:
            raise OSError(errno.EINVAL, "no such event")
        self.queue.append((event, Driver.reading))

    def next_event(self) -> tuple[int, int] | None:
        assert not self.closed
        return self.queue.pop(0) if self.queue else None

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> type[Driver]:
    monkeypatch.setattr(v4l2, "Device", Driver)
    monkeypatch.setattr(Driver, "opened", [])
    monkeypatch.setattr(Driver, "reading", 0)
    monkeypatch.setattr(Driver, "has_event", True)
    return Driver


def test_the_driver_says_how_things_are_and_what_changes(driver: type[Driver]) -> None:
    driver.reading = 1
    readers = LoopbackReaders("/dev/video10", clock=Clock())
    assert readers.watched()
    driver.opened[-1].queue += [(CLIENT_USAGE, 0), (CLIENT_USAGE, 1), (CLIENT_USAGE, 0)]
    assert not readers.watched()
    driver.opened[-1].queue += [(CLIENT_USAGE + 1, 1)]  # another event
    assert not readers.watched()
    readers.close()
    readers.close()
    assert all(device.closed for device in driver.opened)


def test_an_event_that_was_lost_is_made_up_for(driver: type[Driver]) -> None:
    clock = Clock()
    readers = LoopbackReaders("/dev/video10", clock=clock)
    assert not readers.watched()
    driver.reading = 1  # and no event
    clock.now_s += 0.1
    assert not readers.watched()
    clock.now_s += 2.0
    assert readers.watched()
    assert [device.closed for device in driver.opened][-1] is False
    assert all(device.closed for device in driver.opened[:-1])


def test_older_drivers_tell_by_who_has_the_node_open(
    driver: type[Driver], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = tmp_path / "video10"
    node.touch()
    looked = []

    def holders(path: str) -> list[str]:
        looked.append(path)
        return programs

    programs: list[str] = []
    monkeypatch.setattr(driver, "has_event", False)
    monkeypatch.setattr(discovery, "holders", holders)
    clock = Clock()
    readers = LoopbackReaders(str(node), clock=clock)
    assert driver.opened[0].closed
    assert not readers.watched()
    for _ in range(5):
        readers.watched()
    assert len(looked) == 1  # /proc is looked at only when something was opened or closed
    programs.append("zoom (process 41)")
    with node.open():
        assert readers.watched()
        assert readers.watched()
    programs.clear()
    assert not readers.watched()
    assert len(looked) == 3
    programs.append("zoom (process 41)")  # without a trace
    clock.now_s += 10.0
    assert readers.watched()
    readers.close()
    readers.close()


def test_a_node_that_cannot_be_watched_is_looked_at_every_second(
    driver: type[Driver], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(driver, "has_event", False)
    looked: list[str] = []

    def holders(path: str) -> list[str]:
        looked.append(path)
        return []

    monkeypatch.setattr(discovery, "holders", holders)
    clock = Clock()
    readers = LoopbackReaders(str(tmp_path / "gone"), clock=clock)
    assert not readers.watched()
    clock.now_s += 0.5
    readers.watched()
    assert len(looked) == 1
    clock.now_s += 0.6
    readers.watched()
    assert len(looked) == 2
    readers.close()

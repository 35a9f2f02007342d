from __future__ import annotations

import threading

import pytest

from rtdenoise.stream.mailbox import Closed, Mailbox


def test_a_newer_item_replaces_one_that_nobody_took() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    box.put(2)
    assert box.take() == 2
    assert box.dropped == 1


def test_take_gives_none_when_time_is_up() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.take(timeout_s=0.01) is None


def test_what_is_in_the_slot_can_be_taken_after_closing() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(7)
    box.close()
    assert box.take() == 7
    with pytest.raises(Closed):
        box.take()
    with pytest.raises(Closed):
        box.put(8)


def test_waiting_loses_nothing_and_keeps_the_order() -> None:
    box: Mailbox[int] = Mailbox()

    def fill() -> None:
        for n in range(200):
            box.put(n, wait=True)
        box.close()

    thread = threading.Thread(target=fill)
    thread.start()
    taken = [box.take() for _ in range(200)]
    thread.join()
    assert taken == list(range(200))
    assert box.dropped == 0


def test_closing_frees_one_who_waits_to_put() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    seen: list[str] = []

    def fill() -> None:
        try:
            box.put(2, wait=True)
        except Closed:
            seen.append("closed")

    thread = threading.Thread(target=fill)
    thread.start()
    box.close()
    thread.join(timeout=5)
    assert seen == ["closed"]

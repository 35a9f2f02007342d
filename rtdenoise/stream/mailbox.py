"""A one-slot mailbox between two threads.

A queue in a live path adds its length to the delay. Here a newer frame takes the place of one that nobody
has fetched yet, and the loss is counted.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):  # noqa: N818 - a signal, not an error
    """The other side has closed the mailbox and nothing is left in it."""


class Mailbox(Generic[T]):
    """Holds at most one item; one thread puts, another takes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many items were replaced before anyone took them."""
        with self._condition:
            return self._dropped

    def put(self, item: T, *, wait: bool = False) -> None:
        """Leaves an item. With ``wait`` it waits for the slot to be free instead of replacing what is there.

        Raises:
            Closed: nobody will take it.
        """
        with self._condition:
            if wait:
                self._condition.wait_for(lambda: self._item is None or self._closed)
            if self._closed:
                raise Closed
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._condition.notify_all()

    def take(self, timeout_s: float | None = None) -> T | None:
        """The item, as soon as there is one; None when ``timeout_s`` has passed without.

        Raises:
            Closed: there is none and there will be none.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            if item is None and self._closed:
                raise Closed
            self._condition.notify_all()
            return item

    def close(self) -> None:
        """No more items: what is in the slot can still be taken."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

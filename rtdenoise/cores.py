"""How many processor cores there are for this program."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Those that this process may run on, which can be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1

"""What a live run measures: how long each stage takes, how many frames per second come out, what was lost."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

STAGES = ("decode", "convert", "clean", "publish", "delay")


class StageTimes:
    """Durations of one stage in ms: of the whole run's frames, up to the last ``keep``.

    Written by one thread and read by another: ``deque.append`` and copying are atomic in CPython.
    """

    def __init__(self, keep: int = 18_000) -> None:
        self._ms: deque[float] = deque(maxlen=keep)

    def add(self, seconds: float) -> None:
        """One more duration."""
        self._ms.append(seconds * 1e3)

    def percentiles(self, last: int | None = None) -> tuple[float, float]:
        """(median, 95th percentile) in ms of all, or of the ``last`` few; zeros if there are none."""
        values = list(self._ms.copy())
        if last is not None:
            values = values[-last:]
        if not values:
            return (0.0, 0.0)
        p50, p95 = np.percentile(values, (50, 95))
        return (float(p50), float(p95))


@dataclass(frozen=True)
class LiveReport:
    """What a live run did.

    ``rate_fps`` is published frames over the time between the first and the last of them; ``stages_ms`` maps
    each stage to (median, 95th percentile); ``delay`` there is the time from a frame's arrival (its packet
    handed over by the camera) to its publication.
    """

    frames_in: int
    frames_out: int
    dropped: int
    damaged: int
    seconds: float
    rate_fps: float
    stages_ms: dict[str, tuple[float, float]]
    reconnects: int = 0
    ended: str = "stopped"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "frames_in": self.frames_in,
            "frames_out": self.frames_out,
            "dropped": self.dropped,
            "damaged": self.damaged,
            "seconds": round(self.seconds, 3),
            "rate_fps": round(self.rate_fps, 2),
            "stages_ms": {
                name: {"p50": round(p50, 2), "p95": round(p95, 2)}
                for name, (p50, p95) in self.stages_ms.items()
            },
            "reconnects": self.reconnects,
            "ended": self.ended,
        }

"""What becomes of a scene while it is filmed: a sensor that warms up is noisier, exposure and lamps settle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .joining import Joined
from .light import LightMeter

_LEAST_SEGMENTS = 4
_SURE = 6.0  # standard errors
_WARMS = 0.05  # so much more noise is told
_SAME_LIGHT = 0.012  # more light has more noise by itself


@dataclass(frozen=True)
class Drift:
    """What changed in a scene, frames ``first`` to ``stop``, from its first quarter to its last, as shares.

    ``noise`` is that of the standard deviation; ``sure`` says whether more than chance made it.
    """

    first: int
    stop: int
    light: float
    noise: float
    sure: bool

    @property
    def warms(self) -> bool:
        """Whether the noise grew, and the light doesn't explain it."""
        return self.sure and self.noise > _WARMS and abs(self.light) < _SAME_LIGHT

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the clip's sidecar."""
        return {name: _short(value) for name, value in asdict(self).items()}


def _short(value: float) -> float:
    return round(value, 4) if isinstance(value, float) else value


def drifts(groups: Iterable[Joined], light: LightMeter, scenes: Sequence[int]) -> list[Drift]:
    """What changed in each scene that is long enough to tell.

    Args:
        groups: The clip's segments.
        light: How bright its frames are.
        scenes: The frames at which another scene begins, the first one's among them, and the number of all frames.
    """
    segments = [s for group in groups for s in group.segments if s.problem is None]
    found = []
    for first, stop in pairwise(scenes):
        mine = [s.measures.noise_levels for s in segments if first <= s.first < stop]
        if len(mine) < _LEAST_SEGMENTS or mine[0] <= 0:
            continue
        noise = np.asarray(mine)
        part = max(len(noise) // 4, 1)
        change = float(noise[-part:].mean() / noise[:part].mean()) - 1
        chance = float(np.median(np.abs(np.diff(noise)))) / 0.954 / float(noise.mean())
        sure = abs(change) > _SURE * chance * (2 / part) ** 0.5
        found.append(Drift(first, stop, light.share(first, stop), change, sure))
    return found


def told(facts: Mapping[str, Any]) -> str:
    """A line on the scene that changed the most, from a clip's facts; empty where none was long enough to tell."""
    scenes = facts.get("drift")
    known = [d for d in scenes if isinstance(d, dict)] if isinstance(scenes, list) else []
    try:
        worst = max(known, key=lambda d: max(abs(d["light"]), abs(d["noise"])))
        return f"light {worst['light']:+.1%}, noise {worst['noise']:+.1%} from beginning to end"
    except (KeyError, TypeError, ValueError):
        return ""

"""How long and when a camera looks: motion blur, and rows that are read one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtdenoise.arrays import Doubles

_MOMENTS = 4  # of an exposure, that are averaged


@dataclass(frozen=True)
class Shutter:
    """A camera's shutter, in shares of the time from frame to frame.

    ``exposure`` is how long a row sees light: what moves meanwhile is blurred. ``readout`` is by how much the last row
    sees it later than the first one (a rolling shutter): what moves sideways leans over. The middle row's exposure
    lies around the frame's time.
    """

    exposure: float = 0.0
    readout: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.exposure <= 1 and 0 <= self.readout <= 1):
            raise ValueError(f"a shutter has shares of a frame's time, not {self}")

    def moments(self, height: int) -> list[Doubles]:
        """When each row is seen, (H,) from the frame's time, for each of the moments that make up an exposure."""
        rows = self.readout * ((np.arange(height) + 0.5) / height - 0.5)
        if not self.exposure:
            return [rows]
        middles = (np.arange(_MOMENTS) + 0.5) / _MOMENTS - 0.5
        return [rows + self.exposure * middle for middle in middles]


def at_moments(values: Doubles, moments: Doubles) -> Doubles:
    """What changes from frame to frame, (T, …), at other moments: interpolated, and held at both ends.

    Args:
        values: One for each frame.
        moments: From the frame's time, in frames, (H,).

    Returns:
        (T, H, …).
    """
    last = len(values) - 1
    at = np.clip(np.arange(len(values))[:, None] + moments[None, :], 0, last)
    before = np.minimum(at.astype(np.intp), max(last - 1, 0))
    share = (at - before).reshape(*at.shape, *(1,) * (values.ndim - 1))
    return np.asarray(values[before] * (1 - share) + values[np.minimum(before + 1, last)] * share)


def random_shutter(random: np.random.Generator, blurred: float, rolling: float) -> Shutter | None:
    """Draws a shutter: of so many cameras one that blurs, of so many one that rolls; None for neither."""
    exposure = random.uniform(0.15, 0.9) if random.random() < blurred else 0.0
    readout = random.uniform(0.3, 0.95) if random.random() < rolling else 0.0
    return Shutter(exposure, readout) if exposure or readout else None

"""What an engine is: it runs a live network's steps and holds its recurrent state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..alignment.motion import Movement
from ..arrays import Bytes, Floats
from ..networks.constants import GROUPS
from ..noise.normalised import Normalised

MEASURED_FRAMES = 4.0
"""How many frames the noise at each place counts for where it was measured beforehand."""


class Engine(Protocol):
    """Runs a live network on frames of one size.

    For each frame: :meth:`analyse`, then whatever the state has to follow, then :meth:`step`. Planes are whole:
    their sizes are multiples of four blocks. Means are in units of a pixel's noise, after the transforms of the noise
    that was set.
    """

    @property
    def name(self) -> str:
        """What runs it, and how."""

    @property
    def fresh(self) -> bool:
        """Whether nothing is kept of earlier frames."""

    def set_noise(self, normalised: Normalised, band_std: Floats) -> None:
        """Takes another noise; the state is put into its units.

        Args:
            normalised: The transforms of the planes.
            band_std: of the noise in each coefficient after them, (24,).
        """

    def analyse(self, planes: Sequence[Bytes]) -> None:
        """Takes in the next frame: Y (4h, 4w), U and V (2h, 2w)."""

    def means(self) -> Floats:
        """The blocks' means of the frame, (3, h, w); until the next :meth:`analyse`."""

    def state_means(self) -> Floats:
        """The blocks' luma and chroma means of the state, (3, h, w); until it changes."""

    def residual(self) -> Floats:
        """The residual noise variance of the state's luma means, (h, w), in units of a frame's; until it changes."""

    def excess(self) -> Floats:
        """The variance of the noise in the blocks' luma means over the model's, (h, w), from 1; until it changes."""

    def set_local_noise(self, strength: Floats) -> None:
        """Takes what was measured beforehand of the noise at each place, after the first step.

        Args:
            strength: The variance of the noise over the model's, per group of coefficients, (6, h, w).
        """

    def rescale(self, index: int, slope: float, offset: float) -> None:
        """Lets a plane of the state follow a brightness change: x becomes x · (1 + slope) + offset."""

    def scale_rows(self, factors: Floats) -> None:
        """Multiplies the state's luma, each row of blocks by its factor, (h,)."""

    def warp(self, movement: Movement) -> None:
        """Moves the state along with the picture."""

    def reset(self) -> None:
        """Forgets all earlier frames."""

    def step(self) -> tuple[Bytes, Bytes, Bytes]:
        """Cleans the analysed frame.

        Returns:
            Its planes, whole; they stay valid until the call after the next one.
        """


def unit_changes(
    before: Normalised, was: Floats, normalised: Normalised, band_std: Floats
) -> Floats:
    """By how much variances in units of the noise change with these units, for each group of coefficients, (6,).

    Args:
        before: The transforms until now.
        was: The standard deviation of each coefficient until now, (24,).
        normalised: The transforms from now on.
        band_std: The standard deviations from now on, (24,).
    """
    reach = [new[-1] / old[-1] for old, new in zip(before.forward, normalised.forward, strict=True)]
    changes = np.square(np.repeat(reach, [16, 4, 4]) * was / band_std)
    means = [float(changes[list(group)].mean()) for group in GROUPS]
    return np.asarray(means, np.float32)

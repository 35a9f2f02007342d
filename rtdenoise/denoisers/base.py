"""What a denoiser is: planes in, planes out, with state that it can reset."""

from __future__ import annotations

from typing import Protocol

from ..frames import Planes


class Denoiser(Protocol):
    """Cleans one frame after the other, causally: the result for a frame depends on it and earlier ones only."""

    @property
    def name(self) -> str:
        """What ``--network`` calls it."""

    def __call__(self, planes: Planes) -> Planes:
        """Cleans the next frame.

        The result has the format, sizes and time of ``planes``, and its arrays stay valid until the call
        after the next one (buffers are used in turn); ``planes`` is not changed.
        """

    def reset(self) -> None:
        """Forgets all earlier frames (after a cut, a change of mode, a reconnect)."""

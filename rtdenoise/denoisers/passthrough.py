"""The denoiser that does nothing: the camera's bytes, bit for bit."""

from __future__ import annotations

from ..frames import Planes


class Passthrough:
    """Gives every frame back as it is."""

    name = "none"

    def __call__(self, planes: Planes) -> Planes:
        """Gives ``planes`` itself."""
        return planes

    def reset(self) -> None:
        """Nothing is remembered, so nothing is forgotten."""

"""Interlaced frames: a denoiser that sees each field as a picture of its own."""

from __future__ import annotations

from ..frames import Planes
from ..frames.fields import has_fields, split_fields, woven_fields
from .base import Denoiser


class FieldsDenoiser:
    """Shows a denoiser the two fields of each frame one above the other, and puts them together again.

    In a frame as it is stored what moves has combs, which are neither edges nor noise. A field has none, and
    the denoiser compares it with the same field of the frame before. Frames whose height can't be parted are
    cleaned as they are.

    Args:
        denoiser: The one that cleans.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser

    @property
    def name(self) -> str:
        """That of the denoiser within."""
        return self._denoiser.name

    def reset(self) -> None:
        """Forgets earlier frames."""
        self._denoiser.reset()

    def __call__(self, planes: Planes) -> Planes:
        """Cleans one frame."""
        if not has_fields(planes):
            return self._denoiser(planes)
        parted = split_fields(planes)
        clean = self._denoiser(parted)
        return planes if clean is parted else woven_fields(clean)

"""Cleans a part of a frame with the frame around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from rtdenoise.arrays import Floats
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.tiles import Cleaned, clean_in_context, mirrored


@dataclass(frozen=True)
class Window:
    """The part of a frame that is wanted, in pixels; it may be the whole frame."""

    top: int
    left: int
    height: int
    width: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """Its rows and columns in a frame."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


CleanWindow = Callable[[Floats, Window], Floats]
"""Takes a frame, (3, H, W) in [0, 1], and gives a window of it back without noise, (3, h, w)."""


def with_context(frame: Floats, window: Window, context: int) -> Floats:
    """A window of a frame (3, H, W) with ``context`` pixels around it, mirrored at the frame's borders."""
    _, height, width = frame.shape
    rows = mirrored(window.top - context, window.height + 2 * context, height)
    columns = mirrored(window.left - context, window.width + 2 * context, width)
    return frame[:, rows[:, None], columns[None, :]]


def clean_window(
    network: PaperNetwork, frame: Floats, window: Window, device: torch.device, *, tta: bool
) -> Cleaned:
    """Cleans a window with the paper's network as if the whole frame were cleaned; ``tta`` takes eight views."""
    inputs = torch.from_numpy(with_context(frame, window, network.context)).to(device)
    return clean_in_context(network, inputs, tta=tta)

"""A camera's own temporal noise reduction: a first-order recursive filter that lets go of what moves."""

from __future__ import annotations

import torch

_LETS_GO = (
    4.0  # standard deviations of the noise that a pixel changes by, at which it starts afresh
)


class Recursion:
    """Makes the noise of each frame like that of the frame before, for the frames of one clip in their order.

    Noise of unit variance keeps it where nothing moves. Where the picture changes, the filter lets go, and more of the
    sensor's noise is left, as in real cameras.

    Args:
        share: How much of a frame is the one before, 0 to 1: the correlation of neighbouring frames.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._noise: torch.Tensor | None = None
        self._picture: torch.Tensor | None = None

    def __call__(
        self, noise: torch.Tensor, picture: torch.Tensor, deviation: torch.Tensor
    ) -> torch.Tensor:
        """The noise of the next frames, filtered in place.

        Args:
            noise: of unit variance, (T, H, W).
            picture: what the noise lies on, (T or 1, H, W).
            deviation: the noise's standard deviation there, likewise.
        """
        if not self._share:
            return noise
        fresh = ((1 + self._share) / (1 - self._share)) ** 0.5
        for t, grain in enumerate(noise):
            at = min(t, len(picture) - 1)
            if self._noise is not None and self._picture is not None:
                kept: float | torch.Tensor = self._share
                if self._picture is not picture[at] and len(picture) > 1:
                    change = (picture[at] - self._picture).abs_().div_(deviation[at] * _LETS_GO)
                    kept = change.clamp_(max=1).neg_().add_(1).mul_(self._share)
                grain.mul_(fresh * (1 - kept)).add_(self._noise * kept)
            self._noise, self._picture = grain, picture[at]
        return noise

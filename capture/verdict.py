"""Which series may train: the limits, and what a person is told where one is passed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

LEAST_FRAMES = 4
# The paper trains on series up to this σ, and calls a shift of one pixel critical.
SIGMA_LIMIT = 0.007
SHIFT_LIMIT_PX = 1.0
# A camera that was bumped lies elsewhere from then on, and a mean over both blurs: told from the first and last frames'
# means, in which less noise is left than in single frames.
BUMP_LIMIT_PX = 0.35
# Noise that is more alike than this from frame to frame stays in the mean of a series.
LAG1_LIMIT = 0.3
LEAST_STATIC_FRACTION = 0.3
# What is left of a drift is learnt as if it were noise. Half of the noise's deviation adds 2 % to its variance.
LEAST_DRIFT_LIMIT_LEVELS = 0.5
# What is black or white shows no noise; as much of the picture as has to stand still must be neither.
CLIPPED_LIMIT = 1 - LEAST_STATIC_FRACTION
LEAST_NOISE_LEVELS = 0.05

Problem = Literal[
    "short",
    "dark",
    "bright",
    "shift",
    "bump",
    "moving",
    "drift",
    "frozen",
    "lag1",
    "sigma",
    "apart",
]


@dataclass(frozen=True)
class Measures:
    """What was measured of a series, in the units of :class:`capture.clip.Series`.

    ``noise_levels`` is the median standard deviation of a still pixel's noise, ``flicker_levels`` the
    amplitude of mains flicker, ``dark`` and ``bright`` the shares of pixels that are clipped, ``level`` the mean level
    above black, and ``bump_px`` how far the picture lies elsewhere at the end than at the beginning.
    """

    count: int
    mu: float = 0.0
    sigma: float = 0.0
    shift_px: float = 0.0
    drift_levels: float = 0.0
    lag1: float = 0.0
    static_fraction: float = 0.0
    noise_levels: float = 0.0
    flicker_levels: float = 0.0
    dark: float = 0.0
    bright: float = 0.0
    level: float = 0.0
    bump_px: float = 0.0

    @property
    def drift_limit_levels(self) -> float:
        """How far the brightness may drift."""
        return max(LEAST_DRIFT_LIMIT_LEVELS, self.noise_levels / 2)

    @property
    def moved_px(self) -> float:
        """How far the camera moved: single frames tell it less surely, but are believed where they differ unevenly."""
        return max(self.bump_px, self.shift_px) if self.sigma > SIGMA_LIMIT else self.bump_px

    def problem(self) -> Problem | None:
        """Why the series can't train; None where it can.

        What comes first explains what comes later: a camera that moves also makes all pixels move.
        """
        checks: tuple[tuple[Problem, bool], ...] = (
            ("short", self.count < LEAST_FRAMES),
            ("dark", self.dark > CLIPPED_LIMIT),
            ("bright", self.bright > CLIPPED_LIMIT),
            ("shift", self.shift_px >= SHIFT_LIMIT_PX),
            ("bump", self.moved_px >= BUMP_LIMIT_PX),
            ("moving", self.static_fraction < LEAST_STATIC_FRACTION),
            ("frozen", self.noise_levels < LEAST_NOISE_LEVELS and self.mu < 1e-4),
            ("drift", self.drift_levels > self.drift_limit_levels),
            ("lag1", self.lag1 > LAG1_LIMIT),
            ("sigma", self.sigma > SIGMA_LIMIT),
        )
        return next((name for name, failed in checks if failed), None)

    def worst(self, other: Measures) -> Measures:
        """Both together: frames add up, μ is averaged, of all else the worse is kept."""
        total = self.count + other.count
        return replace(
            self,
            count=total,
            mu=(self.count * self.mu + other.count * other.mu) / total,
            sigma=max(self.sigma, other.sigma),
            shift_px=max(self.shift_px, other.shift_px),
            drift_levels=max(self.drift_levels, other.drift_levels),
            lag1=max(self.lag1, other.lag1),
            static_fraction=min(self.static_fraction, other.static_fraction),
            noise_levels=max(self.noise_levels, other.noise_levels),
            flicker_levels=max(self.flicker_levels, other.flicker_levels),
            dark=max(self.dark, other.dark),
            bright=max(self.bright, other.bright),
            level=min(self.level, other.level),
            bump_px=max(self.bump_px, other.bump_px),
        )


def reason(problem: Problem | None, m: Measures) -> str:
    """What a person is told: what is wrong, with its figure, and what to do. Empty without a problem."""
    if problem is None:
        return ""
    return {
        "short": f"Only {m.count} frame{'s' * (m.count != 1)} of one still scene; "
        f"at least {LEAST_FRAMES} are needed.",
        "apart": "The picture jumps from frame to frame; keep camera and scene still.",
        "dark": f"{m.dark:.0%} of the picture is black; give the scene more light.",
        "bright": f"{m.bright:.0%} of the picture is white; lower the exposure or the light.",
        "shift": f"The camera moved by {m.shift_px:.1f} pixels; put it on a tripod or a shelf.",
        "bump": f"The camera moved by {m.moved_px:.1f} pixels; put it on a tripod or a shelf, and let go of it.",
        "moving": f"Only {m.static_fraction:.0%} of the picture stands still "
        f"({LEAST_STATIC_FRACTION:.0%} needed); film a still scene.",
        "drift": f"The brightness drifts by {m.drift_levels:.1f} levels; "
        "lock the exposure, or wait until it has settled.",
        "frozen": "All frames are the same: there is no noise to learn, or the camera hangs.",
        "lag1": f"The noise is alike from frame to frame (lag-1 {m.lag1:.2f} > {LAG1_LIMIT}), as "
        "after H.264 or a filter in the camera; record it as MJPG or raw, without conversion.",
        "sigma": f"The frames differ unevenly from their mean (σ {m.sigma:.4f} > {SIGMA_LIMIT}); "
        "keep light and scene steady.",
    }[problem]

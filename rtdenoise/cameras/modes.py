"""Which of a camera's modes to use, and how to tell a person about them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..errors import CameraError
from .base import Mode
from .discovery import FoundCamera

_DEFAULT_RATE = Fraction(30)
_SMOOTH_RATE = Fraction(24)  # below that a call stutters
_LARGEST = (1920, 1080)


def choose_mode(
    camera: FoundCamera, size: tuple[int, int] | None, rate_fps: float | None
) -> Mode | None:
    """The mode to ask the camera for; None where it doesn't tell what it has.

    What is asked for must be there. What isn't asked for is the largest size up to 1920×1080 that keeps
    24 frames/s, the rate nearest to 30, and MJPG before raw pixels.

    Raises:
        CameraError: the camera doesn't have it; the hint names what there is.
    """
    if not camera.modes:
        return None
    fitting = [
        mode
        for mode in camera.modes
        if (size is None or (mode.width, mode.height) == size)
        and (rate_fps is None or abs(float(mode.rate_fps) - rate_fps) <= 0.01 * rate_fps)
    ]
    if not fitting:
        asked = [f"{size[0]}×{size[1]}"] if size else []
        asked += [f"{rate_fps:g} frames/s"] if rate_fps else []
        raise CameraError(
            f"{camera.info.name} doesn't offer {' at '.join(asked)}.",
            f"It has {describe_modes(camera.modes)}.",
        )
    order = {mode: place for place, mode in enumerate(camera.modes)}  # formats in our preference
    colour = [mode for mode in fitting if mode.pixel_format != "gray"]
    return min(colour or fitting, key=lambda mode: (*_distance(mode), order[mode]))


def _distance(mode: Mode) -> tuple[bool, bool, int, Fraction]:
    """How far a mode is from what we like; less is better."""
    too_large = mode.width > _LARGEST[0] or mode.height > _LARGEST[1]
    area = mode.width * mode.height
    return (
        mode.rate_fps < _SMOOTH_RATE,
        too_large,
        area if too_large else -area,
        abs(mode.rate_fps - _DEFAULT_RATE),
    )


def describe_modes(modes: Iterable[Mode]) -> str:
    """Modes in a line: "MJPG 1920×1080 @ 30/15, 1280×720 @ 60; YUYV422 640×480 @ 30"."""
    formats: dict[str, dict[tuple[int, int], list[Fraction]]] = {}
    for mode in modes:
        name = str(mode).split(" ", 1)[0]
        rates = formats.setdefault(name, {}).setdefault((mode.width, mode.height), [])
        rates.append(mode.rate_fps)
    return "; ".join(
        f"{name} "
        + ", ".join(
            f"{width}×{height} @ " + "/".join(f"{float(rate):g}" for rate in rates)
            for (width, height), rates in sizes.items()
        )
        for name, sizes in formats.items()
    )

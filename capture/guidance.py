"""What a person who films is told, in a terminal and in the app: the same words for the same thing."""

from __future__ import annotations

from .meter import Reading

_TOLD_MOVING = 0.02
_TOLD_FLICKER_LEVELS = 1.0


def words(reading: Reading) -> str:
    """A sentence for a reading: what is wrong and what mends it, or that all is well."""
    share = f"{max(reading.dark, reading.bright):.0%}"
    told = {
        "waiting": "Looking …",
        "dark": f"{share} of the picture is black: open the lens cap, or give the scene light.",
        "bright": f"{share} of the picture is white: lower the light or the exposure.",
        "shift": f"The camera moved by {reading.shift_px:.0f} pixels: put it down and let go of it.",
        "moving": "The whole picture moves: put the camera down, and film a scene in which nothing moves.",
        "drift": "The light changes: wait until it has settled.",
        "frozen": "The camera or its codec repeats its noise: choose another mode, Motion JPEG if it has one.",
        "good": "Hold still.",
    }[reading.state]
    if reading.state != "good":
        return told
    if reading.mains_hz and reading.flicker_levels > _TOLD_FLICKER_LEVELS:
        return f"Lamps flicker: set the camera's power line frequency to {reading.mains_hz} Hz."
    if reading.moving > _TOLD_MOVING:
        return (
            f"{reading.moving:.0%} of the picture moves and will be left out; a scene in which nothing moves is "
            "better."
        )
    return told

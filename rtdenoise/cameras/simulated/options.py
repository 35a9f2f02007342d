"""What may be written after ``simulated``: a scene, and options as in an address's query."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ...errors import CameraError
from .processor import PROCESSINGS
from .scenes import SCENES

# Analogue gains that give about 1, 3 and 6 levels of luma noise, at any size.
NOISE_GAINS = {"low": 4.0, "medium": 32.0, "high": 96.0}
MOTIONS = ("still", "subject", "pan")
_HELP = {
    "noise": "low, medium or high",
    "gain": "analogue gain, 1 to 1000, instead of noise",
    "light": "light on the scene, where 1 needs gain 1 (by default what the gain needs)",
    "processing": "none, mild or strong: how much the camera smooths flat places and sharpens edges",
    "seed": "which noise, a whole number",
    "sensor": "which sensor of the make, a whole number: its fixed pattern and its id",
    "motion": "still, subject or pan",
    "variant": "another scene of the kind, a whole number: other things, colours and light",
    "seconds": "length (by default without an end)",
    "frames": "length in frames",
    "flicker": "depth of mains flicker at 100 Hz, 0 to 0.5",
    "steps": "random changes of the light from frame to frame (root mean square), 0 to 0.3",
    "temporal": "correlation of the noise of neighbouring frames, 0 to 0.5",
    "drift": "how far exposure is off at the start, -0.5 to 1; it settles within a second",
}


@dataclass(frozen=True)
class Options:
    """Everything that can be said about a simulated camera.

    ``gain`` and ``light`` are relative: their product is the exposure, and 1 is right. ``seed`` keys the
    noise in time, ``sensor`` the fixed pattern. ``frames`` and ``seconds`` are None without an end.
    """

    scene: str = "desk"
    noise: str = "medium"
    gain: float = NOISE_GAINS["medium"]
    light: float = 1 / NOISE_GAINS["medium"]
    seed: int = 0
    sensor: int = 0
    motion: str = "still"
    seconds: float | None = None
    frames: int | None = None
    flicker: float = 0.0
    drift: float = 0.0
    processing: str = "none"
    steps: float = 0.0
    temporal: float = 0.0
    variant: int = 0

    @property
    def exposure(self) -> float:
        """How bright the picture is against a right exposure."""
        return self.gain * self.light


def parse_options(rest: str) -> Options:
    """Reads what follows ``simulated``: ``""``, ``":desk"``, ``":desk?noise=high&seed=1"``.

    Raises:
        CameraError: no such scene or option, or a value out of its range; the hint lists what there is.
    """
    scene, _, query = rest.removeprefix(":").partition("?")
    scene = scene or "desk"
    if scene not in SCENES:
        raise CameraError(
            f"The simulated camera has no scene “{scene}”.", f"It has: {', '.join(SCENES)}."
        )
    given: dict[str, Any] = {}
    for item in filter(None, query.split("&")):
        name, _, text = item.partition("=")
        if name not in _READERS:
            close = difflib.get_close_matches(name.lower(), _HELP, n=1)
            raise CameraError(
                f"The simulated camera has no option “{name}”.",
                f"Did you mean {close[0]}, {_HELP[close[0]]}?"
                if close
                else f"It has: {', '.join(_HELP)}.",
            )
        try:
            given[name] = _READERS[name](text)
        except ValueError as cause:
            raise CameraError(
                f"The simulated camera can't take {name}={text}.", f"{name} is {_HELP[name]}."
            ) from cause
    for one, other in (("noise", "gain"), ("seconds", "frames")):
        if one in given and other in given:
            raise CameraError(
                f"The simulated camera was given both {one} and {other}.", "Give one of the two."
            )
    return _with_exposure(replace(Options(scene=scene), **given), given)


def _with_exposure(options: Options, given: dict[str, Any]) -> Options:
    """Fills in gain and light: what isn't given follows from the other, as automatic exposure does."""
    if "gain" in given or ("light" in given and "noise" not in given):
        gain = given.get("gain", max(1.0, 1 / options.light))
        noise = f"gain{gain:.4g}"
    else:
        gain, noise = NOISE_GAINS[options.noise], options.noise
    return replace(options, gain=gain, noise=noise, light=given.get("light", 1 / gain))


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return read


def _whole(low: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value < 2**63:
            raise ValueError(text)
        return value

    return read


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        text = "still" if text == "none" and "still" in names else text
        if text not in names:
            raise ValueError(text)
        return text

    return read


_READERS: dict[str, Callable[[str], object]] = {
    "noise": _one_of(tuple(NOISE_GAINS)),
    "gain": _number(1, 1000),
    "light": _number(1e-4, 10),
    "processing": _one_of(tuple(PROCESSINGS)),
    "seed": _whole(0),
    "sensor": _whole(0),
    "motion": _one_of(MOTIONS),
    "seconds": _number(0.01, 1e6),
    "frames": _whole(1),
    "flicker": _number(0, 0.5),
    "steps": _number(0, 0.3),
    "temporal": _number(0, 0.5),
    "drift": _number(-0.5, 1),
    "variant": _whole(0),
}

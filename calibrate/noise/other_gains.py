"""The noise of a camera at other gains: from what else was filmed in the same mode."""

from __future__ import annotations

from dataclasses import replace

from capture.clip import Clip
from rtdenoise.cameras.controls import gain_of
from rtdenoise.errors import RtdenoiseError
from rtdenoise.noise import NoiseModel
from rtdenoise.noise.running import AT_ITS_WORD, variance_factor

from ..sources import Source, planes_of_series
from .measure import measure

_MOST = 3
_NEWEST = 12  # clips that are looked at


def clip_gain(clip: Clip) -> int | None:
    """The gain that a clip's camera was held at; None where it told none."""
    controls = clip.facts.get("controls")
    if not isinstance(controls, dict):
        return None
    return gain_of({k: v for k, v in controls.items() if type(v) is int and v >= 0})


def with_other_gains(source: Source, noise: NoiseModel) -> NoiseModel:
    """The model with those of earlier clips of the profile whose noise is of another strength, the newest first.

    Clips of another mode, and such as can't be read or measured, are passed over.

    Args:
        source: What the camera is calibrated with.
        noise: What was measured there.
    """
    noise = replace(noise, gain=clip_gain(source.clip))
    found: list[NoiseModel] = []
    for path in source.profile.clips()[:_NEWEST]:
        if path == source.clip.path or len(found) == _MOST:
            continue
        try:
            clip = Clip.load(path)
            if not clip.accepted or str(clip.mode) != noise.mode:
                continue
            other = measure(planes_of_series(clip), noise.camera_id, noise.mode)
        except RtdenoiseError:
            continue
        if all(_another_gain(other, known) for known in (noise, *found)):
            found.append(replace(other, gain=clip_gain(clip)))
    return replace(noise, others=tuple(found))


def _another_gain(one: NoiseModel, other: NoiseModel) -> bool:
    factor = variance_factor(one.y, other.y.curve)
    return factor is not None and not 1 / AT_ITS_WORD < factor < AT_ITS_WORD

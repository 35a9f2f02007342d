"""A recording of a calibrated camera that another program made: what of the camera's profile fits it.

Such a file (OBS, a call, ffmpeg) doesn't say which camera it is of, and is often coded anew, in another size or both.
Then the noise in it is no longer what calibration measured, and has to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..cameras.base import Camera, CameraInfo, Mode
from ..errors import ProfileError
from ..frames import Planes, convert, planes_from_frame
from ..noise import NoiseModel
from ..noise.estimate import NoiseEstimator, Seen
from ..noise.running import alike, variance_factor
from ..profile import Profile, profiles

_LOOKED_AT = 18  # frames: two windows of the estimate
_SAME = 1.5  # times the variance, up to which noise that was coded anew is still the camera's


@dataclass(frozen=True)
class Recorded:
    """What to clean a recording with, as :func:`rtdenoise.denoisers.make_denoiser` takes it, and why in a sentence.

    Without a ``camera`` the noise is measured in the recording, and a base network cleans it.
    """

    sentence: str
    profile: Profile | None = None
    camera: CameraInfo | None = None
    mode: Mode | None = None
    noise: NoiseModel | None = None


def calibrated_camera(name: str, home: Path | None) -> tuple[Profile, CameraInfo]:
    """The profile of the camera that a person means by its id, its name, a part of these, or how it is opened.

    Raises:
        ProfileError: there is none, or more than one.
    """
    known = []
    for profile in profiles(home):
        try:
            known.append((profile, profile.camera()))
        except ProfileError:
            continue
    low = name.lower()
    if not low:
        raise ProfileError("The camera's name is empty.", "Name it, or leave --camera out.")
    if re.match(r"simulated[:?]", low) and not any(low in _names(info) for _, info in known):
        from ..cameras import open_camera

        camera = open_camera(name)
        camera.close()
        low = camera.info.id.lower()
    whole = [each for each in known if low in _names(each[1])]
    found = whole or [
        each for each in known if any(low in text.lower() for text in (each[1].name, each[1].id))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{info.name} ({info.id})" for _, info in found)
        raise ProfileError(f"Several cameras fit {name}: {names}.", "Name one by its id.")
    names = ", ".join(f"{info.name} ({info.id})" for _, info in known)
    hint = f"There are profiles of {names}." if known else "Run rtdenoise capture and calibrate."
    raise ProfileError(f"There is no profile of a camera called {name}.", hint)


def _names(info: CameraInfo) -> tuple[str, ...]:
    return info.id.lower(), info.name.lower(), info.spec.lower()


def of_recording(profile: Profile, info: CameraInfo, recording: Camera) -> Recorded:
    """What of a camera's profile fits a recording of it.

    Args:
        profile: The camera's.
        info: The camera.
        recording: The recording, opened for this: its first frames are read.

    Raises:
        ProfileError: the profile has no noise model, or it is damaged.
        ClipError: the recording can't be read.
    """
    if not profile.noise_path.exists():
        raise ProfileError(
            f"{info.name} was not calibrated.",
            "Run rtdenoise calibrate for this camera, or leave --camera out.",
        )
    model = NoiseModel.load(profile.noise_path)
    measured, mode = model.mode or "another mode", recording.mode
    if _same_mode(model.mode, mode):
        return Recorded(
            f"Going by the profile of {info.name}: its noise as measured in {measured}.",
            profile,
            info,
            mode,
            model,
        )
    own = "so the noise is measured in the recording, and a network that knows no camera cleans it"
    of = f"{info.name} was calibrated in {measured}, and this is {mode}"
    if not _same_size(model.mode, mode):
        return Recorded(f"{of}: in another size noise is another one, {own}.")
    estimate = _estimate(recording)
    if estimate is None:
        return Recorded(f"{of}, in which nothing stands still to compare its noise with, {own}.")
    model = model.for_chroma(estimate.chroma)
    factor = variance_factor(model.y, estimate.y.curve)
    if factor is None or not 1 / _SAME < factor < _SAME or not alike(model, estimate):
        much = "" if factor is None else f" ({100 * factor**0.5:.0f} % of its luma deviation)"
        return Recorded(f"{of}: coded anew, its noise is another one{much}, {own}.")
    return Recorded(
        f"{of}: its noise is still the camera's, and the profile is used all the same.",
        profile,
        info,
        mode,
        model,
    )


def ignored(profile: Profile, mode: Mode) -> str | None:
    """A sentence where a camera has a noise model, but of another mode than this one; None where there is none."""
    if not profile.noise_path.exists():
        return None
    measured = NoiseModel.load(profile.noise_path).mode
    if measured in ("", str(mode)):
        return None
    return (
        f"The camera's noise was measured in {measured}, and this is {mode}: it is measured anew while frames come. "
        "rtdenoise calibrate measures this mode."
    )


def _same_mode(measured: str, mode: Mode) -> bool:
    """Whether size and coding are the same; the rate may be another one."""
    return measured.split(" @ ")[0] == str(mode).split(" @ ")[0]


def _same_size(measured: str, mode: Mode) -> bool:
    return f" {mode.width}×{mode.height} " in f"{measured} "


def _estimate(recording: Camera) -> NoiseModel | None:
    """The noise of the first frames; None where nothing stands still."""
    estimator = NoiseEstimator()
    for planes in _first_frames(recording):
        estimator.update(planes)
    return estimator.model() if estimator.seen is Seen.STILL else None


def _first_frames(recording: Camera) -> Iterable[Planes]:
    for frame in islice(recording.frames(), _LOOKED_AT):
        planes = planes_from_frame(frame)
        yield convert(planes, "420", planes.format.full_range)

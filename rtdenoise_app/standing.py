"""Where a person stands in the guide, from what lies in the camera's profile; and which camera was used last."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from capture.clip import Clip
from rtdenoise.errors import ProfileError, RtdenoiseError
from rtdenoise.files import read_json, text_of, write_json
from rtdenoise.networks.shipped import shipped_sizes
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import Profile, data_home

_VERSION = 1
_MOST_CLIPS = 20  # that are looked at for one that is fit


@dataclass(frozen=True)
class Standing:
    """What there is of a camera: ``step`` is what comes next, ``clip`` the newest recording that is fit.

    ``networks`` are the names of those that can be chosen.
    """

    step: str
    clip: Path | None
    networks: tuple[str, ...]

    @classmethod
    def of(cls, profile: Profile, size: tuple[int, int] | None) -> Standing:
        """That of a profile, in a size; None: in any."""
        clip = next((path for path in profile.clips()[:_MOST_CLIPS] if _fit(path, size)), None)
        step = "film" if clip is None else "calibrate"
        if _calibrated(profile, size):
            step = "use"
        own = [path.stem for path in profile.networks()]
        names = dict.fromkeys([*own, *shipped_sizes(), "recursive", "none"])
        return cls(step, clip, tuple(names))


def _fit(path: Path, size: tuple[int, int] | None) -> bool:
    try:
        clip = Clip.load(path)
    except RtdenoiseError:
        return False
    # One that was never judged is judged when it is calibrated with.
    fit = bool(clip.accepted) or not clip.series
    return fit and size in (None, (clip.mode.width, clip.mode.height))


def _calibrated(profile: Profile, size: tuple[int, int] | None) -> bool:
    if not profile.noise_path.exists():
        return False
    try:
        mode = NoiseModel.load(profile.noise_path).mode
    except RtdenoiseError:
        return False
    return size is None or mode == "" or f" {size[0]}×{size[1]} " in mode


def remembered_camera(home: Path | None) -> str | None:
    """The id of the camera that was chosen last; None where none is known."""
    try:
        return text_of(read_json(_path(home), ProfileError, "")["camera"])
    except (ProfileError, KeyError, TypeError, ValueError):
        return None


def remember_camera(home: Path | None, identity: str) -> None:
    """Writes it down; that it can't be is no reason not to use the camera."""
    with suppress(RtdenoiseError):
        write_json(_path(home), {"version": _VERSION, "camera": identity})


def _path(home: Path | None) -> Path:
    return data_home(home) / "app.json"

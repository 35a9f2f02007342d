"""A camera's settings as its user left them: read, written down, and set again.

A camera that was unplugged, or slept with the machine, comes back with its maker's settings. And a recording that was
killed together with its guard leaves a camera with a fixed exposure.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import CameraError, ProfileError
from ..files import count_of, read_json, write_json
from .base import CameraInfo
from .controls import LOCKS, settable
from .v4l2 import Control, Device

# linux/v4l2-controls.h; what nothing automatic rules.
_ALONE = {"power_line_frequency": 0x00980918, "gain": 0x00980913}
_NUMBERS = {
    **_ALONE,
    **{lock.name: lock.control for lock in LOCKS},
    **{name: number for lock in LOCKS for name, number in lock.held},
}

_LINE = "power_line_frequency"
_LINE_FREQUENCIES = {50: 1, 60: 2}  # what the control calls them

Settings = dict[str, int]


def settings_of(controls: dict[int, Control]) -> Settings:
    """What a camera is set to, by the kernel's names, in the order in which it is to be set again.

    What an automatic holds at the moment is nobody's setting, and is left out.
    """
    found: Settings = {}
    for lock in LOCKS:
        ruler = settable(controls.get(lock.control))
        if ruler:
            found[lock.name] = ruler.value
        if ruler is None or ruler.value == lock.off:
            for name, number in lock.held:
                if held := settable(controls.get(number)):
                    found[name] = held.value
    for name, number in _ALONE.items():
        automatic = name == "gain" and found.get("gain_automatic", 0) != 0
        if (alone := settable(controls.get(number))) and not automatic:
            found.setdefault(name, alone.value)
    return found


def present_settings(camera: CameraInfo) -> Settings:
    """What a webcam is set to now; empty where it tells nothing (files, other systems than Linux)."""
    if camera.kind != "webcam" or not sys.platform.startswith("linux"):
        return {}
    try:
        with Device(camera.spec) as device:
            return settings_of(device.controls())
    except OSError:
        return {}


def apply_settings(camera: CameraInfo, settings: Settings) -> Settings:
    """Sets what differs, and gives what was set; what the camera refuses or doesn't have is passed over.

    All that comes after the first difference is set as well: an automatic that is switched off may have moved it.
    """
    done: Settings = {}
    if not settings or camera.kind != "webcam" or not sys.platform.startswith("linux"):
        return done
    with suppress(OSError), Device(camera.spec) as device:
        present = device.controls()
        for name, value in settings.items():
            control = settable(present.get(_NUMBERS.get(name, 0)))
            if control and (done or control.value != value):
                with suppress(OSError):
                    done[name] = device.set(control.id, value)
    return done


def keep_settings(camera: CameraInfo, path: Path) -> Settings:
    """Writes down what a webcam is set to now.

    Raises:
        CameraError: it has no settings that can be kept.
        StorageError: the file can't be written.
    """
    settings = present_settings(camera)
    if not settings:
        raise CameraError(
            f"{camera.name} tells no settings that could be kept.",
            "Only webcams on Linux do; other systems keep them in the maker's program.",
        )
    write_json(path, {"controls": settings})
    return settings


def _setting(value: Any) -> int:
    """A setting's number out of a file; 32 bits, as the kernel has them."""
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise ValueError("not a setting")
    return value


def kept_settings(path: Path) -> Settings:
    """What was written down; empty where nothing was.

    Raises:
        ProfileError: the file is damaged.
    """
    if not path.exists():
        return {}
    hint = "Set the camera as you like it and run rtdenoise devices --keep-controls again."
    value = read_json(path, ProfileError, hint)
    try:
        return {str(name): _setting(number) for name, number in dict(value["controls"]).items()}
    except (KeyError, TypeError, ValueError) as cause:
        raise ProfileError(f"{path} is damaged.", hint) from cause


def keep_mains(camera: CameraInfo, path: Path, mains_hz: int) -> bool:
    """Sets a webcam for lamps on mains of 50 or 60 Hz, and writes it down with what is kept already.

    Returns:
        Whether the camera has such a setting.

    Raises:
        ProfileError: what was written down is damaged.
        StorageError: the file can't be written.
    """
    wanted = _LINE_FREQUENCIES[mains_hz]
    control = _line_frequency(camera)
    if control is None or not control.minimum <= wanted <= control.maximum:
        return False
    write_json(path, {"controls": {**kept_settings(path), _LINE: wanted}})
    apply_settings(camera, {_LINE: wanted})
    return True


def kept_mains(path: Path) -> int | None:
    """The mains' frequency in Hz for which a camera is kept; None where nothing is written down.

    Raises:
        ProfileError: the file is damaged.
    """
    kept = kept_settings(path).get(_LINE)
    return next((hz for hz, value in _LINE_FREQUENCIES.items() if value == kept), None)


def undo_lock(camera: CameraInfo, journal: Path) -> bool:
    """Puts back what a recording locked and neither it nor its guard could put back; whether there was such a thing."""
    if not journal.exists():
        return False
    with suppress(OSError, ProfileError, KeyError, TypeError, ValueError):
        undo = read_json(journal, ProfileError, "")["undo"]
        with Device(camera.spec) as device:
            for control, value in undo:
                with suppress(OSError):
                    device.set(count_of(control), _setting(value))
    with suppress(OSError):
        journal.unlink()
    return True


class SteadySettings:
    """A camera's settings over one run: as they were kept, else as they were at its start.

    Args:
        kept: Where settings were written down, for this camera.
        journal: Where a recording notes what it has locked.
    """

    def __init__(self, kept: Path, journal: Path) -> None:
        self._kept, self._journal = kept, journal
        self._settings: Settings | None = None

    def opened(self, camera: CameraInfo) -> Settings:
        """To be called whenever the camera was opened; gives what was set.

        Raises:
            ProfileError: what was written down is damaged.
        """
        if self._settings is not None:
            return apply_settings(camera, self._settings)
        undo_lock(camera, self._journal)
        kept = kept_settings(self._kept)
        done = apply_settings(camera, kept)
        self._settings = {**present_settings(camera), **kept}
        return done

    def follow_mains(self, camera: CameraInfo, mains_hz: int) -> str:
        """Sets a camera's power_line_frequency to the mains' where nobody has; says what was done, or what helps.

        It counts as set by its user where it was written down, or isn't as its maker left it.

        Args:
            camera: The camera, in whose stream lamps flicker.
            mains_hz: 50 or 60.
        """
        seen = f"Lamps on {mains_hz} Hz mains flicker in this picture"
        wanted = _LINE_FREQUENCIES[mains_hz]
        control = _line_frequency(camera)
        if control is None or not control.minimum <= wanted <= control.maximum:
            return (
                f"{seen}: an exposure of 1/{2 * mains_hz} s or a multiple of it helps, or daylight."
            )
        if control.value == wanted:
            return (
                f"{seen} although the camera is set for them: it exposes for less than 1/{2 * mains_hz} s. Less light "
                "on it, or a lower gain, helps."
            )
        name = f"power_line_frequency={wanted}"
        ours = self._settings is not None and _LINE in kept_settings(self._kept)
        if not ours and control.value == control.default:
            try:
                with Device(camera.spec) as device:
                    device.set(control.id, wanted)
            except OSError:
                pass
            else:
                if self._settings is not None:
                    self._settings[_LINE] = wanted  # also when the camera comes back
                return f"{seen}: the camera is now set for them ({name})."
        return (
            f"{seen}, and the camera is set for others: v4l2-ctl -d {camera.spec} -c {name} helps."
        )


def _line_frequency(camera: CameraInfo) -> Control | None:
    if camera.kind != "webcam" or not sys.platform.startswith("linux"):
        return None
    try:
        with Device(camera.spec) as device:
            return settable(device.controls().get(_NUMBERS[_LINE]))
    except OSError:
        return None

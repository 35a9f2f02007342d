"""How a person wants one camera used: kept in its profile by the app, and what `rtdenoise live` takes by default.

PROFILE/settings.json is an object with ``version`` and any of the fields of :class:`CameraSettings`. A field that is
damaged, or that a newer version wrote in another way, counts as not given; the others count all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from .errors import ProfileError
from .files import number_of, read_json, text_of, write_json

_VERSION = 1
_MOST_OUTPUTS = 8
LEAST_SIDE, LARGEST_SIDE = 16, 8192
FASTEST_FPS = 1000.0


@dataclass(frozen=True)
class CameraSettings:
    """What is wanted of a camera.

    ``size`` (width, height) and ``fps`` are asked of it, None leaves them to it; ``outputs`` are virtual cameras as
    ``--output`` names them; ``strength`` is 0…1; ``brighten`` is 0…1 or "auto"; ``network`` None takes the best that
    keeps up.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    outputs: tuple[str, ...] = ("virtual",)
    strength: float = 1.0
    mirror: bool = False
    brighten: float | str = 0.0
    on_demand: bool = False
    network: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values; the size as "1280x720"."""
        size = None if self.size is None else "{}x{}".format(*self.size)
        return {**asdict(self), "size": size, "outputs": list(self.outputs)}

    def changed(self, name: str, value: Any) -> CameraSettings:
        """The same with one field changed, by its plain value.

        Raises:
            KeyError: there is no such field.
            TypeError, ValueError: it can't have that value.
        """
        return replace(self, **{name: _READ[name](value)})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> tuple[CameraSettings, list[str]]:
        """The inverse of :meth:`to_json`, and the names of the fields that are damaged."""
        settings, damaged = cls(), list[str]()
        for name in _READ:
            if name in value:
                try:
                    settings = settings.changed(name, value[name])
                except (TypeError, ValueError):
                    damaged.append(name)
        return settings, damaged


def load_settings(path: Path) -> tuple[CameraSettings, str]:
    """What is kept in a file, and a sentence about what of it is damaged, which may be empty. Never raises."""
    if not path.exists():
        return CameraSettings(), ""
    try:
        value = read_json(path, ProfileError, "")
    except ProfileError as error:
        return CameraSettings(), f"{error.message} The usual settings are taken."
    settings, damaged = CameraSettings.from_json(value)
    if damaged:
        return settings, f"{path} is damaged: {', '.join(damaged)} can't be read and are as usual."
    return settings, ""


def save_settings(settings: CameraSettings, path: Path) -> None:
    """Writes them down.

    Raises:
        StorageError: the file can't be written.
    """
    write_json(path, {"version": _VERSION, **settings.to_json()})


def told(settings: CameraSettings) -> list[str]:
    """What of the settings isn't as usual, in the words of `rtdenoise live`'s options."""
    usual, plain = CameraSettings(), settings.to_json()
    words = []
    for field in fields(settings):
        if getattr(settings, field.name) == getattr(usual, field.name):
            continue
        value = plain[field.name]
        option = "--" + field.name.replace("_", "-")
        if isinstance(value, list):
            words += [f"--output {output}" for output in value]
        elif value is True:
            words.append(option)
        else:
            words.append(f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}")
    return words


def _size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text_of(value), re.ASCII)
    if match is None:
        raise ValueError("not a size")
    width, height = int(match[1]), int(match[2])
    if (
        min(width, height) < LEAST_SIDE
        or max(width, height) > LARGEST_SIDE
        or width % 2
        or height % 2
    ):
        raise ValueError("not a size")
    return width, height


def _fps(value: Any) -> float | None:
    return None if value is None else number_of(value, 0.001, FASTEST_FPS)


def _outputs(value: Any) -> tuple[str, ...]:
    """Virtual cameras only: the file of settings names no file that would be overwritten."""
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= _MOST_OUTPUTS:
        raise TypeError("not outputs")
    found = tuple(dict.fromkeys(text_of(output) for output in value))
    if any(o.partition(":")[0] not in ("virtual", "pipewire") and o != "null" for o in found):
        raise ValueError("not virtual cameras")
    return found


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("neither true nor false")
    return value


def _brighten(value: Any) -> float | str:
    return "auto" if value == "auto" else number_of(value, 0, 1)


def _network(value: Any) -> str | None:
    """A network's name; no path: what is cleaned with lies in the profile or comes with the package."""
    if value is None:
        return None
    name = text_of(value)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        raise ValueError("not a network's name")
    return name


_READ: dict[str, Callable[[Any], Any]] = {
    "size": _size,
    "fps": _fps,
    "outputs": _outputs,
    "strength": lambda value: number_of(value, 0, 1),
    "mirror": _flag,
    "brighten": _brighten,
    "on_demand": _flag,
    "network": _network,
}

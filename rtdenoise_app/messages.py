"""What a page may ask for. Every message is checked here, before anything else sees it.

A page names cameras and virtual cameras by what the app itself offers; it can name no file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtdenoise.camera_settings import CameraSettings
from rtdenoise.files import count_of, number_of, parse_json, text_of

from .preview import Shown

MOST_BYTES = 4096
"""Of a message."""
_MOST_PIXELS = 16384
_SETTINGS = ("mirror", "brighten", "on_demand", "network", "mains_hz")
_MAINS_HZ = (50, 60)
_VIEWS = ("split", "removed")
_MOST_SCENES, _MOST_SECONDS, _MOST_MINUTES = 20, 600.0, 600.0

Message = dict[str, Any]


def parse_message(text: str | bytes) -> Message:
    """A page's message: "do", and what belongs to it.

    Raises:
        ValueError: it isn't one.
    """
    if not isinstance(text, str):
        raise ValueError("A message is text.")
    value = parse_json(text)
    if not isinstance(value, dict) or not isinstance(value.get("do"), str):
        raise ValueError("A message is an object that says what to do.")
    do = value.pop("do")
    if do not in _READ:
        raise ValueError("Nothing of that name can be done.")
    try:
        return {"do": do, **_READ[do](value)}
    except (KeyError, TypeError) as cause:
        raise ValueError(f"{do} lacks something, or has something of another kind.") from cause


def _nothing(value: Message) -> Message:
    if value:
        raise ValueError("There is more in the message than belongs to it.")
    return {}


def _choose(value: Message) -> Message:
    """Only what is named is changed, except for the camera, which has to be."""
    usual = CameraSettings()
    kept = {
        name: getattr(usual.changed(name, value.pop(name)), name)
        for name in ("size", "fps", "outputs")
        if name in value
    }
    camera = text_of(value.pop("camera"))
    return {"camera": camera, "settings": kept, **_nothing(value)}


def _set(value: Message) -> Message:
    found = dict[str, Any]()
    for name in _SETTINGS:
        if name not in value:
            continue
        given = value.pop(name)
        if name == "mains_hz":
            if given not in _MAINS_HZ or type(given) is not int:
                raise ValueError("Mains have 50 or 60 Hz.")
            found[name] = given
        else:
            found[name] = getattr(CameraSettings().changed(name, given), name)
    return {"settings": found, **_nothing(value)}


def _preview(value: Message) -> Message:
    on = value.pop("on")
    if type(on) is not bool:
        raise TypeError("on")
    view, width = value.pop("view", "split"), count_of(value.pop("width", 0), _MOST_PIXELS)
    if view not in _VIEWS:
        raise ValueError("There is no such view.")
    crop = value.pop("crop", None)
    if crop is not None:
        if not isinstance(crop, list) or len(crop) != 4:
            raise ValueError("A part has x, y, width and height.")
        x, y, w, h = (count_of(number, _MOST_PIXELS) for number in crop)
        crop = (x, y, w, h)
    _nothing(value)
    shown = Shown(view, width or Shown.width, crop) if on else None
    return {"shown": shown}


def _strength(value: Message) -> Message:
    return {"value": number_of(value.pop("value"), 0, 1), **_nothing(value)}


def _film(value: Message) -> Message:
    scenes = count_of(value.pop("scenes", 1), _MOST_SCENES)
    seconds = number_of(value.pop("seconds", 30.0), 1, _MOST_SECONDS)
    return {"scenes": max(scenes, 1), "seconds": seconds, **_nothing(value)}


def _calibrate(value: Message) -> Message:
    minutes = number_of(value.pop("minutes", 5.0), 0.05, _MOST_MINUTES)
    return {"minutes": minutes, **_nothing(value)}


_READ: dict[str, Callable[[Message], Message]] = {
    "choose": _choose,
    "start": _nothing,
    "stop": _nothing,
    "strength": _strength,
    "set": _set,
    "preview": _preview,
    "drawn": _nothing,
    "film": _film,
    "next-scene": _nothing,
    "film-stop": _nothing,
    "calibrate": _calibrate,
    "calibrate-stop": _nothing,
    "refresh": _nothing,
    "quit": _nothing,
}

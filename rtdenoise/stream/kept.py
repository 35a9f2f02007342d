"""What a call is to be like where the command line doesn't say: as it was set in the app for this camera."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path

from ..camera_settings import CameraSettings, load_settings, told
from ..cameras import camera_info
from ..profile import Profile, data_home
from .call import CallOptions


def options_as_kept(
    options: CallOptions, given: Collection[str], home: Path | None
) -> tuple[CallOptions, list[str]]:
    """Options that weren't given, as they are kept for the camera.

    Args:
        options: Those of the command line.
        given: The names of those that were given there: they count.
        home: The folder for profiles; None: the user's data directory.

    Returns:
        The options, and sentences about what was taken and what is damaged.
    """
    if not any((data_home(home) / "profiles").glob("*/settings.json")):
        return options, []  # looking for cameras takes time
    info = camera_info(options.camera)
    if info is None:
        return options, []
    settings, remark = load_settings(Profile.of(info, home).settings_path)
    usual = CameraSettings()
    taken = {
        field.name: getattr(settings, field.name)
        for field in fields(settings)
        if field.name not in given and getattr(settings, field.name) != getattr(usual, field.name)
    }
    said = [remark] if remark else []
    if taken.get("outputs") == ("null",):
        del taken["outputs"]  # who only looked at the app's page wants a camera here
    if taken:
        words = " ".join(told(replace(usual, **taken)))
        said.append(f"As it is kept for {info.name}: {words}. Options given here go before.")
    return replace(options, **taken), said

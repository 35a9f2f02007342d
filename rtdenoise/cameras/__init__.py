"""Where frames come from: webcams, cameras in PipeWire, video files, folders of pictures, and the simulated camera."""

from __future__ import annotations

import difflib
import re
import stat
import sys
from typing import TYPE_CHECKING

from ..errors import CameraError, ClipError
from ..files import is_folder, user_path

if TYPE_CHECKING:
    from .base import Camera, CameraInfo
    from .discovery import FoundCamera
    from .webcam import Webcam

__all__ = ["camera_info", "find_cameras", "open_camera", "open_webcam"]

_KINDS = ("simulated", "file", "pipewire")


def find_cameras() -> list[FoundCamera]:
    """The cameras of this machine, real ones first; what :func:`open_camera` takes is each one's ``info.spec``.

    Without the simulated camera, which is always there. On Windows and macOS modes are not told.
    """
    from . import discovery

    if not sys.platform.startswith("linux"):
        from . import webcam_other

        return [discovery.FoundCamera(info, (), real) for info, real in webcam_other.cameras()]
    # A loopback that nothing feeds offers no mode, and can't be opened.
    found = discovery.cameras(discovery.video_nodes())
    found = [camera for camera in found if camera.real or camera.modes]
    from .pipewire import pipewire_cameras

    return sorted([*found, *pipewire_cameras()], key=lambda camera: not camera.real)


def open_camera(
    spec: str | None = None, *, size: tuple[int, int] | None = None, rate_fps: float | None = None
) -> Camera:
    """Opens a camera.

    Args:
        spec: A device path, a name or a camera id; ``pipewire:NAME`` for a camera of the PipeWire session (``pipewire``
            for the only one there); ``file:PATH`` for a clip, a picture or a folder of
            pictures; ``simulated``, ``simulated:SCENE`` or ``simulated:SCENE?option=value&…``; None for
            the only or the preferred webcam.
        size: The (width, height) wanted, in pixels; None for the camera's default. A file has its own: None there.
        rate_fps: The rate wanted; None for the camera's default. A video file has its own: None there.

    Raises:
        CameraError: there is no such camera, it is busy, or it refuses the mode.
        ClipError: the file can't be read, or another size or rate is wanted of it than it has.
    """
    if spec is None:
        return _open_default(size, rate_fps)
    kind, _, rest = spec.partition(":")
    if kind == "pipewire":
        return _open_pipewire(rest or None, size, rate_fps)
    if kind == "file":
        return _open_file(rest, size, rate_fps)
    if re.match(r"simulated($|[:?])", spec):
        from .simulated import open_simulated

        return open_simulated(spec[len("simulated") :], size=size, rate_fps=rate_fps)
    _refuse_mistakes(spec)
    return open_webcam(spec, size=size, rate_fps=rate_fps)


def camera_info(spec: str | None = None) -> CameraInfo | None:
    """Which camera :func:`open_camera` would open, without opening it; None for a file, or where there is none."""
    from .choice import find_camera

    try:
        if spec is not None and re.match(r"simulated($|[:?])", spec):
            from .simulated import simulated_info

            return simulated_info(spec[len("simulated") :])
        if spec is not None and spec.partition(":")[0] == "file":
            return None
        found = find_cameras()
        if spec is not None and spec.partition(":")[0] == "pipewire":
            found = [camera for camera in found if camera.info.spec.startswith("pipewire:")]
            spec = spec.partition(":")[2] or None
        return find_camera(spec, found).info
    except CameraError:
        return None


def open_webcam(
    spec: str | None, *, size: tuple[int, int] | None = None, rate_fps: float | None = None
) -> Webcam:
    """Opens a webcam through FFmpeg: v4l2 on Linux, dshow on Windows, avfoundation on macOS.

    Args:
        spec: A device path, a name (or a part of one) or a camera id; None takes the only camera.
        size: (width, height); None takes the best up to 1920×1080 that keeps 24 frames/s.
        rate_fps: Frames per second; None takes what comes nearest to 30.

    Raises:
        CameraError: there is no such camera, it is busy, or it doesn't offer what was asked for.
    """
    import av.logging

    av.logging.set_level(None)  # also of what FFmpeg says while it opens a device
    if sys.platform.startswith("linux"):
        from .webcam_linux import open_linux

        return open_linux(spec, size, rate_fps)
    from .webcam_other import open_other

    return open_other(spec, size, rate_fps)


def _open_default(size: tuple[int, int] | None, rate_fps: float | None) -> Camera:
    """The only webcam; where V4L2 has none, that of PipeWire, if there is one that is real."""
    try:
        return open_webcam(None, size=size, rate_fps=rate_fps)
    except CameraError:
        real = [c for c in find_cameras() if c.real and c.modes]
        if len(real) == 1 and real[0].info.spec.startswith("pipewire:"):
            return _open_pipewire(real[0].info.spec.partition(":")[2], size, rate_fps)
        raise


def _open_pipewire(
    name: str | None, size: tuple[int, int] | None, rate_fps: float | None
) -> Camera:
    if not sys.platform.startswith("linux"):
        raise CameraError("PipeWire is there on Linux only.", "Run rtdenoise devices.")
    from .pipewire import open_pipewire

    return open_pipewire(name, size, rate_fps)


def _open_file(rest: str, size: tuple[int, int] | None, rate_fps: float | None) -> Camera:
    from .file import FileCamera
    from .images import ImagesCamera

    if not rest:
        raise ClipError("file: names no file.", "Write file:PATH, such as file:clip.mkv.")
    path = user_path(rest)
    has = ["size"] if size is not None else []
    has += ["rate"] if rate_fps is not None and not is_folder(path) else []
    if has:
        raise ClipError(
            f"{path} has its own {' and '.join(has)}.",
            "Leave out --size and --fps; live --output-size scales the picture.",
        )
    return ImagesCamera(path, rate_fps) if is_folder(path) else FileCamera(path)


def _refuse_mistakes(spec: str) -> None:
    """Says what was meant where a webcam can't have been."""
    if not spec.strip():
        raise CameraError("The name of the camera is empty.", "Run rtdenoise devices to see them.")
    path = user_path(spec)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        mode = None
    if mode is not None and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise CameraError(f"{spec} is a file, not a camera.", f"To play it, write file:{spec}.")
    word = re.split(r"[:?]", spec)[0]
    close = difflib.get_close_matches(word.lower(), _KINDS, n=1, cutoff=0.75)
    if close:
        raise CameraError(
            f"There is no camera {spec}.", f"Did you mean {close[0]}{spec[len(word) :]}?"
        )
    if mode is None and re.search(r"\.(mkv|nut|mp4|mov|avi|webm|m4v|mpg|png|jpe?g)$", spec, re.I):
        raise CameraError(
            f"There is no camera and no file {spec}.", "A clip is played with file:PATH."
        )

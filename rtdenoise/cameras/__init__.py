"""Where frames come from: webcams, video files, folders of pictures, and the simulated camera."""

from __future__ import annotations

import difflib
import re
import stat
import sys
from typing import TYPE_CHECKING

from ..errors import CameraError, ClipError
from ..files import user_path

if TYPE_CHECKING:
    from .base import Camera
    from .discovery import FoundCamera
    from .webcam import Webcam

__all__ = ["find_cameras", "open_camera", "open_webcam"]

_KINDS = ("simulated", "file")


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
    return [camera for camera in found if camera.real or camera.modes]


def open_camera(
    spec: str | None = None, *, size: tuple[int, int] | None = None, rate_fps: float | None = None
) -> Camera:
    """Opens a camera.

    Args:
        spec: A device path, a name or a camera id; ``file:PATH`` for a clip, a picture or a folder of
            pictures; ``simulated``, ``simulated:SCENE`` or ``simulated:SCENE?option=value&…``; None for
            the only or the preferred webcam.
        size: The (width, height) wanted, in pixels; None for the camera's default. A file has its own.
        rate_fps: The rate wanted; None for the camera's default. A video file has its own.

    Raises:
        CameraError: there is no such camera, it is busy, or it refuses the mode.
        ClipError: the file can't be read.
    """
    if spec is None:
        return open_webcam(None, size=size, rate_fps=rate_fps)
    kind, _, rest = spec.partition(":")
    if kind == "file":
        return _open_file(rest, rate_fps)
    if re.match(r"simulated($|[:?])", spec):
        from .simulated import open_simulated

        return open_simulated(spec[len("simulated") :], size=size, rate_fps=rate_fps)
    _refuse_mistakes(spec)
    return open_webcam(spec, size=size, rate_fps=rate_fps)


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


def _open_file(rest: str, rate_fps: float | None) -> Camera:
    from .file import FileCamera
    from .images import ImagesCamera

    if not rest:
        raise ClipError("file: names no file.", "Write file:PATH, such as file:clip.mkv.")
    path = user_path(rest)
    return ImagesCamera(path, rate_fps) if path.is_dir() else FileCamera(path)


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

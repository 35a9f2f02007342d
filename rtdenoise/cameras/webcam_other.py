"""Webcams on Windows (dshow) and macOS (avfoundation), where FFmpeg finds them and doesn't tell their modes."""

from __future__ import annotations

import re
import sys
from fractions import Fraction

import av
from av.container import InputContainer

from ..errors import CameraError
from .base import CameraInfo, Mode
from .choice import HINT_NO_CAMERA
from .webcam import OPEN_TIMEOUT_S, OPTIONS, Webcam

SIZES = ((1920, 1080), (1280, 720), (640, 480))
RATE_FPS = 30.0
# Cameras made of software, which are no camera to take by default.
_VIRTUAL = re.compile(r"virtual|obs[ -]|unity video|screen|desk view|manycam|snap camera", re.I)


def cameras() -> list[tuple[CameraInfo, bool]]:
    """The cameras that FFmpeg finds, and whether each is a real one."""
    try:
        devices = av.enumerate_input_devices(_format())
    except (av.FFmpegError, ValueError):
        return []
    found = []
    for device in devices:
        if device.media_types and "video" not in device.media_types:
            continue
        name = device.description or device.name
        # dshow's device paths and avfoundation's unique ids hold the USB vendor and product.
        unique = re.sub(r"[^a-z0-9]+", "-", f"{name}-{device.name}".lower()).strip("-")[:80]
        found.append((CameraInfo(unique, name, "webcam", device.name), not _VIRTUAL.search(name)))
    return found


def _format() -> str:
    return "dshow" if sys.platform == "win32" else "avfoundation"


def find_camera(spec: str | None, found: list[tuple[CameraInfo, bool]]) -> CameraInfo:
    """The camera that ``spec`` (a name, a part of one, an id or FFmpeg's name) means.

    Raises:
        CameraError: there is none, or more than one.
    """
    names = ", ".join(info.name for info, _ in found)
    if spec is None:
        chosen = [info for info, real in found if real]
        if not chosen:
            raise CameraError("There is no camera on this machine.", HINT_NO_CAMERA)
    else:
        low = spec.lower()
        exact = [i for i, _ in found if low in (i.id, i.name.lower(), i.spec.lower())]
        chosen = exact or [i for i, _ in found if low in i.name.lower()]
        if not chosen:
            hint = f"There is {names}." if names else HINT_NO_CAMERA
            raise CameraError(f"There is no camera called {spec}.", hint)
    if len(chosen) > 1:
        raise CameraError(f"Several cameras fit: {names}.", "Choose one with --camera NAME.")
    return chosen[0]


def open_other(spec: str | None, size: tuple[int, int] | None, rate_fps: float | None) -> Webcam:
    """Opens a webcam; see :func:`rtdenoise.cameras.open_webcam`.

    Raises:
        CameraError: there is no such camera, or it doesn't start.
    """
    info = find_camera(spec, cameras())
    problem: Exception | None = None
    for options in attempts(size, rate_fps, windows=sys.platform == "win32"):
        try:
            container = _open(info, options)
        except (av.FFmpegError, OSError) as error:
            problem = error
            continue
        stream = container.streams.video[0]
        context = stream.codec_context
        rate = stream.average_rate or Fraction(rate_fps or RATE_FPS)
        mode = Mode(context.name, context.pix_fmt or "", context.width, context.height, rate)
        if (size is None or size == (mode.width, mode.height)) and (
            rate_fps is None or abs(float(rate) - rate_fps) <= 0.02 * rate_fps
        ):
            return Webcam(info, container, mode)
        container.close()
        problem = CameraError(f"{info.name} gives {mode} instead of what was asked for.")
    access = (
        "allow this terminal to use the camera in System Settings, Privacy & Security"
        if sys.platform == "darwin"
        else "look at Settings, Privacy, Camera"
    )
    raise CameraError(
        f"{info.name} can't be started: {str(problem).rstrip('.')}.",
        f"Close other programs that use it, choose another --size, or {access}.",
    ) from problem


def _open(info: CameraInfo, options: dict[str, str]) -> InputContainer:
    windows = sys.platform == "win32"
    name = f"video={info.spec}" if windows else f"{info.spec}:none"
    container = av.open(
        name, "r", _format(), {**OPTIONS, **options}, timeout=(OPEN_TIMEOUT_S, None)
    )
    if not container.streams.video:
        container.close()
        raise OSError("it sends no video")
    return container


def attempts(
    size: tuple[int, int] | None, rate_fps: float | None, *, windows: bool
) -> list[dict[str, str]]:
    """What to ask the camera for, best first: MJPG before raw pixels, larger before smaller.

    avfoundation takes no rate but those that the camera has by name, and 30 is the one that all have.
    """
    tries = []
    for width, height in [size] if size else SIZES:
        base = {"video_size": f"{width}x{height}", "framerate": f"{rate_fps or RATE_FPS:g}"}
        if windows:
            tries += [{**base, "vcodec": "mjpeg"}, base]
        else:
            tries += [{**base, "pixel_format": p} for p in ("nv12", "uyvy422")]
    return tries if size else [*tries, {} if windows else {"framerate": "30"}]

"""Webcams on Linux (V4L2), where a mode is chosen from what the camera offers, and what was granted is read back."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import av
from av.container import InputContainer

from ..errors import CameraError
from . import discovery
from .base import Mode
from .choice import find_camera, silent
from .modes import choose_mode, describe_modes
from .v4l2 import FORMATS, Device, descriptors_of
from .webcam import GONE, OPEN_TIMEOUT_S, OPTIONS, Webcam, open_error


def open_linux(spec: str | None, size: tuple[int, int] | None, rate_fps: float | None) -> Webcam:
    """Opens a webcam; see :func:`rtdenoise.cameras.open_webcam`.

    Raises:
        CameraError: there is no such camera, it is busy, or it doesn't offer what was asked for.
    """
    camera = find_camera(spec)
    wanted = choose_mode(camera, size, rate_fps)
    options = dict(OPTIONS)
    if wanted:
        options |= {
            "input_format": _input_format(wanted),
            "video_size": f"{wanted.width}x{wanted.height}",
            "framerate": str(wanted.rate_fps),
        }
    path = camera.info.spec
    before = descriptors_of(path)
    try:
        container = av.open(path, "r", "v4l2", options, timeout=(OPEN_TIMEOUT_S, None))
    except (av.FFmpegError, OSError) as error:
        if camera.driver in discovery.LOOPBACK_DRIVERS and error.errno in GONE:
            raise silent(path, camera.info.name) from error
        raise open_error(error, camera.info, wanted) from error
    try:
        if not container.streams.video:
            raise CameraError(f"{camera.info.name} sends no video.", "Try another camera.")
        mode = _granted(path, container, wanted)
        _check(camera, mode, wanted, size, rate_fps)
        new = descriptors_of(path) - before
        return Webcam(camera.info, container, mode, new.pop() if len(new) == 1 else None)
    except BaseException:
        container.close()
        raise


def _input_format(mode: Mode) -> str:
    return next(
        option
        for codec, pixel_format, option in FORMATS.values()
        if (codec, pixel_format) == (mode.codec, mode.pixel_format)
    )


def _granted(path: str, container: InputContainer, wanted: Mode | None) -> Mode:
    """What the camera really sends: sizes of FFmpeg's stream, the rate of the driver."""
    stream = container.streams.video[0]
    rate: Fraction | None = None
    with suppress(OSError), Device(path) as device:
        rate = device.granted()[3]
    rate = rate or stream.average_rate or (wanted.rate_fps if wanted else Fraction(30))
    context = stream.codec_context
    return Mode(context.name, context.pix_fmt or "", context.width, context.height, rate)


def _check(
    camera: discovery.FoundCamera,
    mode: Mode,
    wanted: Mode | None,
    size: tuple[int, int] | None,
    rate_fps: float | None,
) -> None:
    """Refuses a mode that is less than what was asked for or chosen.

    Raises:
        CameraError: the camera granted something else.
    """
    size = (wanted.width, wanted.height) if wanted else size
    rate = float(wanted.rate_fps) if wanted else rate_fps
    codec = wanted.codec if wanted else mode.codec
    same_size = size is None or size == (mode.width, mode.height)
    same_rate = rate is None or abs(float(mode.rate_fps) - rate) <= 0.02 * rate
    if same_size and same_rate and codec == mode.codec:
        return
    raise CameraError(
        f"{camera.info.name} gives {mode} instead of {wanted or 'what was asked for'}.",
        f"Choose a mode that it has: {describe_modes(camera.modes)}."
        if camera.modes
        else "Leave out --size and --fps.",
    )

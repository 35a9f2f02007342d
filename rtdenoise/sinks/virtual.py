"""The virtual camera: cleaned frames as a camera that video calls can choose.

The one place that knows pyvirtualcam (GPL-2.0), which is imported when a virtual camera is opened and not before.
On Linux the camera is a v4l2loopback device, on Windows and macOS that of OBS.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cameras import discovery, v4l2
from ..cameras.v4l2_structs import BUF_OUTPUT
from ..errors import SinkError
from ..frames import convert
from .loopback_readers import LoopbackReaders

if TYPE_CHECKING:
    from ..frames import PlaneFormat, Planes

LABEL = "rtdenoise"
MODPROBE = f'sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label="{LABEL}"'
_MODULE = Path("/sys/module/v4l2loopback")
HINTS = {
    "linux": f"Run {MODPROBE}",
    "win32": "Install OBS Studio 26 or newer (its virtual camera comes with it) or Unity Capture.",
    "darwin": "Install OBS Studio 30 or newer, start its virtual camera once, and stop it again.",
}


@dataclass(frozen=True)
class VirtualDevice:
    """A virtual camera of this machine: its path (Linux) or name, its label, and who feeds it now."""

    path: str
    label: str
    producers: tuple[str, ...] = ()
    busy: bool = False
    exclusive: bool = True


class VirtualSink:
    """Sends frames to a virtual camera, as I420 in the limited range that video calls expect.

    Of a frame with an odd width or height the last column or row is left out: browsers refuse such
    cameras. It doesn't wait between frames. ``path`` is that of a v4l2loopback device, which knows its readers.
    """

    def __init__(
        self, camera: Any, name: str, width: int, height: int, path: str | None = None
    ) -> None:
        self._camera = camera
        self._name = name
        self._path = path
        self._readers: LoopbackReaders | None = None
        self._width, self._height = width, height
        luma, chroma = width * height, width * height // 4
        self._bytes = np.empty(luma + 2 * chroma, np.uint8)
        y, u, v = np.split(self._bytes, [luma, luma + chroma])
        half = (height // 2, width // 2)
        self._planes = (y.reshape(height, width), u.reshape(half), v.reshape(half))

    @property
    def name(self) -> str:
        """Its path and label."""
        return self._name

    @property
    def watched(self) -> bool | None:
        """Whether a program reads it now; None where that can't be told: OBS and Unity Capture don't say."""
        if self._path is None or self._camera is None:
            return None
        if self._readers is None:
            self._readers = LoopbackReaders(self._path)
        return self._readers.watched()

    def write(self, planes: Planes) -> None:
        """Shows one frame.

        Raises:
            SinkError: the size has changed, or the device went away.
        """
        if self._camera is None:
            raise SinkError(f"{self._name} is closed.")
        size = _even(planes.format.width), _even(planes.format.height)
        if size != (self._width, self._height):
            raise SinkError(
                f"{self._name} shows {self._width}×{self._height}, and a frame of {size[0]}×{size[1]} came.",
                "Start again: a virtual camera keeps its size while it runs.",
            )
        small = convert(planes, "420", False, "bt601")
        for target, source in zip(self._planes, (small.y, small.u, small.v), strict=True):
            np.copyto(target, source[: target.shape[0], : target.shape[1]])
        try:
            self._camera.send(self._bytes)
        except (RuntimeError, OSError) as error:
            raise SinkError(
                f"{self._name} went away: {error}.", "Look at it with rtdenoise doctor."
            ) from error

    def close(self) -> None:
        """Lets the device go. Safe to call twice."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None
        if self._readers is not None:
            self._readers.close()
            self._readers = None

    def abort(self) -> None:
        """The same: a virtual camera leaves nothing behind."""
        self.close()


def _even(length: int) -> int:
    return length - length % 2


def open_virtual(
    label: str | None, *, format: PlaneFormat, rate_fps: Fraction | float
) -> VirtualSink:
    """Opens a virtual camera.

    Args:
        label: The label or path of a v4l2loopback device, or the name of a virtual camera elsewhere; None takes the
            only one, or the one labelled "rtdenoise".
        format: What the frames will be.
        rate_fps: Their nominal rate.

    Raises:
        SinkError: there is none, several fit, or another program feeds it; the hint says what to do.
    """
    width, height = _even(format.width), _even(format.height)
    if not width or not height:
        raise SinkError(f"A frame of {format.width}×{format.height} is too small to be shown.")
    module = import_pyvirtualcam()
    if not sys.platform.startswith("linux"):
        camera = _start(module, label, width, height, rate_fps, label or "a virtual camera")
        return VirtualSink(camera, str(camera.device), width, height)
    device = choose_device(label, virtual_devices())
    name = f"{device.path} ({device.label})"
    before = v4l2.descriptors_of(device.path)
    _revive(device.path)
    camera = _start(module, device.path, width, height, rate_fps, name)
    try:
        _check_format(device.path, name, width, height)
    except BaseException:
        camera.close()
        raise
    if _forgetful():
        for descriptor in v4l2.descriptors_of(device.path) - before:
            with suppress(OSError):
                v4l2.declare_producer(descriptor)
    return VirtualSink(camera, name, width, height, device.path)


def check_virtual(label: str | None) -> None:
    """Refuses a virtual camera that can't be opened, without opening it; see :func:`open_virtual`.

    Raises:
        SinkError: there is none, several fit, or another program feeds it.
    """
    import_pyvirtualcam()
    if sys.platform.startswith("linux"):
        choose_device(label, virtual_devices())


def import_pyvirtualcam() -> Any:
    """The module.

    Raises:
        SinkError: it isn't there, or its library can't be loaded.
    """
    try:
        import pyvirtualcam
    except ImportError as error:
        raise SinkError(
            f"The package pyvirtualcam can't be loaded: {error}.", "Run pip install pyvirtualcam."
        ) from error
    return pyvirtualcam


def _start(
    module: Any,
    device: str | None,
    width: int,
    height: int,
    rate_fps: Fraction | float,
    name: str,
) -> Any:
    try:
        return module.Camera(
            width, height, float(rate_fps), fmt=module.PixelFormat.I420, device=device
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise _start_error(str(error), name, device) from error


def _start_error(text: str, name: str, device: str | None) -> SinkError:
    """What pyvirtualcam's complaint means, and its cure."""
    low = text.lower()
    hint = HINTS.get(sys.platform, "")
    if "not a video output device" in low or "busy" in low:
        return _busy(name, discovery.holders(device) if device else [])
    if "permission" in low or "could not be opened" in low:
        missing = f"There is no permission to open {name}."
        return SinkError(
            missing if "permission" in low else f"{name} can't be opened: {_last_line(text)}",
            "Run sudo usermod -aG video $USER, log out and in again.",
        )
    if "already started" in low or "already in use" in low:
        return SinkError(
            f"{name} is in use by another program.", "Stop the virtual camera there (in OBS, say)."
        )
    return SinkError(f"{name} can't be started: {_last_line(text)}", hint)


def _last_line(text: str) -> str:
    line = (text.strip().splitlines() or ["no reason is given"])[-1]
    return line.split("backend: ", 1)[-1].rstrip(".") + "."


def _busy(name: str, programs: list[str] | tuple[str, ...]) -> SinkError:
    who = " and ".join(programs) or "another program"
    return SinkError(
        f"{name} is in use by {who}.",
        "Close that program, or choose another virtual camera with --output virtual:LABEL.",
    )


def virtual_devices() -> list[VirtualDevice]:
    """The v4l2loopback devices that can take pictures, and who feeds them now; none on other systems."""
    if not sys.platform.startswith("linux"):
        return []
    return [_device(node) for node in discovery.video_nodes() if node.loopback]


def _device(node: discovery.VideoNode) -> VirtualDevice:
    """Who feeds a device.

    With exclusive_caps=1 it is an output until a program feeds it, and a camera from then on. Without, the
    driver lets any number of programs write over each other; that a format is set tells that one does.
    """
    if exclusive(node):
        fed = node.capture and not node.output
    else:
        fed = False
        with suppress(OSError), v4l2.Device(node.path) as device:
            device.granted()
            fed = True
    programs = tuple(discovery.holders(node.path)) if fed else ()
    return VirtualDevice(
        node.path, node.name, programs, fed and bool(programs or not node.output), exclusive(node)
    )


def exclusive(node: discovery.VideoNode) -> bool:
    """Whether a v4l2loopback device was made with exclusive_caps=1, without which browsers don't see it."""
    if not (node.capture and node.output):
        return True
    number = re.search(r"(\d+)$", node.bus_info)  # platform:v4l2loopback-001: the place in the list
    with suppress(OSError, IndexError):
        given = (_MODULE / "parameters" / "exclusive_caps").read_text(encoding="ascii").split(",")
        return given[int(number[1]) if number else 0].strip() in ("Y", "1")
    return False


def choose_device(label: str | None, devices: list[VirtualDevice]) -> VirtualDevice:
    """The device that ``label`` means.

    Raises:
        SinkError: there is none, several fit, or another program feeds it.
    """
    if not devices:
        # A camera that is forbidden as well has nothing to do with it.
        denied = [node for node in discovery.video_nodes() if node.denied and node.loopback]
        if denied:
            raise SinkError(
                f"There is no permission to open {denied[0].path}.",
                "Run sudo usermod -aG video $USER, log out and in again.",
            )
        raise SinkError(
            "There is no v4l2loopback device: the kernel module is not loaded.",
            f"Run {MODPROBE} (rtdenoise doctor says more if that fails), or use --output pipewire.",
        )
    listed = ", ".join(f"{device.label} ({device.path})" for device in devices)
    if label is None:
        own = [device for device in devices if device.label == LABEL]
        fitting = own or devices
    else:
        fitting = [d for d in devices if label in (d.label, d.path)] or [
            d for d in devices if label.lower() == d.label.lower()
        ]
        if not fitting:
            raise SinkError(
                f"There is no virtual camera labelled {label}.",
                f"There is {listed}; choose one with --output virtual:LABEL.",
            )
    if len(fitting) > 1:
        raise SinkError(
            f"There are several virtual cameras: {listed}.",
            "Choose one with --output virtual:LABEL (or virtual:/dev/videoN).",
        )
    if fitting[0].busy:
        raise _busy(f"{fitting[0].path} ({fitting[0].label})", fitting[0].producers)
    return fitting[0]


def _revive(path: str) -> None:
    """Makes a device an output again that lost this in its last use.

    v4l2loopback 0.12 (Debian 12, Ubuntu 22.04) with exclusive_caps=1 announces neither capture nor output after a
    program that wrote without VIDIOC_STREAMON has closed it (v4l2loopback#442, #470). A descriptor
    that called it, even in vain, sets this right when it is closed.
    """
    with suppress(OSError), v4l2.Device(path) as device:
        identity = device.identity()
        if not identity.capture and not identity.output:
            device.declare_producer()


def _forgetful() -> bool:
    """Whether the module is one that loses its output capability; see :func:`_revive`.

    Its file ``version`` is missing in some builds; the per-device file ``state`` came with 0.13.
    """
    return not any(discovery.SYSFS.glob("video*/state")) and _MODULE.exists()


def _check_format(path: str, name: str, width: int, height: int) -> None:
    """Refuses a device that keeps the format of an earlier run since a reader holds it.

    Raises:
        SinkError: another format is set; the message names the reader.
    """
    try:
        with v4l2.Device(path) as device:
            code, set_width, set_height, _ = device.granted(BUF_OUTPUT)
    except OSError:
        return
    if (code, set_width, set_height) == ("YU12", width, height):
        return
    who = " and ".join(discovery.holders(path)) or "another program"
    raise SinkError(
        f"{name} is fixed to {code} {set_width}×{set_height} while {who} reads it.",
        f"Close that program, or use --size {set_width}x{set_height}."
        if code == "YU12"
        else "Close that program first.",
    )

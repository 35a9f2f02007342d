"""Which video devices a Linux machine has, which of them are cameras, and who holds them."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .base import CameraInfo, Mode
from .v4l2 import Device

SYSFS = Path("/sys/class/video4linux")
DEV = Path("/dev")
PROC = Path("/proc")

LOOPBACK_DRIVERS = ("v4l2 loopback", "v4l2loopback")
# Drivers of the kernel that make test pictures: opened when named, never by default.
_TEST_DRIVERS = ("vivid", "vimc", "vicodec", "visl")


@dataclass(frozen=True)
class VideoNode:
    """One /dev/videoN.

    ``number`` is N; ``index`` counts the nodes of one device (a webcam's second one often holds metadata);
    ``usb`` is (vendor, product, serial) in hexadecimal, or None; ``port`` is where it is plugged in;
    ``denied`` says that there is no permission to open it, and the rest is then what sysfs tells.
    """

    path: str
    number: int
    name: str
    driver: str = ""
    bus_info: str = ""
    index: int = 0
    capture: bool = False
    output: bool = False
    usb: tuple[str, str, str] | None = None
    port: str = ""
    denied: bool = False

    @property
    def loopback(self) -> bool:
        """Whether it is a v4l2loopback device, which other programs feed or read."""
        return self.driver in LOOPBACK_DRIVERS

    @property
    def real(self) -> bool:
        """Whether it is a camera: not a loopback, not a test picture of the kernel's."""
        return self.capture and not self.loopback and self.driver not in _TEST_DRIVERS


@dataclass(frozen=True)
class FoundCamera:
    """A camera that can be opened; ``real`` is False for loopbacks and test pictures."""

    info: CameraInfo
    modes: tuple[Mode, ...]
    real: bool
    driver: str = ""
    index: int = 0


def video_nodes(
    sysfs: Path | None = None, dev: Path | None = None, opener: Callable[[str], Device] = Device
) -> list[VideoNode]:
    """Every /dev/videoN, by number. Nodes that vanish meanwhile or aren't video devices are left out."""
    sysfs, dev = sysfs or SYSFS, dev or DEV
    nodes = []
    for path in dev.glob("video*"):
        if match := re.fullmatch(r"video(\d+)", path.name):
            node = _node(str(path), int(match[1]), sysfs / path.name, opener)
            if node:
                nodes.append(node)
    return sorted(nodes, key=lambda node: node.number)


def _node(path: str, number: int, entry: Path, opener: Callable[[str], Device]) -> VideoNode | None:
    index = _text(entry / "index")
    usb, port = _usb(entry)
    node = VideoNode(
        path,
        number,
        _text(entry / "name") or Path(path).name,
        index=int(index) if index.isdecimal() else 0,
        usb=usb,
        port=port,
    )
    try:
        with opener(path) as device:
            identity = device.identity()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            # Two files that v4l2loopback alone has for its devices.
            loopback = all((entry / name).exists() for name in ("max_openers", "format"))
            return replace(node, denied=True, driver=LOOPBACK_DRIVERS[0] if loopback else "")
        if error.errno == errno.EBUSY:  # a driver that lets one program in; sysfs still names it
            return replace(node, capture=True)
        return None
    return replace(
        node,
        name=identity.card or node.name,
        driver=identity.driver,
        bus_info=identity.bus_info,
        capture=identity.capture,
        output=identity.output,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _usb(entry: Path) -> tuple[tuple[str, str, str] | None, str]:
    """Vendor, product and serial of the USB device that a node belongs to, and its port; else (None, "")."""
    folder = (entry / "device").resolve()
    for place in (folder, *folder.parents)[:4]:  # the interface's folder, then the device's
        vendor, product = _text(place / "idVendor"), _text(place / "idProduct")
        if vendor and product:
            return (vendor, product, _text(place / "serial")), place.name
    return None, ""


def denied_cameras(nodes: list[VideoNode]) -> list[VideoNode]:
    """The nodes that are, or may be, a camera's, and that this user may not open."""
    return [node for node in nodes if node.denied and not node.loopback]


def camera_id(node: VideoNode) -> str:
    """A name for this physical camera that stays the same at every start and port, fit for a folder."""
    parts = ["usb", *node.usb, node.name] if node.usb else [node.driver, node.name]
    if node.index:
        parts.append(str(node.index))
    words = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts]
    return "-".join(word for word in words if word)


def cameras(nodes: list[VideoNode], opener: Callable[[str], Device] = Device) -> list[FoundCamera]:
    """The cameras among ``nodes`` with their modes, real ones first.

    Two of one model without serial numbers would have one id; the port where they are plugged in then tells
    them apart.
    """
    nodes = [node for node in nodes if node.capture]
    count = Counter(camera_id(node) for node in nodes)
    found = []
    for node in nodes:
        identity = camera_id(node)
        if count[identity] > 1:
            place = re.sub(r"[^a-z0-9]+", "-", (node.port or f"video{node.number}").lower())
            identity += f"-port-{place}"
        try:
            with opener(node.path) as device:
                modes = tuple(device.modes())
        except OSError:
            modes = ()
        info = CameraInfo(identity, node.name, "webcam", node.path)
        found.append(FoundCamera(info, modes, node.real, node.driver, node.index))
    return sorted(found, key=lambda camera: not camera.real)


def holders(path: str, proc: Path | None = None) -> list[str]:
    """The programs that have a device open, as "name (process 123)"; only those that /proc shows us.

    This process is left out.
    """
    proc, target, found = proc or PROC, os.path.realpath(path), []
    for folder in proc.glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            links = list((folder / "fd").iterdir())
        except OSError:  # another user's process, or one that has just ended
            continue
        for link in links:
            try:
                if os.readlink(link) != target:
                    continue
            except OSError:
                continue
            found.append(f"{_text(folder / 'comm') or 'a program'} (process {folder.name})")
            break
    return sorted(found)

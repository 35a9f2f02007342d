from __future__ import annotations

import errno
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.cameras import discovery
from rtdenoise.cameras.base import Mode
from rtdenoise.cameras.discovery import VideoNode, camera_id
from rtdenoise.cameras.v4l2 import Device, Identity

MODE = Mode("mjpeg", "", 1920, 1080, Fraction(30))


class Node:
    """A device as its driver describes it."""

    def __init__(self, identity: Identity, modes: list[Mode] | None = None) -> None:
        self._identity, self._modes = identity, modes or []

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None: ...

    def identity(self) -> Identity:
        return self._identity

    def modes(self) -> list[Mode]:
        return self._modes


class Machine:
    """A /sys and a /dev of our own."""

    def __init__(self, folder: Path) -> None:
        self.sysfs, self.dev = folder / "sys/class/video4linux", folder / "dev"
        self.devices = folder / "sys/devices"
        for made in (self.sysfs, self.dev, self.devices):
            made.mkdir(parents=True)
        self.nodes: dict[str, Node | OSError] = {}

    def add(self, number: int, answer: Node | OSError, *, name: str = "A camera", index: int = 0,
            port: str = "", serial: str = "") -> str:  # fmt: skip
        entry = self.sysfs / f"video{number}"
        entry.mkdir()
        (entry / "name").write_text(name + "\n")
        (entry / "index").write_text(f"{index}\n")
        if port:
            usb = self.devices / "pci0000:00/usb1" / port
            (usb / f"{port}:1.0").mkdir(parents=True, exist_ok=True)
            (usb / "idVendor").write_text("046d\n")
            (usb / "idProduct").write_text("0825\n")
            if serial:
                (usb / "serial").write_text(serial + "\n")
            (entry / "device").symlink_to(usb / f"{port}:1.0")
        path = self.dev / f"video{number}"
        path.touch()
        self.nodes[str(path)] = answer
        return str(path)

    def open(self, path: str) -> Device:
        answer = self.nodes[path]
        if isinstance(answer, OSError):
            raise answer
        return cast("Device", answer)

    def look(self) -> list[VideoNode]:
        return discovery.video_nodes(self.sysfs, self.dev, self.open)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def uvc(card: str = "C270 HD WEBCAM", capture: bool = True) -> Node:
    return Node(Identity("uvcvideo", card, "usb-1", capture, False), [MODE])


def test_a_webcam_has_an_id_of_vendor_product_serial_and_name(machine: Machine) -> None:
    machine.add(0, uvc(), port="1-2", serial="AB 12/3")
    machine.add(1, uvc(capture=False), index=1, port="1-2", serial="AB 12/3")
    nodes = machine.look()
    assert [node.capture for node in nodes] == [True, False]
    (camera,) = discovery.cameras(nodes, machine.open)
    assert camera.info.id == "usb-046d-0825-ab-12-3-c270-hd-webcam"
    assert camera.info.name == "C270 HD WEBCAM"
    assert camera.modes == (MODE,)
    assert camera.real


def test_the_id_does_not_depend_on_number_or_port(tmp_path: Path) -> None:
    ids = []
    for number, port in ((0, "1-2"), (4, "3-1.4")):
        machine = Machine(tmp_path / str(number))
        machine.add(number, uvc(), port=port, serial="77")
        ids += [camera.info.id for camera in discovery.cameras(machine.look(), machine.open)]
    assert ids[0] == ids[1]


def test_twins_without_serials_are_told_apart_by_their_ports(machine: Machine) -> None:
    machine.add(0, uvc(), port="1-2")
    machine.add(2, uvc(), port="1-3.1")
    ids = [camera.info.id for camera in discovery.cameras(machine.look(), machine.open)]
    assert ids == [
        "usb-046d-0825-c270-hd-webcam-port-1-2",
        "usb-046d-0825-c270-hd-webcam-port-1-3-1",
    ]


def test_loopbacks_and_test_pictures_are_not_real(machine: Machine) -> None:
    machine.add(0, Node(Identity("v4l2 loopback", "OBS", "platform:v4l2loopback-000", True, True)))
    machine.add(1, Node(Identity("vivid", "vivid", "platform:vivid-000", True, False), [MODE]))
    machine.add(10, uvc(), port="1-2")
    found = discovery.cameras(machine.look(), machine.open)
    assert [(camera.info.name, camera.real) for camera in found] == [
        ("C270 HD WEBCAM", True),
        ("OBS", False),
        ("vivid", False),
    ]


def test_no_permission_is_noted(machine: Machine) -> None:
    machine.add(0, PermissionError(errno.EACCES, "no"), name="Its name")
    (node,) = machine.look()
    assert node.denied
    assert node.name == "Its name"
    assert discovery.cameras([node], machine.open) == []
    assert discovery.denied_cameras([node]) == [node]


def test_a_forbidden_loopback_is_no_forbidden_camera(machine: Machine) -> None:
    machine.add(0, PermissionError(errno.EACCES, "no"), name="rtdenoise")
    for name in ("max_openers", "format"):
        (machine.sysfs / "video0" / name).touch()
    (node,) = machine.look()
    assert node.denied
    assert node.loopback
    assert discovery.denied_cameras([node]) == []


def test_a_node_that_vanishes_is_left_out(machine: Machine) -> None:
    machine.add(0, OSError(errno.ENODEV, "gone"))
    machine.add(1, OSError(errno.ENOTTY, "no video device"))
    (machine.dev / "video-something").touch()
    assert machine.look() == []


def test_nodes_come_in_the_order_of_their_numbers(machine: Machine) -> None:
    for number in (10, 2, 0):
        machine.add(number, uvc())
    assert [node.number for node in machine.look()] == [0, 2, 10]


@given(st.text(max_size=40), st.text(max_size=20))
def test_ids_are_fit_for_folders(name: str, serial: str) -> None:
    identity = camera_id(VideoNode("/dev/video0", 0, name, usb=("046d", "0825", serial)))
    assert identity.startswith("usb-046d-0825")
    assert set(identity) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_holders_are_named(tmp_path: Path) -> None:
    node = tmp_path / "video0"
    node.touch()

    def process(number: int, name: str, target: Path) -> None:
        fd = tmp_path / "proc" / str(number) / "fd"
        fd.mkdir(parents=True)
        (fd.parent / "comm").write_text(name + "\n")
        (fd / "5").symlink_to(target)

    process(41, "zoom", node)
    process(42, "bash", tmp_path / "other")
    process(os.getpid(), "pytest", node)
    (tmp_path / "proc" / "meminfo").touch()
    (tmp_path / "proc" / "43").mkdir()  # has just ended
    assert discovery.holders(str(node), tmp_path / "proc") == ["zoom (process 41)"]


def test_a_real_process_is_found(tmp_path: Path) -> None:
    import subprocess
    import sys

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("there is no /proc")
    path = tmp_path.resolve() / "held"
    path.touch()
    code = f"f = open({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        (found,) = discovery.holders(str(path))
        assert found.endswith(f"(process {child.pid})")
        child.kill()


def test_without_any_video_device_there_is_nothing(tmp_path: Path) -> None:
    def never(path: str) -> Any:
        raise AssertionError(path)

    assert discovery.video_nodes(tmp_path / "sys", tmp_path / "dev", never) == []


def test_a_loopback_is_known_to_be_fed_by_a_program() -> None:
    loopback = VideoNode("/dev/video8", 8, "rtdenoise", "v4l2 loopback", capture=True)
    webcam = VideoNode("/dev/video0", 0, "C270", "uvcvideo", capture=True)
    found = discovery.cameras([loopback, webcam], opener=missing)
    assert [camera.info.fed_by_program for camera in found] == [False, True]


def missing(path: str) -> Device:
    raise OSError(path)

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.cameras import v4l2, v4l2_structs
from rtdenoise.cameras.v4l2 import Device, fourcc

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Video4Linux is Linux's")


def code(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


class Kernel:
    """Answers ioctls as a driver would."""

    def __init__(self) -> None:
        self.driver, self.card, self.caps, self.device_caps = (
            b"uvcvideo",
            b"A camera",
            0x84A00001,
            1,
        )
        self.formats = ["MJPG", "YUYV"]
        self.sizes: dict[str, list[tuple[int, int]]] = {
            "MJPG": [(1280, 720), (1920, 1080)],
            "YUYV": [(640, 480)],
        }
        self.bounds: tuple[int, ...] | None = None
        self.intervals: list[tuple[int, int]] = [(1, 30), (1, 15)]
        self.interval_bounds: tuple[int, ...] | None = None
        # number: name, minimum, maximum, value, flags
        self.controls: dict[int, tuple[bytes, int, int, int, int]] = {}
        self.endless = False

    def __call__(self, descriptor: int, request: int, argument: Any) -> int:
        handlers: dict[int, Callable[[Any], None]] = {
            v4l2_structs.QUERYCAP: self.querycap,
            v4l2_structs.ENUM_FMT: self.enum_fmt,
            v4l2_structs.ENUM_FRAMESIZES: self.enum_sizes,
            v4l2_structs.ENUM_FRAMEINTERVALS: self.enum_intervals,
            v4l2_structs.QUERYCTRL: self.query_control,
            v4l2_structs.G_CTRL: self.get_control,
            v4l2_structs.S_CTRL: self.set_control,
            v4l2_structs.G_FMT: self.get_format,
            v4l2_structs.G_PARM: self.get_parameters,
        }
        if request not in handlers:
            raise OSError(errno.ENOTTY, "no such request")
        handlers[request](argument)
        return 0

    def querycap(self, cap: Any) -> None:
        cap.driver, cap.card, cap.bus_info = self.driver, self.card, b"usb-0000:00:14.0-1"
        cap.capabilities, cap.device_caps = self.caps, self.device_caps

    def enum_fmt(self, entry: Any) -> None:
        assert entry.type == v4l2_structs.BUF_CAPTURE
        entry.pixelformat = code(self._at(self.formats, entry.index))

    def enum_sizes(self, entry: Any) -> None:
        if self.bounds:
            self._at([0], entry.index)
            entry.type = 3
            entry.size[:] = self.bounds
            return
        width, height = self._at(self.sizes[fourcc(entry.pixel_format)], entry.index)
        entry.type = 1
        entry.size[0], entry.size[1] = width, height

    def enum_intervals(self, entry: Any) -> None:
        assert entry.width
        assert entry.height
        if self.interval_bounds:
            self._at([0], entry.index)
            entry.type = 3
            entry.interval[:] = self.interval_bounds
            return
        entry.type = 1
        entry.interval[0], entry.interval[1] = self._at(self.intervals, entry.index)

    def query_control(self, query: Any) -> None:
        assert query.id & v4l2_structs.FLAG_NEXT
        after = query.id & ~v4l2_structs.FLAG_NEXT
        numbers = [n for n in sorted(self.controls) if n > after]
        if not numbers:
            raise OSError(errno.EINVAL, "no more")
        name, low, high, _, flags = self.controls[numbers[0]]
        query.id, query.name, query.minimum, query.maximum = numbers[0], name, low, high
        query.step, query.flags = 1, flags

    def get_control(self, argument: Any) -> None:
        if argument.id not in self.controls or self.controls[argument.id][1] is None:
            raise OSError(errno.EINVAL, "no such control")
        argument.value = self.controls[argument.id][3]

    def set_control(self, argument: Any) -> None:
        name, low, high, _, flags = self.controls[argument.id]
        argument.value = min(max(argument.value, low), high)
        self.controls[argument.id] = (name, low, high, argument.value, flags)

    def get_format(self, form: Any) -> None:
        form.fmt.pix.width, form.fmt.pix.height = 1920, 1080
        form.fmt.pix.pixelformat = code("MJPG")

    def get_parameters(self, parameters: Any) -> None:
        parameters.parm.capture.numerator = 1001
        parameters.parm.capture.denominator = 30000

    def _at(self, values: list[Any], index: int) -> Any:
        if self.endless:
            return values[0]
        if index >= len(values):
            raise OSError(errno.EINVAL, "no more")
        return values[index]


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def opened(kernel: Kernel) -> Device:
    return Device(os.devnull, kernel)


# From a C program that prints sizeof and the macros of linux/videodev2.h on x86-64.
@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the sizes are those of 64 bits")
@pytest.mark.parametrize(
    ("structure", "size"),
    [
        (v4l2_structs.Capability, 104),
        (v4l2_structs.FormatDescription, 64),
        (v4l2_structs.FrameSize, 44),
        (v4l2_structs.FrameInterval, 52),
        (v4l2_structs.QueryControl, 68),
        (v4l2_structs.ControlValue, 8),
        (v4l2_structs.Format, 208),
        (v4l2_structs.StreamParameters, 204),
        (v4l2_structs.EventSubscription, 32),
        (v4l2_structs.Event, 136),
    ],
)
def test_structures_have_the_kernels_sizes(structure: type[ctypes.Structure], size: int) -> None:
    assert ctypes.sizeof(structure) == size


@pytest.mark.parametrize(
    ("request_code", "value"),
    [
        (v4l2_structs.QUERYCAP, 0x80685600),
        (v4l2_structs.ENUM_FMT, 0xC0405602),
        (v4l2_structs.ENUM_FRAMESIZES, 0xC02C564A),
        (v4l2_structs.ENUM_FRAMEINTERVALS, 0xC034564B),
        (v4l2_structs.QUERYCTRL, 0xC0445624),
        (v4l2_structs.G_CTRL, 0xC008561B),
        (v4l2_structs.S_CTRL, 0xC008561C),
        (v4l2_structs.G_FMT, 0xC0D05604),
        (v4l2_structs.G_PARM, 0xC0CC5615),
        (v4l2_structs.STREAMON, 0x40045612),
        (v4l2_structs.DQEVENT, 0x80885659),
        (v4l2_structs.SUBSCRIBE_EVENT, 0x4020565A),
    ],
)
def test_request_codes_are_the_kernels(request_code: int, value: int) -> None:
    assert request_code == value


def test_the_format_begins_where_the_kernels_union_does() -> None:
    form = v4l2_structs.Format(type=1)
    form.fmt.pix.width = 0x01020304
    assert bytes(form)[ctypes.sizeof(ctypes.c_void_p) :][:4] == (0x01020304).to_bytes(
        4, sys.byteorder
    )


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=4))
def test_four_characters_come_back(text: str) -> None:
    assert fourcc(code(text)) == text


def test_identity_goes_by_the_caps_of_this_node(kernel: Kernel) -> None:
    with opened(kernel) as device:
        identity = device.identity()
    assert (identity.driver, identity.card) == ("uvcvideo", "A camera")
    assert identity.capture
    assert not identity.output
    kernel.device_caps = 0x00800000  # the metadata node of the same camera
    with opened(kernel) as device:
        assert not device.identity().capture
    kernel.caps = 2  # an old driver that knows no device_caps
    with opened(kernel) as device:
        assert device.identity().output


def test_modes_are_listed_mjpg_first_and_largest_first(kernel: Kernel) -> None:
    kernel.formats = ["YUYV", "XYZ1", "MJPG"]
    with opened(kernel) as device:
        modes = device.modes()
    assert [str(mode) for mode in modes] == [
        "MJPG 1920×1080 @ 30",
        "MJPG 1920×1080 @ 15",
        "MJPG 1280×720 @ 30",
        "MJPG 1280×720 @ 15",
        "YUYV422 640×480 @ 30",
        "YUYV422 640×480 @ 15",
    ]
    assert modes[-1].codec == "rawvideo"


def test_rates_stay_exact(kernel: Kernel) -> None:
    kernel.intervals = [(1001, 30000), (0, 1), (1, 0)]
    with opened(kernel) as device:
        assert {mode.rate_fps for mode in device.modes()} == {Fraction(30000, 1001)}


def test_bounds_become_the_usual_sizes_and_rates(kernel: Kernel) -> None:
    kernel.formats = ["YUYV"]
    kernel.bounds = (320, 1920, 2, 240, 1080, 2)
    kernel.interval_bounds = (1, 30, 1, 5, 0, 1)  # 1/30 s to 1/5 s
    with opened(kernel) as device:
        modes = device.modes()
    assert {(m.width, m.height) for m in modes} >= {(640, 480), (1280, 720), (1920, 1080)}
    assert max(m.width for m in modes) == 1920
    assert {m.rate_fps for m in modes} == {5, 10, 15, 20, 24, 25, 30}


def test_a_driver_that_never_ends_its_list_ends(kernel: Kernel) -> None:
    kernel.endless = True
    with opened(kernel) as device:
        assert device.pixel_formats() == ["MJPG"]


def test_an_unplugged_camera_is_an_error_not_an_empty_list(kernel: Kernel) -> None:
    def gone(descriptor: int, request: int, argument: Any) -> int:
        raise OSError(errno.ENODEV, "gone")

    with Device(os.devnull, gone) as device, pytest.raises(OSError, match="gone"):
        device.pixel_formats()


def test_what_is_granted_is_read_back(kernel: Kernel) -> None:
    with opened(kernel) as device:
        assert device.granted() == ("MJPG", 1920, 1080, Fraction(30000, 1001))


def test_controls_are_listed_with_values(kernel: Kernel) -> None:
    kernel.controls = {
        0x00980900: (b"Brightness", -64, 64, -3, 0),
        0x009A0901: (b"Auto Exposure", 0, 3, 3, 0),
        0x009A0902: (b"Off", 0, 9, 1, v4l2_structs.FLAG_DISABLED),
    }
    with opened(kernel) as device:
        controls = device.controls()
        assert list(controls) == [0x00980900, 0x009A0901]
        assert (controls[0x00980900].value, controls[0x00980900].minimum) == (-3, -64)
        assert device.set(0x00980900, 99) == 64
        assert device.get(0x00980900) == 64


def test_events_are_subscribed_to_and_fetched_one_by_one(kernel: Kernel) -> None:
    queue = [(0x10E00001, 1), (0x10E00001, 0)]
    asked = []

    def events(descriptor: int, request: int, argument: Any) -> int:
        if request == v4l2_structs.SUBSCRIBE_EVENT:
            asked.append((argument.type, argument.flags))
        elif not queue:
            raise OSError(errno.ENOENT, "none has come")
        else:
            argument.type, argument.u.count = queue.pop(0)
        return 0

    device = Device("/dev/null", events)
    device.subscribe(0x10E00001)
    assert asked == [(0x10E00001, 1)]  # the state now comes first
    assert [device.next_event() for _ in range(3)] == [(0x10E00001, 1), (0x10E00001, 0), None]
    device.close()


def test_closing_twice_is_fine(kernel: Kernel) -> None:
    device = opened(kernel)
    device.close()
    device.close()


def test_descriptors_of_a_file_are_found(tmp_path: Any) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("there is no /proc")
    path = tmp_path.resolve() / "node"
    with path.open("w") as file:
        assert v4l2.descriptors_of(str(path)) == {file.fileno()}
    assert v4l2.descriptors_of(str(path)) == set()

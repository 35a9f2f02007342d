from __future__ import annotations

import errno
import sys
import types
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from rtdenoise.cameras import discovery, v4l2
from rtdenoise.cameras.discovery import VideoNode
from rtdenoise.errors import SinkError
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.sinks import virtual
from rtdenoise.sinks.virtual import MODPROBE, VirtualDevice, choose_device, open_virtual

CAMERA = VirtualDevice("/dev/video10", "Camera")
VIRTUAL = VirtualDevice("/dev/video11", "Virtual")


def planes(width: int = 64, height: int = 48, full_range: bool = True) -> Planes:
    """Luma rises along the rows; the chroma is blueish; 4:2:2 as webcams give it."""
    form = PlaneFormat(width, height, "422", full_range, "bt601")
    luma = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    chroma = form.chroma_shape
    return Planes(luma, np.full(chroma, 160, np.uint8), np.full(chroma, 110, np.uint8), form, 0.0)


class Producer:
    """pyvirtualcam.Camera as it behaves."""

    made: ClassVar[list[Producer]] = []
    error: ClassVar[Exception | None] = None

    def __init__(
        self, width: int, height: int, fps: float, *, fmt: str, device: str | None
    ) -> None:
        if Producer.error:
            raise Producer.error
        self.words = (width, height, fps, fmt)
        self.device = device or "OBS Virtual Camera"
        self.frames: list[Any] = []
        self.closed = 0
        self.fails: Exception | None = None
        Producer.made.append(self)

    def send(self, frame: Any) -> None:
        if self.fails:
            raise self.fails
        assert frame.dtype == np.uint8
        self.frames.append(frame.copy())

    def close(self) -> None:
        self.closed += 1


class Loopback:
    """A v4l2loopback device, asked about its format."""

    def __init__(self) -> None:
        self.format: tuple[str, int, int] | OSError = ("YU12", 64, 48)
        self.capture, self.output = False, True
        self.declared = 0

    def __call__(self, path: str) -> Loopback:
        return self

    def __enter__(self) -> Loopback:
        return self

    def __exit__(self, *_: object) -> None: ...

    def identity(self) -> Any:
        return types.SimpleNamespace(capture=self.capture, output=self.output)

    def granted(self, side: int = 1) -> tuple[str, int, int, None]:
        if isinstance(self.format, OSError):
            raise self.format
        return (*self.format, None)

    def declare_producer(self) -> None:
        self.declared += 1
        raise OSError(errno.EINVAL, "as v4l2loopback 0.12 answers, and it helps all the same")


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """A Linux with one free virtual camera and pyvirtualcam."""
    module = types.ModuleType("pyvirtualcam")
    module.Camera = Producer  # type: ignore[attr-defined]
    module.PixelFormat = types.SimpleNamespace(I420="I420")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Producer, "made", [])
    monkeypatch.setattr(Producer, "error", None)
    loopback = Loopback()
    monkeypatch.setattr(v4l2, "Device", loopback)
    monkeypatch.setattr(virtual, "virtual_devices", lambda: [VIRTUAL])
    monkeypatch.setattr(discovery, "holders", lambda path: ["zoom (process 41)"])
    return loopback


def opened(form: PlaneFormat | None = None) -> tuple[virtual.VirtualSink, Producer]:
    sink = open_virtual(None, format=form or planes().format, rate_fps=Fraction(30))
    return sink, Producer.made[-1]


@pytest.mark.usefixtures("loopback")
def test_frames_are_sent_as_i420_in_limited_range() -> None:
    sink, producer = opened()
    assert sink.name == "/dev/video11 (Virtual)"
    assert producer.words == (64, 48, 30.0, "I420")
    sink.write(planes())
    (sent,) = producer.frames
    luma, u, v = np.split(sent, [64 * 48, 64 * 48 * 5 // 4])
    full = planes().y.astype(float)
    assert np.abs(luma.reshape(48, 64) - (16 + full * 219 / 255)).max() <= 1
    assert np.abs(u - (128 + (160 - 128) * 224 / 255)).max() <= 1
    assert np.abs(v - (128 + (110 - 128) * 224 / 255)).max() <= 1
    assert u.size == v.size == 32 * 24


@pytest.mark.usefixtures("loopback")
def test_limited_range_goes_straight_through() -> None:
    sink, producer = opened()
    sink.write(planes(full_range=False))
    assert np.array_equal(producer.frames[0][: 64 * 48].reshape(48, 64), planes().y)


@pytest.mark.usefixtures("loopback")
def test_odd_sizes_are_cut_to_even_ones(loopback: Loopback) -> None:
    loopback.format = ("YU12", 852, 478)
    odd = planes(853, 479)
    sink, producer = opened(odd.format)
    assert producer.words[:2] == (852, 478)
    sink.write(odd)
    assert producer.frames[0].size == 852 * 478 * 3 // 2
    with pytest.raises(SinkError, match="too small"):
        open_virtual(None, format=planes(1, 4).format, rate_fps=30)


@pytest.mark.usefixtures("loopback")
def test_a_size_that_changes_is_refused() -> None:
    sink, _ = opened()
    with pytest.raises(SinkError, match="shows 64×48, and a frame of 32×24 came"):
        sink.write(planes(32, 24))


@pytest.mark.usefixtures("loopback")
def test_closing_and_what_comes_after() -> None:
    sink, producer = opened()
    sink.close()
    sink.abort()
    assert producer.closed == 1
    with pytest.raises(SinkError, match="is closed"):
        sink.write(planes())


@pytest.mark.usefixtures("loopback")
def test_a_device_that_went_away_is_told() -> None:
    sink, producer = opened()
    producer.fails = RuntimeError("error writing frame: No such device")
    with pytest.raises(SinkError, match="went away: error writing frame"):
        sink.write(planes())


# pyvirtualcam's own words.
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "'v4l2loopback' backend: Device /dev/video11 is not a video output device.",
            r"in use by zoom \(process 41\)",
        ),
        ("'v4l2loopback' backend: Device /dev/video11 could not be opened: no", "usermod"),
        ("'v4l2loopback' backend: Could not access /dev/video11 due to missing permissions. Did you",
         r"^There is no permission to open \S+ \(\w+\)\. .*usermod"),
        ("'v4l2loopback' backend: No v4l2 loopback device found", "sudo modprobe v4l2loopback"),
        ("'obs' backend: virtual camera output could not be started because already started",
         "Stop the virtual camera there"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("loopback")
def test_pyvirtualcams_errors_get_their_cures(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setattr(Producer, "error", RuntimeError(text))
    with pytest.raises(SinkError, match=said):
        opened()


def test_a_format_that_a_reader_holds_is_refused(loopback: Loopback) -> None:
    loopback.format = ("YU12", 1280, 720)
    with pytest.raises(SinkError) as caught:
        opened()
    assert "fixed to YU12 1280×720 while zoom (process 41) reads it" in caught.value.message
    assert "--size 1280x720" in caught.value.hint
    assert Producer.made[0].closed


def test_a_device_that_lost_its_output_is_revived(loopback: Loopback) -> None:
    opened()
    assert loopback.declared == 0
    loopback.capture = loopback.output = False
    opened()
    assert loopback.declared == 1


@pytest.mark.usefixtures("loopback")
def test_pyvirtualcam_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(SinkError, match="pip install pyvirtualcam"):
        opened()


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("system", "cure"), [("win32", "Unity Capture"), ("darwin", "start its virtual camera once")]
)
def test_elsewhere_the_virtual_camera_is_obs(
    monkeypatch: pytest.MonkeyPatch, system: str, cure: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    sink, _ = opened()
    assert sink.name == "OBS Virtual Camera"
    monkeypatch.setattr(Producer, "error", RuntimeError("'obs' backend: not installed"))
    with pytest.raises(SinkError, match=cure):
        opened()


# --- which device ---


def test_the_only_device_is_the_default() -> None:
    assert choose_device(None, [VIRTUAL]) is VIRTUAL


def test_ours_is_the_default_among_several() -> None:
    ours = VirtualDevice("/dev/video12", "rtdenoise")
    assert choose_device(None, [CAMERA, ours, VIRTUAL]) is ours


@pytest.mark.parametrize("label", ["Virtual", "virtual", "/dev/video11"])
def test_a_device_is_chosen_by_label_or_path(label: str) -> None:
    assert choose_device(label, [CAMERA, VIRTUAL]) is VIRTUAL


def test_what_is_ambiguous_is_asked() -> None:
    with pytest.raises(SinkError, match=r"Camera \(/dev/video10\), Virtual \(/dev/video11\)"):
        choose_device(None, [CAMERA, VIRTUAL])
    twin = VirtualDevice("/dev/video12", "Virtual")
    with pytest.raises(SinkError, match="several virtual cameras"):
        choose_device("Virtual", [VIRTUAL, twin])


def test_an_unknown_label_is_told_what_there_is() -> None:
    with pytest.raises(SinkError, match=r"labelled OBS\. There is Camera"):
        choose_device("OBS", [CAMERA])


def test_a_device_that_another_program_feeds_is_not_taken() -> None:
    fed = VirtualDevice("/dev/video11", "Virtual", ("obs (process 7)",), True)
    with pytest.raises(SinkError, match=r"in use by obs \(process 7\)"):
        choose_device("Virtual", [fed])


def test_without_the_module_the_exact_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "video_nodes", list)
    with pytest.raises(SinkError) as caught:
        choose_device(None, [])
    assert MODPROBE in caught.value.hint
    assert 'devices=1 exclusive_caps=1 card_label="rtdenoise"' in MODPROBE
    webcam = VideoNode("/dev/video0", 0, "X", denied=True)
    monkeypatch.setattr(discovery, "video_nodes", lambda: [webcam])
    with pytest.raises(SinkError, match="There is no v4l2loopback device"):
        choose_device(None, [])
    denied = VideoNode("/dev/video9", 9, "Y", "v4l2 loopback", denied=True)
    monkeypatch.setattr(discovery, "video_nodes", lambda: [webcam, denied])
    with pytest.raises(SinkError, match=r"no permission to open /dev/video9.*usermod -aG video"):
        choose_device(None, [])


# --- who feeds a device ---


def node(capture: bool, output: bool) -> VideoNode:
    return VideoNode("/dev/video11", 11, "Virtual", "v4l2 loopback", "platform:v4l2loopback-001",
                     capture=capture, output=output)  # fmt: skip


Look = Callable[..., VirtualDevice]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    """Looks at a node, given the module's parameter, whether a format is set, and who has it open."""

    def looking(seen: VideoNode, caps: str, fed: bool, programs: list[str]) -> VirtualDevice:
        parameters = tmp_path / "parameters"
        parameters.mkdir(exist_ok=True)
        (parameters / "exclusive_caps").write_text(caps + "\n")
        loopback = Loopback()
        loopback.format = ("YU12", 64, 48) if fed else OSError(errno.EINVAL, "none is set")
        monkeypatch.setattr(virtual, "_MODULE", tmp_path)
        monkeypatch.setattr(v4l2, "Device", loopback)
        monkeypatch.setattr(discovery, "holders", lambda path: programs)
        monkeypatch.setattr(discovery, "video_nodes", lambda: [seen])
        monkeypatch.setattr(sys, "platform", "linux")
        (device,) = virtual.virtual_devices()
        return device

    return looking


def test_exclusive_devices_tell_by_their_capability(look: Look) -> None:
    free = look(node(capture=False, output=True), "N,Y", False, [])
    assert (free.busy, free.exclusive) == (False, True)
    fed = look(node(capture=True, output=False), "N,Y", True, ["obs (process 7)"])
    assert fed.busy
    assert fed.producers == ("obs (process 7)",)
    # A program still reads what nobody feeds any more: to be taken.
    left = look(node(capture=True, output=True), "N,Y", True, ["zoom (process 41)"])
    assert (left.busy, left.exclusive, left.producers) == (False, True, ())


def test_other_devices_tell_by_their_format(look: Look) -> None:
    free = look(node(capture=True, output=True), "Y,N", False, ["zoom (process 41)"])
    assert (free.busy, free.exclusive) == (False, False)
    fed = look(node(capture=True, output=True), "Y,N", True, ["obs (process 7)"])
    assert (fed.busy, fed.exclusive) == (True, False)


def test_other_systems_have_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert virtual.virtual_devices() == []

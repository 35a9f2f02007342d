"""Cameras that are read from a PipeWire session, against what other programs put there."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise import cameras
from rtdenoise.cameras import find_cameras, open_camera
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.discovery import FoundCamera
from rtdenoise.cameras.pipewire import modes_of, open_pipewire, packed
from rtdenoise.cli import run
from rtdenoise.errors import CameraError
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.pipewire import pod
from rtdenoise.pipewire.registry import SessionCamera
from rtdenoise.sinks.pipewire import PipeWireSink

from ..sinks.pipewire_session import Session, missing, session, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PipeWire is Linux's")
RATE = Fraction(30)


def noise(width: int, height: int, seed: int = 0) -> Planes:
    form = PlaneFormat(width, height, "420", False, "bt601")
    rng = np.random.default_rng(seed)
    y, u, v = (
        rng.integers(0, 256, shape, np.uint8)
        for shape in ((height, width), form.chroma_shape, form.chroma_shape)
    )
    return Planes(y, u, v, form, 0.0)


def i420(planes: Planes) -> bytes:
    return b"".join(part.tobytes() for part in (planes.y, planes.u, planes.v))


@pytest.fixture(scope="module")
def shared_session() -> Iterator[Session]:
    if why := missing():
        pytest.skip(why)
    with session() as made:
        yield made


@pytest.fixture
def desk(shared_session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that this process sees too, on a machine without other cameras."""
    seen_by_this_process(shared_session, monkeypatch)
    return shared_session


def seen_by_this_process(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.setenv(name, session.environment[name])
    monkeypatch.setattr("rtdenoise.cameras.discovery.video_nodes", list)


@contextmanager
def source(name: str, frames: list[Planes]) -> Iterator[PipeWireSink]:
    """A camera of the session that shows the frames round and round."""
    sink = PipeWireSink(name, format=frames[0].format, rate_fps=RATE)
    stop = threading.Event()

    def feed() -> None:
        index = 0
        while not stop.wait(1 / 60):
            sink.write(frames[index % len(frames)])
            index += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield sink
    finally:
        stop.set()
        feeder.join()
        sink.close()


@contextmanager
def gstreamer(desk: Session, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A camera that GStreamer makes of a test picture; ``words`` say in what form."""
    about = f"stream-properties=p,media.class=Video/Source,media.role=Camera,node.name={name}"
    test = ["videotestsrc", "is-live=true", "pattern=smpte", "!", *words]
    program = desk.start("gst-launch-1.0", "-q", *test, "!", "pipewiresink", "mode=provide", about)
    try:
        wait_for(
            lambda: any(c.modes and c.info.spec == f"pipewire:{name}" for c in find_cameras()),
            "GStreamer's camera isn't there",
        )
        yield program
    finally:
        program.kill()
        program.wait()


def test_every_byte_arrives_with_range_and_matrix(desk: Session) -> None:
    frames = [noise(64, 48, seed) for seed in range(3)]
    with source("bytes", frames):
        camera = open_camera("pipewire:bytes")
        seen = [planes_from_frame(frame) for frame in islice(camera.frames(), 8)]
        camera.close()
    assert str(camera.mode) == "YUV420P 64×48 @ 30"
    assert (camera.info.kind, camera.info.spec) == ("webcam", "pipewire:bytes")
    assert camera.info.fed_by_program
    assert {planes.format for planes in seen} == {frames[0].format}
    assert {i420(planes) for planes in seen} <= {i420(planes) for planes in frames}
    assert len({i420(planes) for planes in seen}) > 1
    steps = np.diff([planes.time_s for planes in seen])
    assert steps.min() > 0
    assert next(camera.packets(), None) is None


# From the left, the bars of SMPTE's test picture: white, yellow, cyan, green, magenta, red, blue.
LUMA, FULL = [235, 210, 170, 145, 106, 81, 41], [255, 226, 179, 150, 105, 76, 29]


@pytest.mark.parametrize(
    ("form", "chroma", "levels"),
    [
        ("YUY2", "422", LUMA),
        ("UYVY", "422", LUMA),
        ("NV12", "420", LUMA),
        ("I420", "420", LUMA),
        ("GRAY8", "gray", LUMA),
        ("RGB", "444", FULL),
        ("BGRx", "444", FULL),
    ],
)
def test_formats_of_other_programs_with_rows_of_any_length(
    desk: Session, form: str, chroma: str, levels: list[int]
) -> None:
    shape = f"video/x-raw,format={form},width=322,height=180,framerate=30/1"
    with gstreamer(desk, form.lower(), shape):
        camera = open_camera(f"pipewire:{form.lower()}")
        planes = planes_from_frame(next(camera.frames()))
        camera.close()
    assert (planes.format.width, planes.format.height, planes.format.chroma) == (322, 180, chroma)
    for row in (3, 60, 110):
        assert np.abs(planes.y[row, 20::46].astype(int) - levels).max() <= 2


def test_a_program_that_ends_is_a_camera_that_went_away(desk: Session) -> None:
    shape = "video/x-raw,format=I420,width=64,height=48,framerate=30/1"
    with gstreamer(desk, "ends", shape) as program:
        camera = open_camera("pipewire:ends")
        frames = camera.frames()
        next(frames)
        program.kill()
        with pytest.raises(CameraError, match="went away while it was read"):
            list(frames)
        camera.close()


def test_cameras_are_found_by_name_and_listed(
    desk: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CameraError, match="no camera in PipeWire"):
        open_camera("pipewire")
    with source("left", [noise(64, 48)]), source("right", [noise(32, 48)]):
        with pytest.raises(
            CameraError, match=r"Several cameras fit: pipewire:left .*pipewire:right"
        ):
            open_camera("pipewire")
        with pytest.raises(CameraError, match=r"no camera called up in PipeWire.*pipewire:left"):
            open_camera("pipewire:up")
        with pytest.raises(CameraError, match=r"left doesn't offer 640×480.*It has YUV420P 64×48"):
            open_camera("pipewire:left", size=(640, 480))
        for name in ("right", "RIGHT", "pipewire-program-right", "igh"):
            camera = open_camera(f"pipewire:{name}")
            assert camera.mode.width == 32
            camera.close()
        assert run(["devices", "--json"]) == 0
        listed = {c["path"]: c for c in json.loads(capsys.readouterr().out)["cameras"]}
        assert not listed["pipewire:left"]["real"]
        assert listed["pipewire:left"]["modes"][0]["text"] == "YUV420P 64×48 @ 30"
        assert run(["devices"]) == 0
        assert "pipewire:right" in capsys.readouterr().out


def test_live_goes_on_when_pipewire_is_restarted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if why := missing():
        pytest.skip(why)
    picture = noise(64, 48)
    with session() as own, own_environment(own, monkeypatch), source("src", [picture]):
        words = [sys.executable, "-m", "rtdenoise", "--home", str(tmp_path), "live"]
        words += ["--camera", "pipewire:src", "--network", "none", "--strength", "0"]
        own.environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        live = own.start(*words, "--output", "pipewire:out")
        log = own.folder / f"{Path(sys.executable).name}.log"
        for _ in range(2):
            wait_for(lambda: is_there("out"), "there is no camera")
            given, _ = own.read("out", 2).communicate(timeout=60)
            assert given == i420(picture) * 2
            own.stop_pipewire()
            own.start_pipewire()
        wait_for(lambda: log.read_text().count("src is back") == 2, "the camera isn't back")
        said = log.read_text(encoding="utf-8")
        # on a busy machine the camera is seen to go before the session is seen to end
        gone = ("PipeWire has ended, and src with it", "src went away while it was read")
        assert sum(said.count(f"{text}. Waiting for it to come back") for text in gone) == 2
        assert "PipeWire has ended, and the camera out with it" in said
        assert "PipeWire runs again: choose the camera out again" in said
        assert live.poll() is None


def is_there(name: str) -> bool:
    return any(camera.info.spec == f"pipewire:{name}" for camera in find_cameras())


@contextmanager
def own_environment(own: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    seen_by_this_process(own, monkeypatch)
    yield


def test_without_a_session_the_cure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(CameraError, match=r"No PipeWire session answers.*systemctl --user"):
        open_pipewire(None, None, None)


@pytest.mark.parametrize(("count", "opened"), [(0, None), (1, "ipu6"), (2, None)])
def test_where_v4l2_has_no_camera_the_only_real_one_of_pipewire_is_it(
    monkeypatch: pytest.MonkeyPatch, count: int, opened: str | None
) -> None:
    mode = Mode("rawvideo", "nv12", 64, 48, RATE)
    info = CameraInfo("pipewire-ipu6", "IPU6", "webcam", "pipewire:ipu6")
    fed = CameraInfo("pipewire-program-x", "X", "webcam", "pipewire:x")
    found = [FoundCamera(info, (mode,), True)] * count + [FoundCamera(fed, (mode,), False)]
    monkeypatch.setattr(cameras, "find_cameras", lambda: found)

    def none(*_: object, **__: object) -> None:
        raise CameraError("There is no camera on this machine.")

    asked: list[str | None] = []
    monkeypatch.setattr(cameras, "open_webcam", none)
    monkeypatch.setattr(cameras, "_open_pipewire", lambda name, *_: asked.append(name))
    if opened is None:
        with pytest.raises(CameraError, match="no camera on this machine"):
            open_camera()
    else:
        open_camera()
    assert asked == [opened] * (opened is not None)


# --- formats, without a session


def choice(kind: int, pods: list[bytes]) -> bytes:
    """A choice between values of one kind, as PipeWire writes it."""
    size, of = struct.unpack_from("<II", pods[0])
    body = struct.pack("<IIII", kind, 0, size, of) + b"".join(p[8 : 8 + size] for p in pods)
    return struct.pack("<II", len(body), 19) + body + bytes(-len(body) % 8)


def value(kind: int, *numbers: int) -> bytes:
    body = struct.pack(f"<{len(numbers)}I", *numbers)
    return struct.pack("<II", len(body), kind) + body + bytes(-len(body) % 8)


def offered(**fields: bytes) -> dict[int, pod.Choice]:
    body = struct.pack("<II", 0x40003, 3)
    for name, data in {"MEDIA_TYPE": value(3, 2), "MEDIA_SUBTYPE": value(3, 1), **fields}.items():
        body += struct.pack("<II", getattr(pod, name), 0) + data
    return pod.properties(struct.pack("<II", len(body), 15) + body)


def test_modes_are_read_from_what_a_camera_offers() -> None:
    rates = choice(3, [value(11, 30, 1), value(11, 30, 1), value(11, 15, 1)])
    sizes = choice(1, [value(10, 1280, 720), value(10, 1, 1), value(10, 4096, 4096)])
    forms = choice(3, [value(3, 4), value(3, 4), value(3, 2), value(3, 77)])
    raw = offered(FORMAT=forms, SIZE=sizes, RATE=rates)
    jpeg = offered(MEDIA_SUBTYPE=value(3, 0x20002), SIZE=value(10, 1920, 1080), RATE=rates)
    bayer = offered(MEDIA_SUBTYPE=value(3, 0x2000D), SIZE=value(10, 1920, 1080), RATE=rates)
    variable = offered(FORMAT=value(3, 23), SIZE=value(10, 640, 480), RATE=value(11, 0, 1))
    camera = SessionCamera(1, "cam", "Cam", "v4l2:/dev/video0", [raw, jpeg, bayer, variable])
    assert [str(mode) for mode in modes_of(camera)] == [
        "MJPG 1920×1080 @ 30",
        "MJPG 1920×1080 @ 15",
        "YUV420P 1280×720 @ 30",
        "YUV420P 1280×720 @ 15",
        "NV12 640×480 @ 30",
        "YUYV422 1280×720 @ 30",
        "YUYV422 1280×720 @ 15",
    ]


@given(st.binary(max_size=80))
def test_any_bytes_are_an_object_or_none(data: bytes) -> None:
    header = struct.pack("<IIII", max(len(data) - 8, 0), 15, 0x40003, 3)
    for text in (data, header + data):
        try:
            assert isinstance(pod.properties(text), dict)
        except ValueError:
            continue


I420 = ((1, 1, 1), (2, 2, 1), (2, 2, 1))


def spread(plane: np.ndarray, stride: int) -> bytes:
    return b"".join(row.tobytes() + bytes(stride - len(row)) for row in plane)


@pytest.mark.parametrize("size", [(10, 6), (9, 5)])
@pytest.mark.parametrize(
    ("luma", "chroma", "told"), [(10, 5, 0), (12, 8, 0), (16, 8, 16), (12, 6, 12)]
)
def test_rows_are_put_together_without_what_lies_between(
    size: tuple[int, int], luma: int, chroma: int, told: int
) -> None:
    (width, height), rng = size, np.random.default_rng(0)
    if width == 9 and told == 0:
        luma = 9 if luma == 10 else luma
    halves = ((height + 1) // 2, (width + 1) // 2)
    y, u, v = (rng.integers(0, 256, s, np.uint8) for s in ((height, width), halves, halves))
    pieces = [spread(y, luma), spread(u, chroma), spread(v, chroma)]
    whole = y.tobytes() + u.tobytes() + v.tobytes()
    assert packed(((b"".join(pieces), told),), I420, size) == whole
    apart = ((pieces[0], luma), (pieces[1], chroma), (pieces[2], chroma))
    assert packed(apart, I420, size) == whole
    assert packed(((b"".join(pieces)[:-40], told),), I420, size) is None
    assert packed(apart[:2], I420, size) is None

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtdenoise.cli import run
from rtdenoise.errors import SinkError
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.pipewire import library, pod
from rtdenoise.sinks import open_sink, open_sinks
from rtdenoise.sinks.pipewire import PipeWireSink
from rtdenoise.sinks.virtual import VirtualDevice

from .pipewire_session import Session, missing, session, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PipeWire is Linux's")
RATE = Fraction(30)


def noise(width: int, height: int, seed: int = 0, full_range: bool = False) -> Planes:
    """Bytes of every value, so that whatever is done to them shows."""
    form = PlaneFormat(width, height, "420", full_range, "bt601")
    rng = np.random.default_rng(seed)
    y, u, v = (
        rng.integers(0, 256, shape, np.uint8)
        for shape in ((height, width), form.chroma_shape, form.chroma_shape)
    )
    return Planes(y, u, v, form, 0.0)


def i420(planes: Planes, width: int, height: int) -> bytes:
    parts = (
        planes.y[:height, :width],
        planes.u[: height // 2, : width // 2],
        planes.v[: height // 2, : width // 2],
    )
    return b"".join(part.tobytes() for part in parts)


@pytest.fixture(scope="module")
def shared_session() -> Iterator[Session]:
    if why := missing():
        pytest.skip(why)
    with session() as made:
        yield made


@pytest.fixture
def desk(shared_session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that this process sees too."""
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.setenv(name, shared_session.environment[name])
    return shared_session


@contextmanager
def feeding(sink: PipeWireSink, frames: list[Planes]) -> Iterator[None]:
    """Writes the frames round and round, as the live loop does, meanwhile."""
    stop = threading.Event()

    def feed() -> None:
        index = 0
        while not stop.wait(1 / 60):
            sink.write(frames[index % len(frames)])
            index += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield
    finally:
        stop.set()
        feeder.join()


@pytest.mark.parametrize(
    ("size", "shown"),
    [((64, 48), (64, 48)), ((1280, 720), (1280, 720)), ((853, 479), (848, 478))],
)
def test_readers_get_the_bytes(
    desk: Session, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    frames = [noise(*size, seed) for seed in range(3)]
    sink = PipeWireSink("bytes", format=frames[0].format, rate_fps=RATE)
    with feeding(sink, frames):
        given, _ = desk.read("bytes", 6).communicate(timeout=60)
    sink.close()
    length = shown[0] * shown[1] * 3 // 2
    assert len(given) == 6 * length
    whole = {i420(planes, *shown) for planes in frames}
    assert {given[i * length :][:length] for i in range(6)} <= whole


def test_full_range_becomes_limited(desk: Session) -> None:
    picture = noise(64, 48, full_range=True)
    sink = PipeWireSink("range", format=picture.format, rate_fps=RATE)
    with feeding(sink, [picture]):
        given, _ = desk.read("range", 1).communicate(timeout=60)
    sink.close()
    luma = np.frombuffer(given[: 64 * 48], np.uint8).reshape(48, 64)
    assert np.abs(luma - (16 + picture.y.astype(float) * 219 / 255)).max() <= 1
    chroma = np.frombuffer(given[64 * 48 :][: 32 * 24], np.uint8).reshape(24, 32)
    assert np.abs(chroma - (128 + (picture.u.astype(float) - 128) * 224 / 255)).max() <= 1


def test_it_knows_whether_anyone_looks(desk: Session) -> None:
    picture = noise(64, 48)
    sink = PipeWireSink("watched", format=picture.format, rate_fps=RATE)
    assert not sink.watched
    with feeding(sink, [picture]):
        first = desk.read("watched", 100_000)
        wait_for(lambda: sink.watched, "the first reader isn't seen")
        second, _ = desk.read("watched", 3).communicate(timeout=60)  # two at once
        assert len(second) == 3 * 64 * 48 * 3 // 2
        assert sink.watched
        first.kill()
        first.communicate()
        wait_for(lambda: not sink.watched, "the reader has gone")
        third, _ = desk.read("watched", 2).communicate(timeout=60)
        assert len(third) == 2 * 64 * 48 * 3 // 2
    sink.close()
    sink.abort()
    assert not sink.watched
    with pytest.raises(SinkError, match="is closed"):
        sink.write(picture)


def test_a_reader_that_keeps_its_buffers_does_not_starve_the_next(desk: Session) -> None:
    if shutil.which("pw-v4l2") is None:
        pytest.skip("pipewire-v4l2 is not installed")
    look = """if True:
        import os, av
        with av.open("/dev/video0", format="v4l2") as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index == 10:
                    print(sum(bytes(frame.planes[0])[: 64 * 48]), flush=True)
                    os._exit(0)  # without giving anything back
        """
    picture = noise(64, 48)
    sink = PipeWireSink("keeper", format=picture.format, rate_fps=RATE)
    with feeding(sink, [picture]):
        for _ in range(3):
            seen = subprocess.run(
                ["pw-v4l2", sys.executable, "-c", look],
                env=desk.environment,
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert seen.stdout.strip() == str(int(picture.y.sum())).encode(), seen
        given, _ = desk.read("keeper", 3).communicate(timeout=60)
    sink.close()
    assert given == i420(picture, 64, 48) * 3


def test_a_session_that_ends_takes_nothing_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if why := missing():
        pytest.skip(why)
    with session() as own:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(own.folder))
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", own.environment["DBUS_SESSION_BUS_ADDRESS"])
        picture = noise(64, 48)
        said: list[str] = []
        sink = PipeWireSink("restart", format=picture.format, rate_fps=RATE, note=said.append)
        with feeding(sink, [picture]):
            own.stop_pipewire()
            wait_for(lambda: sink._source is None, "the end of the session isn't seen")
            own.start_pipewire()
            wait_for(lambda: sink._source is not None, "the camera isn't made again")
            given, _ = own.read("restart", 2).communicate(timeout=60)
        sink.close()
    assert given == i420(picture, 64, 48) * 2
    assert [text[:19] for text in said] == ["PipeWire has ended,", "PipeWire runs again"]


def test_live_at_strength_0_is_the_cameras_bytes(desk: Session, tmp_path: Path) -> None:
    frames = [noise(64, 48, seed) for seed in range(60)]
    clip = str(tmp_path / "clip.nut")
    film = open_sink(clip, format=frames[0].format, rate_fps=Fraction(10))
    for index, planes in enumerate(frames):
        film.write(Planes(planes.y, planes.u, planes.v, planes.format, index / 10))
    film.close()
    words = ["--home", str(tmp_path / "home"), "live", "--camera", f"file:{clip}"]
    words += ["--network", "none", "--strength", "0", "--output", "pipewire:exact"]
    live = threading.Thread(target=run, args=(words,))
    live.start()
    wait_for(lambda: "exact" in desk.cameras(), "there is no camera")
    given, _ = desk.read("exact", 4).communicate(timeout=60)
    live.join()
    length = 64 * 48 * 3 // 2
    known = [i420(planes, 64, 48) for planes in frames]
    order = [known.index(given[i * length :][:length]) for i in range(4)]
    assert order == sorted(order)


def test_live_on_demand_wakes_for_a_reader(desk: Session, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "rtdenoise", "--home", str(tmp_path / "home"), "live"]
    words += ["--camera", "simulated:desk", "--size", "128x96", "--network", "none"]
    desk.environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    live = desk.start(*words, "--on-demand", "--output", "pipewire:sleeper")
    log = desk.folder / f"{Path(sys.executable).name}.log"
    frame = 128 * 96 * 3 // 2

    def times(text: str) -> int:
        return log.read_text(encoding="utf-8").count(text)

    wait_for(lambda: times("the camera is released") == 1, "it never goes dark")
    given, _ = desk.read("sleeper", 60).communicate(timeout=60)
    assert len(given) == 60 * frame
    assert max(given[-frame:][: 128 * 96]) > 100  # no longer black
    assert times("the camera runs again") == 1
    wait_for(lambda: times("the camera is released") == 2, "it stays awake")
    live.send_signal(signal.SIGINT)
    assert live.wait(60) == 0


def test_pipewire_is_the_default_where_there_is_no_loopback(
    desk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[VirtualDevice] = []
    monkeypatch.setattr("rtdenoise.sinks.virtual.virtual_devices", lambda: devices)
    sink = open_sinks(["virtual", "pipewire:two"], format=noise(64, 48).format, rate_fps=RATE)
    assert sink.name == "PipeWire (rtdenoise) + PipeWire (two)"
    sink.close()
    devices.append(VirtualDevice("/dev/video99", "Theirs", ("obs (process 7)",), True))
    with pytest.raises(SinkError, match=r"/dev/video99 \(Theirs\) is in use"):
        open_sink("virtual", format=noise(64, 48).format, rate_fps=RATE)


def test_what_does_not_fit_is_told(desk: Session) -> None:
    sink = PipeWireSink("size", format=noise(64, 48).format, rate_fps=RATE)
    with pytest.raises(SinkError, match="shows 64×48, and a frame of 32×24 came"):
        sink.write(noise(32, 24))
    sink.close()
    with pytest.raises(SinkError, match="too small"):
        PipeWireSink("tiny", format=noise(6, 48).format, rate_fps=RATE)


def test_without_a_session_the_cure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    try:
        library.load()
    except SinkError as error:
        pytest.skip(error.message)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("rtdenoise.sinks.virtual.virtual_devices", list)
    with pytest.raises(SinkError, match="No PipeWire session") as caught:
        open_sink("pipewire", format=noise(64, 48).format, rate_fps=RATE)
    assert "systemctl --user enable --now pipewire wireplumber" in caught.value.hint
    with pytest.raises(SinkError, match="no v4l2loopback device, and no PipeWire session"):
        open_sink("virtual", format=noise(64, 48).format, rate_fps=RATE)


def test_without_the_library_the_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    library.load.cache_clear()
    monkeypatch.setattr(library, "_NAME", "libpipewire-none.so.0")
    with pytest.raises(SinkError, match=r"library can't be loaded.*install"):
        open_sink("pipewire:x", format=noise(64, 48).format, rate_fps=RATE)
    library.load.cache_clear()


@pytest.mark.parametrize(
    ("tool", "said"), [("dnf", "dnf install"), ("pacman", "pacman -S"), ("", "apt install")]
)
def test_distributions_have_their_commands(
    monkeypatch: pytest.MonkeyPatch, tool: str, said: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name == tool else None)
    assert said in library.install_command()


def test_elsewhere_there_is_no_pipewire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SinkError, match="Linux only"):
        open_sink("pipewire", format=noise(64, 48).format, rate_fps=RATE)


def properties(data: bytes) -> tuple[int, int, dict[int, Any]]:
    """Reads an object back: its type, its parameter, its properties' bodies."""
    size, kind = struct.unpack_from("<II", data)
    assert (len(data), kind) == (8 + size, 15)
    found = {}
    place = 16
    while place < len(data):
        key, _, length, _ = struct.unpack_from("<IIII", data, place)
        found[key] = data[place + 16 :][:length]
        place += 16 + length + -length % 8
    return *struct.unpack_from("<II", data, 8), found


def test_the_format_says_size_rate_range_and_matrix() -> None:
    kind, param, fields = properties(pod.video_format(1280, 720, Fraction(30000, 1001)))
    assert (kind, param) == (0x40003, 3)
    assert struct.unpack("<II", fields[0x20003]) == (1280, 720)
    assert struct.unpack("<II", fields[0x20004]) == (30000, 1001)
    # SPA_VIDEO_FORMAT_I420, SPA_VIDEO_COLOR_RANGE_16_235, SPA_VIDEO_COLOR_MATRIX_BT601
    ids = [int.from_bytes(fields[key], "little") for key in (0x20001, 0x2000C, 0x2000D)]
    assert ids == [2, 2, 4]
    assert len(pod.buffers(1000, 40)) % 8 == 0
    assert properties(pod.buffers(1000, 40))[2][3] == (1000).to_bytes(4, "little")

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import pytest

from rtdenoise.cameras import choice, discovery, open_webcam, webcam, webcam_linux
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.choice import find_camera
from rtdenoise.cameras.discovery import FoundCamera, VideoNode
from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.webcam import Webcam
from rtdenoise.errors import CameraError

MODE = Mode("mjpeg", "yuvj420p", 64, 48, Fraction(30))
INFO = CameraInfo("usb-1-2-cam", "Cam", "webcam", "/dev/video0")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six MJPEG packets whose brightness rises."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for level in range(0, 240, 40):
            pixels = np.full((48, 64, 3), level, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    return path


class Device:
    """FFmpeg's device: a clip's packets, with what drivers do in between.

    ``script`` maps the number of a read to an error to raise or a packet to give instead.
    """

    def __init__(self, clip: Path, script: dict[int, Any] | None = None) -> None:
        self._container = REAL_OPEN(str(clip))
        self.streams = self._container.streams
        self._packets = self._container.demux(video=0)
        self._script = script or {}
        self.reads = 0
        self.closed = 0

    def demux(self, stream: object) -> Iterator[Any]:
        self.reads += 1
        answer = self._script.get(self.reads, self._script.get(-1))
        if isinstance(answer, BaseException):
            raise answer
        yield answer if answer is not None else next(self._packets)

    def close(self) -> None:
        self.closed += 1
        self._container.close()


REAL_OPEN = av.open
Open = Callable[..., tuple[Webcam, Device]]


@pytest.fixture
def open_on(clip: Path) -> Iterator[Open]:
    cameras: list[Webcam] = []

    def make(script: dict[int, Any] | None = None, mode: Mode = MODE) -> tuple[Webcam, Device]:
        device = Device(clip, script)
        cameras.append(Webcam(INFO, device, mode))  # type: ignore[arg-type]
        return cameras[-1], device

    yield make
    for camera in cameras:
        camera.close()


def later() -> av.error.BlockingIOError:
    return av.error.BlockingIOError(errno.EAGAIN, "not yet")


def sent(clip: Path) -> list[bytes]:
    with av.open(str(clip)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def take(camera: Webcam, count: int) -> list[Any]:
    packets = camera.packets()
    return [next(packets) for _ in range(count)]


def test_packets_are_what_the_device_gives(clip: Path, open_on: Open) -> None:
    camera, _ = open_on({1: later(), 3: later(), 4: later()})
    packets = take(camera, 6)
    assert [bytes(packet) for packet in packets] == sent(clip)
    assert packets[1].pts > packets[0].pts
    assert packets[0].time_base == camera.template.time_base
    assert packets[0].is_keyframe


def test_packets_and_frames_outlive_the_camera(clip: Path, open_on: Open) -> None:
    camera, _ = open_on()
    packets = take(camera, 3)
    frames = [frame for packet in packets for frame in camera.decode(packet)]
    camera.close()
    assert [bytes(packet) for packet in packets] == sent(clip)[:3]
    levels = [np.frombuffer(bytes(frame.planes[0]), np.uint8)[0] for frame in frames]
    assert levels == pytest.approx([0, 40, 80], abs=3)


def test_the_end_of_the_stream_is_a_camera_that_went_away(open_on: Open) -> None:
    camera, _ = open_on()
    with pytest.raises(CameraError, match="Cam went away while it was read"):
        list(camera.packets())


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EINVAL, errno.EIO])
def test_every_way_of_unplugging_is_told_alike(open_on: Open, code: int) -> None:
    error = av.error.ArgumentError if code == errno.EINVAL else av.error.OSError
    camera, _ = open_on({3: error(code, "gone")})
    with pytest.raises(CameraError, match="Cam went away"):
        take(camera, 3)


def test_a_silent_camera_is_told_after_a_while(
    open_on: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcam, "FIRST_FRAME_TIMEOUT_S", 0.05)
    camera, device = open_on({-1: later()})
    with pytest.raises(CameraError, match=r"has sent no picture for 0\.05 seconds"):
        next(camera.packets())
    assert device.reads > 1


def test_another_thread_can_end_a_wait(open_on: Open) -> None:
    camera, device = open_on({-1: later()})
    threading.Timer(0.1, camera.close).start()
    assert list(camera.packets()) == []
    assert device.closed  # also by the time that the reader's loop ends
    camera.close()


def test_empty_packets_are_damaged_ones(open_on: Open) -> None:
    empty = av.Packet(b"")
    empty.pts = 7
    camera, _ = open_on({2: empty, 3: empty})
    assert len(take(camera, 3)) == 3
    assert camera.damaged_packets == 2


def test_truncated_pictures_are_left_out_and_counted(clip: Path, open_on: Open) -> None:
    whole = sent(clip)[0]
    cut, padded = av.Packet(whole[: len(whole) // 2]), av.Packet(whole + bytes(500))
    camera, _ = open_on()
    assert len(camera.decode(av.Packet(whole))) == 1  # type: ignore[arg-type]
    assert camera.decode(cut) == []  # type: ignore[arg-type]
    assert len(camera.decode(padded)) == 1  # type: ignore[arg-type]
    assert camera.decode(av.Packet(b"no picture at all")) == []  # type: ignore[arg-type]
    assert camera.damaged_packets == 2


def test_a_garbled_picture_is_judged_live_as_from_a_file(clip: Path, open_on: Open) -> None:
    random = np.random.default_rng(1)
    refused = 0
    with av.open(str(clip)) as container:
        template = container.streams.video[0]
        for trial in range(40):
            data = bytearray(sent(clip)[trial % 6])
            at = int(random.integers(2, len(data) - 20))
            data[at : at + 16] = random.integers(0, 256, 16, np.uint8).tobytes()
            garbled = clip.with_name(f"garbled{trial}.mkv")
            with av.open(str(garbled), "w") as file:
                stream = file.add_stream_from_template(template)
                packet = av.Packet(bytes(data))
                packet.stream, packet.pts, packet.dts = stream, 0, 0
                file.mux(packet)
            live, _ = open_on()
            shown = live.decode(av.Packet(bytes(data)))  # type: ignore[arg-type]
            file_camera = FileCamera(garbled)
            again = [f for p in file_camera.packets() for f in file_camera.decode(p)]
            assert len(shown) == len(again)
            assert live.damaged_packets == file_camera.damaged_packets == 1 - len(shown)
            refused += live.damaged_packets
            file_camera.close()
    assert 0 < refused < 40


def test_a_camera_that_never_ends_its_pictures_is_still_seen(clip: Path, open_on: Open) -> None:
    camera, _ = open_on()
    without = av.Packet(sent(clip)[0][:-2])
    assert len(camera.decode(without)) == 1  # type: ignore[arg-type]
    assert camera.damaged_packets == 0


def test_who_is_late_gets_the_newest(clip: Path, open_on: Open) -> None:
    camera, _ = open_on({6: later()})  # five wait already
    newest = camera.newest_packets()
    assert bytes(next(newest)) == sent(clip)[4]
    assert camera.skipped_packets == 4


def test_one_that_waits_is_no_lag(clip: Path, open_on: Open) -> None:
    camera, _ = open_on({3: later()})
    newest = camera.newest_packets()
    assert [bytes(next(newest)), bytes(next(newest))] == sent(clip)[:2]
    assert camera.skipped_packets == 0


def test_nothing_is_passed_over_where_frames_lean_on_each_other(clip: Path, open_on: Open) -> None:
    camera, _ = open_on(mode=Mode("h264", "", 64, 48, Fraction(30)))
    newest = camera.newest_packets()
    assert [bytes(next(newest)) for _ in range(6)] == sent(clip)


def test_frames_come_decoded(open_on: Open) -> None:
    camera, _ = open_on({3: later()})
    frame = next(camera.frames())
    assert (frame.width, frame.height, frame.format.name) == (64, 48, "yuvj420p")


# --- which camera ---


def found(
    name: str, path: str, *, real: bool = True, index: int = 0, modes: tuple[Mode, ...] = (MODE,)
) -> FoundCamera:
    identity = f"usb-{name.lower().replace(' ', '-')}"
    return FoundCamera(CameraInfo(identity, name, "webcam", path), modes, real, index=index)


LOOPBACK = found("OBS", "/dev/video9", real=False)
ONE = found("Logi C270", "/dev/video0")
TWO = found("Logi Brio", "/dev/video2")


def test_the_only_real_camera_is_the_default() -> None:
    assert find_camera(None, [ONE, LOOPBACK]) is ONE
    infra_red = found("Logi C270 IR", "/dev/video1", index=2)
    assert find_camera(None, [infra_red, ONE]) is ONE
    mute = found("Mute", "/dev/video5", modes=())
    assert find_camera(None, [mute, ONE]) is ONE


def test_a_camera_is_found_by_path_name_part_or_id() -> None:
    for spec in ("/dev/video2", "Logi Brio", "brio", "usb-logi-brio"):
        assert find_camera(spec, [ONE, TWO, LOOPBACK]) is TWO
    assert find_camera("/dev/video9", [ONE, LOOPBACK]) is LOOPBACK


@pytest.mark.skipif(sys.platform == "win32", reason="device paths are not Windows'")
def test_a_link_to_the_device_is_followed(tmp_path: Path) -> None:
    node = tmp_path.resolve() / "video0"
    node.touch()
    link = tmp_path / "usb-Logi-index0"
    link.symlink_to(node)
    camera = found("Logi", str(node))
    assert find_camera(str(link), [camera]) is camera


@pytest.mark.parametrize("spec", [None, "logi"])
def test_several_are_listed(spec: str | None) -> None:
    with pytest.raises(CameraError, match=r"/dev/video0 \(Logi C270\), /dev/video2 \(Logi Brio\)"):
        find_camera(spec, [ONE, TWO])


def test_no_camera_says_what_to_do() -> None:
    with pytest.raises(CameraError) as caught:
        find_camera(None, [LOOPBACK])
    assert "no camera" in caught.value.message
    for cure in ("Plug one in", "rtdenoise devices", "--camera simulated"):
        assert cure in caught.value.hint
    with pytest.raises(CameraError, match=r"There is no camera called Brio\. There is Logi C270"):
        find_camera("Brio", [ONE])


@pytest.mark.skipif(sys.platform == "win32", reason="device paths are not Windows'")
@pytest.mark.parametrize(
    ("node", "said"),
    [
        (VideoNode("/dev/video3", 3, "Cam", denied=True), "usermod -aG video"),
        (
            VideoNode("/dev/video3", 3, "Virtual", driver="v4l2 loopback", output=True),
            "into which no program sends pictures",
        ),
        (VideoNode("/dev/video3", 3, "Cam", driver="uvcvideo"), "another part of a device"),
        (
            VideoNode("/dev/video4", 4, "Cam", driver="uvcvideo"),
            "There is no camera at /dev/video3",
        ),
    ],
)
def test_a_path_that_is_no_camera_says_why(
    monkeypatch: pytest.MonkeyPatch, node: VideoNode, said: str
) -> None:
    monkeypatch.setattr(discovery, "video_nodes", lambda: [node])
    monkeypatch.setattr(discovery, "cameras", lambda nodes: [])
    with pytest.raises(CameraError, match=said):
        find_camera("/dev/video3")
    if node.denied:
        with pytest.raises(CameraError, match=said):
            find_camera(None)


# --- opening ---


class Opening:
    """Stands for FFmpeg, and for the driver that is asked what it granted."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, clip: Path, modes: tuple[Mode, ...]
    ) -> None:
        self.options: dict[str, str] = {}
        self.error: Exception | None = None
        self.rate = Fraction(30)
        self.device: Device | None = None
        self._clip = clip
        camera = FoundCamera(INFO, modes, True, "uvcvideo")
        monkeypatch.setattr(webcam_linux, "find_camera", lambda spec: camera)
        monkeypatch.setattr(av, "open", self.open)
        monkeypatch.setattr(webcam_linux, "Device", lambda path: self)
        monkeypatch.setattr(discovery, "holders", lambda path: ["zoom (process 41)"])
        monkeypatch.setattr(sys, "platform", "linux")

    def open(self, path: str, mode: str, format: str, options: dict[str, str], **_: Any) -> Device:
        assert (path, mode, format) == ("/dev/video0", "r", "v4l2")
        self.options = options
        if self.error:
            raise self.error
        self.device = Device(self._clip)
        return self.device

    def __enter__(self) -> Opening:
        return self

    def __exit__(self, *_: object) -> None: ...

    def granted(self) -> tuple[str, int, int, Fraction]:
        return "MJPG", 64, 48, self.rate


SMALL = Mode("mjpeg", "", 64, 48, Fraction(30))


def test_the_mode_is_asked_for_on_purpose_and_read_back(
    monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    opening = Opening(monkeypatch, clip, (SMALL,))
    camera = open_webcam(None)
    assert opening.options["input_format"] == "mjpeg"
    assert opening.options["video_size"] == "64x48"
    assert opening.options["framerate"] == "30"
    assert camera.mode == Mode("mjpeg", "yuvj420p", 64, 48, Fraction(30))
    assert camera.info is INFO
    assert camera.template.codec_context.thread_count == 1
    camera.close()


@pytest.mark.parametrize(
    ("modes", "rate"),
    [
        ((Mode("mjpeg", "", 128, 96, Fraction(30)),), Fraction(30)),
        ((SMALL,), Fraction(15)),
        ((Mode("rawvideo", "yuyv422", 64, 48, Fraction(30)),), Fraction(30)),
    ],
)
def test_a_silent_downgrade_is_refused_and_the_camera_let_go(
    monkeypatch: pytest.MonkeyPatch, clip: Path, modes: tuple[Mode, ...], rate: Fraction
) -> None:
    opening = Opening(monkeypatch, clip, modes)
    opening.rate = rate
    with pytest.raises(CameraError) as caught:
        open_webcam(None)
    assert "instead of" in caught.value.message
    assert "Choose a mode that it has" in caught.value.hint
    assert opening.device
    assert opening.device.closed


def test_a_camera_that_tells_no_modes_gives_what_it_gives(
    monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    opening = Opening(monkeypatch, clip, ())
    open_webcam(None).close()
    assert "video_size" not in opening.options
    with pytest.raises(CameraError, match="instead of what was asked for"):
        open_webcam(None, size=(640, 480))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (av.error.OSError(errno.EBUSY, "busy"), r"in use by zoom \(process 41\)"),
        (av.error.OSError(errno.ENOSPC, "No space left on device"), "no room on the USB bus"),
        (av.error.PermissionError(errno.EACCES, "no"), "usermod -aG video"),
        (av.error.OSError(errno.ENODEV, "No such device"), "can't be started as MJPG 64×48 @ 30"),
        (av.error.FileNotFoundError(errno.ENOENT, "none"), "went away"),
        (av.error.ExitError(1414092869, "timeout"), "sends no pictures"),
    ],
)
def test_errors_at_the_start_are_told_with_their_cure(
    monkeypatch: pytest.MonkeyPatch, clip: Path, error: Exception, said: str
) -> None:
    opening = Opening(monkeypatch, clip, (SMALL,))
    opening.error = error
    with pytest.raises(CameraError, match=said) as caught:
        open_webcam(None)
    assert caught.value.hint.endswith(".")


def test_a_camera_without_video_is_refused(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    opening = Opening(monkeypatch, clip, (SMALL,))

    class Empty(Device):
        def __init__(self, clip: Path) -> None:
            super().__init__(clip)
            self.streams = type("Streams", (), {"video": ()})()

    made: list[Empty] = []

    def open_empty(*words: Any, **_: Any) -> Empty:
        made.append(Empty(clip))
        return made[0]

    monkeypatch.setattr(av, "open", open_empty)
    with pytest.raises(CameraError, match="sends no video"):
        open_webcam(None)
    assert made[0].closed
    assert opening.device is None


def test_this_machine_without_a_camera_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "video_nodes", list)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(CameraError, match="no camera on this machine"):
        open_webcam(None)


def test_the_hint_names_the_simulated_camera() -> None:
    assert "simulated" in choice.HINT_NO_CAMERA


def test_reading_does_not_spin(open_on: Open) -> None:
    camera, device = open_on({-1: later()})
    threading.Timer(0.2, camera.close).start()
    begin = time.monotonic()
    assert list(camera.packets()) == []
    assert device.reads < 600 * (time.monotonic() - begin) + 10

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from capture import record as record_module
from capture.clip import Clip
from capture.meter import Reading
from capture.record import record, suffix_for
from capture.series import judge_clip
from capture.writer import Writer
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.errors import CameraError, ClipError, StorageError

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]


class FakeWebcam:
    """A webcam that sends the packets of a file, without end, on a clock of its own."""

    def __init__(
        self,
        path: Path,
        *,
        lost_after: int | None = None,
        kind: str = "webcam",
        rate_fps: int = 30,
        before: Callable[[int], object] = lambda _: None,
    ) -> None:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            self._data = [bytes(packet) for packet in container.demux(stream) if packet.size]
            self.mode = Mode("mjpeg", "yuvj420p", stream.width, stream.height, Fraction(30))
        self.info = CameraInfo("fake-1", "Fake webcam", kind, "/dev/none")
        self.template: VideoStream | None = None
        self.damaged_packets = 0
        self.sent = 0
        self._lost_after, self._rate, self._before = lost_after, rate_fps, before

    def packets(self) -> Iterator[av.Packet[Any]]:
        while True:
            if self.sent == self._lost_after:
                raise CameraError("Fake webcam was unplugged.", "Plug it in again.")
            self._before(self.sent)
            packet: av.Packet[Any] = av.Packet(self._data[self.sent % len(self._data)])
            packet.time_base = Fraction(1, 1_000_000)
            packet.pts = packet.dts = 5_000_000_000 + self.sent * 1_000_000 // self._rate
            self.sent += 1
            yield packet

    def decode(self, packet: av.Packet[Any] | None) -> list[VideoFrame]:
        assert packet is not None
        decoder = av.CodecContext.create("mjpeg", "r")
        again: av.Packet[Any] = av.Packet(bytes(packet))
        again.pts, again.time_base = packet.pts, packet.time_base
        return [f for f in decoder.decode(again) if isinstance(f, VideoFrame)]

    def frames(self) -> Iterator[VideoFrame]:
        raise NotImplementedError

    def close(self) -> None:
        pass


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".")]


@pytest.fixture
def source(write_clip: WriteClip, scene: Floats, noisy: Noisy) -> Path:
    return write_clip(noisy(scene, 40, 3.0), "source.mkv")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "SETTLE_S", 0.0)
    monkeypatch.setattr(record_module, "PAUSE_S", 0.5)


@pytest.mark.parametrize(
    ("codec", "suffix"), [("mjpeg", ".mkv"), ("rawvideo", ".nut"), ("libx264", ".mkv")]
)
def test_packets_are_copied_byte_for_byte(
    write_clip: WriteClip, scene: Floats, noisy: Noisy, tmp_path: Path, codec: str, suffix: str
) -> None:
    source = write_clip(noisy(scene, 25, 3.0), f"source{suffix}", codec)
    out = tmp_path / "out" / f"clip{suffix}"
    with closing(open_camera(f"file:{source}")) as camera:
        assert suffix_for(camera) == suffix
        recording = record(camera, out, 30)
        mode = camera.mode
    assert packets_of(out) == packets_of(source)
    assert (recording.frames, recording.stopped) == (25, "end")
    assert recording.measured_fps == pytest.approx(30, rel=0.01)
    assert leftovers(out.parent) == []
    with closing(open_camera(f"file:{out}")) as again:
        assert again.mode == mode
        assert len(list(again.frames())) == 25


@pytest.mark.parametrize("seconds", [0.4, 1.0])
def test_seconds_are_the_cameras_own(source: Path, tmp_path: Path, seconds: float) -> None:
    ticks: list[float] = []
    with closing(open_camera(f"file:{source}")) as camera:
        recording = record(camera, tmp_path / "clip.mkv", seconds, tick=ticks.append)
    assert (recording.frames, recording.stopped) == (round(30 * seconds), "done")
    assert sum(ticks) == pytest.approx(30 * seconds, abs=0.5)


def test_a_camera_without_a_template_is_recorded_from_its_mode(
    source: Path, tmp_path: Path
) -> None:
    camera = FakeWebcam(source)
    recording = record(camera, tmp_path / "clip.mkv", 1.0)
    assert (recording.frames, recording.stopped) == (30, "done")
    assert packets_of(tmp_path / "clip.mkv") == packets_of(source)[:30]
    with av.open(str(tmp_path / "clip.mkv")) as container:
        assert container.streams.video[0].start_time == 0
    assert judge_clip(tmp_path / "clip.mkv", camera.info, camera.mode).accepted


def test_the_real_rate_is_measured(source: Path, tmp_path: Path) -> None:
    recording = record(FakeWebcam(source, rate_fps=16), tmp_path / "clip.mkv", 1.0)
    assert recording.measured_fps == pytest.approx(16, rel=0.01)
    assert recording.facts()["measured_fps"] == pytest.approx(16, rel=0.01)


def test_a_webcam_settles_before_it_is_recorded(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_module, "SETTLE_S", 0.5)
    camera = FakeWebcam(source)
    record(camera, tmp_path / "clip.mkv", 0.5)
    assert camera.sent == pytest.approx(31, abs=2)
    assert packets_of(tmp_path / "clip.mkv")[0] == packets_of(source)[16]


def test_scenes_share_the_time_and_leave_out_the_turn(source: Path, tmp_path: Path) -> None:
    told: list[str] = []
    camera = FakeWebcam(source)
    recording = record(camera, tmp_path / "clip.mkv", 2.0, scenes=2, tell=told.append)
    assert recording.scene_starts == (30,)
    assert recording.frames == 60
    assert camera.sent >= 60 + 15  # what was sent during the pause was fetched and dropped
    assert len(told) == 1
    assert "Scene 2 of 2" in told[0]
    clip = judge_clip(recording.path, camera.info, camera.mode, facts=recording.facts())
    assert sum(s.count for s in clip.accepted) == 60


def test_locked_settings_are_facts_of_the_clip(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    states: list[str] = []

    @contextmanager
    def locked(_: object, journal: Path | None) -> Iterator[dict[str, int]]:
        states.append("locked")
        yield {"gain": 7}
        states.append("unlocked")

    monkeypatch.setattr(record_module, "locked_controls", locked)
    recording = record(FakeWebcam(source), tmp_path / "clip.mkv", 1.0)
    assert recording.facts()["controls"] == {"gain": 7}
    assert states == ["locked", "unlocked"]


def test_an_unplugged_camera_leaves_what_was_recorded(source: Path, tmp_path: Path) -> None:
    recording = record(FakeWebcam(source, lost_after=17), tmp_path / "clip.mkv", 30)
    assert (recording.frames, recording.stopped) == (17, "lost")
    assert "unplugged" in recording.lost_because
    assert packets_of(tmp_path / "clip.mkv") == packets_of(source)[:17]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("sent", [0, 1])
def test_a_camera_lost_at_once_leaves_nothing(source: Path, tmp_path: Path, sent: int) -> None:
    with pytest.raises(CameraError, match="unplugged"):
        record(FakeWebcam(source, lost_after=sent), tmp_path / "out" / "clip.mkv", 30)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_first_interrupt_keeps_what_was_recorded(source: Path, tmp_path: Path) -> None:
    def interrupt(sent: int) -> None:
        if sent == 12:
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    recording = record(FakeWebcam(source, before=interrupt), tmp_path / "clip.mkv", 30)
    assert recording.stopped == "interrupted"
    assert recording.frames == 13
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_second_interrupt_gives_up_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    def interrupt(sent: int) -> None:
        if sent == 12:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        record(FakeWebcam(source, before=interrupt), tmp_path / "out" / "clip.mkv", 30)
    assert list((tmp_path / "out").iterdir()) == []


def test_one_frame_is_no_clip(
    write_clip: WriteClip, scene: Floats, noisy: Noisy, tmp_path: Path
) -> None:
    source = write_clip(noisy(scene, 1, 3.0), "source.mkv")
    with (
        closing(open_camera(f"file:{source}")) as camera,
        pytest.raises(ClipError, match="only 1 frame"),
    ):
        record(camera, tmp_path / "out" / "clip.mkv", 30)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_is_full_from_the_start(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="is full"):
        record(FakeWebcam(source), tmp_path / "out" / "clip.mkv", 30)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_fills_up_keeps_the_beginning(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Writer._restamp

    def fills_up(self: Any, packet: av.Packet[Any]) -> None:
        if self.frames == 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, packet)

    monkeypatch.setattr(Writer, "_restamp", fills_up)
    path = tmp_path / "clip.mkv"
    with pytest.raises(StorageError, match=r"is full.*first \d+ frames were kept") as caught:
        record(FakeWebcam(source), path, 30)
    assert str(path) in caught.value.hint
    assert Clip.load(path).frames == 60
    assert Clip.load(path).camera.id == "fake-1"
    assert leftovers(tmp_path) == []
    assert judge_clip(path).accepted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1.5 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


@pytest.mark.parametrize("codec", ["mjpeg", "rawvideo"])
def test_a_real_disk_that_fills_up_keeps_the_beginning(
    write_clip: WriteClip, scene: Floats, noisy: Noisy, small_disk: Path, codec: str
) -> None:
    suffix = ".nut" if codec == "rawvideo" else ".mkv"
    source = write_clip(noisy(scene, 200, 12.0), f"source{suffix}", codec)
    path = small_disk / f"clip{suffix}"
    with (
        closing(open_camera(f"file:{source}")) as camera,
        pytest.raises(StorageError, match="is full") as caught,
    ):
        record(camera, path, 30)
    assert "were kept" in caught.value.message
    kept = packets_of(path)
    assert 2 <= len(kept) < 200
    assert kept[:-1] == packets_of(source)[: len(kept) - 1]  # the last may be cut short
    assert leftovers(small_disk) == []
    assert Clip.load(path).frames in (len(kept) - 1, len(kept))


def test_two_recordings_of_one_moment_keep_both(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    writers: list[Writer] = []
    for _ in range(3):
        camera = FakeWebcam(source)
        writer = Writer(path, camera)
        writer.__enter__()
        for number, packet in enumerate(camera.packets()):
            writer.write(packet)
            if number == 5 + len(writers):
                break
        writers.append(writer)
    for writer in writers:
        writer.finish()
        writer.__exit__()
    assert [w.path.name for w in writers] == ["clip.mkv", "clip-2.mkv", "clip-3.mkv"]
    assert [len(packets_of(w.path)) for w in writers] == [6, 7, 8]
    assert leftovers(tmp_path) == []


def turned(scene: Floats, *steps: int) -> NDArray[np.float32]:
    """The scene, moved to the right by so many pixels, (N, H, W)."""
    return np.stack([np.roll(scene, step, axis=1) for step in steps])


@pytest.fixture
def carried_then_still(write_clip: WriteClip, scene: Floats, noisy: Noisy) -> Path:
    """40 frames of a camera that is carried, 60 that stand still, a bump of 4 pixels, 100 that stand still again."""
    steps = [*range(0, 320, 8), *[320] * 60, *[324] * 100]
    random = np.random.default_rng(0)
    pictures = turned(scene, *steps) + random.normal(0, 3, (len(steps), *scene.shape))
    frames = np.clip(pictures, 0, 255).round().astype(np.uint8)
    return write_clip(frames, "carried.mkv")


def test_filming_begins_when_the_scene_stands_still(
    carried_then_still: Path, tmp_path: Path
) -> None:
    camera = FakeWebcam(carried_then_still)
    seen: list[Reading] = []
    recording = record(camera, tmp_path / "clip.mkv", 1.0, watch=seen.append)
    assert recording.frames == 30
    assert packets_of(recording.path)[0] == packets_of(carried_then_still)[camera.sent - 30]
    assert 50 <= camera.sent - 30 <= 60
    assert all(reading.still for reading in seen[-30:])
    clip = judge_clip(recording.path, camera.info, camera.mode, facts=recording.facts())
    assert [s.count for s in clip.accepted] == [30]


def test_what_is_not_fit_does_not_count_for_the_time(
    carried_then_still: Path, tmp_path: Path
) -> None:
    camera = FakeWebcam(carried_then_still)
    seen: list[Reading] = []
    ticks: list[float] = []
    path = tmp_path / "clip.mkv"
    recording = record(camera, path, 3.0, watch=seen.append, tick=ticks.append)
    unfit = sum(not reading.still for reading in seen[-recording.frames :])
    assert unfit >= 1
    assert recording.frames == 90 + unfit
    assert sum(ticks) == pytest.approx(90, abs=1)


def test_nobody_waits_for_a_scene_that_never_stands_still(
    write_clip: WriteClip, scene: Floats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_module, "WAIT_S", 1.0)
    moving = turned(scene, *range(0, 400, 10)).round().astype(np.uint8)
    camera = FakeWebcam(write_clip(moving, "moving.mkv"))
    recording = record(camera, tmp_path / "clip.mkv", 0.5, watch=lambda _: None)
    assert camera.sent - recording.frames == pytest.approx(31, abs=2)
    assert recording.frames == pytest.approx(30, abs=2)  # twice the time at most
    assert recording.stopped == "done"


def test_a_recording_is_ended_and_a_scene_skipped_from_outside(
    source: Path, tmp_path: Path
) -> None:
    control = record_module.Control()

    def press(sent: int) -> None:
        if sent == 20:
            control.skip()
        if sent == 60:
            control.stop()

    camera = FakeWebcam(source, before=press)
    path = tmp_path / "clip.mkv"
    recording = record(camera, path, 60.0, scenes=2, control=control)
    assert recording.stopped == "interrupted"
    assert recording.scene_starts == (21,)
    assert 21 < recording.frames <= 61

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import CameraError, ClipError, SinkError
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.stream import LiveLoop
from rtdenoise.stream.demand import DemandPolicy

WIDTH, HEIGHT = 32, 16


def picture(index: int) -> VideoFrame:
    rng = np.random.default_rng(index)
    array = rng.integers(0, 256, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    array[0, 0] = index % 256
    frame = VideoFrame.from_ndarray(array, format="yuv420p")
    frame.pts, frame.time_base = index, Fraction(1, 30)
    return frame


class FakeCamera:
    """Sends ``count`` frames, ``every_s`` apart, then ends, or fails with ``error``."""

    template = None

    def __init__(
        self, count: int, every_s: float = 0.0, error: Exception | None = None, start: int = 0
    ) -> None:
        self.info = CameraInfo("fake", "Fake", "webcam", "fake")
        self.mode = Mode("rawvideo", "yuv420p", WIDTH, HEIGHT, Fraction(30))
        self.damaged_packets = 0
        self.closed = False
        self._count, self._every_s, self._error, self._start = count, every_s, error, start

    def packets(self) -> Iterator[Any]:
        for index in range(self._start, self._start + self._count):
            time.sleep(self._every_s)
            yield index
        if self._error is not None:
            raise self._error

    def decode(self, packet: Any) -> list[VideoFrame]:
        return [] if packet is None else [picture(packet)]

    def frames(self) -> Iterator[VideoFrame]:
        for packet in self.packets():
            yield from self.decode(packet)

    def close(self) -> None:
        self.closed = True


class FakeSink:
    """Keeps what it is given."""

    name = "fake"

    def __init__(self, delay_s: float = 0.0, fail_at: int | None = None) -> None:
        self.taken: list[Planes] = []
        self.closed = self.aborted = False
        self._delay_s, self._fail_at = delay_s, fail_at

    def open(self, format: PlaneFormat, rate_fps: Fraction) -> FakeSink:
        assert (format.width, format.height, rate_fps) == (WIDTH, HEIGHT, Fraction(30))
        return self

    def write(self, planes: Planes) -> None:
        if len(self.taken) == self._fail_at:
            raise SinkError("The virtual camera went away.")
        time.sleep(self._delay_s)
        self.taken.append(planes.copy())

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Counting:
    """Marks each frame in a buffer that it uses again, as real denoisers do."""

    name = "counting"

    def __init__(self) -> None:
        self.calls = self.resets = 0
        self._buffer = np.zeros((HEIGHT, WIDTH), np.uint8)

    def __call__(self, planes: Planes) -> Planes:
        self.calls += 1
        self._buffer[:] = 255 - planes.y
        return Planes(self._buffer, planes.u, planes.v, planes.format, planes.time_s)

    def reset(self) -> None:
        self.resets += 1


def indices(sink: FakeSink) -> list[int]:
    return [int(planes.y[0, 0]) for planes in sink.taken]


def test_without_dropping_every_frame_arrives_in_order_and_unchanged() -> None:
    camera, sink = FakeCamera(40), FakeSink()
    report = LiveLoop(camera, Passthrough(), sink.open, lossless=True).run()
    assert indices(sink) == list(range(40))
    expected = picture(17).to_ndarray()
    assert np.array_equal(sink.taken[17].y, expected[:HEIGHT])
    assert (report.frames_in, report.frames_out, report.dropped) == (40, 40, 0)
    assert report.ended == "end of the clip"
    assert camera.closed
    assert sink.closed


def test_strength_0_is_the_cameras_bytes_and_the_denoiser_rests() -> None:
    sink, denoiser = FakeSink(), Counting()
    LiveLoop(FakeCamera(5), denoiser, sink.open, strength=0, lossless=True).run()
    assert denoiser.calls == 0
    assert np.array_equal(sink.taken[3].y, picture(3).to_ndarray()[:HEIGHT])


def test_a_reused_buffer_never_reaches_the_sink_twice() -> None:
    sink = FakeSink(delay_s=0.003)
    LiveLoop(FakeCamera(30), Counting(), sink.open, lossless=True).run()
    assert indices(sink) == [255 - n for n in range(30)]


def test_half_strength_is_half_way() -> None:
    sink = FakeSink()
    LiveLoop(FakeCamera(3), Counting(), sink.open, strength=0.5, lossless=True).run()
    assert np.all(np.abs(sink.taken[1].y.astype(int) - 127.5) <= 1)


def test_a_slow_sink_loses_frames_and_they_are_counted() -> None:
    sink = FakeSink(delay_s=0.02)
    report = LiveLoop(FakeCamera(60, every_s=0.002), Passthrough(), sink.open).run()
    assert report.frames_in == 60
    assert report.dropped > 0
    assert report.frames_out + report.dropped == 60
    assert indices(sink) == sorted(set(indices(sink)))


def test_seconds_end_it_though_the_camera_goes_on() -> None:
    camera, sink = FakeCamera(10_000, every_s=0.002), FakeSink()
    report = LiveLoop(camera, Passthrough(), sink.open).run(seconds=0.2)
    assert report.ended == "time is up"
    assert 0 < report.frames_out < 10_000
    assert sink.closed
    assert camera.closed


def test_ctrl_c_ends_it_cleanly() -> None:
    class Pressing(FakeSink):
        """Ctrl-C comes with the fifth frame, when everything runs."""

        def write(self, planes: Planes) -> None:
            super().write(planes)
            if len(self.taken) == 5:
                _thread.interrupt_main()

    camera, sink = FakeCamera(10_000, every_s=0.002), Pressing()
    report = LiveLoop(camera, Passthrough(), sink.open).run()
    assert report.ended == "interrupted"
    assert sink.closed
    assert camera.closed


def test_a_camera_that_comes_back_goes_on_with_fresh_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtdenoise.stream.intake.REOPEN_EVERY_S", 1.0)
    cameras = [FakeCamera(5, error=CameraError("It went away."), start=100)]
    notes: list[str] = []

    def reopen() -> FakeCamera:
        if len(cameras) == 1:
            cameras.append(FakeCamera(0))
            raise CameraError("Not there yet.")
        cameras.append(FakeCamera(5, start=200))
        return cameras[-1]

    sink, denoiser = FakeSink(), Counting()
    report = LiveLoop(
        cameras[0], denoiser, sink.open, reopen=reopen, note=notes.append, lossless=True
    ).run()
    published = set(indices(sink))
    assert {255 - n for n in (*range(100, 105), *range(200, 205))} <= published
    # While the camera is away its last picture is published, so that the call keeps the virtual camera.
    assert indices(sink).count(255 - 104) > 1
    assert report.reconnects == 1
    assert denoiser.resets == 1
    assert "went away" in notes[0]
    assert "back" in notes[-1]


def test_a_camera_that_goes_for_good_is_an_error_and_the_film_is_kept() -> None:
    camera, sink = FakeCamera(5, error=CameraError("It went away.")), FakeSink()
    loop = LiveLoop(camera, Passthrough(), sink.open, lossless=True)
    with pytest.raises(CameraError, match="went away"):
        loop.run()
    assert len(sink.taken) == 5
    assert sink.closed
    assert camera.closed


def test_a_sink_that_fails_is_an_error_and_nothing_half_written_stays() -> None:
    camera, sink = FakeCamera(10_000, every_s=0.001), FakeSink(fail_at=4)
    loop = LiveLoop(camera, Passthrough(), sink.open)
    with pytest.raises(SinkError):
        loop.run()
    assert sink.aborted
    assert not sink.closed
    assert camera.closed


def test_a_camera_without_a_frame_is_an_error() -> None:
    camera, sink = FakeCamera(0), FakeSink()
    with pytest.raises(ClipError, match="no frame"):
        LiveLoop(camera, Passthrough(), sink.open).run()
    assert camera.closed


def test_a_denoiser_that_crashes_leaves_nothing_open() -> None:
    class Broken(Passthrough):
        def __call__(self, planes: Planes) -> Planes:
            raise ValueError("odd")

    camera, sink = FakeCamera(10_000, every_s=0.001), FakeSink()
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="odd"):
        LiveLoop(camera, Broken(), sink.open).run()
    assert camera.closed
    assert sink.aborted
    assert set(threading.enumerate()) <= before


class Stage(FakeSink):
    """A sink with readers: it keeps what they see, and what nobody sees."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = False


def test_on_demand_nothing_is_cleaned_and_the_camera_is_released() -> None:
    cameras = [FakeCamera(100_000, every_s=0.002)]
    notes: list[str] = []
    sink, denoiser = Stage(), Counting()

    def reopen() -> FakeCamera:
        assert cameras[-1].closed  # never two at once
        assert sink.watched
        cameras.append(FakeCamera(100_000, every_s=0.002, start=200))
        return cameras[-1]

    def play() -> None:
        """A program opens the virtual camera once it is dark, sees pictures, and leaves."""
        try:
            wait_for(lambda: cameras[0].closed and len(sink.taken) > 4)
            assert denoiser.calls == 1  # the first frame, which makes everything ready
            # Nothing of the room is left in a virtual camera's buffers.
            assert [int(planes.y.max()) for planes in sink.taken[1:]] == [16] * len(sink.taken[1:])
            sink.watched = True
            wait_for(lambda: denoiser.calls > 20)
            sink.watched = False
            wait_for(lambda: cameras[-1].closed and len(cameras) == 2)
        finally:
            _thread.interrupt_main()

    def wait_for(condition: Callable[[], bool]) -> None:
        for _ in range(3000):
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("it never happened")

    viewer = threading.Thread(target=play)
    viewer.start()
    report = LiveLoop(
        cameras[0],
        denoiser,
        sink.open,
        reopen=reopen,
        note=notes.append,
        on_demand=DemandPolicy(linger_s=0.2, settle_s=0.0),
    ).run()
    viewer.join()
    assert report.ended == "interrupted"
    assert len(cameras) == 2
    assert denoiser.resets == 1
    assert report.reconnects == 0
    assert [note for note in notes if "released" in note] == [notes[0], notes[-1]]
    assert "runs again" in notes[1]


def test_on_demand_needs_a_sink_that_knows_its_readers() -> None:
    camera, sink = FakeCamera(10_000), FakeSink()
    loop = LiveLoop(camera, Passthrough(), sink.open, on_demand=DemandPolicy())
    with pytest.raises(SinkError, match="can't tell whether anyone looks"):
        loop.run()
    assert camera.closed
    assert sink.aborted


def test_paced_frames_come_at_their_own_times() -> None:
    class Clock(FakeSink):
        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []

        def write(self, planes: Planes) -> None:
            self.times.append(time.monotonic() - planes.time_s)

    clock = Clock()
    begun = time.monotonic()
    LiveLoop(FakeCamera(20), Passthrough(), clock.open, paced=True).run()
    # Never early: the clock starts with the first frame, so after ``begun``. However late a busy
    # machine makes a frame, the later side proves nothing.
    assert min(clock.times) >= begun


def test_a_jump_in_a_file_s_times_is_not_waited_for() -> None:
    class Jumping(FakeCamera):
        def decode(self, packet: Any) -> list[VideoFrame]:
            frames = super().decode(packet)
            for frame in frames:
                frame.pts = packet + 3_000_000 * (packet >= 4)  # more than a day
            return frames

    sink = FakeSink()
    LiveLoop(Jumping(8), Passthrough(), sink.open, paced=True, lossless=True).run()
    assert len(sink.taken) == 8


def test_no_frame_of_a_reordering_codec_is_lost_at_the_end(tmp_path: Any) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": "3", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(24):
            frame = VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    from rtdenoise.cameras import open_camera

    report = LiveLoop(
        open_camera(f"file:{path}"), Passthrough(), lambda *_: FakeSink(), lossless=True
    ).run()
    assert report.frames_out == 24


def test_packets_of_a_real_container_are_fine(tmp_path: Any) -> None:
    path = tmp_path / "a.nut"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(6):
            container.mux(stream.encode(picture(index)))
    from rtdenoise.cameras import open_camera

    sink = FakeSink()
    LiveLoop(open_camera(f"file:{path}"), Passthrough(), sink.open, lossless=True).run()
    assert indices(sink) == list(range(6))


def test_a_camera_that_is_away_is_not_said_to_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loss was told already."""
    monkeypatch.setattr("rtdenoise.stream.watchdog.SILENCE_S", 0.3)
    notes: list[str] = []
    tries: list[int] = []

    def reopen() -> FakeCamera:
        tries.append(1)
        if len(tries) < 2:
            raise CameraError("Not there yet.")
        return FakeCamera(5, start=200)

    camera = FakeCamera(5, start=100, error=CameraError("It went away."))
    loop = LiveLoop(camera, Passthrough(), FakeSink().open, reopen=reopen, note=notes.append)
    assert loop.run().reconnects == 1
    assert len(notes) == 2, notes
    assert "went away" in notes[0]
    assert "is back" in notes[1]


class LargerCamera(FakeCamera):
    """The fake camera in another mode: twice as wide."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.mode = Mode("rawvideo", "yuv420p", 2 * WIDTH, HEIGHT, Fraction(15))

    def decode(self, packet: Any) -> list[VideoFrame]:
        if packet is None:
            return []
        array = np.full((HEIGHT * 3 // 2, 2 * WIDTH), 200, np.uint8)
        frame = VideoFrame.from_ndarray(array, format="yuv420p")
        frame.pts, frame.time_base = packet, Fraction(1, 15)
        return [frame]


def test_a_camera_that_comes_back_in_another_mode_is_shown_in_the_sinks_size() -> None:
    camera = FakeCamera(3, error=CameraError("It went away."))
    notes: list[str] = []
    sink = FakeSink()
    LiveLoop(
        camera,
        Passthrough(),
        sink.open,
        reopen=lambda: LargerCamera(3),
        note=notes.append,
        lossless=True,
    ).run()
    assert {p.y.shape for p in sink.taken} == {(HEIGHT, WIDTH)}
    last = sink.taken[-1].y
    assert (last[4:12] == 200).all()  # half as high, in the middle
    assert last[:4].max() <= 16
    assert "64×16 @ 15" in notes[-1]
    assert "keeps its size" in notes[-1]


def test_a_read_that_hangs_is_left_behind_and_the_camera_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtdenoise.stream.watchdog.HUNG_S", 0.5)
    monkeypatch.setattr("rtdenoise.stream.intake.REOPEN_EVERY_S", 0.01)
    let_go = threading.Event()

    class Hanging(FakeCamera):
        def packets(self) -> Iterator[Any]:
            yield from super().packets()
            let_go.wait(30)

    notes: list[str] = []
    sink = FakeSink()
    loop = LiveLoop(
        Hanging(3),
        Passthrough(),
        sink.open,
        reopen=lambda: FakeCamera(5, every_s=0.05, start=100),
        note=notes.append,
    )
    threading.Timer(3.0, let_go.set).start()
    report = loop.run()
    assert indices(sink)[-1] == 104
    assert report.reconnects == 1
    assert "hangs" in notes[0]
    assert "back" in notes[1]


def test_the_rate_of_the_last_frames_is_none_of_the_past() -> None:
    camera, sink = FakeCamera(60, every_s=0.001), FakeSink()
    loop = LiveLoop(camera, Passthrough(), sink.open, lossless=True)
    loop.run()
    before = loop.report(last=30).rate_fps
    time.sleep(1.0)
    assert 0 < loop.report(last=30).rate_fps < before / 2


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_tap_gets_the_cameras_frame_and_what_was_published(strength: float) -> None:
    tapped: list[tuple[Planes, Planes, float]] = []

    def tap(camera: Planes, published: Planes, arrived: float) -> None:
        assert len(sink.taken) == len(tapped) + 1  # what is published comes first
        tapped.append((camera, published, arrived))

    sink, begun = FakeSink(), time.monotonic()
    LiveLoop(
        FakeCamera(6),
        Counting(),
        sink.open,
        lossless=True,
        strength=strength,
        finish=lambda planes: replace(planes, u=planes.u // 2),
        tap=tap,
    ).run()
    assert len(tapped) == 6
    # Kept, and still what they were: nothing of them is used again.
    for index, (camera, published, arrived) in enumerate(tapped):
        sent = planes_from_frame(picture(index))
        assert (camera.y == sent.y).all()
        assert (camera.u == sent.u).all()
        assert (published.y == sink.taken[index].y).all()
        assert (published.u == sent.u // 2).all()
        assert begun <= arrived <= time.monotonic()


def test_stop_ends_it_from_another_thread_and_before_it_began() -> None:
    camera, sink = FakeCamera(10_000, every_s=0.01), FakeSink()
    loop = LiveLoop(camera, Passthrough(), sink.open)
    threading.Timer(0.3, loop.stop).start()
    report = loop.run()
    assert report.ended == "stopped"
    assert 0 < report.frames_out < 10_000
    assert camera.closed
    assert sink.closed

    camera, sink = FakeCamera(10_000), FakeSink()
    loop = LiveLoop(camera, Passthrough(), sink.open)
    loop.stop()
    assert loop.run().frames_out == 0
    assert camera.closed
    assert not sink.closed  # it was never opened


def test_who_looks_at_the_tap_counts_as_a_reader() -> None:
    looks = threading.Event()
    camera, sink = FakeCamera(10_000, every_s=0.01), Stage()
    denoiser = Counting()
    loop = LiveLoop(
        camera,
        denoiser,
        sink.open,
        reopen=lambda: FakeCamera(10_000, every_s=0.01),
        on_demand=DemandPolicy(linger_s=60),
        looked_at=looks.is_set,
    )
    cleaned: list[int] = []

    def on_frame() -> None:
        if sum(1 for _ in cleaned) == 20:
            looks.set()
        if denoiser.calls > 15:
            loop.stop()
        cleaned.append(denoiser.calls)

    loop.run(30, on_frame)
    assert max(cleaned[:20]) <= 1  # the first frame is cleaned before anyone can look
    assert denoiser.calls > 15

"""Methods are timed in turns: what laps become, and how processes and failures are handled. No test is timed."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import opencv_nlmeans_multi, peak_memory_mb
from benchmarks.live.rate import make_clip
from benchmarks.speed.timing import (
    Lap,
    Spec,
    Worker,
    corner,
    decoded,
    first_frames,
    in_turns,
    summarised,
)

SIZE = (64, 48)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    kilobytes = make_clip(path, 10, size=SIZE, rendered=6)
    assert kilobytes == pytest.approx(path.stat().st_size / 10e3, rel=0.5)
    return path


class Fake(Worker):
    """Tells made-up times; "broken" breaks when it is made, "late" in its first turn."""

    def __init__(self, spec: Spec) -> None:
        if spec.name == "broken":
            raise ValueError("no such thing")
        self._spec = spec

    def turn(self, seconds: float, decode: bool) -> Lap:
        if self._spec.name == "late":
            raise RuntimeError("out of luck")
        ms = {"quick": 10.0, "slow": 1000.0, "snail": 5000.0}[self._spec.name] * (
            2 if decode else 1
        )
        return Lap((ms, ms), 2e-3 * ms, 3e-3 * ms, 2)

    def memory_mb(self) -> float:
        return 123.0


def test_all_turns_count_together() -> None:
    laps = [Lap((10.0, 10.0, 10.0), 0.03, 0.06, 3), Lap((20.0,), 0.02, 0.02, 1)]
    found = summarised(laps, [Lap((25.0,) * 4, 0.1, 0.1, 4)], 50.0)
    assert found.rate_fps == pytest.approx(80)
    assert found.decoded_fps == pytest.approx(40)
    assert found.p50_ms == pytest.approx(10)
    assert 10 < found.p95_ms <= 20
    assert found.cpu_s == pytest.approx(0.02)
    assert (found.frames, found.memory_mb, found.estimated) == (4, 50.0, False)
    assert summarised(laps, [], 50.0).decoded_fps is None


def test_turns_go_round_and_failures_stay_alone(tmp_path: Path) -> None:
    names = ("quick", "broken", "slow", "late", "snail")
    specs = [Spec(name, tmp_path, tmp_path) for name in names]
    order: list[str] = []
    found, failed = in_turns(specs, 2, 0.0, order.append, make=Fake)
    assert order == [*names, *names, *names]  # made, then two turns each
    assert failed == {"broken": "ValueError: no such thing", "late": "RuntimeError: out of luck"}
    assert list(found) == ["quick", "slow", "snail"]
    assert (found["quick"].rate_fps, found["quick"].decoded_fps) == pytest.approx((100, 50))
    assert (found["quick"].frames, found["quick"].memory_mb) == (4, 123.0)
    assert found["slow"].decoded_fps is None  # it doesn't keep up anyway
    assert (found["slow"].frames, found["snail"].frames) == (
        4,
        2,
    )  # what takes seconds has one turn


def test_a_filter_is_timed_in_a_process_of_its_own(clip: Path, tmp_path: Path) -> None:
    specs = [Spec("atadenoise", clip, tmp_path, 0.1)]
    found, failed = in_turns(specs, 1, 0.01)
    assert failed == {}
    timing = found["atadenoise"]
    assert timing.frames >= 1
    assert timing.decoded_fps is not None
    assert 0 < timing.p50_ms <= timing.p95_ms
    if Path("/proc/self/status").exists():
        assert 20 < timing.memory_mb < 2000


def test_clips_go_forth_and_back(clip: Path) -> None:
    frames = first_frames(clip, 20)
    assert len(frames) == 10
    planes = [frame.y for frame in frames]
    for early, late in ((4, 6), (3, 7), (2, 8), (1, 9)):
        np.testing.assert_array_equal(planes[early], planes[late])
    assert not np.array_equal(planes[0], planes[1])


def test_decoding_beside_gives_the_same_frames_again_and_again(clip: Path) -> None:
    known = first_frames(clip, 10)
    stop = threading.Event()
    source = decoded(clip, stop)
    for index in range(25):
        np.testing.assert_array_equal(next(source).y, known[index % 10].y)
    source.close()  # type: ignore[attr-defined]
    assert stop.is_set()
    assert not any(thread.name == "reader" for thread in threading.enumerate())


def test_a_corner_is_a_frame(clip: Path) -> None:
    (frame,) = first_frames(clip, 1)
    small = corner(frame, 32)
    assert (small.y.shape, small.u.shape) == ((32, 32), (16, 16))
    assert (small.format.width, small.format.height) == (32, 32)
    np.testing.assert_array_equal(small.v, frame.v[:16, :16])


def test_non_local_means_over_three_frames_streams(clip: Path) -> None:
    frames = first_frames(clip, 5)
    results = list(opencv_nlmeans_multi(5.0)(iter(frames)))
    assert len(results) == 5
    np.testing.assert_array_equal(results[0].y, frames[0].y)
    np.testing.assert_array_equal(results[-1].y, frames[-1].y)
    for before, after in zip(frames[1:-1], results[1:-1], strict=True):
        assert after.time_s == before.time_s
        assert float(np.var(after.y)) < float(np.var(before.y))
    assert [len(list(opencv_nlmeans_multi(5.0)(frames[:n]))) for n in (0, 1, 2)] == [0, 1, 2]


def test_memory_of_a_process() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system has no /proc")
    mine = peak_memory_mb()
    assert mine is not None
    assert 10 < mine < 100_000
    assert peak_memory_mb(2**30) is None
    assert not math.isnan(mine)

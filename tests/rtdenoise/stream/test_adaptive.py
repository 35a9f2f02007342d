"""A denoiser that steps down and up and never fails, on a clock that the tests turn."""

from __future__ import annotations

import re
import threading
import time

import numpy as np
import pytest

from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import NetworkError
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.stream import adaptive
from rtdenoise.stream.adaptive import AdaptiveDenoiser, Rung
from rtdenoise.stream.possible import is_possible
from rtdenoise.stream.warm_up import WarmUp

LAYOUT = PlaneFormat(64, 64, "420", full_range=True, matrix="bt601")


def frame(level: int = 100, index: int = 0) -> Planes:
    u, v = (np.full((32, 32), 128, np.uint8) for _ in range(2))
    return Planes(np.full((64, 64), level, np.uint8), u, v, LAYOUT, index / 30)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Fake:
    """Adds ``lift`` to luma, takes ``takes_s`` of the clock, and fails as it is told."""

    def __init__(self, name: str, clock: Clock, lift: int = 0, takes_s: float = 0.0) -> None:
        self.name, self._clock, self._lift, self.takes_s = name, clock, lift, takes_s
        self.error: BaseException | None = None
        self.resets = 0
        self.really_takes_s = 0.0  # what a trial measures

    def __call__(self, planes: Planes) -> Planes:
        if self.error is not None:
            raise self.error
        self._clock.now += self.takes_s
        if self.really_takes_s:
            time.sleep(self.really_takes_s)
        return Planes(
            planes.y + np.uint8(self._lift), planes.u, planes.v, planes.format, planes.time_s
        )

    def reset(self) -> None:
        self.resets += 1


class Call:
    def __init__(self) -> None:
        self.clock, self.notes = Clock(), list[str]()
        self.best = Fake("best", self.clock, lift=40)
        self.small = Fake("small", self.clock)
        rungs = [
            Rung("best", lambda: self.best),
            Rung("small", lambda: self.small),
            Rung("picture", Passthrough),
        ]
        self.denoiser = AdaptiveDenoiser(rungs, 1 / 30, note=self.notes.append, clock=self.clock)

    def run(self, frames: int) -> list[float]:
        """The mean level of each frame."""
        levels = []
        for index in range(frames):
            begin = self.clock.now
            levels.append(float(self.denoiser(frame(index=index)).y.mean()))
            self.clock.now = max(self.clock.now, begin + 1 / 30)
            warming = self.denoiser._warming
            if warming is not None:
                time.sleep(0.002)  # so that the thread that warms gets its turn
        return levels


def test_it_steps_down_and_up_again_without_a_jump() -> None:
    call = Call()
    assert call.run(60) == [140.0] * 60
    call.best.takes_s = 0.05
    down = call.run(80)
    assert call.denoiser.name == "small"
    assert "best does not keep up with the camera now: cleaning with small." in call.notes
    call.best.takes_s = 0.0
    # The other's time is measured on the real clock, where it takes next to nothing.
    up = call.run(400)
    assert call.denoiser.name == "best"
    assert "There is room again: cleaning with best." in call.notes
    levels = np.array(down + up)
    assert levels[0] == 140
    assert levels[-1] == 140
    assert levels.min() == 100
    assert np.abs(np.diff(levels)).max() <= 40 / adaptive.FADE_FRAMES + 1


def test_a_better_one_that_is_too_slow_beside_the_call_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = Call()
    call.best.takes_s = 0.05
    call.run(80)
    monkeypatch.setattr(WarmUp, "frame_s", lambda *_: 0.05)
    call.run(600)
    assert call.denoiser.name == "small"
    assert len(call.notes) == 1


def test_a_trial_that_costs_frames_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call()
    call.best.takes_s = 0.05
    call.run(80)
    assert call.denoiser.name == "small"
    lost, stopped = [0], list[int]()
    monkeypatch.setattr(WarmUp, "stop", lambda warming: stopped.append(warming.lost))

    def dropped() -> int:
        lost[0] += call.denoiser._warming is not None  # only beside a trial
        return lost[0]

    call.denoiser.dropped = dropped
    call.run(300)
    assert call.denoiser.name == "small"
    assert set(stopped) == {adaptive._TRIAL_LOST + 1}


def test_a_worse_one_that_is_no_cheaper_stands_in_no_ones_way() -> None:
    call = Call()
    call.small.really_takes_s = 0.03
    call.best.takes_s = 0.05
    call.run(200)
    # The small one takes longer than the best took on this clock's frames, or leaves no room in its turn.
    assert call.denoiser.name in ("small", "picture")
    call.small.takes_s = 0.05
    call.run(400)
    assert call.denoiser.name == "picture"
    call.best.takes_s = 0.0
    call.run(2000)
    assert call.denoiser.name == "best"
    assert call.notes[-1] == "There is room again: cleaning with best."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("odd"), r"failed \(ValueError: odd\)"),
        (MemoryError(), "found no memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "found no memory"),
    ],
)
def test_an_exception_shows_the_cameras_frame_resets_and_is_told_once(
    error: Exception, words: str
) -> None:
    call = Call()
    call.run(3)
    call.best.error = error
    assert call.run(2) == [100.0, 100.0]
    call.best.error = None
    assert call.run(1) == [140.0]
    assert call.best.resets == 2
    assert len(call.notes) == 1
    assert re.search(words, call.notes[0])
    assert call.denoiser.failures == 2


def test_a_denoiser_that_fails_again_and_again_is_left() -> None:
    call = Call()
    call.best.error = ValueError("odd")
    call.run(4)
    assert call.denoiser.name == "small"
    assert len(call.notes) == 2
    assert "again and again" in call.notes[1]


def test_everything_fails_and_the_camera_is_still_shown() -> None:
    call = Call()
    call.best.error = call.small.error = ValueError("odd")
    assert call.run(10) == [100.0] * 10
    assert call.denoiser.name == "picture"


def test_ctrl_c_is_no_failure() -> None:
    call = Call()
    call.best.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        call.run(1)


def test_impossible_pictures_are_held_back() -> None:
    noisy, random = frame(), np.random.default_rng(0)
    noisy.y[:] = random.normal(100, 25, (64, 64)).clip(0, 255)
    assert is_possible(noisy, frame())
    black = frame()
    black.y[32:, 32:] = 0  # what is not a number became black in one block
    assert not is_possible(noisy, black)
    assert not is_possible(noisy, frame(255))
    moved = frame()
    moved.y[:, 40:44] = 255  # a trail that a thin bright thing left
    assert is_possible(noisy, moved)


@pytest.mark.parametrize("rows", [slice(None), slice(2, 4)])
def test_what_is_not_a_number_in_a_networks_state_never_reaches_the_call(rows: slice) -> None:
    torch = pytest.importorskip("torch")
    from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
    from rtdenoise.engines.native_engine import NativeEngine
    from rtdenoise.networks.live import SIZES, LiveNetwork

    torch.manual_seed(0)
    inner = LiveNetworkDenoiser(LiveNetwork(SIZES["nano"]), None, "cpu", threads=1)
    notes: list[str] = []
    denoiser = AdaptiveDenoiser(
        [Rung("net", lambda: inner), Rung("picture", Passthrough)], 1 / 30, note=notes.append
    )
    random = np.random.default_rng(0)

    def noisy(index: int) -> Planes:
        planes = frame(index=index)
        planes.y[:] = random.normal(120, 5, (64, 64)).clip(0, 255)
        return planes

    for index in range(12):
        denoiser(noisy(index))
    engine = inner._running
    if not isinstance(engine, NativeEngine):
        pytest.skip("the compiled engine's state is written to here")
    assert not engine.fresh
    engine._coefficients[rows] = np.nan
    for index in range(12, 30):
        shown = denoiser(noisy(index))
        assert np.abs(shown.y.astype(int) - 120).max() < 40
        assert np.abs(shown.u.astype(int) - 128).max() < 5
    assert len(notes) == 1
    assert "impossible picture" in notes[0]
    assert denoiser.name == "net"


def test_until_what_cleans_is_made_the_cameras_picture_is_shown() -> None:
    call = Call()
    made = threading.Event()
    denoiser = AdaptiveDenoiser([Rung("picture", Passthrough)], 1 / 30, clock=call.clock)
    call.denoiser = denoiser

    def make() -> tuple[list[Rung], Fake]:
        made.wait(10)
        return [Rung("best", lambda: call.best), Rung("picture", Passthrough)], call.best

    denoiser.prepare(make)
    assert call.run(20) == [100.0] * 20
    assert denoiser.preparing
    made.set()
    levels: list[float] = []
    for _ in range(400):
        levels += call.run(1)
        time.sleep(0.002)
    assert not denoiser.preparing
    assert denoiser.name == "best"
    assert levels[-1] == 140
    assert np.diff(levels).max() <= 40 / adaptive.FADE_FRAMES + 1


def test_what_goes_wrong_in_making_it_is_told() -> None:
    denoiser = AdaptiveDenoiser([Rung("picture", Passthrough)], 1 / 30)

    def make() -> tuple[list[Rung], Fake]:
        raise NetworkError("There is no such network.", "Name another.")

    def clean_for_a_second() -> None:
        for _ in range(200):
            denoiser(frame())
            time.sleep(0.005)

    denoiser.prepare(make)
    with pytest.raises(NetworkError, match="no such network"):
        clean_for_a_second()

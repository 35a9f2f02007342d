from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from calibrate.evaluate.page import page_values, sentence, write_page
from calibrate.evaluate.page_crops import crops
from tests.html import Page, check, picture

from .evaluations import METHODS, crop, evaluation, interval


def written(value: dict[str, Any], folder: Path) -> Page:
    value = json.loads(json.dumps(value))  # as it comes back from a file
    write_page(value, folder / "crops", folder / "page.html")
    page = Page.of(folder / "page.html")
    check(page)
    return page


def test_the_best_come_first_and_ties_share_their_ranks(tmp_path: Path) -> None:
    values = page_values(evaluation(), tmp_path)
    assert [m.title for m in values["methods"]][:3] == [
        "Paper's network",
        "Noise2Noise",
        "nano, calibrated",
    ]
    assert [m.ranks for m in values["methods"]] == ["1–2", "1–2", "3", "4", "5", "6"]
    assert [m.best for m in values["methods"]] == [True, True, False, False, False, False]
    assert values["methods"][0].ties == ("Noise2Noise",)
    page = written(evaluation(), tmp_path)
    assert page.says("Paper's network is best in places that nothing was learned from: +5.20 dB")
    assert page.says("It can't be told apart from Noise2Noise.")
    assert page.says("It has 2 scenes, and the paper's protocol 7.")
    assert page.says("rtdenoise evaluate --camera 'simulated:desk?noise=high' --quick")


def test_intervals_lie_on_one_scale_that_holds_no_gain(tmp_path: Path) -> None:
    gain = page_values(evaluation(), tmp_path)["columns"][0]
    assert gain.title == "Gain"
    assert gain.zero is not None
    bars = {
        name: cell.bar
        for (name, *_), cell in zip(
            sorted(METHODS, key=lambda m: -m[3]),
            sorted(gain.cells, key=lambda c: -c.value),
            strict=True,
        )
    }
    for low, value, high in bars.values():
        assert -1e-6 <= low < value < high <= 100 + 1e-6
    assert bars["paper"][0] > gain.zero > bars["noise2void"][2]
    assert bars["paper"][1] == max(value for _, value, _ in bars.values())
    assert gain.zero == pytest.approx(bars["camera"][1])


def test_what_was_removed_is_sorted_by_how_unlike_noise_it_is(tmp_path: Path) -> None:
    columns = {c.title: c for c in page_values(evaluation(), tmp_path)["columns"]}
    told = [(cell.text, cell.note, cell.sorted_by[:5]) for cell in columns["Correlation"].cells]
    assert told[0] == ("0.34", "noise: 0.45", "0.110")
    assert float(told[-1][2]) == pytest.approx(0.17, abs=0.01)
    assert [cell.sorted_by for cell in columns["Detail"].cells][:3] == ["0.1", "0.1", ""]


OVER = {"over_scenes_db": {"value": 0.4, "low": -0.1, "high": 0.9}}


@pytest.mark.parametrize(
    ("difference_db", "more", "told"),
    [
        (0.4, {}, "A beats B by 0.40 dB (0.20 … 0.60)."),
        (-0.4, {}, "B beats A by 0.40 dB (0.20 … 0.60)."),
        (0.1, {}, "A and B can't be told apart: +0.10 dB (−0.10 … +0.30)."),
        (
            0.4,
            {"verdict": "tie", **OVER},
            "A and B can't be told apart: +0.40 dB (+0.20 … +0.60; from scene to scene −0.10 … +0.90).",
        ),
        (
            -0.4,
            {"verdict": "worse", **OVER},
            "B beats A by 0.40 dB (0.20 … 0.60; from scene to scene −0.90 … +0.10).",
        ),
    ],
)
def test_comparisons_are_sentences(difference_db: float, more: dict[str, Any], told: str) -> None:
    assert sentence("A", "B", {"difference_db": interval(difference_db), **more})[1] == told


def test_the_place_that_decided_comes_first(tmp_path: Path) -> None:
    value = evaluation()
    assert page_values(value, tmp_path)["columns"][0].note == "dB, unseen places"
    value["ranked_by"] = "seen"
    assert page_values(value, tmp_path)["columns"][0].note == "dB, seen scenes"
    page = written(value, tmp_path)
    assert page.says("is best in scenes that were learned from, on other frames: +5.50 dB")


def test_comparisons_and_the_other_camera_are_told(tmp_path: Path) -> None:
    page = written(evaluation(), tmp_path)
    assert page.says("In places that nothing was learned from clear Paper's network beats nano")
    assert page.says("Paper's network beats nano, calibrated by 1.20 dB (1.00 … 1.40)")
    assert page.says("Paper's network and Noise2Noise can't be told apart")
    assert page.says("Camera beats Noise2Void by 0.40 dB")
    assert page.says("Another camera")
    assert page.says("−1.90")


def test_what_is_missing_is_a_dash_or_left_out(tmp_path: Path) -> None:
    value = evaluation()
    value |= {"ties": [], "comparisons": [], "cross_camera": None, "order": []}
    for one in value["methods"]:
        del one["places"]["seen"]
        one["places"]["unseen"] |= {"true_psnr_db": None, "ssim": None}
        one["ms_per_frame"] = float("nan")
    value["methods"][1]["places"] = {}
    page = written(value, tmp_path)
    assert not page.says("PSNR to truth dB")
    assert {"comparisons", "cross", "crops"}.isdisjoint(page.ids)
    titles = [column.title for column in page_values(value, tmp_path)["columns"]]
    assert "Time" not in titles
    assert titles.count("Gain") == 1


def test_an_evaluation_of_nothing_has_a_page(tmp_path: Path) -> None:
    value = {"camera": "A camera", "methods": [], "series": []}
    assert written(value, tmp_path).says("Methods side by side on A camera")


def test_crops_stand_side_by_side_in_order(tmp_path: Path) -> None:
    value = evaluation()
    value["crops"] = [crop(tmp_path / "crops", 1)]
    page = written(value, tmp_path)
    shown = list(page.pictures)
    assert shown[:4] == ["Truth", "Camera", "Paper's network", "Noise2Noise"]
    assert page.says("Paper's network +5.20\u00a0dB")
    assert page.says("Around grey, 6.4 times as strong.")
    assert shown[-3:] == ["Uncertainty", "Low frequencies", "High frequencies"]
    assert page.source.count('data-zoom="crops"') == 3
    assert picture(page.pictures["Truth"]).shape == (48, 48, 3)


def test_many_crops_become_smaller_until_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, titles = tmp_path / "crops", {name: title for name, title, *_ in METHODS}
    given = [crop(folder, number) for number in range(3)]
    whole = crops(given, folder, titles, {})
    assert (len(whole.scenes), whole.left_out, whole.lossy) == (3, 0, False)
    size = sum(len(v.source) for c in whole.scenes for v in (*c.methods, *c.removed, *c.parts))
    monkeypatch.setattr("calibrate.evaluate.page_crops._BUDGET", 0.8 * size)
    smaller = crops(given, folder, titles, {})
    assert (len(smaller.scenes), smaller.left_out, smaller.lossy) == (3, 0, True)
    assert smaller.scenes[0].methods[0].source.startswith("data:image/jpeg")
    monkeypatch.setattr("calibrate.evaluate.page_crops._BUDGET", 0.25 * size)
    fewer = crops(given, folder, titles, {})
    assert len(fewer.scenes) + fewer.left_out == 3
    assert fewer.left_out > 0
    monkeypatch.setattr("calibrate.evaluate.page_crops._BUDGET", 10)
    assert len(crops(given, folder, titles, {}).scenes) == 1


def test_files_outside_the_folder_and_damaged_ones_are_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    one = crop(folder, 1)
    (tmp_path / "secret.png").write_bytes((folder / "1-paper.png").read_bytes())
    (folder / "1-nano.png").write_bytes(b"no picture")
    one |= {"methods": {"paper": "../secret.png", "nano": "crops/1-nano.png"}, "removed": {}}
    (shown,) = crops([one], folder, {"paper": "P", "nano": "N"}, {}).scenes
    assert [view.title for view in shown.methods] == ["Truth"]
    assert crops([{"title": "nothing"}], folder, {}, {}).scenes == ()


def test_names_are_text(tmp_path: Path) -> None:
    value = evaluation("<script>alert(1)</script>")
    value["methods"][1]["title"] = "<img src=x onerror=alert(2)>"
    value["crops"] = [crop(tmp_path / "crops", 1)]
    page = written(value, tmp_path)
    assert "<script>alert(1)</script>" in page.text
    assert "<img src=x onerror=alert(2)>" in page.text
    assert "desk <b>" in page.text
    assert page.tags["b"] == page.tags["i"] - page.source.count("<i class=") == 0

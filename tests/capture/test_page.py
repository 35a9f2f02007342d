from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from capture.clip import Clip
from capture.page import page_path, write_page
from capture.series import judge_clip
from rtdenoise.errors import StorageError
from rtdenoise.pages import charts
from tests.html import Page, check, picture

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]


@pytest.fixture
def clip(write_clip: WriteClip, scene: Floats, noisy: Noisy) -> Clip:
    pictures = []
    for k in range(40):
        shown = scene.copy()
        shown[40:80, 3 * k : 3 * k + 30] = 240
        pictures.append(shown)
    return judge_clip(write_clip(noisy(pictures, 40, 3.0)))


def written(clip: Clip) -> Page:
    write_page(clip, page_path(clip))
    page = Page.of(page_path(clip))
    check(page)
    return page


def test_the_page_says_each_series_verdict_with_its_cure(clip: Clip) -> None:
    bad = replace(clip.accepted[0], accepted=False, reason="The camera moved; put it on a shelf.")
    page = written(replace(clip, series=(clip.accepted[0], bad)))
    assert page.says("The camera moved; put it on a shelf.")
    assert page.says("in 1 of 2 series are fit for calibrating")
    assert page.says(f"{clip.accepted[0].sigma:.4f}")
    assert page.says("rtdenoise calibrate")


def test_lamps_and_damaged_frames_are_told_with_their_cure(clip: Clip) -> None:
    lamps = {"kind": "flicker", "first": 0, "words": "Lamps flicker by 2.5 levels."}
    facts = {"remarks": [lamps], "damaged_packets": 1, "other_size": 3, "measured_fps": "many"}
    page = written(replace(clip, facts=facts))
    assert page.says("Lamps flicker by 2.5 levels")
    assert page.says("1 damaged frame was left out.")
    assert page.says("3 frames of another size")


def test_density_curves_show_accepted_and_refused(clip: Clip) -> None:
    bad = replace(clip.accepted[0], accepted=False, reason="no", mu=0.05, sigma=0.01)
    alone = written(replace(clip, series=clip.accepted[:1]))
    both = written(replace(clip, series=(*clip.accepted[:1], bad)))
    assert alone.source.count("stroke: var(--good)") == both.source.count("stroke: var(--good)") > 0
    assert alone.source.count("stroke: var(--bad)") == 0
    assert both.source.count("stroke: var(--bad)") >= 2  # the curve, and σ along the clip
    assert charts.GOOD not in both.source
    assert "1 of 2 series above the limit" in both.source


def test_odd_clips_have_a_page(clip: Clip) -> None:
    assert written(replace(clip, series=())).says("There is nothing to show.")
    exact = replace(clip.series[0], sigma=0.0)
    assert written(replace(clip, series=(exact,))).tags["svg"] == 2
    short = replace(clip.series[0], count=1, mu=0.0, accepted=False, reason="Only 1 frame.")
    page = written(replace(clip, series=(short,)))
    assert page.says("No series is fit")
    assert list(page.pictures) == ["Mean"]


def test_what_moves_is_red_and_the_residual_shows_noise(clip: Clip) -> None:
    page = written(clip)
    mask = picture(page.pictures["Still mask"]).astype(int)
    red = (mask[..., 0] - mask[..., 1] > 60).mean()
    assert red == pytest.approx(1 - clip.accepted[0].static_fraction, rel=0.5)
    mean, residual = (picture(page.pictures[name]).astype(float) for name in ("Mean", "Residual"))
    still = np.abs(mask[..., 0] - mask[..., 1]) < 20
    assert residual[still].std() == pytest.approx(24, rel=0.5)
    assert np.abs(residual[still].mean() - 128) < 4
    assert np.corrcoef(mean[still].ravel(), residual[still].ravel())[0, 1] < 0.1


def test_a_camera_s_name_is_text(clip: Clip) -> None:
    name = "<script>alert(1)</script>\x1b[31m & 'x' \"y\""
    camera = replace(clip.camera, name=name)
    page = written(replace(clip, camera=camera, facts={"controls": {"<img src=x>": "<b>"}}))
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in page.source
    assert page.tags["b"] == 0


def test_the_page_is_written_whole(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_page(clip, tmp_path / "file" / "page.html")

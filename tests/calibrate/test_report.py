from __future__ import annotations

from pathlib import Path

import numpy as np

from calibrate.report import write_report
from tests.calibrate.outcomes import outcome
from tests.html import Page, check, picture


def test_the_report_says_what_was_gained(tmp_path: Path) -> None:
    page, data, before, after = write_report(outcome(tmp_path), tmp_path / "report")
    assert [path.name for path in (before, after)] == ["before.jpg", "after.jpg"]
    assert [page.name, data.name] == ["report.html", "report.json"]
    shown = Page.of(page)
    check(shown)
    assert shown.says("✓ better +5.00 dB of uPSNR (+4.80 … +5.20)")
    assert shown.says("A remark about <this>.")
    assert shown.says("39.00 dB (+5.00)")
    assert shown.says("Fine-tuning brought +1.00 dB of uPSNR")
    assert shown.tags["svg"] == 6 + 2


def test_a_loss_is_no_gain(tmp_path: Path) -> None:
    page, *_ = write_report(outcome(tmp_path, gain_db=-1.0, tuned=False), tmp_path / "report")
    shown = Page.of(page)
    check(shown)
    assert shown.says("✗ worse -1.00 dB")
    assert "better" not in shown.text
    assert "training" not in shown.ids


def test_the_pictures_are_what_was_removed(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    page = Page.of(write_report(found, tmp_path / "report")[0])
    names = ["Before", "Fine-tuned (kept)", "Base", "Mean of the series"]
    names += ["Removed", "Error before", "Error after"]
    assert set(names) <= set(page.pictures)
    before = picture(page.pictures["Before"])
    expected = np.rint(255 * np.clip(found.example.before, 0, 1)).transpose(1, 2, 0)
    np.testing.assert_array_equal(before, expected)
    # White is no error: colour tells how large it is. What isn't still is grey.
    strong = {
        name: 255 - picture(page.pictures[name])[50:, 70:].astype(float).min(axis=-1).mean()
        for name in names[4:]
    }
    assert strong["Error after"] < strong["Removed"]
    assert strong["Error after"] < strong["Error before"]
    grey = picture(page.pictures["Removed"])[:30, :50]
    assert grey.std() < 3


def test_pictures_of_earlier_versions_go(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "noise.png").write_bytes(b"old")
    write_report(outcome(tmp_path), folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.html", "report.json", "before.jpg", "after.jpg"}


def test_a_camera_s_name_is_text(tmp_path: Path) -> None:
    found = outcome(tmp_path, name='<script>alert("1")</script>')
    page = Page.of(write_report(found, tmp_path / "report")[0])
    check(page)
    assert '<script>alert("1")</script>' in page.text

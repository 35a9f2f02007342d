from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest

from rtdenoise import pages
from rtdenoise.errors import StorageError
from rtdenoise.pages.page import render, write_page
from tests.html import Page, check

# A page of capture, the smallest: what it says doesn't matter here.
PLAIN: dict[str, Any] = {"contents": []}


def test_text_that_is_given_stays_text() -> None:
    contents = [("a", "<script>alert(1)</script>"), ('b" onclick="x', "&amp;")]
    page = Page(render("rtdenoise.pages", "page.html", {"contents": contents}))
    assert page.tags["script"] == 1
    assert "<script>alert(1)</script>" in page.text
    assert "&amp;" in page.text
    assert '#b" onclick="x' in page.links


def test_a_page_without_content_is_a_page() -> None:
    check(Page(render("rtdenoise.pages", "page.html", PLAIN)))


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("rtdenoise.pages", "page.html", {})


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, "rtdenoise.pages", "page.html", PLAIN)
    before = path.read_bytes()
    with pytest.raises(jinja2.UndefinedError):
        write_page(path, "rtdenoise.pages", "page.html", {})
    assert path.read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_page(tmp_path / "file" / "page.html", "rtdenoise.pages", "page.html", PLAIN)


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, "rtdenoise.pages", "page.html", {"contents": [("a", "caf\udce9.mkv")]})
    assert "caf?.mkv" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (1.234, "1.23 dB", "+1.23 dB"),
        (-0.5, "−0.50 dB", "−0.50 dB"),
        (-0.001, "0.00 dB", "+0.00 dB"),
        (None, "–", "–"),
        (float("nan"), "–", "–"),
    ],
)
def test_decibels_are_told(value: float | None, plain: str, signed: str) -> None:
    assert pages.decibel(value) == plain
    assert pages.signed_decibel(value) == signed

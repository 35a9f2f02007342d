from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise import charset
from rtdenoise.charset import narrow, visible
from rtdenoise.console import markup, plain

ENCODINGS = ["utf-8", "cp1252", "cp437", "ascii", "latin-1", "koi8-r"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_can_be_shown_and_what_can_be_said_stays(encoding: str, text: str) -> None:
    shown = narrow(text, encoding)
    shown.encode(encoding)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return
    assert shown == text


def test_what_is_missing_is_spelled() -> None:
    assert narrow("✓ a → b … μ σ × 3", "ascii") == "+ a -> b ... mu sigma x 3"
    assert narrow("✓ × 3", "cp1252") == "+ × 3"
    assert narrow("caf\udce9 日.mkv", "utf-8") == "caf\\xe9 日.mkv"
    assert narrow("日", "ascii") == "?"
    assert narrow("✓", "no such encoding") == "✓"


def test_the_handler_works_on_streams() -> None:
    charset.register()
    assert codecs.encode("✓ a\udcff", "cp437", charset.ERRORS) == b"+ a\\xff"


def test_control_characters_are_seen_and_do_nothing() -> None:
    assert visible("a\nb\tc\x1b[31md\u2028e\x9bf") == "a\\nb\\tc\\x1b[31md\\u2028e\\x9bf"
    assert visible("é ✓ 日 [x]") == "é ✓ 日 [x]"


NAMES = [
    "a [hd].mp4",
    "[/x].mp4",
    "[bold]",
    "my:cat:.mp4",
    "a\\",
    "[",
    "]",
    "[[red]]",
    "{}",
    "a\\[b]",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from rtdenoise.console import console, say, show

    console.cache_clear()
    try:
        show("[green]✓[/] {}: {:.1f} of {}", name, 2.25, 3)
        say("[bold]{}[/] is there", name)
        out, err = capsys.readouterr()
    finally:
        console.cache_clear()
    assert out == f"✓ {name}: 2.2 of 3\n"
    assert err == f"{name} is there\n"


def test_markup_without_values_is_left_alone() -> None:
    assert markup("[bold]{}[/]") == "[bold]{}[/]"
    assert plain(3) == "3"

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.options import Amount, Rate, Seconds, parse_brighten, parse_size, parse_strength

CTX = click.Context(click.Command("x"))
PARAM = click.Option(["--size"])


@given(st.integers(8, 4000), st.integers(8, 4000))
def test_even_sizes_are_read(half_width: int, half_height: int) -> None:
    text = f"{2 * half_width}x{2 * half_height}"
    assert parse_size(CTX, PARAM, text) == (2 * half_width, 2 * half_height)


@pytest.mark.parametrize(
    "text", ["1920", "x", "1921x1080", "1920x1081", "0x0", "-2x4", "8x8", "wide", "20000x20000"]
)
def test_odd_or_nonsense_sizes_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_size(CTX, PARAM, text)


def test_no_size_is_no_size() -> None:
    assert parse_size(CTX, PARAM, None) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("light", 0.5), ("Medium", 0.75), ("strong", 1.0), ("0", 0.0), ("0.6", 0.6), ("1", 1.0)],
)
def test_strengths_are_words_or_numbers(text: str, number: float) -> None:
    assert parse_strength(CTX, PARAM, text) == number


@pytest.mark.parametrize("text", ["", "weak", "1.1", "-0.1", "nan", "auto"])
def test_other_strengths_are_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(click.BadParameter, match="light, medium, strong, or a number from 0 to 1"):
        parse_strength(CTX, PARAM, text)


def test_brighten_is_auto_or_a_number() -> None:
    assert parse_brighten(CTX, PARAM, "AUTO") == "auto"
    assert parse_brighten(CTX, PARAM, "0.3") == 0.3
    for text in ("light", "2", "-1"):
        with pytest.raises(click.BadParameter, match="auto, or a number from 0 to 1"):
            parse_brighten(CTX, PARAM, text)


@pytest.mark.parametrize("kind", [Seconds(), Rate(), Amount("minutes", most=1e6)])
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "-1", "0", "1e300", "", "x", "1e999"])
def test_amounts_are_finite_and_more_than_nothing(kind: Amount, value: str) -> None:
    with pytest.raises(click.BadParameter):
        kind.convert(value, None, None)


@pytest.mark.parametrize("kind", [Seconds(), Rate(), Amount("minutes", most=1e6)])
@pytest.mark.parametrize("value", ["0.5", "30", "1e2"])
def test_usual_amounts_are_taken(kind: Amount, value: str) -> None:
    assert kind.convert(value, None, None) == float(value)

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.options import parse_size

CTX = click.Context(click.Command("x"))
PARAM = click.Option(["--size"])


@given(st.integers(8, 4000), st.integers(8, 4000))
def test_even_sizes_are_read(half_width: int, half_height: int) -> None:
    text = f"{2 * half_width}x{2 * half_height}"
    assert parse_size(CTX, PARAM, text) == (2 * half_width, 2 * half_height)


@pytest.mark.parametrize(
    "text", ["1920", "x", "1921x1080", "1920x1081", "0x0", "-2x4", "8x8", "wide"]
)
def test_odd_or_nonsense_sizes_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_size(CTX, PARAM, text)


def test_no_size_is_no_size() -> None:
    assert parse_size(CTX, PARAM, None) is None

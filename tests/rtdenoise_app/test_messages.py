from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise_app.messages import parse_message
from rtdenoise_app.preview import Shown

WORDS = [
    "choose", "start", "stop", "strength", "set", "preview", "drawn", "film", "next-scene", "film-stop", "calibrate",
    "calibrate-stop", "refresh", "quit",
]  # fmt: skip
FIELDS = [
    "camera", "size", "fps", "outputs", "value", "mirror", "brighten", "on_demand", "network", "mains_hz", "on", "view",
    "width", "crop", "scenes", "seconds", "minutes", "x",
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=6,
)


@given(st.sampled_from(WORDS), st.dictionaries(st.sampled_from(FIELDS), values, max_size=5))
def test_any_message_is_one_or_is_refused(do: str, fields: dict[str, Any]) -> None:
    with suppress(ValueError):  # all else would end the page without a word
        assert parse_message(json.dumps({"do": do, **fields}))["do"] == do


@given(st.text(max_size=200) | st.binary(max_size=50))
def test_any_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_message(text)


def test_what_is_asked_for() -> None:
    def read(**message: Any) -> dict[str, Any]:
        return parse_message(json.dumps(message))

    assert read(do="choose", camera="a", size="1280x720", fps=None) == {
        "do": "choose",
        "camera": "a",
        "settings": {"size": (1280, 720), "fps": None},
    }
    assert read(do="set", mirror=True, mains_hz=50)["settings"] == {"mirror": True, "mains_hz": 50}
    assert read(do="preview", on=True, width=400, crop=[1, 2, 3, 4])["shown"] == Shown(
        "split", 400, (1, 2, 3, 4)
    )
    assert read(do="preview", on=False)["shown"] is None
    assert read(do="film", scenes=3, seconds=40) == {"do": "film", "scenes": 3, "seconds": 40.0}


@pytest.mark.parametrize(
    "message",
    [
        {"do": "choose"},
        {"do": "choose", "camera": 1},
        {"do": "choose", "camera": "a", "outputs": ["film.mp4"]},
        {"do": "strength", "value": 1.5},
        {"do": "strength", "value": None},
        {"do": "set", "mains_hz": 55},
        {"do": "set", "strength": 1},
        {"do": "preview", "on": 1},
        {"do": "preview", "on": True, "crop": [0, 0, 1]},
        {"do": "preview", "on": True, "crop": [0, 0, -1, 1]},
        {"do": "preview", "on": True, "view": ["split"]},
        {"do": "film", "scenes": 21},
        {"do": "film", "seconds": 1e9},
        {"do": "calibrate", "minutes": 0},
        {"do": "start", "now": True},
    ],
)
def test_what_is_wrong_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_message(json.dumps(message))

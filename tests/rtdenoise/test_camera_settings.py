import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.camera_settings import CameraSettings, load_settings, save_settings, told

sides = st.integers(8, 4096).map(lambda half: 2 * half)
settings = st.builds(
    CameraSettings,
    size=st.none() | st.tuples(sides, sides),
    fps=st.none() | st.floats(0.001, 1000),
    outputs=st.lists(
        st.sampled_from(["virtual", "virtual:Cam 2", "pipewire", "pipewire:x", "null"]),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(tuple),
    strength=st.floats(0, 1),
    mirror=st.booleans(),
    brighten=st.just("auto") | st.floats(0, 1),
    on_demand=st.booleans(),
    network=st.none() | st.sampled_from(["nano", "recursive", "my_net-2"]),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(settings)
def test_what_is_written_is_read(wanted: CameraSettings) -> None:
    assert CameraSettings.from_json(json.loads(json.dumps(wanted.to_json()))) == (wanted, [])


@given(st.dictionaries(st.sampled_from(list(CameraSettings().to_json())), values))
def test_any_value_is_taken_or_told(value: dict[str, Any]) -> None:
    found, damaged = CameraSettings.from_json(value)
    usual = CameraSettings()
    for name in damaged:
        assert getattr(found, name) == getattr(usual, name)
    assert CameraSettings.from_json(found.to_json()) == (found, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outputs", ["/home/me/film.mp4"]),
        ("outputs", ["film.mp4"]),
        ("outputs", []),
        ("network", "/tmp/x.safetensors"),
        ("network", "../x"),
        ("size", "1280x721"),
        ("size", "99999x16"),
        ("strength", True),
        ("strength", float("nan")),
        ("brighten", "much"),
        ("mirror", 1),
        ("fps", 0),
    ],
)
def test_one_damaged_field_leaves_the_others(name: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    save_settings(CameraSettings(strength=0.5, mirror=True, on_demand=True), path)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, name: value, "of a newer version": 1}))
    found, remark = load_settings(path)
    usual = CameraSettings()
    assert found.on_demand
    assert getattr(found, name) == getattr(usual, name)
    assert name in remark


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1', "\x00\xff"])
def test_a_damaged_file_is_told_and_no_more(text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    found, remark = load_settings(path)
    assert found == CameraSettings()
    assert "damaged" in remark
    assert load_settings(tmp_path / "none.json") == (CameraSettings(), "")


def test_told_in_the_words_of_the_command_line() -> None:
    wanted = CameraSettings(
        (1280, 720), 30.0, ("virtual:A", "pipewire"), 0.5, True, "auto", True, "nano"
    )
    assert " ".join(told(wanted)) == (
        "--size 1280x720 --fps 30 --output virtual:A --output pipewire --strength 0.5 --mirror --brighten auto "
        "--on-demand --network nano"
    )
    assert told(CameraSettings()) == []

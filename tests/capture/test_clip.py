from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from capture.clip import Clip, Series
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.errors import ClipError, StorageError

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]

CAMERA = CameraInfo("usb-1234", "Désk cam", "webcam", "/dev/video0")
MODE = Mode("mjpeg", "yuvj422p", 192, 144, Fraction(30000, 1001))
SERIES = Series(2, 20, 0.02, 0.0003, 0.1, 0.2, 0.01, 0.9, True)

measure = st.floats(-10, 10, allow_nan=False)
text = st.text(st.characters(codec="utf-8"), max_size=30)
any_series = st.builds(
    Series,
    first=st.integers(0, 5000),
    count=st.integers(1, 5000),
    mu=measure,
    sigma=measure,
    shift_px=measure,
    drift_levels=measure,
    lag1=measure,
    static_fraction=measure,
    accepted=st.booleans(),
    reason=text,
)
any_mode = st.builds(
    Mode,
    codec=text,
    pixel_format=text,
    width=st.integers(1, 8192),
    height=st.integers(1, 8192),
    rate_fps=st.fractions(Fraction(1, 10), 1000, max_denominator=1001),
)
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | measure | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
own_keys = ("version", "camera", "mode", "frames", "series")
any_facts = st.dictionaries(text.filter(lambda key: key not in own_keys), json_value, max_size=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "20250101-120000.mkv"
    path.write_bytes(b"not read here")
    return path


@given(
    camera=st.builds(CameraInfo, id=text, name=text, kind=text, spec=text),
    mode=any_mode,
    series=st.lists(any_series, max_size=4),
    facts=any_facts,
)
def test_sidecar_round_trip(
    path: Path, camera: CameraInfo, mode: Mode, series: list[Series], facts: dict[str, Any]
) -> None:
    clip = Clip(path, camera, mode, 10_000, tuple(series), facts)
    clip.save()
    assert Clip.load(path) == clip


def test_sidecar_holds_the_agreed_keys(path: Path) -> None:
    Clip(path, CAMERA, MODE, 22, (SERIES,), {"started": "2025", "controls": {"gain": 3}}).save()
    value = json.loads(path.with_suffix(".json").read_text())
    assert {"camera", "mode", "frames", "started", "controls", "series", "version"} <= set(value)
    assert set(value["camera"]) == {"id", "name", "kind", "spec"}
    assert set(value["series"][0]) == set(Series.__dataclass_fields__)


@given(data=st.data())
def test_a_damaged_sidecar_is_told_in_one_sentence(path: Path, data: st.DataObject) -> None:
    Clip(path, CAMERA, MODE, 22, (SERIES,), {"started": "2025"}).save()
    sidecar = path.with_suffix(".json")
    good = sidecar.read_text()
    at = data.draw(st.integers(0, len(good) - 1))
    length = data.draw(st.integers(1, 40))
    junk = data.draw(st.text(max_size=10))
    sidecar.write_text(good[:at] + junk + good[at + length :], encoding="utf-8")
    told: ClipError | None = None
    try:
        clip = Clip.load(path)
        # Some damage is harmless, such as another letter in a name.
        assert all(series.stop <= clip.frames for series in clip.series)
    except ClipError as error:
        told = error
    assert told is None or (told.hint and ". " not in told.message)


@given(value=json_value)
@settings(max_examples=50)
def test_other_json_is_no_sidecar(path: Path, value: Any) -> None:
    path.with_suffix(".json").write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(ClipError):
        Clip.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("frames", "many"),
        ("frames", -1),
        ("frames", True),
        ("frames", 3),  # the series is longer
        ("mode", {"codec": "mjpeg"}),
        ("camera", "cam"),
        ("series", 5),
        ("series", [{"first": 0}]),
        ("scene_starts", [[None]]),
        ("scene_starts", 3),
    ],
)
def test_wrong_facts_are_refused(path: Path, key: str, value: Any) -> None:
    Clip(path, CAMERA, MODE, 22, (SERIES,)).save()
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    facts[key] = value
    sidecar.write_text(json.dumps(facts))
    with pytest.raises(ClipError, match="damaged"):
        Clip.load(path)


@pytest.mark.parametrize(
    ("key", "value"), [("sigma", "NaN"), ("first", -1), ("count", 1.5), ("accepted", "yes")]
)
def test_wrong_measures_are_refused(path: Path, key: str, value: Any) -> None:
    Clip(path, CAMERA, MODE, 22, (SERIES,)).save()
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    facts["series"][0][key] = value
    sidecar.write_text(json.dumps(facts))
    with pytest.raises(ClipError, match="damaged"):
        Clip.load(path)


def test_rate_that_divides_by_zero_is_refused(path: Path) -> None:
    Clip(path, CAMERA, MODE, 22).save()
    sidecar = path.with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace("30000/1001", "30/0"))
    with pytest.raises(ClipError, match="damaged"):
        Clip.load(path)


def test_a_newer_version_is_refused(path: Path) -> None:
    Clip(path, CAMERA, MODE, 22).save()
    sidecar = path.with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(ClipError, match="newer rtdenoise"):
        Clip.load(path)


def test_missing_clip_and_missing_sidecar(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="no clip"):
        Clip.load(tmp_path / "none.mkv")
    (tmp_path / "bare.mkv").write_bytes(b"x")
    with pytest.raises(ClipError, match=r"bare\.json can't be read"):
        Clip.load(tmp_path / "bare.mkv")


def test_masks_round_trip_and_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(b"x")
    clip = Clip(path, CAMERA, MODE, 50, (SERIES, replace(SERIES, first=22)))
    mask = np.random.default_rng(0).random((144, 192)) > 0.3
    clip.save_mask(1, mask)
    assert (clip.static_mask(clip.series[1]) == mask).all()
    assert (tmp_path / "a.series1.png").exists()
    with pytest.raises(ClipError, match="missing"):
        clip.static_mask(clip.series[0])
    clip.save_mask(0, mask[:100])
    with pytest.raises(ClipError, match="damaged"):
        clip.static_mask(clip.series[0])
    clip.save_mask(0, mask)
    huge = bytearray(clip.mask_path(0).read_bytes())
    huge[16:24] = (40_000).to_bytes(4, "big") * 2  # of which OpenCV would make 1.6 GB
    clip.mask_path(0).write_bytes(huge)
    with pytest.raises(ClipError, match="damaged"):
        clip.static_mask(clip.series[0])
    clip.mask_path(0).write_bytes(b"")
    with pytest.raises(ClipError, match="damaged"):
        clip.static_mask(clip.series[0])
    with pytest.raises(ClipError, match="no series"):
        clip.static_mask(replace(SERIES, first=3))


def test_saving_into_a_file_as_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Clip(tmp_path / "file" / "a.mkv", CAMERA, MODE, 0).save()


@pytest.mark.parametrize("codec", ["mjpeg", "rawvideo", "libx264"])
@pytest.mark.parametrize("damaged", [0, None])
def test_read_gives_exactly_the_frames_of_a_series(
    write_clip: WriteClip, codec: str, damaged: int | None
) -> None:
    # The level of each frame is its number.
    frames = np.stack([np.full((64, 96), 40 + 4 * k, np.uint8) for k in range(30)])
    path = write_clip(frames, "a.nut" if codec == "rawvideo" else "a.mkv", codec, crf="5")
    facts = {} if damaged is None else {"damaged_packets": damaged}
    clip = Clip(path, CAMERA, replace(MODE, codec=codec, width=96, height=64), 30, facts=facts)
    series = replace(SERIES, first=7, count=12)
    read = list(clip.read(series))
    levels = [float(planes.y.mean()) for planes in read]
    steps = [(level - levels[0]) / (levels[-1] - levels[0]) * 11 for level in levels]
    assert len(read) == 12
    assert steps == pytest.approx(range(12), abs=0.3)
    first = next(iter(clip.read()))
    assert (float(read[0].y.mean()) - float(first.y.mean())) / (levels[1] - levels[0]) == (
        pytest.approx(7, abs=1.5)
    )
    assert len(list(clip.read(series, limit=3))) == 3
    assert len(list(clip.read())) == 30
    assert all(planes.y.base is None for planes in read)


def test_a_clip_that_ends_early_is_told(write_clip: WriteClip) -> None:
    path = write_clip(np.full((10, 64, 96), 99, np.uint8))
    clip = Clip(path, CAMERA, replace(MODE, width=96, height=64), 40, facts={"damaged_packets": 0})
    with pytest.raises(ClipError, match="ends after 10 frames"):
        list(clip.read(replace(SERIES, first=5, count=20)))


def test_a_sidecar_of_another_size_is_told(write_clip: WriteClip) -> None:
    path = write_clip(np.full((10, 64, 96), 99, np.uint8))
    clip = Clip(path, CAMERA, replace(MODE, width=96, height=64_000), 10)
    with pytest.raises(ClipError, match="has 96×64 pixels, and its sidecar says 96×64000"):
        list(clip.read())

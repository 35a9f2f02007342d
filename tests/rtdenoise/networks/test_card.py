import json
from contextlib import suppress
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.errors import NetworkError, StorageError
from rtdenoise.networks.card import Card, check_camera, load_network, read_card, save_network
from rtdenoise.networks.paper import PaperNetwork

CAMERA = CameraInfo("usb-046d-0825-1", "C270", "webcam", "/dev/video0")
MODE = Mode("mjpeg", "yuvj422p", 1280, 720, Fraction(30))


@pytest.fixture(scope="module")
def network() -> PaperNetwork:
    torch.manual_seed(0)
    return PaperNetwork()


@pytest.fixture
def card() -> Card:
    return Card(
        "paper", CAMERA.id, CAMERA.name, MODE.to_json(), {"frames": 90}, {"upsnr_gain_db": 2.5}
    )


def test_comes_back_as_it_was(network: PaperNetwork, card: Card, tmp_path: Path) -> None:
    path = tmp_path / "networks" / "paper.safetensors"
    save_network(path, network, card)
    module, read = load_network(path)
    assert read == card
    assert read_card(path) == card
    for name, weight in network.state_dict().items():
        assert torch.equal(module.state_dict()[name], weight), name
    # 2 MB, as in the paper
    assert 2.0e6 < path.stat().st_size < 2.1e6


def test_saves_whole_or_not_at_all(network: PaperNetwork, card: Card, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        save_network(tmp_path / "file" / "paper.safetensors", network, card)
    path = tmp_path / "paper.safetensors"
    save_network(path, network, card)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_network(path, network, replace(card, data={"x": object()}))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.glob("*part*")] == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_one_clear_error(
    network: PaperNetwork, card: Card, tmp_path: Path, data: st.DataObject
) -> None:
    good = tmp_path / "good.safetensors"
    if not good.exists():
        save_network(good, network, card)
    raw = bytearray(good.read_bytes())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        for _ in range(8):
            raw[data.draw(st.integers(0, 2000))] = data.draw(st.integers(0, 255))
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(bytes(raw))
    # A changed letter inside a text is still a valid file; nothing but a NetworkError may come out.
    with suppress(NetworkError):
        load_network(bad)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, "not a network made by rtdenoise"),
        ({"rtdenoise": "{"}, "damaged"),
        ({"rtdenoise": "[]"}, "damaged"),
        ({"rtdenoise": '{"version":' + "[" * 100_000}, "damaged"),
        ({"rtdenoise": json.dumps({**asdict(Card("paper")), "kind": ["paper"]})}, "damaged"),
        (
            {"rtdenoise": json.dumps({**asdict(Card("paper")), "camera_name": "x" * 5000})},
            "damaged",
        ),
        ({"rtdenoise": json.dumps({**asdict(Card("paper")), "version": 1.5})}, "damaged"),
        ({"rtdenoise": json.dumps({"version": 99})}, "newer"),
    ],
)
def test_foreign_files_are_named(metadata: dict[str, str], words: str, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(save({"weight": torch.zeros(3)}, metadata))
    with pytest.raises(NetworkError, match=words):
        load_network(path)


def test_missing_file_pickles_and_other_kinds(
    network: PaperNetwork, card: Card, tmp_path: Path
) -> None:
    with pytest.raises(NetworkError, match="no network file"):
        load_network(tmp_path / "none.safetensors")
    pickled = tmp_path / "pickled.safetensors"
    torch.save({"weight": torch.zeros(3)}, pickled)
    with pytest.raises(NetworkError, match="not a safetensors file"):
        load_network(pickled)
    strange = tmp_path / "strange.safetensors"
    save_network(strange, network, replace(card, kind="wonderful"))
    with pytest.raises(NetworkError, match="wonderful"):
        load_network(strange)
    other = tmp_path / "shapes.safetensors"
    save_network(other, torch.nn.Linear(2, 2), card)
    with pytest.raises(NetworkError, match="other weights"):
        load_network(other)
    broken = PaperNetwork()
    with torch.no_grad():
        broken.colours.weight[0] = float("nan")
    save_network(other, broken, card)
    with pytest.raises(NetworkError, match="not numbers"):
        load_network(other)


def test_the_network_of_another_camera_or_mode_is_refused(card: Card) -> None:
    check_camera(card, CAMERA, MODE)
    check_camera(card, CAMERA, replace(MODE, rate_fps=Fraction(25), pixel_format=""))
    other = replace(CAMERA, id="usb-1", name="Other")
    with pytest.raises(
        NetworkError, match=r"made for the camera C270, not for Other.*--any-camera"
    ):
        check_camera(card, other, MODE)
    with pytest.raises(NetworkError, match=r"1280×720.*not for.*640×480"):
        check_camera(card, CAMERA, replace(MODE, width=640, height=480))
    check_camera(card, other, replace(MODE, codec="rawvideo"), any_camera=True)
    check_camera(Card("paper"), other, MODE)
    with pytest.raises(NetworkError, match="no valid mode"):
        check_camera(replace(card, mode={"codec": "mjpeg"}), CAMERA, MODE)

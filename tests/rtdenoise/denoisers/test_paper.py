from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.denoisers.paper import PaperDenoiser
from rtdenoise.errors import NetworkError
from rtdenoise.frames import Chroma, PlaneFormat, Planes, planes_from_rgb, rgb_tensor
from rtdenoise.networks.card import Card, save_network
from rtdenoise.networks.device import pick_device
from rtdenoise.networks.paper import PaperNetwork

FORMAT = PlaneFormat(64, 48, "420", True, "bt601")
CAMERA = CameraInfo("usb-1", "One", "webcam", "/dev/video0")
MODE = Mode("mjpeg", "yuvj420p", 64, 48, Fraction(30))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "evening.safetensors"
    save_network(path, PaperNetwork(), Card("paper", CAMERA.id, CAMERA.name, MODE.to_json()))
    return path


def frame(format: PlaneFormat = FORMAT, seed: int = 0) -> Planes:
    random = np.random.default_rng(seed)
    # Smooth, so that chroma sub-sampling loses nothing worth speaking of.
    ramp = torch.linspace(0.2, 0.8, format.width).expand(3, format.height, -1).clone()
    ramp += torch.from_numpy(random.normal(0, 0.01, (1, format.height, format.width))).float()
    return planes_from_rgb(ramp, format, 1.25)


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
def test_the_identity_network_gives_back_the_frame(path: Path, chroma: Chroma) -> None:
    planes = frame(replace(FORMAT, chroma=chroma))
    before = planes.copy()
    denoiser = PaperDenoiser(path, "cpu", tta=False, camera=CAMERA, mode=MODE)
    out = denoiser(planes)
    assert denoiser.name == "evening"
    assert (out.format, out.time_s) == (planes.format, 1.25)
    for got, wanted, kept in zip(
        (out.y, out.u, out.v), (planes.y, planes.u, planes.v), (before.y, before.u, before.v),
        strict=True,
    ):  # fmt: skip
        assert got.shape == wanted.shape
        assert got.dtype == np.uint8
        assert np.array_equal(wanted, kept)
        if got.size:
            assert int(np.abs(got.astype(int) - wanted).max()) <= 1
    denoiser.reset()
    again = denoiser(planes)
    assert np.array_equal(again.y, out.y)


def test_is_the_network_between_the_two_conversions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = PaperNetwork()
    with torch.no_grad():
        network.colours.weight *= 0.5
    planes = frame()
    out = PaperDenoiser.of(network, "cpu")(planes)
    wanted = planes_from_rgb(rgb_tensor(planes) * 0.5, FORMAT, 1.25)
    assert int(np.abs(out.y.astype(int) - wanted.y).max()) <= 1


def test_uncertainty_is_small_where_the_views_agree() -> None:
    torch.manual_seed(0)
    network = PaperNetwork()
    planes = frame()
    _, none = PaperDenoiser.of(network, "cpu").with_uncertainty(planes)
    assert none.shape == (48, 64)
    assert float(none.max()) < 1e-3  # the identity is the same from every side
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.003)
    _, some = PaperDenoiser.of(network, "cpu").with_uncertainty(planes)
    assert float(some.mean()) > 0.01


def test_refuses_another_camera_unless_told(path: Path) -> None:
    other = replace(CAMERA, id="usb-2", name="Two")
    with pytest.raises(NetworkError, match="made for the camera One, not for Two"):
        PaperDenoiser(path, "cpu", camera=other, mode=MODE)
    PaperDenoiser(path, "cpu", camera=other, mode=MODE, any_camera=True)


def test_a_device_that_is_not_there_is_named() -> None:
    missing = next(n for n in ("mps", "xpu", "cuda") if not _has(n))
    with pytest.raises(NetworkError, match=f"finds no {missing} device"):
        pick_device(missing)
    assert pick_device("cpu").type == "cpu"
    assert _has(pick_device("auto").type)


def _has(name: str) -> bool:
    try:
        pick_device(name)
    except NetworkError:
        return False
    return True

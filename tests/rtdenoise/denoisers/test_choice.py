"""Which network cleans where none, or only a name, was given."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.denoisers import make_denoiser, uses_noise_model
from rtdenoise.denoisers.choice import Candidate, default_network, frame_seconds
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.denoisers.network import NetworkDenoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.errors import NetworkError
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.networks.card import Card, load_network, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.shipped import base_network_path, fitting_size, load_base, shipped_sizes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.profile import Profile

CAMERA = CameraInfo("usb-1", "One", "webcam", "/dev/video0")
OTHER = CameraInfo("usb-2", "Two", "webcam", "/dev/video2")
MODE = Mode("mjpeg", "yuvj420p", 64, 48, Fraction(30))
PLANE = PlaneNoise(NoiseCurve((0.0, 255.0), (64.0, 64.0)))
NOISE = NoiseModel(PLANE, PLANE, PLANE, chroma="420")
LARGER = replace(MODE, width=128, height=96)


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for base networks."""
    folder = tmp_path / "base"
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", folder)
    return folder


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "profile")


def ship(*sizes: str) -> None:
    for size in sizes:
        torch.manual_seed(len(size))
        save_network(base_network_path(size), LiveNetwork(SIZES[size]), Card(size))


def own(profile: Profile, size: str, camera: CameraInfo = CAMERA, mode: Mode = MODE) -> None:
    card = Card(size, camera.id, camera.name, mode.to_json())
    network = PaperNetwork() if size == "paper" else LiveNetwork(SIZES[size])
    save_network(profile.network_path(size), network, card)


def denoiser_of(path: Path) -> LiveNetworkDenoiser:
    network = load_network(path)[0]
    assert isinstance(network, LiveNetwork)
    return LiveNetworkDenoiser(network, NOISE, "cpu")


def cleaned(denoiser: LiveNetworkDenoiser) -> np.ndarray:
    """The last of a few noisy frames, cleaned."""
    random = np.random.default_rng(0)
    layout = PlaneFormat(64, 48, "420", True, "bt601")
    for index in range(6):
        y, u, v = (
            random.normal(128, 8, shape).round().astype(np.uint8)
            for shape in ((48, 64), (24, 32), (24, 32))
        )
        result = denoiser(Planes(y, u, v, layout, index / 30))
    return result.y.copy()


def chosen(profile: Profile, mode: Mode = MODE) -> str:
    return default_network(profile, CAMERA, mode, "cpu")


def test_the_recursive_filter_is_the_last_resort(profile: Profile) -> None:
    assert chosen(profile) == "recursive"
    own(profile, "paper")  # too slow for a default
    assert chosen(profile) == "recursive"
    denoiser = make_denoiser(None, profile=profile, camera=CAMERA, mode=MODE, device="cpu")
    assert isinstance(denoiser, RecursiveDenoiser)


def test_a_file_gets_the_largest_network(profile: Profile) -> None:
    ship("nano", "small")
    assert chosen(profile) == "small"
    denoiser = make_denoiser(None, profile=profile, camera=CAMERA, mode=MODE, device="cpu")
    assert isinstance(denoiser, LiveNetworkDenoiser)
    assert denoiser.name == "small"
    assert uses_noise_model(denoiser)


def test_the_cameras_own_network_comes_first(profile: Profile) -> None:
    ship("nano", "small")
    own(profile, "nano")
    NOISE.save(profile.noise_path)
    assert chosen(profile) == "nano"
    denoiser = make_denoiser("nano", profile=profile, camera=CAMERA, mode=MODE, device="cpu")
    assert isinstance(denoiser, LiveNetworkDenoiser)
    used, from_own, from_base = (
        cleaned(d)
        for d in (
            denoiser,
            denoiser_of(profile.network_path("nano")),
            denoiser_of(base_network_path("nano")),
        )
    )
    assert np.array_equal(used, from_own)
    assert not np.array_equal(used, from_base)


def test_a_network_for_another_mode_is_passed_over(profile: Profile) -> None:
    own(profile, "nano", mode=LARGER)
    assert chosen(profile) == "recursive"
    assert chosen(profile, LARGER) == "nano"
    ship("nano")
    name = chosen(profile)
    # The profile's own stands before the plain name.
    assert name == str(base_network_path("nano"))
    denoiser = make_denoiser(None, profile=profile, camera=CAMERA, mode=MODE, device="cpu")
    assert denoiser.name == "nano"


def test_a_call_gets_what_keeps_up(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    ship("nano", "small")
    takes_s = {"small": 0.5, "nano": 0.01}
    asked: list[str] = []

    def seconds(candidate: Candidate, mode: Mode, device: str, most_s: float) -> float:
        assert (mode, device) == (MODE, "cpu")
        asked.append(candidate.size)
        return takes_s[candidate.size]

    monkeypatch.setattr("rtdenoise.denoisers.choice.frame_seconds", seconds)

    def live() -> tuple[str, list[str]]:
        said: list[str] = []
        name = default_network(profile, CAMERA, MODE, "cpu", realtime=True, say=said.append)
        return name, said

    name, (sentence,) = live()
    assert name == "nano"
    assert "small does not keep up with 30 frames/s at 64×48" in sentence
    assert "--network small insists" in sentence
    takes_s["nano"] = 0.1
    name, (sentence,) = live()
    assert name == "recursive"
    assert "taking recursive" in sentence
    takes_s.update(small=0.02, nano=0.01)
    assert live() == ("small", [])
    own(profile, "nano")  # the camera's own knows its noise: larger ones that don't are not tried
    asked.clear()
    assert live() == ("nano", [])
    assert asked == ["nano"]


def test_timing_stops_where_it_is_hopeless(profile: Profile) -> None:
    ship("nano")
    candidate = Candidate("nano", base_network_path("nano"), "nano")
    assert frame_seconds(candidate, MODE, "cpu", 0.0) > 0
    assert frame_seconds(candidate, MODE, "cpu", 1e9) > 0


def test_names_mean_the_profiles_network_first_and_then_the_base(profile: Profile) -> None:
    def make(name: str, any_camera: bool = False) -> object:
        return make_denoiser(
            name, profile=profile, camera=CAMERA, mode=MODE, device="cpu", any_camera=any_camera
        )

    with pytest.raises(NetworkError, match=r"no network 'nano' for One \(there are: recursive\)"):
        make("nano")
    ship("nano")
    assert isinstance(make("nano"), LiveNetworkDenoiser)
    with pytest.raises(NetworkError, match=r"no network 'nani'.*recursive, nano"):
        make("nani")
    own(profile, "nano", OTHER)
    with pytest.raises(NetworkError, match="made for the camera Two, not for One"):
        make("nano")
    assert isinstance(make("nano", any_camera=True), LiveNetworkDenoiser)
    assert isinstance(make(str(base_network_path("nano"))), LiveNetworkDenoiser)
    own(profile, "paper")
    paper = make("paper")
    assert isinstance(paper, NetworkDenoiser)
    assert not uses_noise_model(paper)


def test_a_device_gets_the_size_that_suits_it() -> None:
    assert fitting_size(torch.device("cpu")) is None
    with pytest.raises(NetworkError, match="No base network of the size base"):
        load_base("base")
    ship("small", "nano")
    assert shipped_sizes() == ["nano", "small"]
    assert fitting_size(torch.device("cpu")) == "nano"
    assert fitting_size(torch.device("cuda")) == "small"
    assert load_base("small").size == SIZES["small"]
    with pytest.raises(NetworkError, match="Choose one of: nano, small"):
        load_base("base")


def test_a_damaged_network_of_the_profile_is_no_default(profile: Profile) -> None:
    path = profile.network_path("nano")
    path.parent.mkdir(parents=True)
    path.write_bytes(np.zeros(100, np.uint8).tobytes())
    assert chosen(profile) == "recursive"

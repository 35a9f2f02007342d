"""Which network cleans where none, or only a name, was given."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.denoisers import Denoiser, make_denoiser, uses_noise_model
from rtdenoise.denoisers.choice import (
    Candidate,
    candidates,
    choose,
    default_network,
    fitting_size,
    frame_seconds,
    recursive_seconds,
)
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.denoisers.paper import PaperDenoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.errors import NetworkError
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.machine import Machine, Timing
from rtdenoise.networks.card import Card, load_network, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.shipped import base_network_path, load_base, shipped_sizes
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


def cleaned(denoiser: Denoiser) -> np.ndarray:
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


@dataclass
class Clock:
    """Stands in for the timing: what each method takes, in s, and what was asked."""

    takes_s: dict[str, float]
    asked: list[str] = field(default_factory=list)
    threads: int | None = None

    def network(
        self, candidate: Candidate, mode: Mode, device: str, most_s: float, threads: int | None
    ) -> float:
        assert (mode, device) == (MODE, "cpu")
        self.asked.append(candidate.size)
        self.threads = threads
        return self.takes_s[candidate.size]

    def recursive(self, mode: Mode, threads: int | None) -> float:
        assert mode == MODE
        self.asked.append("recursive")
        return self.takes_s["recursive"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock({"small": 0.5, "nano": 0.01, "recursive": 0.02})
    monkeypatch.setattr("rtdenoise.denoisers.choice.frame_seconds", clock.network)
    monkeypatch.setattr("rtdenoise.denoisers.choice.recursive_seconds", clock.recursive)
    return clock


def in_a_call(profile: Profile, machine: Path | None = None) -> tuple[str, str]:
    """What is taken, and the one remark that says why."""
    said: list[str] = []
    name = default_network(
        profile, CAMERA, MODE, "cpu", realtime=True, machine=machine, say=said.append
    )
    (reason,) = said
    return name, reason


def test_a_call_gets_what_keeps_up(profile: Profile, clock: Clock) -> None:
    ship("nano", "small")
    name, reason = in_a_call(profile)
    assert name == "nano"
    assert "small does not keep up with 30 frames/s at 64×48" in reason
    assert "taking nano (10 ms)" in reason
    assert "--network small insists" in reason
    clock.takes_s.update(small=0.02, nano=0.01)
    name, reason = in_a_call(profile)
    assert name == "small"
    assert "small: a frame takes 20 ms" in reason
    assert "30 frames/s at 64×48 are held with a third to spare" in reason
    own(profile, "nano")  # the camera's own knows its noise: larger ones that don't are not tried
    clock.asked.clear()
    assert in_a_call(profile)[0] == "nano"
    assert clock.asked == ["nano"]


@pytest.mark.parametrize(
    ("nano_ms", "recursive_ms", "chosen", "said"),
    [
        (24, 1, "nano", "held with a third to spare"),
        (26, 24, "recursive", "taking recursive (24 ms). --network"),
        (26, 26, "nano", "Cleaning with nano, which holds 30 frames/s"),
        (33, 26, "nano", "which holds"),
        (34, 33, "recursive", "taking recursive (33 ms). Nothing here has a third to spare"),
        (100, 200, "nano", "which does not hold"),
    ],
)
def test_without_a_third_to_spare(
    profile: Profile,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    nano_ms: float,
    recursive_ms: float,
    chosen: str,
    said: str,
) -> None:
    monkeypatch.setattr("rtdenoise.denoisers.choice.compiled_kind", lambda: "")
    ship("nano")
    clock.takes_s.update(nano=nano_ms / 1e3, recursive=recursive_ms / 1e3)
    name, reason = in_a_call(profile)
    assert name == chosen
    assert said in reason


def test_beside_compiled_networks_the_recursive_filter_is_no_way_out(
    profile: Profile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtdenoise.denoisers.choice.compiled_kind", lambda: "AVX2")
    ship("nano", "small")
    clock.takes_s.update(small=0.5, nano=0.1, recursive=0.001)
    name, reason = in_a_call(profile)
    assert name == "nano"
    assert "taking nano (100 ms). Nothing here has a third to spare." in reason
    assert "recursive" not in clock.asked


def test_a_machine_is_measured_once(profile: Profile, clock: Clock, tmp_path: Path) -> None:
    ship("nano", "small")
    machine = tmp_path / "machine.json"
    first = in_a_call(profile, machine)
    assert clock.asked == ["small", "nano"]
    assert in_a_call(profile, machine) == first
    assert clock.asked == ["small", "nano"]
    machine.write_text("{}")  # damaged
    assert in_a_call(profile, machine) == first
    assert clock.asked == 2 * ["small", "nano"]
    known = Machine.load(machine)
    known.add([Timing("small", "cpu", "", 64, 48, 24.0, True)])  # by bench
    known.save(machine)
    assert in_a_call(profile, machine)[0] == "small"
    assert clock.asked == 2 * ["small", "nano"]


def test_another_number_of_cores_is_measured_and_not_kept(
    profile: Profile, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtdenoise.denoisers.choice.compiled_kind", lambda: "")
    ship("nano")
    machine = tmp_path / "machine.json"
    in_a_call(profile, machine)
    before = machine.read_bytes()
    clock.takes_s["nano"] = 0.03
    name = default_network(
        profile, CAMERA, MODE, "cpu", threads=1, realtime=True, machine=machine, say=lambda _: None
    )
    assert name == "recursive"
    assert clock.threads == 1
    assert machine.read_bytes() == before
    assert in_a_call(profile, machine)[0] == "nano"


def test_a_folder_that_cannot_be_written_stops_no_call(
    profile: Profile, clock: Clock, tmp_path: Path
) -> None:
    ship("nano")
    (tmp_path / "file").touch()
    assert in_a_call(profile, tmp_path / "file" / "machine.json")[0] == "nano"


def test_an_accelerator_gets_the_best_unless_it_was_measured(
    profile: Profile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship("nano", "small")
    monkeypatch.setattr("rtdenoise.denoisers.choice.pick_kind", lambda name: name)
    monkeypatch.setattr("rtdenoise.denoisers.choice.hardware_name", lambda _: "A")
    found = list(candidates(profile, CAMERA, MODE))
    known = Machine([Timing("small", "cuda", "B", 64, 48, 100.0, True)])
    choice = choose(found, MODE, "cuda", known)
    assert choice.name == "small"
    assert "not measured" in choice.reason
    known.add(Timing(s, "cuda", "A", 64, 48, ms, True) for s, ms in (("small", 30), ("nano", 2)))
    assert choose(found, MODE, "cuda", known).name == "nano"
    assert clock.asked == []


def test_timing_stops_where_it_is_hopeless(profile: Profile) -> None:
    ship("nano")
    candidate = Candidate("nano", base_network_path("nano"), "nano")
    assert frame_seconds(candidate, MODE, "cpu", 0.0) > 0
    assert frame_seconds(candidate, MODE, "cpu", 1e9) > 0
    assert recursive_seconds(MODE) > 0


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
    assert isinstance(paper, PaperDenoiser)
    assert not uses_noise_model(paper)


def size_for(device: torch.device, known: Machine, mode: Mode = MODE) -> str:
    found = fitting_size(device, mode, known)
    assert found is not None
    return found[0]


def test_a_device_gets_the_size_that_suits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitting_size(torch.device("cpu")) is None
    with pytest.raises(NetworkError, match="No base network of the size base"):
        load_base("base")
    ship("small", "nano")
    assert shipped_sizes() == ["nano", "small"]
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    known = Machine()
    assert size_for(cpu, known) == "nano"
    known.add([Timing("nano", "cpu", "", 64, 48, 5.0, True)])
    assert size_for(cpu, known) == "nano"
    known.add([Timing("small", "cpu", "", 64, 48, 24.0, True)])
    assert size_for(cpu, known) == "small"
    assert size_for(cpu, known, LARGER) == "nano"
    known.add([Timing("small", "cpu", "", 64, 48, 26.0, True)])
    assert size_for(cpu, known) == "nano"
    known.add([Timing("nano", "cpu", "", 64, 48, 26.0, True)])
    found = fitting_size(cpu, MODE, known)
    assert found is not None
    assert found[0] == "nano"
    assert "none was measured to hold 30 frames/s" in found[1]
    monkeypatch.setattr("rtdenoise.denoisers.choice.hardware_name", lambda device: "A")
    assert size_for(cuda, known) == "small"
    assert load_base("small").size == SIZES["small"]
    with pytest.raises(NetworkError, match="Choose one of: nano, small"):
        load_base("base")


def test_a_damaged_network_of_the_profile_is_no_default(profile: Profile) -> None:
    path = profile.network_path("nano")
    path.parent.mkdir(parents=True)
    path.write_bytes(np.zeros(100, np.uint8).tobytes())
    assert chosen(profile) == "recursive"


def test_frames_alone_are_enough(tmp_path: Path) -> None:
    assert isinstance(make_denoiser(device="cpu"), RecursiveDenoiser)
    with pytest.raises(NetworkError, match=r"no network 'nano' \(there are: recursive\)"):
        make_denoiser("nano")
    ship("nano", "small")
    assert make_denoiser(device="cpu").name == "small"
    assert make_denoiser("none").name == "none"
    # A network that was made for some camera, with that camera's noise.
    path = tmp_path / "own.safetensors"
    save_network(path, load_base("nano"), Card("nano", CAMERA.id, CAMERA.name, MODE.to_json()))
    denoiser = make_denoiser(str(path), noise=NOISE, device="cpu")
    assert denoiser.name == "own"
    assert np.array_equal(cleaned(denoiser), cleaned(denoiser_of(path)))


def test_a_camera_alone_finds_its_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtdenoise.profile.data_home", lambda home: home or tmp_path / "home")
    own(Profile.of(CAMERA), "nano")
    assert make_denoiser(camera=CAMERA, mode=MODE, device="cpu").name == "nano"
    assert make_denoiser(camera=OTHER, mode=MODE, device="cpu").name == "recursive"


def test_camera_and_mode_go_together(profile: Profile) -> None:
    with pytest.raises(ValueError, match="go together"):
        make_denoiser("recursive", camera=CAMERA)
    with pytest.raises(ValueError, match="a profile needs both"):
        make_denoiser("recursive", profile=profile)


def test_a_call_that_runs_already_measures_nothing(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship("nano", "small")

    def refuse(*_: object) -> float:
        raise AssertionError("it was measured")

    monkeypatch.setattr("rtdenoise.denoisers.choice._seconds", refuse)
    told: list[str] = []
    machine = tmp_path / "machine.json"

    def call() -> str:
        return default_network(
            profile,
            CAMERA,
            MODE,
            "cpu",
            realtime=True,
            measure=False,
            machine=machine,
            say=told.append,
        )

    assert call() == "small"
    assert told == [
        "Cleaning with small as long as it keeps up. rtdenoise bench measures what this machine holds."
    ]
    assert not machine.exists()
    known = Machine()
    known.add([Timing("small", "cpu", "", MODE.width, MODE.height, 1e3, False)])
    known.save(machine)
    assert call() == "nano"

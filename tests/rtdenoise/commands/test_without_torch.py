"""What starts in a second must not import PyTorch, which takes longer than that."""

import subprocess
import sys
from pathlib import Path

import pytest

from rtdenoise.engines.native_library import compiled_kind
from rtdenoise.networks import device

_CODE = """
import sys
from rtdenoise.cli import run
code = run(sys.argv[1:])
heavy = {name.partition(".")[0] for name in sys.modules} & {"torch", "kornia"}
print("HEAVY", sorted(heavy), file=sys.stderr)
sys.exit(code)
"""
_SCENE = "simulated:desk?noise=high&motion=still&frames=12"
_AUTO = pytest.param(
    "auto",
    marks=pytest.mark.skipif(
        any(map(device._may_be_there, ("cuda", "xpu", "mps"))),
        reason="PyTorch is asked for this machine's accelerator",
    ),
)


def imported(home: Path, *words: str) -> str:
    """Runs a command to its end: what it imported of PyTorch and what is built on it."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, "--home", str(home), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1].removeprefix("HEAVY ")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def clip(home: Path) -> Path:
    """A clip that `capture` filmed, which is itself held to it."""
    words = ("--camera", _SCENE, "--size", "128x96", "--seconds", "1")
    assert imported(home, "capture", *words) == "[]"
    (found,) = home.glob("profiles/*/clips/*.mkv")
    return found


@pytest.fixture(params=["recursive", "nano", ""], ids=["recursive", "nano", "default"])
def network(request: pytest.FixtureRequest) -> list[str]:
    if request.param != "recursive" and not compiled_kind():
        pytest.skip("there is no compiled code for this machine: PyTorch runs networks")
    return ["--network", request.param] if request.param else []


@pytest.mark.parametrize("device", ["cpu", _AUTO])
def test_live(device: str, network: list[str], clip: Path, home: Path) -> None:
    words = ("live", "--camera", f"file:{clip}", "--output", "null", "--device", device)
    assert imported(home, *words, *network) == "[]"


@pytest.mark.parametrize("device", ["cpu", _AUTO])
def test_denoise(device: str, network: list[str], clip: Path, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean.mkv"
    assert imported(home, "denoise", str(clip), str(out), "--device", device, *network) == "[]"
    assert out.stat().st_size > 0


def test_the_test_can_fail(clip: Path, home: Path, tmp_path: Path) -> None:
    """A network of the camera's own that only PyTorch runs."""
    code = (
        "from pathlib import Path; from rtdenoise.networks.card import Card, save_network; "
        "from rtdenoise.networks.paper import PaperNetwork; import sys; "
        "save_network(Path(sys.argv[1]), PaperNetwork(), Card('paper'))"
    )
    path = tmp_path / "paper.safetensors"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    words = ("denoise", str(clip), str(tmp_path / "out.mkv"), "--network", str(path))
    assert "torch" in imported(home, *words, "--device", "cpu")

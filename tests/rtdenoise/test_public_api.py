"""What `import rtdenoise` offers: its names, that they are loaded when they are used, and that others need no more."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rtdenoise

ROOT = Path(__file__).parents[2]
PACKAGE = Path(rtdenoise.__file__).parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
HEAVY = ("torch", "cv2", "av", "kornia", "matplotlib", "numpy", "pyvirtualcam", "rich", "click")
NAMES = [name for name in rtdenoise.__all__ if name != "__version__"]


def typed_imports() -> dict[str, str]:
    """What editors and type checkers see: each name and the module it comes from, under ``if TYPE_CHECKING``."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    found: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        found |= {alias.name: f".{node.module}" for alias in node.names}
        assert not any(alias.asname for alias in node.names)
    return found


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_all_the_table_and_the_types_say_the_same() -> None:
    table: dict[str, str] = rtdenoise._ROOM_OF  # type: ignore[attr-defined]
    assert typed_imports() == table
    assert sorted(rtdenoise.__all__) == sorted([*table, "__version__"])
    assert set(rtdenoise.__all__) <= set(dir(rtdenoise))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_its_module_has_and_tells_what_it_is(name: str) -> None:
    value = getattr(rtdenoise, name)
    assert value is getattr(importlib.import_module(typed_imports()[name], "rtdenoise"), name)
    assert value.__name__ == name
    text = inspect.getdoc(value)
    assert text
    assert not text.startswith(f"{name}(")  # what dataclasses write where there is none


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'rtdenoise' has no attribute 'nonsense'"):
        rtdenoise.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, rtdenoise; dir(rtdenoise); print(set({HEAVY!r}) & set(sys.modules))"
    assert fresh(code) == "set()"
    code = (
        f"import sys; from rtdenoise import CameraError; print(set({HEAVY!r}) & set(sys.modules))"
    )
    assert fresh(code) == "set()"


def test_a_star_import_gives_all_of_it() -> None:
    code = "from rtdenoise import *; import rtdenoise as r; print(set(r.__all__) <= set(globals()))"
    assert fresh(code) == "True"


def test_the_docstring_names_every_room_in_the_order_of_the_layers() -> None:
    entries = (
        path
        for path in PACKAGE.iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__")
    )
    rooms = {path.stem for path in entries if path.suffix == ".py" or path.is_dir()}
    named = re.findall(r"^\* ``(\w+)`` ", str(rtdenoise.__doc__), re.MULTILINE)
    assert sorted(named) == sorted(rooms)
    # By hand: Python 3.10 has no tomllib.
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (layers,) = re.findall(
        r"^containers = \[\"rtdenoise\"\]\nexhaustive = true\nlayers = \[\n(.*?)^\]",
        text,
        re.MULTILINE | re.DOTALL,
    )
    lines = [re.findall(r"\w+", line) for line in layers.splitlines()]
    rank = {room: i for i, rooms_of in enumerate(lines) for room in rooms_of if room != "__main__"}
    assert [rank[room] for room in named] == sorted(rank.values())


def imported(source: str) -> list[str]:
    """The modules that a program imports."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    return plain + [str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)]


def deeper(source: str) -> list[str]:
    """The modules within rtdenoise that a program imports, which are not for others."""
    rooms = {path.stem for path in PACKAGE.iterdir()}
    from_top = re.findall(r"^\s*from rtdenoise import (.+)", source, re.MULTILINE)
    named = {name.strip() for names in from_top for name in names.strip("()").split(",")}
    return [m for m in imported(source) if m.startswith("rtdenoise.")] + sorted(named & rooms)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_need_the_public_api_only(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert deeper(source) == []
    assert "rtdenoise" in imported(source)


def test_contributings_examples_need_the_public_api_only() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    assert [deeper(block) for block in blocks] == [[] for _ in blocks]


def run_example(name: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [name, *words])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")


@pytest.fixture
def still_clip(tmp_path: Path) -> Path:
    """A recording of the simulated camera, bit for bit."""
    path = tmp_path / "still.nut"
    camera = rtdenoise.open_camera(
        "simulated:desk?noise=high&motion=still&frames=20", size=(160, 120)
    )
    report = rtdenoise.transcode(camera, rtdenoise.make_denoiser("none"), str(path))
    assert report.frames == 20
    return path


def test_a_noise_curve_as_a_plot(
    still_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    curve = tmp_path / "curve.png"
    run_example("noise_curve.py", monkeypatch, str(still_clip), str(curve))
    still, noise, _ = capsys.readouterr().out.splitlines()
    share = re.search(r"(\d+)% of the picture stands still", still)
    assert share is not None
    assert int(share[1]) > 90
    levels = [float(level) for level in noise.split(": ")[1].split(", ")]
    assert all(1 < level < 20 for level in levels)
    assert curve.read_bytes().startswith(b"\x89PNG")


def test_a_loop_of_ones_own(
    still_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import cv2

    clean = tmp_path / "clean.mp4"
    run_example("opencv_loop.py", monkeypatch, str(still_clip), str(clean))
    assert capsys.readouterr().out == "20 frames cleaned\n"

    def trembling(path: Path) -> float:
        film = cv2.VideoCapture(str(path))
        pictures = [np.asarray(film.read()[1], float) for _ in range(20)]
        return float(np.std(pictures[-1] - pictures[-2]))

    assert trembling(clean) < trembling(still_clip) / 2


def test_ones_own_camera_and_sink(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("own_camera_and_sink.py", monkeypatch)
    said = re.fullmatch(
        r"60 frames: the wall trembles by ([\d.]+) levels, filmed with 6\n", capsys.readouterr().out
    )
    assert said is not None
    assert float(said[1]) < 1.5


def test_training_on_ones_own_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    still, film, clean = (tmp_path / name for name in ("still.nut", "film.nut", "clean.mp4"))
    for path, scene, motion in ((still, "room", "still"), (film, "desk", "subject")):
        camera = rtdenoise.open_camera(
            f"simulated:{scene}?noise=high&motion={motion}&frames=24", size=(320, 192)
        )
        rtdenoise.transcode(camera, rtdenoise.make_denoiser("none"), str(path))
    words = [str(still), str(film), str(clean), "--minutes", "0.05"]
    run_example("train_on_series.py", monkeypatch, *words, "--home", str(tmp_path / "home"))
    shown = capsys.readouterr().out
    gain = re.search(r"^([+-][\d.]+) dB .* where it did not learn$", shown, re.MULTILINE)
    assert gain is not None
    assert float(gain[1]) > 3
    assert shown.endswith(f"24 frames written to {clean}\n")
    assert clean.stat().st_size > 1000


def test_ones_own_denoiser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "median.mp4"
    run_example("own_denoiser.py", monkeypatch, "simulated:desk?frames=4", str(output))
    assert capsys.readouterr().out == f"4 frames written to {output}\n"
    assert output.exists()


def test_pictures_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    noisy, clean = tmp_path / "noisy", tmp_path / "clean"
    noisy.mkdir()
    camera = rtdenoise.open_camera(
        "simulated:desk?noise=high&motion=still&frames=12", size=(160, 120)
    )
    assert isinstance(camera, rtdenoise.SimulatedCamera)
    for index, frame in enumerate(camera.frames()):
        picture = rtdenoise.array_from_planes(rtdenoise.planes_from_frame(frame), "bgr")
        cv2.imwrite(str(noisy / f"{index:03}.png"), picture)
    run_example("clean_pictures.py", monkeypatch, str(noisy), str(clean))
    assert capsys.readouterr().out == f"12 pictures written to {clean}\n"
    truth = rtdenoise.array_from_planes(camera.truth(11), "bgr").astype(float)
    before, after = (
        float(np.mean((np.asarray(cv2.imread(str(f / "011.png"))) - truth) ** 2))
        for f in (noisy, clean)
    )
    assert after < before / 2

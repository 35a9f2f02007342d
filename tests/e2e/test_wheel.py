"""A wheel that is built here, installed where there is no compiler and nothing of this repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="the others' wheels are built by the workflow"
    ),
    pytest.mark.skipif(
        not any(shutil.which(c) for c in ("cc", "gcc", "clang")), reason="there is no C compiler"
    ),
]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is published as the source, of the files that git knows."""
    tree, out = (tmp_path_factory.mktemp(name) for name in ("tree", "sdist"))
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    code = f"import setuptools.build_meta as b; b.build_sdist({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True, capture_output=True)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from that source alone."""
    tree, out = (tmp_path_factory.mktemp(name) for name in ("unpacked", "wheel"))
    with tarfile.open(sdist) as archive:
        archive.extractall(tree, filter="data")
    (source,) = tree.iterdir()
    code = f"import setuptools.build_meta as b; b.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (made,) = out.iterdir()
    return made


def test_the_source_is_complete(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    folders = (
        "benchmarks/",
        "calibrate/",
        "capture/",
        "docs/",
        "examples/",
        "rtdenoise/",
        "tests/",
    )
    missing = [name for name in listed if name.startswith(folders) and name not in held]
    assert [name for name in missing if (ROOT / name).is_file()] == []
    assert {"Makefile", "constraints.txt", "LICENSE", "README.md", "setup.py"} <= held


def test_one_wheel_suits_every_python(wheel: Path) -> None:
    name, _, tag = wheel.stem.partition("-py3-none-")
    assert name.startswith("rtdenoise-")
    assert tag == sysconfig.get_platform().replace("-", "_").replace(".", "_")
    held = zipfile.ZipFile(wheel).namelist()
    assert "rtdenoise/engines/_native_4.so" in held
    assert "rtdenoise/networks/base/nano.safetensors" in held
    assert not [name for name in held if name.startswith(("tests/", "benchmarks/"))]


def test_it_runs_where_there_is_no_compiler(wheel: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    (site,) = bare.glob("lib/python*/site-packages")
    # What it depends on is this environment's, not installed once more, which would take minutes.
    own = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(own))
    words = ["install", "--quiet", "--no-deps", "--no-index", "--prefix", str(bare), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words, "--ignore-installed"], check=True)
    environment = {
        "HOME": str(tmp_path),
        "PATH": str(bare / "bin"),
        "RTDENOISE_HOME": str(tmp_path / "home"),
        **{name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ},
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            [bare / "bin" / "python", "-I", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = "import rtdenoise, calibrate, capture; print(rtdenoise.__file__, calibrate.__file__)"
    assert [Path(p).is_relative_to(bare) for p in run("-c", where).split()] == [True, True]
    kind = "from rtdenoise.engines.native_library import compiled_kind; print(compiled_kind())"
    assert run("-c", kind).strip() in ("AVX-512", "AVX2", "generic")
    run("-m", "rtdenoise", "demo", "--quick", "--folder", str(tmp_path / "demo"))
    figures = json.loads((tmp_path / "demo" / "figures.json").read_text())
    assert figures["gain_db"] > 3

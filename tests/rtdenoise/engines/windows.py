"""Builds of the engine for Windows, made here by MinGW and run under Wine by a small program without Python.

Debian: ``apt-get install gcc-mingw-w64-x86-64 wine64``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from rtdenoise.engines import native_engine
from rtdenoise.networks.weights import LiveWeights, convolutions

from .kernels import compiler

COMPILER = "x86_64-w64-mingw32-gcc"
ROOT = Path(__file__).parents[3]
_SOURCE = Path(__file__).parent / "native" / "replay.c"
_STARTS_S = 120  # the first start of Wine makes its folder


def missing() -> str:
    """Why nothing can be built and run here; empty where it can."""
    if sys.platform != "linux" or not compiler():
        return "there is no C compiler to compare with"
    tools = (COMPILER, "wine")
    return next((f"{tool} isn't installed" for tool in tools if not shutil.which(tool)), "")


def build_wheel(folder: Path) -> Path:
    """The wheel for 64-bit Windows, of this checkout; nothing is left in it."""
    tree = folder / "tree"
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        tree.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tree)
    for package in ("rtdenoise", "rtdenoise_app", "capture", "calibrate"):
        leave = shutil.ignore_patterns("*.so", "*.dll", "__pycache__")
        shutil.copytree(ROOT / package, tree / package, ignore=leave)
    code = f"import setuptools.build_meta as b; b.build_wheel({str(folder)!r})"
    there = {**os.environ, "_PYTHON_HOST_PLATFORM": "win-amd64", "CC": COMPILER}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tree, env=there, check=True, capture_output=True
    )
    (made,) = folder.glob("*.whl")
    return made


def libraries(wheel: Path, folder: Path) -> dict[int, Path]:
    """What was compiled for it, by lanes."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dll"):
                path = Path(archive.extract(name, folder))
                found[int(path.stem.rpartition("_")[2])] = path
    return found


def build_replay_here(folder: Path) -> Path:
    """The program that runs a build, for this system."""
    here = folder / "replay"
    subprocess.run([*compiler(), "-O1", "-o", str(here), str(_SOURCE), "-ldl"], check=True)
    return here


def build_replay(folder: Path) -> tuple[Path, Path]:
    """The program that runs a build: for this system, and for Windows."""
    there = folder / "replay.exe"
    subprocess.run([COMPILER, "-O1", "-o", str(there), str(_SOURCE)], check=True)
    return build_replay_here(folder), there


def run(program: Path, library: Path, inputs: Path, outputs: Path) -> bytes:
    """What the program writes; a program for Windows runs under Wine."""
    words = [str(program), str(library), str(inputs), str(outputs)]
    environment = dict(os.environ)
    if program.suffix == ".exe":
        words = ["wine", words[0], *(f"Z:{word}" for word in words[1:])]
        prefix = program.parent / "wine"
        environment |= {"WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "WINEARCH": "win64"}
        environment.pop("DISPLAY", None)
    subprocess.run(words, check=True, env=environment, timeout=_STARTS_S, capture_output=True)
    return outputs.read_bytes()


def write_inputs(path: Path, given: Any, weights: LiveWeights, threads: int) -> None:
    """Lays out what ``replay.c`` reads, of the arrays that ``test_aarch64.inputs`` makes."""
    layers = convolutions(weights.size)
    kernels = [weights.arrays[f"{layer.name}.weight"] for layer in layers]
    constants = bytes(native_engine._constants())
    frames, rows, columns = given["y"].shape
    flow = np.asarray(given["flow"], np.float32)
    shapes = [(*k.shape[:2], k.shape[2] * k.shape[3]) for k in kernels]
    parts: list[bytes] = []

    def add(values: Any, kind: type) -> None:
        parts.append(np.ascontiguousarray(values, kind).tobytes())

    add([rows // 4, columns // 4, threads, weights.size.stages, frames, len(layers)], np.int32)
    add(shapes, np.int32)
    for layer, kernel in zip(layers, kernels, strict=True):
        add(kernel, np.float32)
        add(weights.arrays[f"{layer.name}.bias"], np.float32)
    add([len(constants)], np.int32)
    parts.append(constants)
    for name in ("forward", "band_std", "scales"):
        add(given[name], np.float32)
    add(given["tables"], np.uint8)
    add(flow, np.float32)
    add(np.abs(flow).max(axis=2) > 0, np.uint8)
    for k in range(frames):
        for plane in "yuv":
            add(given[plane][k], np.uint8)
    path.write_bytes(b"".join(parts))

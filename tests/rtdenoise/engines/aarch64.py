"""A bare aarch64 Python under an emulator, to run the engine's aarch64 build in.

``python -m tests.rtdenoise.engines.aarch64`` sets it up in ``build/aarch64`` on Debian, as root: a cross compiler, the
emulator and, unpacked and not installed, the packages of Python and NumPy for arm64. A minute, and 110 MB.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .kernels import BUILDS, NATIVE

ROOT = BUILDS / "aarch64"
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
_TOOLS = ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user")
_PACKAGES = (
    *("python3.11-minimal", "python3.11", "libpython3.11-minimal", "libpython3.11-stdlib"),
    *(
        "python3-numpy",
        "libc6",
        "libblas3",
        "liblapack3",
        "libgfortran5",
        "libstdc++6",
        "libgcc-s1",
    ),
    *("zlib1g", "libexpat1", "libffi8", "libssl3", "libuuid1"),
)
_LIBRARIES = "/usr/lib/aarch64-linux-gnu"


def missing() -> str:
    """Why nothing can be run here; empty where it can."""
    for tool in (COMPILER, EMULATOR):
        if shutil.which(tool) is None:
            return f"{tool} isn't installed"
    there = (ROOT / "usr/bin/python3.11").exists()
    return "" if there else f"{ROOT} isn't set up: python -m {__spec__.name}"


def build(folder: Path) -> None:
    """Compiles the engine for aarch64, with the flags of setup.py."""
    flags = json.loads((NATIVE / "flags.json").read_text())
    words = [*flags["common"], *flags["lanes"]["any"]["4"], "-shared", "-fPIC"]
    target = ["-o", str(folder / "_native_4.so"), str(NATIVE / "engine.c"), *flags["link"]]
    subprocess.run([COMPILER, *words, *target], check=True)


def run(program: Path, *words: str, path: Path) -> str:
    """What a Python program prints that runs as on an aarch64 machine."""
    inside = f"{_LIBRARIES}/blas:{_LIBRARIES}/lapack:/lib/aarch64-linux-gnu"
    modules = f"{path}:{ROOT}/usr/lib/python3/dist-packages"
    environment = ["-E", f"LD_LIBRARY_PATH={inside}", "-E", f"PYTHONPATH={modules}"]
    command = [EMULATOR, "-L", str(ROOT), *environment, str(ROOT / "usr/bin/python3.11"), "-S"]
    return subprocess.run(
        [*command, str(program), *words], check=True, capture_output=True, text=True
    ).stdout


def main() -> None:
    """Sets it up."""
    downloads = ROOT / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg", "--add-architecture", "arm64"], check=True)
    subprocess.run(["apt-get", "update", "-q"], check=True)
    subprocess.run(["apt-get", "install", "-yq", *_TOOLS], check=True)
    wanted = [f"{name}:arm64" for name in _PACKAGES]
    subprocess.run(["apt-get", "download", "-q", *wanted], cwd=downloads, check=True)
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, ROOT], check=True)
    shutil.rmtree(downloads)
    sys.stdout.write(f"{ROOT} is set up.\n")


if __name__ == "__main__":
    main()

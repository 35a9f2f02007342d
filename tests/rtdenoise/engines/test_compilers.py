"""Clang builds the engine as well as GCC."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rtdenoise.engines import native_library
from rtdenoise.networks.card import load_weights
from rtdenoise.networks.shipped import base_network_path

from . import windows
from .kernels import NATIVE, lanes_of_machine
from .test_aarch64 import inputs


def test_clang_gives_the_same_pictures(tmp_path: Path) -> None:
    generic = native_library.native_library(4)
    if generic is None or not shutil.which("clang"):
        pytest.skip("there is no Clang, or no build to compare with")
    flags = json.loads((NATIVE / "flags.json").read_text())
    kinds = {**flags["lanes"]["any"], **flags["lanes"]["x86_64"]}
    inputs(tmp_path / "inputs.npz")
    weights, _ = load_weights(base_network_path("nano"))
    given = tmp_path / "inputs.bin"
    with np.load(tmp_path / "inputs.npz") as arrays:
        windows.write_inputs(given, arrays, weights, threads=2)
    program = windows.build_replay_here(tmp_path)
    for lanes in lanes_of_machine():
        built = tmp_path / native_library.library_name(lanes)
        command = ["clang", *flags["common"], *kinds[str(lanes)], "-Werror", "-Wno-pass-failed"]
        target = ["-shared", "-fPIC", "-o", str(built), str(NATIVE / "engine.c"), *flags["link"]]
        subprocess.run([*command, *target], check=True)
        if lanes > int(generic.rtdenoise_best_lanes()):
            continue
        mine = native_library._FOLDER / native_library.library_name(lanes)
        expected = windows.run(program, mine, given, tmp_path / "expected")
        found = windows.run(program, built, given, tmp_path / "found")
        if lanes == 4:
            assert found == expected
            continue
        # Which products and sums become one instruction is the compiler's choice.
        pictures = [
            np.frombuffer(part, np.uint8)[-96 * 128 * 3 // 2 :] for part in (found, expected)
        ]
        apart = np.abs(pictures[0].astype(int) - pictures[1])
        assert apart.max() <= 1
        assert np.mean(apart > 0) < 0.01

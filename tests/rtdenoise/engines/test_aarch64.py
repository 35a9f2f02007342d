"""The aarch64 build gives the same bytes as the generic one of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rtdenoise.engines import native_library
from rtdenoise.networks.card import load_weights
from rtdenoise.networks.shipped import base_network_path
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.normalised import Normalised, band_std_of

from . import aarch64

REPLAY = Path(__file__).with_name("replay.py")
PACKAGE = Path(native_library.__file__).parents[2]


def inputs(path: Path) -> None:
    """Frames of a pattern that moves, with noise, and all that the engine has to be told."""
    random = np.random.default_rng(0)
    height, width, count = 96, 128, 6
    rows, columns = np.mgrid[:height, :width]
    curve = PlaneNoise(NoiseCurve((0.0, 255.0), (20.0, 40.0)))
    model = NoiseModel(curve, curve, curve)
    normalised = Normalised(model)
    luma = [
        120
        + 60 * np.sin((columns + 2 * t) / 9) * np.cos(rows / 11)
        + random.normal(0, 5, rows.shape)
        for t in range(count)
    ]
    chroma = [random.normal(128, 5, (count, height // 2, width // 2)).round() for _ in range(2)]
    flow = np.zeros((height // 4, width // 4, 2), np.float32)
    flow[6:18, 8:20] = (0.31, -0.17)
    tables = [normalised.table(index) for index in range(3)]
    weights, _ = load_weights(base_network_path("nano"))
    np.savez(
        path,
        allow_pickle=False,
        y=np.clip(luma, 0, 255).astype(np.uint8),
        u=chroma[0].astype(np.uint8),
        v=chroma[1].astype(np.uint8),
        flow=flow,
        forward=np.stack(normalised.forward).astype(np.float32),
        band_std=band_std_of(model).astype(np.float32),
        scales=[scale for scale, _ in tables],
        tables=[table for _, table in tables],
        **{f"w:{name}": array for name, array in weights.arrays.items()},
    )


def test_the_same_bytes_under_an_emulator(tmp_path: Path) -> None:
    if why := aarch64.missing():
        pytest.skip(why)
    if native_library.native_library(4) is None:
        pytest.skip("there is no generic build to compare with")
    given = tmp_path / "inputs.npz"
    inputs(given)
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    shutil.copy2(native_library._FOLDER / native_library.library_name(4), here)
    aarch64.build(there)
    words = [sys.executable, str(REPLAY), str(given), str(here)]
    expected = subprocess.check_output(words, text=True).splitlines()
    found = aarch64.run(REPLAY, str(given), str(there), path=PACKAGE).splitlines()
    assert len(expected) == 1 + 6 + 3
    assert found == expected

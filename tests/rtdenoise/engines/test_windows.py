"""The builds for Windows, as they lie in its wheel, give the same bytes as this machine's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtdenoise.engines import native_library
from rtdenoise.networks.card import load_weights
from rtdenoise.networks.shipped import base_network_path

from . import windows
from .test_aarch64 import inputs


@pytest.mark.timeout(600)
def test_the_same_bytes_on_windows(tmp_path: Path) -> None:
    if why := windows.missing():
        pytest.skip(why)
    generic = native_library.native_library(4)
    if generic is None:
        pytest.skip("there is no build to compare with")
    wheel = windows.build_wheel(tmp_path)
    assert wheel.name.endswith("-py3-none-win_amd64.whl")
    built = windows.libraries(wheel, tmp_path / "unpacked")
    assert sorted(built) == sorted(native_library.KINDS)
    inputs(tmp_path / "inputs.npz")
    weights, _ = load_weights(base_network_path("nano"))
    given = tmp_path / "inputs.bin"
    with np.load(tmp_path / "inputs.npz") as arrays:
        windows.write_inputs(given, arrays, weights, threads=3)
    here, there = windows.build_replay(tmp_path)
    most = int(generic.rtdenoise_best_lanes())
    for lanes in (kind for kind in native_library.KINDS if kind <= most):
        mine = native_library._FOLDER / native_library.library_name(lanes)
        expected = windows.run(here, mine, given, tmp_path / "expected")
        found = windows.run(there, built[lanes], given, tmp_path / "found")
        assert np.frombuffer(found[:8], np.int32).tolist() == [native_library.ABI, lanes]
        assert found == expected

import ctypes
import os
from pathlib import Path

import pytest

from rtdenoise.engines import native_library
from rtdenoise.engines.native_library import KINDS

from .kernels import FOLDER, built, compiler, lanes_of_machine, load, path_in

if os.environ.get(FOLDER):  # builds with sanitizers, for instance
    native_library._FOLDER = Path(os.environ[FOLDER])


@pytest.fixture(scope="session", params=[*KINDS], ids=[*KINDS.values()])
def kernels(request: pytest.FixtureRequest) -> ctypes.CDLL:
    """The kernels for one kind of processor."""
    lanes: int = request.param
    if lanes not in lanes_of_machine():
        pytest.skip(f"there is no {KINDS[lanes]} build for machines of this kind")
    if os.environ.get(FOLDER):
        folder = native_library._FOLDER
    elif compiler():
        folder = built()
    else:
        pytest.skip("there is no C compiler")
    if load(path_in(folder, 4)).rtdenoise_best_lanes() < lanes:
        pytest.skip(f"this processor doesn't run {KINDS[lanes]} code")
    return load(path_in(folder, lanes))

"""What a call's ladder is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtdenoise.cameras import open_camera
from rtdenoise.denoisers import Passthrough
from rtdenoise.profile import Profile
from rtdenoise.stream.rungs import PICTURE, rungs_for_call


@pytest.mark.parametrize(
    ("first", "insist", "names"),
    [
        ("nano", False, ["nano", "recursive", PICTURE]),
        ("nano", True, ["nano", PICTURE]),
        ("recursive", False, ["recursive", PICTURE]),
        ("none", True, ["none"]),
    ],
)
def test_after_the_first_comes_what_is_cheaper(
    tmp_path: Path, first: str, insist: bool, names: list[str]
) -> None:
    camera = open_camera("simulated:desk", size=(64, 48))
    profile = Profile.of(camera.info, tmp_path)
    rungs = rungs_for_call(
        first, profile=profile, camera=camera.info, mode=camera.mode, insist=insist
    )
    assert [rung.name for rung in rungs] == names
    assert isinstance(rungs[-1].make(), Passthrough)
    if "recursive" in names:
        assert rungs[names.index("recursive")].make().name == "recursive"

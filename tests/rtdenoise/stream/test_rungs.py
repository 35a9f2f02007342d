"""What a call's ladder is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtdenoise.cameras import open_camera
from rtdenoise.denoisers import Passthrough
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.profile import Profile
from rtdenoise.stream.rungs import PICTURE, CallSetting, rungs_for_call

LEFT_OUT = "nano without following what moves"
TEMPORAL = "nano, temporal only"
LEAST = "nano, temporal only without following what moves"


@pytest.mark.parametrize(
    ("first", "insist", "compiled", "names"),
    [
        ("nano", False, False, ["nano", LEFT_OUT, "recursive", PICTURE]),
        ("nano", False, True, ["nano", TEMPORAL, LEAST, PICTURE]),
        ("nano", True, False, ["nano", LEFT_OUT, PICTURE]),
        ("nano", True, True, ["nano", TEMPORAL, LEAST, PICTURE]),
        ("recursive", False, True, ["recursive", PICTURE]),
        ("none", True, True, ["none"]),
    ],
)
def test_after_the_first_comes_what_is_cheaper(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    insist: bool,
    compiled: bool,
    names: list[str],
) -> None:
    monkeypatch.setattr("rtdenoise.denoisers.choice.runs_compiled", lambda _: compiled)
    camera = open_camera("simulated:desk", size=(64, 48))
    setting = CallSetting(Profile.of(camera.info, tmp_path), camera.info, camera.mode, "cpu")
    rungs = rungs_for_call(first, setting, insist=insist, follows=first == "nano")
    assert [rung.name for rung in rungs] == names
    assert isinstance(rungs[-1].make(), Passthrough)
    if "recursive" in names:
        assert rungs[names.index("recursive")].make().name == "recursive"
    doing = {
        "nano": (True, True),
        LEFT_OUT: (True, False),
        TEMPORAL: (False, True),
        LEAST: (False, False),
    }
    for rung in rungs:
        if rung.name in doing:
            made = rung.make()
            assert isinstance(made, LiveNetworkDenoiser)
            assert (made.spatial, made.follows) == doing[rung.name]

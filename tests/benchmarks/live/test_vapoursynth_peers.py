"""Peers in an environment of their own: what is said where there is none, the pipes, and how far each looks ahead."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.live import vapoursynth_peers
from benchmarks.live.peers import TunablePeer
from benchmarks.live.vapoursynth_peers import filtered, interpreter, missing, peers, setup
from rtdenoise.frames import PlaneFormat, Planes

SIZE = (96, 64)
REAL = os.environ.get("VAPOURSYNTH_PEERS")  # folder of an environment that was set up
NAMES = ("MVTools Degrain3", "MVTools Degrain6", "V-BM3D", "DFTTest")


def frames(count: int, sigma: float = 6.0) -> list[Planes]:
    random = np.random.default_rng(4)
    layout = PlaneFormat(*SIZE, "420", full_range=True, matrix="bt601")
    x, y = np.arange(SIZE[0]), np.arange(SIZE[1])[:, None]
    truth = 128 + 50 * np.sin(x / 9) * np.cos(y / 7)
    grey = np.full(layout.chroma_shape, 128, np.uint8)
    lumas = [truth + random.normal(0, sigma, truth.shape) for _ in range(count)]
    return [
        Planes(np.clip(np.rint(luma), 0, 255).astype(np.uint8), grey, grey, layout, i / 30)
        for i, luma in enumerate(lumas)
    ]


@pytest.fixture
def pretend(tmp_path: Path) -> Iterator[Path]:
    """An environment whose Python takes 255 − luma for every filter, and fails for strength 13."""
    if sys.platform == "win32":
        pytest.skip("a script can't stand in for python.exe")
    python = interpreter(tmp_path)
    python.parent.mkdir()
    python.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "if '-c' in sys.argv: sys.exit()\n"
        "name, strength, width, height, wanted = sys.argv[3:]\n"
        "if strength == '13': sys.exit('bad luck')\n"
        "data, area = sys.stdin.buffer.read(), int(width) * int(height)\n"
        "for index in map(int, wanted.split(',')):\n"
        "    luma = data[index * area * 3 // 2 :][:area]\n"
        "    sys.stdout.buffer.write(bytes(255 - v for v in luma))\n"
    )
    python.chmod(0o755)
    missing.cache_clear()
    yield tmp_path
    missing.cache_clear()


def test_a_missing_environment_is_told_with_the_cure(tmp_path: Path) -> None:
    assert missing(None) == "no --vapoursynth FOLDER was given"
    assert f"--setup --folder {tmp_path / 'none'}" in missing(tmp_path / "none")
    with pytest.raises(RuntimeError, match="vbm3d can't be run: there is no environment"):
        filtered(tmp_path / "none", "vbm3d", 1.0, frames(1), [0])


def test_an_old_python_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="none-such is no Python"):
        setup(tmp_path / "new", "none-such")
    monkeypatch.setattr(vapoursynth_peers, "OLDEST", (99, 0))
    with pytest.raises(SystemExit, match=r"is no Python ≥ 99\.0: name one by --python"):
        setup(tmp_path / "new", sys.executable)
    assert not (tmp_path / "new").exists()


def test_frames_go_there_and_back(pretend: Path) -> None:
    assert missing(pretend) == ""
    clip = frames(5)
    second, fourth = filtered(pretend, "dfttest", 2.0, clip, [1, 3])
    assert np.array_equal(second.y, 255 - clip[1].y)
    assert np.array_equal(fourth.y, 255 - clip[3].y)
    assert fourth.u is clip[3].u
    peer = peers(pretend)[0]
    assert [p.time_s for p in peer.clean(2.0)(clip)] == [p.time_s for p in clip]


def test_a_filter_that_fails_says_why(pretend: Path) -> None:
    with pytest.raises(RuntimeError, match="degrain3 failed: bad luck"):
        filtered(pretend, "degrain3", 13, frames(2), [0])


@pytest.fixture(scope="module")
def real() -> dict[str, TunablePeer]:
    if REAL is None or missing(Path(REAL)):
        pytest.skip("VAPOURSYNTH_PEERS names no environment of VapourSynth")
    return {peer.name: peer for peer in peers(Path(REAL))}


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_looks_as_far_as_it_says_and_cleans(
    real: dict[str, TunablePeer], name: str
) -> None:
    peer = real[name]
    strength = {"V-BM3D": 6.0, "DFTTest": 64.0}.get(name, 800.0)
    clip, other = frames(20), frames(20, sigma=12.0)
    (usual,) = peer.cleaned(strength, clip, [9])
    beyond = [*clip[: 10 + peer.after], *other[10 + peer.after :]]
    beyond[: 9 - peer.before] = other[: 9 - peer.before]
    assert np.array_equal(peer.cleaned(strength, beyond, [9])[0].y, usual.y)
    within = [*clip[: 9 + peer.after], *other[9 + peer.after :]]
    assert not np.array_equal(peer.cleaned(strength, within, [9])[0].y, usual.y)
    truth = frames(1, sigma=0.0)[0].y.astype(float)
    before, after = (np.square(p.y - truth).mean() for p in (clip[9], usual))
    assert after < before / 3

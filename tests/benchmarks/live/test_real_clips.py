"""Peers on real clips: the best strength is found, nothing is computed twice, and the tables say who is ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.live.clips import BenchClip
from benchmarks.live.ours import Run
from benchmarks.live.peers import Best, Figures, TunablePeer
from benchmarks.live.real_clips import (
    MEAN,
    NOISY,
    Cache,
    Reached,
    RealClip,
    errors_of,
    gain_db,
    known_peers,
    luma_of,
    ours,
    real_table,
    theirs,
)
from benchmarks.live.simulated_peers import clips_table, means_table, method_figures
from benchmarks.noise.unsupervised import SEEN, find_still
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import PlaneFormat, Planes

LAYOUT = PlaneFormat(96, 64, "420", full_range=True, matrix="bt601")
GREY = np.full(LAYOUT.chroma_shape, 128, np.uint8)
LEVEL, SIGMA = 120, 4.0


def planes(y: NDArray[Any], index: int) -> Planes:
    return Planes(np.asarray(np.rint(y), np.uint8), GREY, GREY, LAYOUT, index / 30)


@pytest.fixture(scope="module")
def clip() -> RealClip:
    random = np.random.default_rng(8)
    frames = [planes(LEVEL + random.normal(0, SIGMA, (64, 96)), i) for i in range(45)]
    return RealClip("grey", frames, find_still(np.stack([f.y.astype(np.float32) for f in frames])))


def pull(share: float) -> Callable[[Iterable[Planes]], Iterator[Planes]]:
    """Draws levels towards the truth and beyond: share 1 is the truth itself."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        for index, frame in enumerate(frames):
            yield planes(frame.y + share * (LEVEL - frame.y.astype(float)), index)

    return clean


def test_the_best_strength_is_taken_and_kept(clip: RealClip, tmp_path: Path) -> None:
    peer = TunablePeer("pull", (0.8, 0.5, 0.2, 0.0, 1.6), pull)
    cache = Cache(tmp_path / "kept.json")
    best = theirs(clip, peer, cache)
    assert best.setting == "0.8"
    noisy = errors_of(clip, luma_of(dict(enumerate(clip.frames))))
    assert gain_db(noisy, best.errors, "k≈30", "all") == pytest.approx(-20 * np.log10(0.2), abs=0.7)
    cache.save()

    def never(strength: float) -> Callable[[Iterable[Planes]], Iterator[Planes]]:
        raise AssertionError("computed again")

    again = Cache(tmp_path / "kept.json")
    kept = TunablePeer("pull", peer.strengths, never)
    assert theirs(clip, kept, again) == best


def test_ours_are_judged_without_later_frames(clip: RealClip) -> None:
    reached = ours(clip, "recursive", RecursiveDenoiser)
    noisy = errors_of(clip, luma_of(dict(enumerate(clip.frames))))
    assert 5 < gain_db(noisy, reached.errors, "k≈10", "all") < 25


def test_no_peer_sees_what_it_is_judged_by() -> None:
    found = known_peers(None)
    assert {"degrain3", "degrain6", "vbm3d", "dfttest", "atadenoise", "nlmeans"} <= set(found)
    assert all(peer.after <= SEEN for peer in found.values())
    assert "atadenoise,-33-frames" not in found


def test_the_table_shows_gains_and_who_is_ahead() -> None:
    def errors(early: float, late: float) -> dict[str, dict[str, float]]:
        return {"k≈10": {"all": early}, "k≈30": {"all": late}}

    found = [
        Reached("wall", NOISY, "", errors(10, 10)),
        Reached("wall", MEAN, "", errors(1, 0.1)),
        Reached("wall", "one", "3", errors(2, 1)),
        Reached("wall", "two", "", errors(1, 5)),
    ]
    text = real_table(found, {"one": "one (6 ahead)"}, "all")
    assert "| clip | running mean | one (6 ahead) | two |" in text
    assert "| wall | 10.0 / 20.0 | 7.0 / **10.0** | **10.0** / 3.0 |" in text
    assert "| mean | 10.0 / 20.0 | 7.0 / 10.0 | 10.0 / 3.0 |" in text
    assert "wall" not in real_table(found, {}, "edge")


def test_simulated_tables_take_a_peers_best_for_each_part() -> None:
    clips = [BenchClip("desk-low", "low", Path("none"))]
    noisy = {"desk-low": Figures(40, 39, 41)}
    peers = {"desk-low": [Best("V-BM3D", 2.0, Figures(44, 41, 45), 3.0, 43.0)]}
    runs = [Run("nano", "measured", "desk-low", Figures(45, 42, 46), (), 20.0)]
    found = method_figures(clips, noisy, peers, runs)
    text = means_table(found, {"V-BM3D": 4})
    assert "| V-BM3D | 4 | 44.00 | **43.00** | 45.00 |" in text
    assert "| nano, measured | 0 | **45.00** | 42.00 | **46.00** |" in text
    assert "| desk-low | 40.00 / 39.00 | 44.00 / **43.00** | **45.00** / 42.00 |" in clips_table(
        found
    )

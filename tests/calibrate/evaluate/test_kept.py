"""What an interrupted comparison goes on from: whole, of the same material, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from calibrate.evaluate.kept import Cleaned, Kept

FRAMES = np.random.default_rng(1).random((2, 3, 8, 10)).astype(np.float32)


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "mark")
    assert kept.load("method", "place") is None
    kept.save("method", "place", Cleaned(FRAMES, 12.5, FRAMES[0, 0]))
    found = kept.load("method", "place")
    assert found is not None
    assert found.frames == pytest.approx(FRAMES, abs=1e-5)
    assert found.ms_per_frame == 12.5
    assert found.spread == pytest.approx(FRAMES[0, 0])
    kept.save("method", "other", Cleaned(FRAMES, 1.0))
    other = kept.load("method", "other")
    assert other is not None
    assert other.spread is None
    kept.note("method", {"setting": "h=3"})
    kept.note("method", {"done": True})
    assert kept.facts("method")["setting"] == "h=3"
    assert kept.facts("method")["done"] is True


def test_results_of_other_material_do_not_count(tmp_path: Path) -> None:
    Kept(tmp_path, "mark").save("method", "place", Cleaned(FRAMES, 1.0))
    Kept(tmp_path, "mark").note("method", {"done": True})
    other = Kept(tmp_path, "another")
    assert other.load("method", "place") is None
    assert other.facts("method") == {}


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"no archive", None])
def test_damaged_results_are_made_again(tmp_path: Path, damage: bytes | None) -> None:
    kept = Kept(tmp_path, "mark")
    kept.save("method", "place", Cleaned(FRAMES, 1.0))
    path = tmp_path / "method" / "place.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert kept.load("method", "place") is None
    (tmp_path / "method" / "facts.json").write_text('["no facts"]')
    assert kept.facts("method") == {}
    (tmp_path / "method" / "facts.json").write_text("{")
    assert kept.facts("method") == {}


def test_the_path_of_a_network_is_no_way_out_of_the_folder(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept", "mark")
    for method in ("/tmp/network.safetensors", "../network.safetensors", "a b", "a-b", ".."):
        kept.save(method, "place", Cleaned(FRAMES, float(len(method))))
        kept.note(method, {"setting": method})
    assert len(list((tmp_path / "kept").iterdir())) == 5
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]
    assert kept.facts("a b")["setting"] == "a b"
    assert kept.facts("..")["setting"] == ".."


def test_what_is_no_number_is_black(tmp_path: Path) -> None:
    frames = FRAMES.copy()
    frames[0, 0, 0] = np.nan
    frames[0, 1, 0] = 7.0
    kept = Kept(tmp_path, "mark")
    kept.save("method", "place", Cleaned(frames, 1.0))
    found = kept.load("method", "place")
    assert found is not None
    assert not found.frames[0, 0, 0].any()
    assert (found.frames[0, 1, 0] == 1).all()

"""The noise of structure: look-up, what it is over a model's coefficients, and its place in the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtdenoise.errors import ProfileError
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS, split
from rtdenoise.noise.structure import BINS, GROUP_NAMES, GROUP_OF, StructureNoise, structure_of

PLAIN = PlaneNoise(NoiseCurve((128.0,), (4.0,), (9,)))
ROWS = tuple(tuple(float((g + 1) ** (b / 2)) for b in range(BINS)) for g in range(len(GROUP_NAMES)))
NOISE = StructureNoise(ROWS, (80, 40, 20, 10, 10, 10, 10, 0), ROWS, ROWS)
MODEL = NoiseModel(PLAIN, PLAIN, PLAIN, chroma="420", structure=NOISE)


def test_every_coefficient_has_a_group() -> None:
    assert len(GROUP_OF) == COEFFICIENTS
    assert np.bincount(GROUP_OF).tolist() == [1, 3, 5, 7, 2, 6]


def detail(y: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Mean squares of a block's luma less its mean, by the transform."""
    return np.asarray((split(y, grey, grey)[1:16] ** 2).sum(0))


def test_structure_is_how_far_pixels_are_from_their_blocks_mean() -> None:
    random = np.random.default_rng(1)
    y = random.normal(100, 7, (64, 64)).astype(np.float32)
    grey = np.full((32, 32), 128, np.float32)
    found = structure_of(detail(y, grey))
    blocks = y.reshape(16, 4, 16, 4).transpose(0, 2, 1, 3).reshape(16, 16, 16)
    spread = blocks.var(2)
    assert found[5, 7] == pytest.approx(np.sqrt(spread[4:7, 6:9].mean()), rel=1e-4)
    assert structure_of(detail(np.full((64, 64), 50.0), grey)).max() < 1e-3


def test_ratios_are_looked_up_between_bins() -> None:
    assert NOISE.ratio(0.1)[:, None].T.tolist() == [[1.0] * len(GROUP_NAMES)]
    middle = float(np.sqrt(8.0))  # of the bin from 2 to 4
    assert NOISE.ratio(middle) == pytest.approx([row[2] for row in ROWS], rel=1e-5)
    rising = NOISE.ratio(np.array([[1.0, 3.0], [9.0, 500.0]]))
    assert rising.shape == (len(GROUP_NAMES), 2, 2)
    assert rising[5, 1, 1] == pytest.approx(ROWS[5][-1], rel=1e-4)
    assert (np.diff(rising[3].ravel()) > 0).all()


def test_it_is_kept_in_the_file_and_older_files_have_none(tmp_path: Path) -> None:
    path = tmp_path / "noise.json"
    MODEL.save(path)
    assert NoiseModel.load(path) == MODEL
    replace(MODEL, structure=None).save(path)
    assert NoiseModel.load(path).structure is None
    value = json.loads(path.read_text())
    assert value.pop("version") == 2
    path.write_text(json.dumps(value))
    assert NoiseModel.load(path) == replace(MODEL, structure=None)
    assert MODEL.for_chroma("420").structure == NOISE


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("bounds", [1, 2]), ("ratios", [[1] * BINS]), ("counts", [1]), ("low", [[-1] * BINS] * 6)],
)
def test_a_damaged_part_is_refused(tmp_path: Path, key: str, wrong: object) -> None:
    path = tmp_path / "noise.json"
    MODEL.save(path)
    value = json.loads(path.read_text())
    value["structure"][key] = wrong
    path.write_text(json.dumps(value))
    with pytest.raises(ProfileError, match="damaged"):
        NoiseModel.load(path)


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.json"
    MODEL.save(path)
    path.write_text(path.read_text().replace('"version": 2', '"version": 3'))
    with pytest.raises(ProfileError, match="newer"):
        NoiseModel.load(path)

"""Measuring how noise depends on structure, against what the simulated camera knows."""

from __future__ import annotations

import numpy as np
import pytest

from calibrate.noise.figure import draw_noise
from calibrate.noise.measure import measure
from calibrate.noise.structure import StructureTally
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.frames import PlaneFormat, Planes, convert
from rtdenoise.noise.dct import split
from rtdenoise.noise.structure import (
    BINS,
    GROUP_NAMES,
    GROUP_OF,
    StructureNoise,
    bin_of_structure,
    structure_of,
)

SIZE = (640, 352)
ALL = np.ones(SIZE[::-1], bool)


def opened(rest: str) -> SimulatedCamera:
    return open_simulated(rest, size=SIZE)


def measured(camera: SimulatedCamera, count: int = 24) -> StructureNoise:
    tally = StructureTally()
    tally.add_series([camera.noisy(i) for i in range(count)], ALL)
    found = tally.result()
    assert found is not None
    return found


def coefficients(planes: Planes) -> np.ndarray:
    frame = convert(planes, "420", True)
    return split(frame.y, frame.u, frame.v).astype(np.float64)


def known(rest: str) -> tuple[np.ndarray, np.ndarray]:
    """The truth of luma's ratios (4, BINS), by the clean picture and by the noise on grey; and the blocks per bin."""
    camera = opened(rest)
    clean = coefficients(camera.truth(0))
    bins = bin_of_structure(structure_of((clean[1:16].astype(np.float32) ** 2).sum(0)))
    noise = np.stack([coefficients(camera.noisy(100 + i)) for i in range(24)])
    variance = noise.var(0, ddof=1) / camera.grey_noise(jpeg=False).curve().variance(clean[0])
    lit = (clean[0] > 12) & (clean[0] < 243)
    table = np.array(
        [
            [variance[g == GROUP_OF].mean(0)[lit & (bins == b)].mean() for b in range(BINS)]
            for g in range(4)
        ]
    )
    return table / table[:, :1], np.array([(lit & (bins == b)).sum() for b in range(BINS)])


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("processing", ["none", "mild", "strong"])
def test_ratios_come_close_to_the_truth(processing: str) -> None:
    truth, blocks = known(f":room?seed=5&processing={processing}")
    found = measured(opened(f":room?processing={processing}"))
    enough = blocks > 150
    assert enough.sum() >= 6
    ratios = np.array(found.ratios)[:4, enough]
    off = np.abs(np.log(ratios / truth[:, enough]))
    # The truth goes by the level curve of grey, and the flat places of the scene are coloured. Where they are
    # smoothed strongly, the finest noise is rounding alone, which doesn't depend on the level as the truth takes it to.
    assert off[:2].max() < 0.25
    assert off.max() < (0.5 if processing == "strong" else 0.25)
    assert ratios[3].max() > {"none": 0.5, "mild": 25, "strong": 500}[processing]
    covered = (np.array(found.low) <= found.ratios) & (np.array(found.ratios) <= found.high)
    assert covered[:4, enough].mean() > 0.9


def test_steps_of_brightness_are_no_noise() -> None:
    plain, stepping = (measured(opened(f":room?processing=strong{s}")) for s in ("", "&steps=0.05"))
    enough = np.array(plain.counts) > 150
    off = np.log(np.array(stepping.ratios) / plain.ratios)[:, enough]
    assert np.abs(off[1:4]).max() < 0.3


def test_bins_without_blocks_stay_at_1_and_few_blocks_are_drawn_to_it() -> None:
    layout = PlaneFormat(64, 64, "420", full_range=True, matrix="bt601")
    random = np.random.default_rng(2)
    frames = []
    for index in range(12):
        noisy = random.normal(120, 1.5, (64, 64))
        noisy[28:32, 28:30] += 60 + random.normal(0, 30, (4, 2))
        y = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        grey = np.rint(random.normal(128, 1, (32, 32))).astype(np.uint8)
        frames.append(Planes(y, grey, grey.copy(), layout, index / 30))
    tally = StructureTally()
    tally.add_series(frames, np.ones((64, 64), bool))
    found = tally.result()
    assert found is not None
    for index, count in enumerate(found.counts):
        column = [row[index] for row in found.ratios]
        if index and not count:
            assert column == [1.0] * len(GROUP_NAMES)
        if 0 < count < 20 and index:  # the nine blocks around the mark
            assert 1 < column[3] < found.high[3][index]


def test_series_without_flat_places_or_without_chroma_say_nothing() -> None:
    camera = opened(":chart")
    grey = [convert(camera.noisy(i), "gray", True) for i in range(4)]
    for frames, mask in ((grey, ALL), ([camera.noisy(0)], ALL), ([camera.noisy(0)] * 4, ~ALL)):
        tally = StructureTally()
        tally.add_series(frames, mask)
        assert tally.result() is None


def test_a_model_holds_it_and_its_picture_shows_it() -> None:
    camera = opened(":room?processing=strong")
    model = measure([([camera.noisy(i) for i in range(8)], ALL)], "camera", "mode")
    assert model.structure is not None
    titles = [axis.get_title() for axis in draw_noise(model).axes]
    assert "Noise where the picture isn't flat" in titles

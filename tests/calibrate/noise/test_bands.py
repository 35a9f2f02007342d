from pathlib import Path

import numpy as np
import pytest

from calibrate.noise.measure import measure
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.frames import Planes, convert, planes_from_frame
from rtdenoise.noise import NoiseModel
from rtdenoise.noise.dct import COEFFICIENTS
from rtdenoise.noise.normalised import Normalised, frame_coefficients

SIZE = (320, 192)


def frames(seed: int, count: int) -> list[Planes]:
    camera = open_simulated(f":desk?noise=high&frames={count}&seed={seed}", size=SIZE)
    return [planes_from_frame(frame).copy() for frame in camera.frames()]


@pytest.fixture(scope="module")
def model() -> NoiseModel:
    return measure([(frames(1, 10), np.ones(SIZE[::-1], bool))], "camera", "mode")


def test_after_division_by_what_was_measured_flat_places_have_unit_variance(
    model: NoiseModel,
) -> None:
    normalised = Normalised(model.for_chroma("420"))
    others = np.stack(
        [frame_coefficients(normalised, convert(f, "420", True)) for f in frames(2, 10)]
    )
    detail = np.square(others.mean(axis=0)[1:16]).sum(axis=0)
    flat = detail < np.quantile(detail, 0.3)
    units = others.std(axis=0, ddof=1)
    left = np.sqrt(np.mean(np.square(units[:, flat]), axis=1)) / np.array(model.band_std)
    assert left == pytest.approx(np.ones(COEFFICIENTS), abs=0.15)
    # The camera's JPEG and sharpening make noise in detail where there is detail: that isn't in the model's bands.
    assert np.sqrt(np.mean(np.square(units[3, ~flat]))) / model.band_std[3] > 1.1


def test_it_is_kept_in_the_file(model: NoiseModel, tmp_path: Path) -> None:
    model.save(tmp_path / "noise.json")
    assert NoiseModel.load(tmp_path / "noise.json").band_std == model.band_std


def test_grey_frames_have_no_coefficients() -> None:
    grey = [convert(f, "gray", True) for f in frames(1, 4)]
    assert measure([(grey, np.ones(SIZE[::-1], bool))], "camera", "mode").band_std == ()

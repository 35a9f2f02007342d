"""Variants of the simulated camera's scenes: other pictures, the same whenever they are drawn, of the same camera."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.cameras import open_camera
from rtdenoise.cameras.simulated import SimulatedCamera
from rtdenoise.cameras.simulated.scenes import SCENES
from rtdenoise.errors import CameraError

SIZE = (320, 180)


def camera(spec: str) -> SimulatedCamera:
    opened = open_camera(f"simulated:{spec}", size=SIZE)
    assert isinstance(opened, SimulatedCamera)
    return opened


def luma(spec: str) -> NDArray[np.float64]:
    return camera(spec).truth(0).y.astype(np.float64)


def likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize("scene", SCENES)
def test_variants_are_other_pictures(scene: str) -> None:
    pictures = [luma(f"{scene}?variant={number}") for number in range(4)]
    for one, other in combinations(pictures, 2):
        assert (
            likeness(one, other) < 0.97
        )  # what counts as the same scene (calibrate.paper.dataset)
    assert all(picture.std() > 15 for picture in pictures)


@pytest.mark.parametrize("scene", SCENES)
def test_a_variant_is_the_same_whenever_it_is_drawn(scene: str) -> None:
    from rtdenoise.cameras.simulated.scenes import scene as drawn

    found = []
    for _ in range(2):
        drawn.cache_clear()
        planes = camera(f"{scene}?variant=7").noisy(2)
        found.append(planes.y.tobytes() + planes.u.tobytes() + planes.v.tobytes())
    assert found[0] == found[1]
    zero, none = (camera(f"{scene}{words}").noisy(2).y for words in ("?variant=0", ""))
    assert np.array_equal(zero, none)


def test_a_variant_is_filmed_by_the_same_camera() -> None:
    assert camera("room?variant=3").info.id == camera("desk").info.id


def test_a_variant_has_a_subject_that_moves() -> None:
    moving = camera("street?variant=2&motion=subject")
    assert moving.subject_mask(0).any()
    assert not np.array_equal(moving.truth(0).y, moving.truth(20).y)


def test_a_variant_that_is_no_number_is_refused() -> None:
    with pytest.raises(CameraError, match="variant=red"):
        camera("desk?variant=red")

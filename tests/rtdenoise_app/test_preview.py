from __future__ import annotations

import threading
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.frames import Chroma, Matrix, PlaneFormat, Planes, empty_planes
from rtdenoise_app.grain import measure_grain
from rtdenoise_app.preview import MOST_WIDTH, Preview, Shown, Viewer, message, place

from .conftest import parts_of


def even(
    levels: tuple[int, int, int] = (100, 90, 160),
    size: tuple[int, int] = (64, 48),
    chroma: Chroma = "420",
    *,
    full_range: bool = True,
    matrix: Matrix = "bt601",
) -> Planes:
    planes = empty_planes(PlaneFormat(*size, chroma, full_range, matrix))
    for plane, level in zip((planes.y, planes.u, planes.v), levels, strict=True):
        plane[:] = level
    return planes


def shown_as(jpeg: bytes) -> tuple[int, ...]:
    picture = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
    return (*picture.shape[:2], *(int(x) for x in picture.reshape(-1, 3).mean(axis=0).round()))


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_colours_are_the_frames(chroma: Chroma) -> None:
    _, (before, after) = parts_of(
        message(even(chroma=chroma), even((50, 128, 128), chroma=chroma), 0, Shown())
    )
    # R = Y + 1.402 (Cr − 128), G = Y − 0.344 (Cb − 128) − 0.714 (Cr − 128), B = Y + 1.772 (Cb − 128)
    assert shown_as(before) == pytest.approx((48, 64, 33, 90, 145), abs=2)
    assert shown_as(after) == pytest.approx((48, 64, 50, 50, 50), abs=1)


def test_ranges_and_matrices_are_told_apart() -> None:
    limited = even((16 + 219 // 2, 128, 128), full_range=False, matrix="bt709")
    _, (before, _) = parts_of(message(limited, limited, 0, Shown()))
    assert shown_as(before)[2:] == pytest.approx((127, 127, 127), abs=1)
    grey = even((80, 0, 0), chroma="gray")
    _, (before, _) = parts_of(message(grey, grey, 0, Shown()))
    assert shown_as(before)[2:] == pytest.approx((80, 80, 80), abs=1)


def test_it_is_never_enlarged_and_the_age_is_that_of_the_frame() -> None:
    planes = even(size=(1280, 720))
    arrived = time.monotonic() - 0.5
    header, parts = parts_of(message(planes, planes, arrived, Shown()))
    assert shown_as(parts[0])[:2] == (540, MOST_WIDTH)
    assert 0.4 < time.time() - header["time"] < 5
    header, parts = parts_of(
        message(planes, planes, arrived, Shown("split", 900, (101, 51, 64, 32)))
    )
    assert header["crop"] == [100, 50, 64, 32]
    assert shown_as(parts[0])[:2] == (32, 64)


def test_what_was_removed_is_shown_around_grey() -> None:
    header, parts = parts_of(
        message(even((100, 128, 128)), even((90, 128, 128)), 0, Shown("removed"))
    )
    assert len(parts) == len(header["parts"]) == 1
    assert shown_as(parts[0])[2:] == pytest.approx((168, 168, 168), abs=1)


@given(
    st.none() | st.tuples(*[st.integers(0, 16384)] * 4),
    st.integers(16, 4000),
    st.integers(16, 4000),
)
def test_any_part_lies_within(
    crop: tuple[int, int, int, int] | None, width: int, height: int
) -> None:
    x, y, w, h = place(crop, width, height)
    assert 0 <= x <= x + w <= width
    assert 0 <= y <= y + h <= height
    assert min(w, h) >= 16
    assert x % 2 == y % 2 == 0


class Looking:
    """Frames for a preview whose only page is this."""

    def __init__(self) -> None:
        self.preview = Preview(rate_fps=200)
        self.got = threading.Semaphore(0)
        self.viewer = Viewer(lambda _: self.got.release())
        self.preview.add(self.viewer)

    def frames(self, count: int) -> int:
        """Offers frames; how many messages came."""
        come = 0
        for _ in range(count):
            self.preview.offer(even(), even(), time.monotonic())
            come += self.got.acquire(timeout=0.15)
        return come


def test_nothing_is_made_while_nobody_looks_and_a_slow_page_gets_no_more() -> None:
    looking = Looking()
    try:
        assert not looking.preview.looked_at
        assert looking.frames(3) == 0
        looking.preview.show(looking.viewer, Shown())
        assert looking.preview.looked_at
        assert looking.frames(6) == 2  # drawn: none yet
        looking.preview.drawn(looking.viewer)
        assert looking.frames(4) == 1
        looking.preview.show(looking.viewer, None)
        looking.preview.drawn(looking.viewer)
        assert looking.frames(2) == 0
        looking.preview.remove(looking.viewer)
        assert looking.frames(2) == 0
    finally:
        looking.preview.close()


def test_grain_is_the_noise_of_flat_places() -> None:
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[:360, :640]
    scene = 110 + 40 * np.sin(rows / 300) + columns / 30
    scene[100:200, 100:300] += 40 * ((rows + columns) % 7 < 3)[100:200, 100:300]

    def picture(std: float) -> Planes:
        noise = cv2.GaussianBlur(random.normal(0, 1, scene.shape), (0, 0), 1.0)
        noise /= noise.std()
        planes = even(size=(640, 360))
        return replace(planes, y=np.clip(np.rint(scene + std * noise), 0, 255).astype(np.uint8))

    for before, after in ((6.0, 1.5), (3.0, 3.0), (10.0, 5.0)):
        grain = measure_grain(picture(before).y, picture(after).y)
        assert grain is not None
        assert grain.levels == pytest.approx(before, rel=0.12)
        assert grain.removed_db == pytest.approx(20 * np.log10(before / after), abs=0.8)
    same = picture(4.0).y
    found = measure_grain(same, same)
    assert found is not None
    assert found.removed_db == 0
    assert measure_grain(same[:20, :20], same[:20, :20]) is None

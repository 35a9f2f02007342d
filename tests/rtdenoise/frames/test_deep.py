"""Frames of 10 bits, and interlaced ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from rtdenoise.denoisers import Passthrough
from rtdenoise.denoisers.fields import FieldsDenoiser
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.frames.deep import deepened
from rtdenoise.frames.fields import has_fields, split_fields, woven_fields
from rtdenoise.frames.orientation import UPRIGHT, Orientation


def deep_frame(seed: int = 0) -> VideoFrame:
    frame = VideoFrame(32, 16, "yuv420p10le")
    rng = np.random.default_rng(seed)
    for plane in frame.planes:
        plane.update(rng.integers(100, 900, plane.buffer_size // 2).astype("<u2").tobytes())
    frame.color_range, frame.colorspace = 1, 9
    return frame


def samples(frame: VideoFrame, index: int) -> NDArray[np.uint16]:
    plane = frame.planes[index]
    whole = np.frombuffer(bytes(plane), "<u2").reshape(plane.height, -1)
    return whole[:, : plane.width].astype(np.uint16)


def test_what_is_left_alone_keeps_all_of_its_bits() -> None:
    frame = deep_frame()
    noisy = planes_from_frame(frame)
    assert noisy.format.matrix == "bt2020"
    for clean in (noisy, noisy.copy()):
        result = deepened(frame, noisy, clean, noisy.format)
        for index in range(3):
            np.testing.assert_array_equal(samples(result, index), samples(frame, index))


def test_what_was_taken_from_the_bytes_is_taken_from_the_samples() -> None:
    frame = deep_frame()
    noisy = planes_from_frame(frame)
    clean = replace(noisy, y=noisy.y - 3, u=noisy.u + 2)
    result = deepened(frame, noisy, clean, noisy.format)
    np.testing.assert_array_equal(samples(result, 0), samples(frame, 0) - 12)
    np.testing.assert_array_equal(samples(result, 1), samples(frame, 1) + 8)
    np.testing.assert_array_equal(samples(result, 2), samples(frame, 2))
    white = replace(noisy, y=np.full_like(noisy.y, 255))
    assert samples(deepened(frame, noisy, white, noisy.format), 0).max() <= 1023


def test_frames_are_turned() -> None:
    frame = deep_frame()
    noisy = planes_from_frame(frame)
    way = Orientation.from_exif(6)
    layout = PlaneFormat(16, 32, "420", False, "bt2020")
    result = deepened(frame, noisy, noisy, layout, way)
    for index in range(3):
        np.testing.assert_array_equal(samples(result, index), way.turn(samples(frame, index)))


def test_a_frame_that_was_brought_to_another_size_is_taken_from_its_bytes() -> None:
    noisy = planes_from_frame(deep_frame())
    large = VideoFrame(64, 32, "yuv420p10le")
    result = deepened(large, noisy, noisy, noisy.format, UPRIGHT)
    assert np.abs(samples(result, 0).astype(int) - noisy.y.astype(int) * 4).max() <= 4


def interlaced(chroma_rows: int = 8) -> Planes:
    layout = PlaneFormat(8, 16, "420", False, "bt601")
    y = np.repeat(np.arange(16, dtype=np.uint8)[:, None], 8, axis=1)
    u = np.repeat(np.arange(chroma_rows, dtype=np.uint8)[:, None], 4, axis=1)
    return Planes(y, u, u + 100, layout, 2.0)


def test_fields_are_parted_and_woven() -> None:
    planes = interlaced()
    parted = split_fields(planes)
    assert parted.y[:, 0].tolist() == [*range(0, 16, 2), *range(1, 16, 2)]
    assert parted.u[:, 0].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    back = woven_fields(parted)
    for one, other in ((back.y, planes.y), (back.u, planes.u), (back.v, planes.v)):
        np.testing.assert_array_equal(one, other)
    assert back.time_s == 2.0


@pytest.mark.parametrize(("height", "whole"), [(16, True), (18, False), (17, False)])
def test_only_heights_that_can_be_parted_are(height: int, whole: bool) -> None:
    layout = PlaneFormat(8, height, "420", False, "bt601")
    chroma = np.zeros(layout.chroma_shape, np.uint8)
    assert has_fields(Planes(np.zeros((height, 8), np.uint8), chroma, chroma, layout, 0.0)) == whole


class Blur:
    """The mean of each line and the one above it."""

    name = "blur"

    def reset(self) -> None:
        pass

    def __call__(self, planes: Planes) -> Planes:
        return replace(
            planes, y=(planes.y // 2 + np.roll(planes.y, 1, axis=0) // 2).astype(np.uint8)
        )


def test_a_denoiser_never_sees_combs() -> None:
    # The even lines are black, the odd ones white, as where something moved: within a field nothing is to be blurred.
    planes = interlaced()
    planes.y[0::2], planes.y[1::2] = 0, 200
    assert set(np.unique(Blur()(planes).y)) == {100}
    clean = FieldsDenoiser(Blur())(planes)
    assert np.unique(clean.y[2::2]).tolist() == [0]
    assert np.unique(clean.y[3::2]).tolist() == [200]
    assert FieldsDenoiser(Passthrough())(planes) is planes

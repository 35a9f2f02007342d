from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from calibrate.noise.other_gains import clip_gain
from capture.clip import Clip
from rtdenoise.cameras.base import CameraInfo, Mode


@pytest.mark.parametrize(
    ("controls", "gain"),
    [
        ({"gain": 7}, 7),
        ({"gain": 0}, 0),
        ({}, None),
        (None, None),
        # A noise model with these would not load again.
        ({"gain": -5}, None),
        ({"gain": True}, None),
        ({"gain": "7"}, None),
    ],
)
def test_a_clip_s_gain_is_a_number_that_a_noise_model_may_hold(
    controls: object, gain: int | None
) -> None:
    camera = CameraInfo("usb-1", "Cam", "webcam", "/dev/video0")
    mode = Mode("mjpeg", "yuvj422p", 64, 48, Fraction(30))
    clip = Clip(Path("a.mkv"), camera, mode, 2, facts={"controls": controls})
    assert clip_gain(clip) == gain

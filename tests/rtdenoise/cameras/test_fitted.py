from __future__ import annotations

import numpy as np

from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import PassesOver
from rtdenoise.cameras.fitted import FittedCamera
from rtdenoise.frames import fitted, mirrored, planes_from_frame

DESK = "simulated:desk?noise=high&frames=3"


def test_frames_are_the_cameras_own_scaled_and_mirrored() -> None:
    plain = [planes_from_frame(f) for f in open_camera(DESK, size=(320, 180)).frames()]
    camera = FittedCamera(open_camera(DESK, size=(320, 180)), (160, 120), mirror=True)
    frames = list(camera.frames())
    assert (camera.mode.width, camera.mode.height) == (160, 120)
    assert len(frames) == 3
    for frame, planes in zip(frames, plain, strict=True):
        got = planes_from_frame(frame)
        wanted = mirrored(fitted(planes, (160, 120)))
        assert (got.y == wanted.y).all()
        assert (got.u == wanted.u).all()
        assert got.format == wanted.format
        assert got.time_s == planes.time_s


def test_a_mode_that_is_scaled_is_no_mode_of_the_camera() -> None:
    """Noise that was measured in a mode of the camera's own with this size is another noise."""
    camera = open_camera(DESK, size=(320, 180))
    own = open_camera(DESK, size=(160, 90)).mode
    assert str(FittedCamera(camera, (160, 90)).mode) != str(own)
    assert FittedCamera(camera, (320, 180)).mode == camera.mode
    assert FittedCamera(camera, mirror=True).mode == camera.mode


def test_what_the_camera_can_is_passed_on() -> None:
    camera = open_camera(DESK, size=(320, 180))
    both = FittedCamera(camera, (160, 90))
    assert isinstance(both, PassesOver)
    packets = list(both.newest_packets())
    assert [p.size for p in packets] == [
        p.size for p in open_camera(DESK, size=(320, 180)).packets()
    ]
    assert both.decode(None) == []
    assert (both.damaged_packets, both.skipped_packets) == (0, 0)
    assert np.array_equal(planes_from_frame(both.decode(packets[0])[0]).y.shape, (90, 160))
    both.close()

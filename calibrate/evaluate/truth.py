"""The clean picture, where a simulated camera knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np

from capture.clip import Clip
from rtdenoise.arrays import Floats
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.simulated import SimulatedCamera
from rtdenoise.errors import CameraError, ClipError
from rtdenoise.frames import rgb_tensor

from .material import Place


@contextmanager
def _simulated(clip: Clip) -> Iterator[SimulatedCamera | None]:
    if clip.camera.kind != "simulated":
        yield None
        return
    size = (clip.mode.width, clip.mode.height)
    try:
        camera = open_camera(clip.camera.spec, size=size, rate_fps=float(clip.mode.rate_fps))
    except (CameraError, ClipError):  # a clip of a version with other options
        yield None
        return
    with closing(camera):
        yield camera if isinstance(camera, SimulatedCamera) else None


def truth(place: Place) -> Floats | None:
    """What the camera would show without noise: (M, 3, h, w) for the judged frames; None where nobody knows.

    Fixed pattern and the loss of JPEG are noise to it, although they are the same in every frame, so that no
    comparison of frames sees them.
    """
    with _simulated(place.recorded.clip) as camera:
        if camera is None:
            return None
        found = []
        for k in place.judged.frames:
            whole = rgb_tensor(camera.truth(place.recorded.series.first + k)).clamp_(0, 1).numpy()
            found.append(np.array(whole[(slice(None), *place.window.inside)]))
        return np.stack(found)

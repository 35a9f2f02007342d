"""Prints how noisy a recording of a still scene is, level by level.

    python examples/noise_of_a_clip.py still.mkv

The curve is the photon transfer curve of what the camera delivers: its noise against the level.
"""

from __future__ import annotations

import sys
from itertools import islice

import numpy as np

from calibrate.noise.measure import measure
from capture.mask import static_mask
from rtdenoise import open_camera, planes_from_frame


def main() -> None:
    camera = open_camera(f"file:{sys.argv[1]}")
    frames = [planes_from_frame(frame).copy() for frame in islice(camera.frames(), 40)]
    mask = static_mask(np.stack([planes.y for planes in frames]))
    model = measure([(frames, mask)], camera.info.id, str(camera.mode))
    print(f"{camera.info.name}: {mask.mean():.0%} of the picture stands still")
    print("luma level   noise (standard deviation)")
    for level, variance in zip(model.y.curve.levels, model.y.curve.variances, strict=True):
        bar = "█" * round(8 * variance**0.5)
        print(f"{level:10.0f}   {variance**0.5:5.2f} {bar}")


if __name__ == "__main__":
    main()

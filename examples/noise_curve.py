"""Draws how noisy a camera is at each level, from a recording of a still scene.

    python examples/noise_curve.py still.mkv curve.png

It is the photon transfer curve of what the camera delivers: noise against level, per plane, with its 95 % interval.
"""

from __future__ import annotations

import sys
from itertools import islice

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from calibrate import measure_noise
from capture import static_mask
from rtdenoise import open_camera, planes_from_frame


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("Name a recording of a still scene, and a picture to write.")
    camera = open_camera(f"file:{sys.argv[1]}")
    frames = [planes_from_frame(frame).copy() for frame in islice(camera.frames(), 40)]
    still = static_mask(np.stack([planes.y for planes in frames]))
    noise = measure_noise([(frames, still)], camera.info.id, str(camera.mode))

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, plane, colour in (
        ("Y", noise.y, "#3d3d3d"),
        ("U", noise.u, "#1f77b4"),
        ("V", noise.v, "#d1495b"),
    ):
        curve = plane.curve
        axes.plot(curve.levels, np.sqrt(curve.variances), ".-", color=colour, label=name)
        if curve.low:
            low, high = np.sqrt(curve.low), np.sqrt(curve.high)
            axes.fill_between(curve.levels, low, high, color=colour, alpha=0.2, lw=0)
    axes.set(xlabel="level (0–255)", ylabel="standard deviation (levels)", title=camera.info.name)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(sys.argv[2], dpi=120)

    levels = noise.y.curve.variance(np.array([32.0, 128.0, 224.0])) ** 0.5
    print(f"{still.mean():.0%} of the picture stands still")
    print(f"noise of luma at level 32, 128, 224: {levels[0]:.2f}, {levels[1]:.2f}, {levels[2]:.2f}")
    print(f"curve drawn in {sys.argv[2]}")


if __name__ == "__main__":
    main()

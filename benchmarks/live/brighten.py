"""`--brighten auto` on the simulated camera's dim desk: the figures and the picture of docs/brighten.md.

Prints the mean level, the lift, and the noise from frame to frame where nothing moves.

    python -m benchmarks.live.brighten --picture docs/brighten.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from rtdenoise.cameras import open_camera
from rtdenoise.denoisers import make_denoiser
from rtdenoise.frames import Planes, convert, planes_from_frame, rgb_frame
from rtdenoise.stream.brighten import brighten_for, brightened

_WALL = (slice(40, 120), slice(160, 240))  # stands still, and has no texture
_FRAMES = 240


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--light", type=float, default=0.003, help="0.0104 is right at this gain")
    options = parser.parse_args()
    spec = f"simulated:desk?noise=high&light={options.light}&motion=subject&frames={_FRAMES}"
    denoiser = make_denoiser("nano", threads=1)
    with_denoiser = brighten_for("auto", lambda: denoiser, lambda: 1.0)
    alone = brighten_for("auto", lambda: denoiser, lambda: 0.0)
    pictures: dict[str, Planes] = {}
    walls: dict[str, list[np.ndarray]] = {}
    for frame in open_camera(spec, size=(640, 360)).frames():
        noisy = convert(planes_from_frame(frame), "420", True)
        clean = denoiser(noisy).copy()
        lifted = with_denoiser(clean)
        alone(noisy)
        pictures = {
            "camera": noisy,
            "cleaned": clean,
            "camera, lifted as much": brightened(noisy, with_denoiser.lift),
            "cleaned and lifted": lifted,
        }
        for name, planes in pictures.items():
            walls.setdefault(name, []).append(planes.y[_WALL].astype(np.float32))
    for name, planes in pictures.items():
        pairs = zip(walls[name][-31:-1], walls[name][-30:], strict=True)
        noise = np.mean([(b - a).std() for a, b in pairs]) / np.sqrt(2)
        print(f"{name}: mean luma {planes.y.mean():.0f}, noise in the wall {noise:.2f} levels")
    print(f"lift {with_denoiser.lift:.2f}; without a denoiser {alone.lift:.2f}")
    if options.picture:
        rgb = [rgb_frame(p).to_ndarray(format="rgb24") for p in pictures.values()]
        whole = np.vstack([np.hstack(rgb[:2]), np.hstack(rgb[2:])])
        bgr = cv2.cvtColor(whole, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(options.picture), bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
